"""CallService over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from tidewire.v1 import call_pb2, call_pb2_grpc

from calls.adapters.frames import Response
from calls.adapters.signal_stream import Frame, SignalStreams
from calls.domain.limits import ForwarderLimits
from calls.domain.signalling_limits import SignallingLimits
from server.kit.edge import Unreadable, address, bearer_token


class CallServicer(call_pb2_grpc.CallServiceServicer):
    """CallService."""

    def __init__(self, streams: SignalStreams, limits: SignallingLimits, forwarder: ForwarderLimits) -> None:
        self._streams = streams
        told = {**asdict(forwarder), **asdict(limits)}
        self._limits = {name: value for name, value in told.items() if isinstance(value, int)}

    async def GetCallLimits(self, request: call_pb2.GetCallLimitsRequest, context: Any) -> call_pb2.GetCallLimitsResponse:
        """What this process takes."""
        return call_pb2.GetCallLimitsResponse(limits=self._limits)

    async def Signal(self, requests: AsyncIterator[Any], context: Any) -> None:
        """A device's stream."""

        async def read() -> Frame | None:
            frame = await anext(requests, None)
            return frame.refusal if isinstance(frame, Unreadable) else frame

        async def write(response: Response) -> None:
            await context.write(response)

        await self._streams.serve(address(context), bearer_token(context, "access token"), read, write)
