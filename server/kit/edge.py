"""The one place where calls are turned away: refusals become statuses, field limits hold, bugs become INTERNAL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from server.kit import grpc_refusals as refusals
from server.kit.field_limits import FieldLimits
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded

log = logging.getLogger(__name__)

BEARER = "Bearer "
INTERNAL = "/tidewire.internal."
"""Of services: their rate is that of their token, and their unary calls need a deadline."""
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
        self,
        fields: FieldLimits,
        limited: Callable[[str], Refusal | None],
        refused: Callable[[str], None],
        bytes_max: Callable[[str], int],
    ) -> None:
        """`limited`: counts a call from an address; `refused`: told every reason; `bytes_max`: greatest request of a method."""
        self._fields = fields
        self._limited = limited
        self._refused = refused
        self._bytes_max = bytes_max

    async def intercept_service(self, continuation: Callable[..., Awaitable[Any]], details: Any) -> Any:
        """See grpc.aio."""
        handler = await continuation(details)
        if handler is None or not details.method.startswith("/tidewire."):
            return handler
        internal = details.method.startswith(INTERNAL)
        parse = lenient(handler.request_deserializer, self._bytes_max(details.method))
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
                limited = self._limited(address(context)) if rated else None
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
