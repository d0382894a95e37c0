"""CallLinkService: decode, call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tidewire.v1 import call_link_pb2, call_link_pb2_grpc

from server.domain.call_links import CallLink
from server.domain.identity import Identity
from server.kit.refusal import Refusal, Refused
from server.services.call_links import LinkService

T = TypeVar("T")


def _message(link: CallLink) -> call_link_pb2.CallLink:
    return call_link_pb2.CallLink(
        link_id=link.link_id,
        room_id=link.room_id,
        approval=link.approval,
        created_at_ms=link.created_at_ms,
        used_at_ms=link.used_at_ms,
    )


def _done(outcome: T | Refusal) -> T:
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return outcome


class CallLinkServicer(call_link_pb2_grpc.CallLinkServiceServicer):
    """CallLinkService."""

    def __init__(self, links: LinkService, authenticate: Callable[[Any], Awaitable[Identity]]) -> None:
        self._links = links
        self._authenticate = authenticate

    async def CreateCallLink(self, request: call_link_pb2.CreateCallLinkRequest, context: Any) -> Any:
        """Make a link."""
        who = await self._authenticate(context)
        link, token = _done(await self._links.create(who.account_id, request.conversation_id, request.approval))
        return call_link_pb2.CreateCallLinkResponse(link=_message(link), token=token)

    async def ListCallLinks(self, request: call_link_pb2.ListCallLinksRequest, context: Any) -> Any:
        """The account's links."""
        who = await self._authenticate(context)
        return call_link_pb2.ListCallLinksResponse(links=[_message(link) for link in await self._links.of(who.account_id)])

    async def UpdateCallLink(self, request: call_link_pb2.UpdateCallLinkRequest, context: Any) -> Any:
        """Change a link."""
        who = await self._authenticate(context)
        link = _done(await self._links.set_approval(who.account_id, request.link_id, request.approval))
        return call_link_pb2.UpdateCallLinkResponse(link=_message(link))

    async def RevokeCallLink(self, request: call_link_pb2.RevokeCallLinkRequest, context: Any) -> Any:
        """End a link."""
        who = await self._authenticate(context)
        _done(await self._links.revoke(who.account_id, request.link_id))
        return call_link_pb2.RevokeCallLinkResponse()
