"""The device's stream to the calls process: opened when there is something to say or to hear, opened again when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc

from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.process_transport import ProcessTransport
from tidewire.transport import failure, refused, sleep_jittered
from tidewire.v1 import call_pb2

HELLO_REF = 1 << 62
RETRY_S = 0.25
RETRY_MAX_S = 4.0
IDLE_S = 30.0
"""The stream stays open this long after the last call."""
WITHIN_S = 20.0
"""A command without an answer for this long has failed."""


class Signalling:
    """One device's. Commands may be given at any time; those without an answer are said again on the next stream."""

    def __init__(
        self,
        way: ProcessTransport,
        tasks: asyncio.TaskGroup,
        tell: Callable[[call_pb2.SignalResponse], None],
        refresh: Callable[[], Any],
    ) -> None:
        """`tell`: what comes by itself, `welcome` first; `refresh`: gets another access token."""
        self._way = way
        self._tasks = tasks
        self._tell = tell
        self._refresh = refresh
        self.streams = 0
        """How many were opened so far."""
        self._ref = 0
        self._waiting: dict[int, tuple[call_pb2.SignalRequest, asyncio.Future[call_pb2.SignalResponse]]] = {}
        """By ref, in the order in which they were said."""
        self._busy: Callable[[], bool] = lambda: False
        self._running: asyncio.Task[None] | None = None
        self._stream: Any = None
        self._writing = asyncio.Lock()
        self._ended = False

    def while_busy(self, busy: Callable[[], bool]) -> None:
        """Keep the stream open as long as `busy` says so."""
        self._busy = busy

    def open(self) -> None:
        """Open the stream, unless it is."""
        if self._running is None and not self._ended:
            self._running = self._tasks.create_task(self._run(), name="tidewire calls")

    async def command(self, within_s: float = WITHIN_S, **command: Any) -> call_pb2.SignalResponse:
        """Say a command, across streams; its answer.

        Raises:
            Refused: the process said no. Unreachable: no answer `within_s`; or the stream has ended for good.
        """
        if self._ended:
            raise Unreachable("the client was closed, or the device has a stream elsewhere")
        self._ref += 1
        request = call_pb2.SignalRequest(ref=self._ref, **command)
        answer: asyncio.Future[call_pb2.SignalResponse] = asyncio.get_running_loop().create_future()
        self._waiting[request.ref] = (request, answer)
        self.open()
        try:
            async with asyncio.timeout(within_s):
                if self._stream is not None:
                    await self._write(self._stream, request)
                response = await answer
        except TimeoutError:
            raise Unreachable("the calls process does not answer") from None
        finally:
            self._waiting.pop(request.ref, None)
        if response.WhichOneof("event") == "refusal":
            raise refused(response.refusal)
        return response

    def close(self) -> None:
        """End the stream for good."""
        self._ended = True
        if self._running is not None:
            self._running.cancel()
        self._give_up(Unreachable("the client was closed"))

    async def _run(self) -> None:
        attempt, idle = 0, 0
        try:
            while self._busy() or self._waiting or not idle:
                try:
                    opened = await self._one_stream()
                    attempt, idle = (0 if opened else attempt), 1
                except TidewireError as error:
                    if not await self._may_go_on(error):
                        return
                self._way.lost()
                if self._busy() or self._waiting:
                    await sleep_jittered(RETRY_S, attempt, RETRY_MAX_S)
                    attempt += 1
        finally:
            self._running = None

    async def _may_go_on(self, error: TidewireError) -> bool:
        """Whether another stream makes sense; those who wait hear why not."""
        if isinstance(error, Refused) and error.reason in ("UNAUTHENTICATED",):
            try:
                await self._refresh()
                return True
            except TidewireError as worse:
                error = worse
        if error.retryable or isinstance(error, Unreachable):
            return True
        self._give_up(error)
        return False

    def _give_up(self, error: TidewireError) -> None:
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)

    async def _one_stream(self) -> bool:
        """Until it ends. Whether it was opened.

        Raises:
            Refused, Unreachable
        """
        stub = await self._way.stub()
        stream = stub.Signal(metadata=self._way.metadata())
        opened = False
        try:
            await self._write(stream, call_pb2.SignalRequest(ref=HELLO_REF, hello=call_pb2.CallHello()))
            while True:
                async with asyncio.timeout(None if self._busy() or self._waiting or not opened else IDLE_S):
                    response = await stream.read()
                if not isinstance(response, call_pb2.SignalResponse):
                    return opened
                if response.WhichOneof("event") == "closing":
                    self._ended = self._ended or response.closing.replaced
                    return opened
                if response.WhichOneof("event") == "welcome":
                    opened = True
                    self.streams += 1
                    self._tell(response)
                    await self._say_again(stream)
                else:
                    self._take(response)
        except TimeoutError:
            return opened
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        finally:
            self._stream = None
            stream.cancel()

    async def _say_again(self, stream: Any) -> None:
        for request, _ in list(self._waiting.values()):
            await self._write(stream, request)
        self._stream = stream

    async def _write(self, stream: Any, request: call_pb2.SignalRequest) -> None:
        async with self._writing:
            try:
                await stream.write(request)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # whoever reads sees that the stream is over; the command is said again

    def _take(self, response: call_pb2.SignalResponse) -> None:
        waiting = self._waiting.get(response.ref)
        if not response.ref:
            self._tell(response)
        elif waiting is not None and not waiting[1].done():
            waiting[1].set_result(response)
