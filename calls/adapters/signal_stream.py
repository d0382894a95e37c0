"""One device's stream, whatever carries its frames."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from tidewire.v1 import call_pb2

from calls.adapters import frames
from calls.adapters.following import Followed, Following
from calls.adapters.frames import Frames, Response
from calls.domain.messages import Message, Party, Replaced
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Attendance, Directory, Stream
from server.kit import grpc_refusals as refusals
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

Frame = call_pb2.SignalRequest | Refusal
"""A frame, or why it cannot be read."""
Read = Callable[[], Awaitable[Frame | None]]
Write = Callable[[Response], Awaitable[None]]
RETRY_MS = 500
FAREWELL_S = 1.0
"""A device that does not read is waited for so long when its stream has to end."""


class SignalStreams:
    """Serves streams until they end."""

    def __init__(
        self,
        answers: Frames,
        attendance: Attendance,
        directory: Directory,
        following: Following,
        violation: Callable[[call_pb2.SignalRequest], Refusal | None],
        refused: Callable[[str], None],
        clock: Clock,
        limits: SignallingLimits,
    ) -> None:
        """`violation`: of field limits; `refused`: told the reason of every refusal."""
        self._answers = answers
        self._attendance = attendance
        self._directory = directory
        self._following = following
        self._violation = violation
        self._refused = refused
        self._clock = clock
        self._limits = limits
        self._draining = asyncio.Event()
        self._rate = Rate(limits.commands_per_s, limits.commands_burst)
        self._links = Rate(limits.links_per_hour / 3_600, limits.links_burst)
        self._address_links = Rate(limits.address_links_per_hour / 3_600, limits.address_links_burst)

    def drain(self) -> None:
        """End all streams in a way that lets their devices come back."""
        self._draining.set()

    async def serve(self, address: str, token: str, read: Read, write: Write) -> None:
        """One stream from an address. `token`: of its metadata; "": hello brings it. `read` answers None at the end.

        Raises:
            Refused: it does not begin as it should.
        """
        hello = await self._hello(read)
        party = await self._directory.identify(token or hello.hello.access_token)
        waiting: asyncio.Queue[Response | None] = asyncio.Queue(self._limits.events_waiting_max)
        followed = Followed(party, self._limits.followed_max, lambda response: _put(waiting, response))

        def take(message: Message) -> None:
            followed.heard(message)
            _put(waiting, frames.response(message), ends=isinstance(message, Replaced))

        stream = Stream(party, stream_id(self._clock.now_ms()), take)
        await self._attendance.attend(stream)
        self._following.opened(followed)
        try:
            snapshots = await self._answers.snapshots(party)
            welcome = call_pb2.CallWelcome(
                calls=snapshots, silence_ms_max=self._limits.silence_ms, account_id=party.account_id, device_id=party.device_id
            )
            await write(Response(ref=hello.ref, welcome=welcome))
            await self._until_over(followed, address, read, write, waiting)
        finally:
            self._following.closed(followed)
            await self._attendance.leave(stream)

    async def _hello(self, read: Read) -> call_pb2.SignalRequest:
        try:
            async with asyncio.timeout(self._limits.hello_ms / 1000):
                first = await read()
        except TimeoutError:
            raise Refused(Refusal(Reason.OUT_OF_PLACE, "no hello came in time", "hello_ms", self._limits.hello_ms)) from None
        if isinstance(first, Refusal):
            raise Refused(first)
        if first is None or first.WhichOneof("command") != "hello":
            raise Refused(Refusal(Reason.OUT_OF_PLACE, "the first frame is hello", "command"))
        refusal = self._violation(first)
        if refusal is not None:
            raise Refused(refusal)
        return first

    async def _until_over(
        self, followed: Followed, address: str, read: Read, write: Write, waiting: asyncio.Queue[Response | None]
    ) -> None:
        tasks = [
            asyncio.ensure_future(self._listen(followed, address, read, waiting)),
            asyncio.ensure_future(_tell(write, waiting)),
            asyncio.ensure_future(self._draining.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if done == {tasks[2]}:  # what waits is told first, and by one writer: a stream takes one frame at a time
                _put_last(waiting, Response(closing=call_pb2.CallClosing(retry_after_ms=RETRY_MS)))
                await asyncio.wait(tasks[1:2], timeout=FAREWELL_S)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, followed: Followed, address: str, read: Read, waiting: asyncio.Queue[Response | None]) -> None:
        while (frame := await read()) is not None:
            answer = await self._answer(followed, address, frame)
            kind = answer.WhichOneof("event")
            if kind == "refusal":
                self._refused(refusals.refusal(answer.refusal).reason.name)
            if answer.ref or kind == "refusal":
                await waiting.put(answer)

    async def _answer(self, followed: Followed, address: str, frame: Frame) -> Response:
        if isinstance(frame, Refusal):
            return Response(refusal=refusals.message(frame))
        party = followed.party
        retry_after_ms = self._rate.allow(party.device_id, self._clock.monotonic_ms())
        refusal = self._violation(frame) or followed.refusal(frame)
        if retry_after_ms is not None:
            refusal = Refusal(Reason.RATE_LIMITED, subject="commands_per_s", retry_after_ms=retry_after_ms)
        if refusal is None and frame.WhichOneof("command") == "join" and frame.join.link_token:
            refusal = self._link_tried(party, address)
        if refusal is not None:
            return Response(ref=frame.ref, refusal=refusals.message(refusal))
        try:
            answer = await self._answers.answer(party, frame)
        except Refused as refused:
            answer = Response(ref=frame.ref, refusal=refusals.message(refused.refusal))
        followed.answered(frame, answer)
        return answer

    def _link_tried(self, party: Party, address: str) -> Refusal | None:
        """Here, where each try is seen once, whichever process has the call."""
        now_ms = self._clock.monotonic_ms()
        counted = (
            ("links_per_hour", self._links, party.account_id),
            ("address_links_per_hour", self._address_links, address),
        )
        for name, rate, key in counted:
            retry_after_ms = rate.allow(key, now_ms)
            if retry_after_ms is not None:
                return Refusal(Reason.RATE_LIMITED, subject=name, retry_after_ms=retry_after_ms)
        return None


def stream_id(now_ms: int) -> str:
    """For a stream that opens now. Of two, the newer one's is the greater, as far as clocks agree."""
    return f"{now_ms:012x}{secrets.token_hex(4)}"


def _put(waiting: asyncio.Queue[Response | None], response: Response, *, ends: bool = False) -> None:
    """A device that is too slow loses its stream, and asks again when it comes back. `ends`: the stream does."""
    if ends:
        _empty(waiting)
        _put_last(waiting, response)
    elif waiting.full():
        _empty(waiting)
        waiting.put_nowait(None)
    else:
        waiting.put_nowait(response)


def _put_last(waiting: asyncio.Queue[Response | None], response: Response) -> None:
    """The stream ends with it."""
    if waiting.qsize() + 2 > waiting.maxsize:
        _empty(waiting)
    for one in (response, None):
        waiting.put_nowait(one)


def _empty(waiting: asyncio.Queue[Response | None]) -> None:
    while not waiting.empty():
        waiting.get_nowait()


async def _tell(write: Write, waiting: asyncio.Queue[Response | None]) -> None:
    while (response := await waiting.get()) is not None:
        await write(response)
