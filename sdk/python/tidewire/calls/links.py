"""Links into calls: whoever has one may come, or ask to be let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tidewire.transport import Transport
from tidewire.v1 import call_link_pb2

PREFIX = "tidewire:call/"


@dataclass(frozen=True, slots=True)
class CallLink:
    """A link that this account made. Times are Unix ms."""

    link_id: str
    room_id: str
    """The call that it leads to: a group's conversation, or a room of its own."""
    approval: bool
    """Who comes waits until an admin lets them in."""
    created_at_ms: int
    used_at_ms: int
    text: str = ""
    """What is passed on; known when the link is made, and never again."""


def token_of(link: str) -> str:
    """What opens a link, from its text."""
    return link.strip().removeprefix(PREFIX)


def is_link(text: str) -> bool:
    """Whether a text is a link into a call."""
    return text.strip().startswith(PREFIX)


class CallLinks:
    """`Calls.links`: the links of this account."""

    def __init__(self, transport: Transport, call: Callable[[Any, Any], Awaitable[Any]]) -> None:
        """`call`: says something to the node, with a token that holds."""
        self._transport = transport
        self._call = call

    async def create(self, conversation_id: str = "", *, approval: bool = False) -> CallLink:
        """A new link: into the call of a group, or a room of its own.

        Raises:
            Refused: LIMIT_EXCEEDED; of a group NOT_ALLOWED, NOT_A_MEMBER. Unreachable.
        """
        request = call_link_pb2.CreateCallLinkRequest(conversation_id=conversation_id, approval=approval)
        made = await self._call(self._transport.call_links.CreateCallLink, request)
        return _link(made.link, PREFIX + made.token)

    async def list(self) -> list[CallLink]:
        """All of them, the oldest first.

        Raises:
            Refused, Unreachable
        """
        told = await self._call(self._transport.call_links.ListCallLinks, call_link_pb2.ListCallLinksRequest())
        return [_link(link) for link in told.links]

    async def set_approval(self, link_id: str, approval: bool) -> CallLink:
        """Whether those who come by it wait to be let in.

        Raises:
            Refused: NOT_FOUND. Unreachable.
        """
        request = call_link_pb2.UpdateCallLinkRequest(link_id=link_id, approval=approval)
        return _link((await self._call(self._transport.call_links.UpdateCallLink, request)).link)

    async def revoke(self, link_id: str) -> None:
        """Nobody comes by it any more; those who are in stay.

        Raises:
            Refused: NOT_FOUND. Unreachable.
        """
        await self._call(self._transport.call_links.RevokeCallLink, call_link_pb2.RevokeCallLinkRequest(link_id=link_id))


def _link(told: call_link_pb2.CallLink, text: str = "") -> CallLink:
    return CallLink(told.link_id, told.room_id, told.approval, told.created_at_ms, told.used_at_ms, text)
