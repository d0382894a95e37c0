"""ChatService: reads frames, hands commands to the chat, writes what waits, joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import grpc
from tidewire.v1 import chat_pb2

from server.adapters.grpc import codec
from server.domain import events
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason
from server.kit.edge import Unreadable
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.services.chat import LATER, Chat
from server.services.streaming import Stream

log = logging.getLogger(__name__)

Check = Callable[[chat_pb2.Command], Refusal | None]
Authenticate = Callable[["grpc.aio.ServicerContext[object, object]"], Awaitable[Identity]]
FLOOD_RETRY_MS = 10_000


class Context(Protocol):
    """What this servicer needs of grpc.aio's context."""

    async def write(self, message: bytes) -> None:
        """Send a frame."""
        ...

    async def read(self) -> object:
        """The next frame, or grpc.aio.EOF."""
        ...


class Pipe:
    """The writing half of one call: joins what waits into frames while there is something."""

    __slots__ = ("_asleep", "_frame_bytes_max", "_loop", "_write", "writing_since")

    def __init__(self, write: Callable[[bytes], Awaitable[None]], limits: Limits) -> None:
        self._write = write
        self._frame_bytes_max = limits.frame_bytes_max
        self._loop = asyncio.get_running_loop()
        self._asleep: asyncio.Future[None] | None = None
        self.writing_since = 0.0
        """When the write that is under way began, by the loop's clock; 0: none is."""

    def wake(self) -> None:
        """There is something to send."""
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

    async def run(self, stream: Stream) -> None:
        """Write until the stream closes."""
        write, take, frame_bytes_max, loop = self._write, stream.take, self._frame_bytes_max, self._loop
        while True:
            while frame := take(frame_bytes_max):
                self.writing_since = loop.time()
                await write(frame)
                self.writing_since = 0.0
            if stream.closing is not None:
                return
            self._asleep = loop.create_future()
            await self._asleep


class _Patience:
    """With a stream's refused commands: one is forgiven each second."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._now = asyncio.get_running_loop().time
        self._bad, self._since = 0.0, self._now()

    def bears(self, refused: int) -> bool:
        """Whether so many more are borne."""
        now = self._now()
        self._bad = max(0.0, self._bad - (now - self._since)) + refused
        self._since = now
        return self._bad <= self._burst


class ChatServicer:
    """The device's door. Handlers are registered with bytes as responses: frames are joins of serialised events."""

    def __init__(self, chat: Chat, wire: codec.WireEvents, limits: Limits, authenticate: Authenticate, check: Check) -> None:
        self._chat = chat
        self._wire = wire
        self._limits = limits
        self._authenticate = authenticate
        self._check = check
        self._writing: dict[Pipe, asyncio.Task[None]] = {}

    async def watch(self) -> None:
        """Give up devices that take nothing for `slow_timeout_ms`. One look for all, since a timer per write costs more than it."""
        limit_s = self._limits.slow_timeout_ms / 1000
        while True:
            await asyncio.sleep(limit_s / 4)
            now = asyncio.get_running_loop().time()
            for pipe, task in self._writing.items():
                if pipe.writing_since and now - pipe.writing_since > limit_s:
                    task.cancel()

    def handlers(self) -> grpc.GenericRpcHandler:
        """What the server registers."""
        raw = bytes  # responses are serialised already
        serialise = chat_pb2.SubmitResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            "tidewire.v1.ChatService",
            {
                "Connect": grpc.stream_stream_rpc_method_handler(self.connect, chat_pb2.ConnectRequest.FromString, raw),
                "Subscribe": grpc.unary_stream_rpc_method_handler(self.subscribe, chat_pb2.SubscribeRequest.FromString, raw),
                "Submit": grpc.unary_unary_rpc_method_handler(self.submit, chat_pb2.SubmitRequest.FromString, serialise),
                "GetLimits": grpc.unary_unary_rpc_method_handler(
                    self.get_limits, chat_pb2.GetLimitsRequest.FromString, chat_pb2.GetLimitsResponse.SerializeToString
                ),
                "GetEndpoints": grpc.unary_unary_rpc_method_handler(
                    self.get_endpoints,
                    chat_pb2.GetEndpointsRequest.FromString,
                    chat_pb2.GetEndpointsResponse.SerializeToString,
                ),
            },
        )

    # -- streams -------------------------------------------------------------------------------------------------------

    async def connect(self, requests: AsyncIterator[chat_pb2.ConnectRequest], context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        """ChatService.Connect."""
        identity = await self._authenticate(context)
        hello, rest = await self._hello(identity, context)
        if hello is None:
            closing = events.Closing(ClosingReason.NO_HELLO, 0, rest)
            await context.write(b"".join(self._wire.told(closing)))
            return
        await self._serve(identity, hello, context, self._read_commands)

    async def subscribe(self, request: chat_pb2.SubscribeRequest, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        """ChatService.Subscribe."""
        identity = await self._authenticate(context)
        await self._serve(identity, codec.hello(request.hello), context, None)

    async def _hello(self, identity: Identity, context: grpc.aio.ServicerContext) -> tuple[events.Hello | None, str]:  # type: ignore[type-arg]
        """Collect the frames of Hello. Without a good one in time: None and why."""
        whole: events.Hello | None = None
        try:
            async with asyncio.timeout(self._limits.hello_timeout_ms / 1000):
                for _ in range(self._limits.hello_frames_max):
                    frame = await context.read()
                    if isinstance(frame, Unreadable):
                        return None, frame.refusal.sentence()
                    if not isinstance(frame, chat_pb2.ConnectRequest):
                        return None, "the stream ended before Hello"
                    if len(frame.commands) != 1 or frame.commands[0].WhichOneof("command") != "hello":
                        return None, "the first frames hold Hello alone"
                    said = codec.command(identity, frame.commands[0], self._check).said
                    if isinstance(said, events.Bad):
                        return None, said.refusal.sentence()
                    assert isinstance(said, events.Hello), "checked above"
                    whole = (
                        said
                        if whole is None
                        else said._replace(
                            positions={**whole.positions, **said.positions}, unfinished=whole.unfinished + said.unfinished
                        )
                    )
                    if said.last:
                        return whole, ""
        except TimeoutError:
            return None, f"no Hello within {self._limits.hello_timeout_ms} ms"
        return None, f"Hello in more than {self._limits.hello_frames_max} frames"

    async def _serve(
        self,
        identity: Identity,
        hello: events.Hello,
        context: grpc.aio.ServicerContext,  # type: ignore[type-arg]
        read: Callable[[Stream, grpc.aio.ServicerContext], Awaitable[None]] | None,  # type: ignore[type-arg]
    ) -> None:
        if self._chat.draining:
            raise Refused(unavailable("the node is stopping"))
        pipe = Pipe(context.write, self._limits)
        stream = await self._chat.open(identity, hello, pipe.wake)
        writer = self._writing[pipe] = asyncio.ensure_future(pipe.run(stream))  # Welcome goes out while the store is read
        reader = asyncio.ensure_future(self._catch_up_and_read(stream, hello, context, read, writer))
        try:
            await asyncio.wait([writer, reader], return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done():
                reader.result()
                if stream.closing is not None:
                    await asyncio.wait([writer])
            if writer.cancelled():
                log.info("stream given up: the device takes nothing", extra={"connection": stream.connection_id})
            elif writer.done():
                writer.result()
        finally:
            del self._writing[pipe]
            self._chat.closed(stream)
            for task in (writer, reader):
                if not task.done():
                    task.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _catch_up_and_read(
        self,
        stream: Stream,
        hello: events.Hello,
        context: grpc.aio.ServicerContext,  # type: ignore[type-arg]
        read: Callable[[Stream, grpc.aio.ServicerContext], Awaitable[None]] | None,  # type: ignore[type-arg]
        writer: asyncio.Future[None],
    ) -> None:
        await self._chat.catch_up(stream, hello)
        if read is not None:
            await read(stream, context)
        else:
            await asyncio.wait([writer])

    async def _read_commands(self, stream: Stream, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
        identity, chat, check = stream.identity, self._chat, self._check
        patience = _Patience(self._limits.bad_commands_burst)
        while isinstance(frame := await context.read(), (chat_pb2.ConnectRequest, Unreadable)):
            if isinstance(frame, Unreadable):
                stream.tell(events.RefusalTold(0, frame.refusal))
                refused = 1
            else:
                refused = 0
                for message in frame.commands:
                    command = codec.command(identity, message, check)
                    refusal = chat.at_once(stream, command)
                    if refusal is LATER:
                        refusal = await chat.later(stream, command)
                    refused += refusal is not None
            if refused and not patience.bears(refused):
                stream.close(ClosingReason.FLOOD, FLOOD_RETRY_MS, "too many refused commands")
                return

    # -- unary ---------------------------------------------------------------------------------------------------------

    async def submit(self, request: chat_pb2.SubmitRequest, context: grpc.aio.ServicerContext) -> chat_pb2.SubmitResponse:  # type: ignore[type-arg]
        """ChatService.Submit."""
        identity = await self._authenticate(context)
        if self._chat.draining:
            raise Refused(unavailable("the node is stopping"))
        if len(request.commands) > 64:
            raise Refused(Refusal(Reason.LIMIT_EXCEEDED, subject="commands", limit=64, actual=len(request.commands)))
        commands = [codec.command(identity, message, self._check) for message in request.commands]
        response = chat_pb2.SubmitResponse()
        for told in await self._chat.submit(identity, commands):
            response.events.extend(codec.event(told))
        return response

    async def get_limits(self, request: chat_pb2.GetLimitsRequest, context: object) -> chat_pb2.GetLimitsResponse:
        """ChatService.GetLimits."""
        return chat_pb2.GetLimitsResponse(limits=self._wire.limits, enabled_kinds=self._wire.kinds)  # type: ignore[arg-type]

    async def get_endpoints(self, request: chat_pb2.GetEndpointsRequest, context: object) -> chat_pb2.GetEndpointsResponse:
        """ChatService.GetEndpoints."""
        return chat_pb2.GetEndpointsResponse(endpoints=self._wire.endpoints)
