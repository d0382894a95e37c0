"""The one place where calls are turned away: refusals become statuses, field limits hold, bugs become INTERNAL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from server.adapters.grpc import refusals
from server.adapters.grpc.field_limits import FieldLimits
from server.domain.identity import Identity
from server.domain.refusal import Reason, Refusal, Refused, limit_exceeded
from server.ports.world import Clock
from server.services.rates import Rates
from server.services.signing_in import Tokens

log = logging.getLogger(__name__)

BEARER = "Bearer "
FRAMES = ("/tidewire.v1.ChatService/", "/tidewire.internal.v1.BotService/")
"""Their requests are frames, with the limit of frames."""
INTERNAL = "/tidewire.internal."
"""Of services: their rate is that of their token, and their unary calls need a deadline."""
REQUEST_BYTES_MAX = 262_144
"""Greatest request of any method; the transport ends a call with a larger one."""
SUBMIT = "/tidewire.v1.ChatService/Submit"
"""Its commands are checked one by one, so that a bad one does not take the others with it."""


def address(context: Any) -> str:
    """The caller's address without its port."""
    peer: str = context.peer()
    return peer.rpartition(":")[0] or peer


def bearer_token(context: Any, what: str) -> str:
    """The token in a call's metadata.

    Raises:
        Refused: UNAUTHENTICATED; there is none.
    """
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and value.startswith(BEARER):
            return str(value[len(BEARER) :])
    raise Refused(Refusal(Reason.UNAUTHENTICATED, detail=f"metadata `authorization: Bearer <{what}>` is missing"))


class Bearer:
    """Reads who speaks from a call's `authorization` metadata."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, context: Any) -> Identity:
        """Who speaks.

        Raises:
            Refused: UNAUTHENTICATED.
        """
        return await self._tokens.identify(bearer_token(context, "access token"))


class Unreadable(NamedTuple):
    """What stands for a request that cannot be read: the call decides what becomes of it, not the transport."""

    refusal: Refusal


def lenient(deserialize: Callable[[bytes], Any], bytes_max: int) -> Callable[[bytes], Any]:
    """`deserialize`, but with an `Unreadable` for what is malformed or larger than `bytes_max`."""

    def parse(data: bytes) -> Any:
        if len(data) > bytes_max:
            return Unreadable(limit_exceeded("frame_bytes_max", bytes_max, len(data)))
        try:
            return deserialize(data)
        except DecodeError:
            return Unreadable(Refusal(Reason.INVALID, detail="the bytes are no message of this method"))

    return parse


class Edge(grpc.aio.ServerInterceptor):
    """Wraps every handler of ours."""

    def __init__(
        self, fields: FieldLimits, rates: Rates, clock: Clock, refused: Callable[[str], None], frame_bytes_max: int
    ) -> None:
        self._fields = fields
        self._rates = rates
        self._clock = clock
        self._refused = refused
        self._frame_bytes_max = frame_bytes_max

    async def intercept_service(self, continuation: Callable[..., Awaitable[Any]], details: Any) -> Any:
        """See grpc.aio."""
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/tidewire."):
            return handler
        chat, internal = details.method.startswith(FRAMES), details.method.startswith(INTERNAL)
        parse = lenient(handler.request_deserializer, self._frame_bytes_max if chat else REQUEST_BYTES_MAX)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream), parse, handler.response_serializer)
        if handler.unary_stream:
            opened = self._unary(handler.unary_stream, rated=not internal)
            return grpc.unary_stream_rpc_method_handler(opened, parse, handler.response_serializer)
        called = self._unary(handler.unary_unary, check=details.method != SUBMIT, rated=not internal, deadline=internal)
        return grpc.unary_unary_rpc_method_handler(called, parse, handler.response_serializer)

    def _unary(
        self, call: Callable[[Any, Any], Awaitable[Any]], *, check: bool = True, rated: bool = True, deadline: bool = False
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def guarded(request: Any, context: Any) -> Any:
            try:
                limited = self._rates.address(address(context), self._clock.monotonic_ms()) if rated else None
                if deadline and context.time_remaining() is None:
                    raise Refused(Refusal(Reason.INVALID, "an internal call needs a deadline", "deadline"))
                if isinstance(request, Unreadable):
                    raise Refused(request.refusal)
                refusal = limited or (self._fields.violation(request) if check else None)
                if refusal is not None:
                    raise Refused(refusal)
                return await call(request, context)
            except (Refused, Exception) as error:  # noqa: BLE001 -- the edge
                await self._turn_away(error, context)

        return guarded

    def _stream(self, call: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any, Any], Awaitable[None]]:
        async def guarded(requests: Any, context: Any) -> None:
            try:
                await call(requests, context)
            except (Refused, Exception) as error:  # noqa: BLE001 -- the edge
                await self._turn_away(error, context)

        return guarded

    async def _turn_away(self, error: Exception, context: Any) -> None:
        if isinstance(error, (grpc.aio.AbortError, grpc.aio.BaseError, asyncio.CancelledError)):
            raise error
        if isinstance(error, Refused):
            refusal = error.refusal
        else:
            log.error("a bug", exc_info=error)
            refusal = Refusal(Reason.INTERNAL, detail="internal")
        self._refused(refusal.reason.name)
        await context.abort_with_status(refusals.status(refusal))
