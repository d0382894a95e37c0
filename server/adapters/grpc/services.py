"""TokenService, SystemService, NotifyService, PresenceService, MemberService: decode, call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.internal.v1 import (
    member_pb2,
    member_pb2_grpc,
    notify_pb2,
    notify_pb2_grpc,
    presence_pb2,
    presence_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    token_pb2,
    token_pb2_grpc,
)
from tidewire.v1 import chat_pb2

from server.adapters.grpc import codec
from server.domain import events, ids
from server.domain.append import Sent
from server.domain.identity import Identity
from server.domain.notice import Passed
from server.domain.service_tokens import Scope, ServiceToken
from server.kit import grpc_refusals as refusals
from server.kit.edge import bearer_token
from server.kit.refusal import Reason, Refusal, Refused
from server.ports.accounts import Accounts
from server.ports.people import Streams
from server.services.avatars import Avatars
from server.services.history import History
from server.services.people import KnownPeople
from server.services.presence import Presence
from server.services.service_access import ServiceAccess
from server.services.signing_in import Tokens
from server.services.system_senders import SystemSenders

Authorise = Callable[[Any, Scope], Awaitable[ServiceToken]]

PASSED = ("call_ringing", "call_ended", "blob_ready", "blob_rejected", "blob_viewed", "service")
"""Notices that services may give; the others are the node's."""


class ServiceBearer:
    """Reads which service speaks from a call's `authorization` metadata."""

    def __init__(self, access: ServiceAccess) -> None:
        self._access = access

    async def __call__(self, context: Any, scope: Scope) -> ServiceToken:
        """The service's token, which has the scope.

        Raises:
            Refused: UNAUTHENTICATED, NOT_ALLOWED, RATE_LIMITED, or UNAVAILABLE.
        """
        return await self._access.authorise(bearer_token(context, "service token"), scope)


class TokenServicer(token_pb2_grpc.TokenServiceServicer):
    """TokenService."""

    def __init__(self, tokens: Tokens, authorise: Authorise) -> None:
        self._tokens = tokens
        self._authorise = authorise

    async def Introspect(self, request: token_pb2.IntrospectRequest, context: Any) -> token_pb2.IntrospectResponse:
        """Whose access token it is."""
        await self._authorise(context, Scope.INTROSPECT)
        try:
            identity, until_ms = await self._tokens.introspect(request.access_token)
        except Refused as refused:
            if refused.refusal.reason is Reason.UNAVAILABLE:
                raise
            return token_pb2.IntrospectResponse(refusal=refusals.message(refused.refusal))
        owner = token_pb2.TokenOwner(account_id=identity.account_id, device_id=identity.device_id, expires_at_ms=until_ms)
        return token_pb2.IntrospectResponse(owner=owner)


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    """SystemService."""

    def __init__(self, senders: SystemSenders, authorise: Authorise) -> None:
        self._senders = senders
        self._authorise = authorise

    async def Append(self, request: system_pb2.AppendRequest, context: Any) -> system_pb2.AppendResponse:
        """Append an envelope of the token's account."""
        token = await self._authorise(context, Scope.APPEND)
        conversation_id = request.conversation_id
        if not conversation_id:
            if request.WhichOneof("to") is None:
                raise Refused(Refusal(Reason.INVALID, "says not where to", "to"))
            direct = await self._senders.direct(token.account_id, request.account_id, request.username)
            if isinstance(direct, Refusal):
                return system_pb2.AppendResponse(refusal=refusals.message(direct))
            conversation_id = direct
        said = codec.send(
            Identity(token.account_id, ""),
            chat_pb2.Send(
                conversation_id=conversation_id,
                envelope_id=request.envelope_id,
                body=request.body,
                target_seq=request.target_seq,
                expires_in_s=request.expires_in_s,
            ),
        )
        if isinstance(said, events.Bad):
            return system_pb2.AppendResponse(refusal=refusals.message(said.refusal))
        assert isinstance(said, events.Send), "a Send becomes nothing else"
        outcome = await self._senders.append(conversation_id, said.proposal)
        if not isinstance(outcome, Sent):
            return system_pb2.AppendResponse(refusal=refusals.message(outcome))
        appended = system_pb2.Appended(
            conversation_id=conversation_id, seq=outcome.seq, at_ms=outcome.at_ms, duplicate=outcome.duplicate
        )
        return system_pb2.AppendResponse(appended=appended)


class NotifyServicer(notify_pb2_grpc.NotifyServiceServicer):
    """NotifyService."""

    def __init__(self, streams: Streams, authorise: Authorise) -> None:
        self._streams = streams
        self._authorise = authorise

    async def Notify(self, request: notify_pb2.NotifyRequest, context: Any) -> notify_pb2.NotifyResponse:
        """Tell connected devices."""
        await self._authorise(context, Scope.NOTIFY)
        if request.notice.WhichOneof("notice") not in PASSED:
            raise Refused(Refusal(Reason.NOT_ALLOWED, "only the node itself gives this notice", "notice"))
        notice = Passed(request.notice.SerializeToString())
        await self._streams.notify(request.account_id, notice, request.except_device_id, request.device_id)
        return notify_pb2.NotifyResponse()


class PresenceServicer(presence_pb2_grpc.PresenceServiceServicer):
    """PresenceService."""

    def __init__(self, presence: Presence, accounts: Accounts, authorise: Authorise) -> None:
        self._presence = presence
        self._accounts = accounts
        self._authorise = authorise

    async def GetPresence(self, request: presence_pb2.GetPresenceRequest, context: Any) -> presence_pb2.GetPresenceResponse:
        """Who is there."""
        await self._authorise(context, Scope.PRESENCE)
        found = await self._accounts.get(list(dict.fromkeys(request.account_ids)))
        online = await self._presence.online([account.account_id for account in found])
        return presence_pb2.GetPresenceResponse(
            accounts=[
                presence_pb2.AccountPresence(
                    account_id=account.account_id,
                    online=account.account_id in online,
                    last_seen_at_ms=account.last_seen_ms,
                )
                for account in found
            ]
        )


class MemberServicer(member_pb2_grpc.MemberServiceServicer):
    """MemberService."""

    def __init__(self, history: History, people: KnownPeople, avatars: Avatars, authorise: Authorise) -> None:
        self._history = history
        self._people = people
        self._avatars = avatars
        self._authorise = authorise

    async def GetMemberships(self, request: member_pb2.GetMembershipsRequest, context: Any) -> member_pb2.GetMembershipsResponse:
        """Which of the conversations an account is in."""
        await self._authorise(context, Scope.MEMBERS)
        found = [key for key in request.conversation_ids if await self._may_see(request.account_id, key)]
        return member_pb2.GetMembershipsResponse(conversation_ids=found)

    async def ListMembers(self, request: member_pb2.ListMembersRequest, context: Any) -> member_pb2.ListMembersResponse:
        """Who is in a conversation."""
        await self._authorise(context, Scope.MEMBERS)
        return member_pb2.ListMembersResponse(account_ids=await self._history.members(request.conversation_id))

    async def ListAvatars(self, request: member_pb2.ListAvatarsRequest, context: Any) -> member_pb2.ListAvatarsResponse:
        """Whose pictures are which."""
        await self._authorise(context, Scope.MEMBERS)
        found = await self._avatars.current(list(request.conversation_ids))
        avatars = [member_pb2.CurrentAvatar(conversation_id=place, blob_id=blob_id) for place, blob_id in found.items()]
        return member_pb2.ListAvatarsResponse(avatars=avatars)

    async def _may_see(self, account_id: str, place: str) -> bool:
        owner_id = ids.profile_of(place)
        if owner_id:
            return await self._people.shows_avatar(owner_id, account_id)
        return account_id in await self._history.members(place)
