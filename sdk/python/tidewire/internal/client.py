"""A service's way to the node: a channel with its token, a deadline on every call, refusals as exceptions."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self

import grpc

from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.internal.v1 import (
    admin_pb2_grpc,
    call_pb2_grpc,
    feed_pb2,
    feed_pb2_grpc,
    member_pb2_grpc,
    notify_pb2_grpc,
    presence_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    token_pb2_grpc,
)
from tidewire.transport import OPTIONS, failure, refused

DEADLINE_S = 10.0
RETRY_S = 0.5


class EnvelopeIds:
    """UUIDs of version 7 (RFC 9562 §6.2, method 2), each greater than the one before it, also when the clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """The next one."""
        now = (time.time_ns() // 1_000_000) << 74
        self._last = now | secrets.randbits(74) if now > self._last else self._last + 1 + secrets.randbits(32)
        value = self._last >> 74 << 80 | 0x7 << 76 | (self._last >> 62 & 0xFFF) << 64 | 0b10 << 62 | self._last & (1 << 62) - 1
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Services:
    """The services of `tidewire.internal.v1` on one node, for one service token."""

    def __init__(self, address: str, token: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        """`credentials`: of a deployment whose internal listener asks for certificates; None: on the same machine, without TLS."""
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._ids = EnvelopeIds()
        if credentials is None:
            self.channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        else:
            self.channel = grpc.aio.secure_channel(address, credentials, options=OPTIONS)
        self.tokens = token_pb2_grpc.TokenServiceStub(self.channel)
        self.system = system_pb2_grpc.SystemServiceStub(self.channel)
        self.notify = notify_pb2_grpc.NotifyServiceStub(self.channel)
        self.members = member_pb2_grpc.MemberServiceStub(self.channel)
        self.presence = presence_pb2_grpc.PresenceServiceStub(self.channel)
        self.admin = admin_pb2_grpc.AdminServiceStub(self.channel)
        self.calls = call_pb2_grpc.CallDirectoryServiceStub(self.channel)
        self.feed = feed_pb2_grpc.FeedServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.channel.close(None)

    async def call(self, method: Any, request: Any, deadline_s: float = DEADLINE_S) -> Any:
        """One unary call, such as `call(services.tokens.Introspect, IntrospectRequest(…))`.

        Raises:
            Refused: the node refused it, by a status or in the response.
            Unreachable: no answer; whether it was done is not known.
        """
        try:
            response = await method(request, metadata=self._metadata, timeout=deadline_s)
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        if "refusal" in response.DESCRIPTOR.fields_by_name and response.HasField("refusal"):
            raise refused(response.refusal)
        return response

    async def send_text(
        self,
        text: str,
        *,
        username: str = "",
        account_id: str = "",
        conversation_id: str = "",
        expires_in_s: int = 0,
        within_s: float = 30.0,
    ) -> system_pb2.Appended:
        """Send a text as the token's account to one of the three, once, however often it has to be tried.

        Raises:
            Refused: it is not in the log.
            Unreachable: no answer `within_s`; whether it is in the log is not known.
        """
        request = system_pb2.AppendRequest(envelope_id=self._ids.next(), expires_in_s=expires_in_s)
        request.body.text.text = text
        if username:
            request.username = username
        elif account_id:
            request.account_id = account_id
        else:
            request.conversation_id = conversation_id
        until = time.monotonic() + within_s
        while True:
            try:
                response: system_pb2.AppendResponse = await self.call(self.system.Append, request)
                return response.appended
            except TidewireError as error:
                if not _again(error) or time.monotonic() > until:
                    raise
                retry_after_s = error.retry_after_s if isinstance(error, Refused) else None
                await asyncio.sleep(retry_after_s or RETRY_S)

    async def follow(
        self,
        *,
        kinds: Sequence[feed_pb2.FeedKind] = (),
        account_ids: Sequence[str] = (),
        conversation_ids: Sequence[str] = (),
    ) -> AsyncIterator[feed_pb2.FeedEvent]:
        """What happens on the node and passes the filters, of which an empty one lets all pass.

        From when this returns, nothing is missed but what a `gap` tells. The iterator raises as this does when the stream ends; follow
        again then, what happens meanwhile is not told.

        Raises:
            Refused: the token does not permit it, or was revoked; the filters make no sense; too many follow.
            Unreachable: no answer, or the node is stopping.
        """
        request = feed_pb2.FollowRequest(kinds=kinds, account_ids=account_ids, conversation_ids=conversation_ids)
        call = self.feed.Follow(request, metadata=self._metadata)
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        return _events(call)


async def _events(call: Any) -> AsyncIterator[feed_pb2.FeedEvent]:
    try:
        while isinstance(response := await call.read(), feed_pb2.FollowResponse):
            for event in response.events:
                yield event
    except grpc.aio.AioRpcError as error:
        raise failure(error) from error
    finally:
        call.cancel()


def _again(error: TidewireError) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.retryable)
