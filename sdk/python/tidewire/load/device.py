"""One device on a raw stream, which comes back when the stream ends and says again what was not answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc

from tidewire.load.seen import Seen
from tidewire.transport import new_envelope_id
from tidewire.v1 import chat_pb2, chat_pb2_grpc

MARK = "tidewire-load "
"""Begins every text, before the moment at which it was due."""
PADDING = "x" * 150
PAUSE_S = 0.2, 2.0
"""Between tries to come back, at random, growing from the first to the second."""
RETRY_S = 0.1
"""Before a refused message is said again, where the server does not say when."""
FINAL = frozenset(
    (
        chat_pb2.CLOSING_REASON_REPLACED,
        chat_pb2.CLOSING_REASON_DEVICE_REMOVED,
        chat_pb2.CLOSING_REASON_ACCOUNT_DELETED,
        chat_pb2.CLOSING_REASON_SIGNED_OUT,
    )
)


class Ended(Exception):
    """The server ended the stream and does not want the device back."""


class Away(NamedTuple):
    """One time without a stream."""

    lost: float
    """When it ended, by `time.monotonic`."""
    back: float
    """When the device was caught up again."""
    told_s: float | None
    """After how long the server asked it to come back; None: it did not say."""


@dataclass(slots=True)
class Told:
    """What all devices of a process tell."""

    delivered: Callable[[float], None]
    """An envelope came that was due at this moment of `time.monotonic`."""
    back: Callable[[Away], None]
    """A device is caught up again."""
    throttled: Callable[[str], None]
    """A limit of the server's, by name, held something up."""
    refused: Callable[[str], None]
    """The server refused a message for good."""


class Device:
    """One stream of one account."""

    def __init__(self, channels: Iterator[grpc.aio.Channel], account_id: str, device_id: str, token: str, told: Told) -> None:
        """`channels`: the connection that it begins with, and one for each time that it comes back."""
        self._channels = channels
        self.channel = next(channels)
        self.account_id = account_id
        self.device_id = device_id
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.seen: dict[str, Seen] = {}
        self.waiting: dict[str, chat_pb2.Send] = {}
        """Not answered yet."""
        self.caught_up = asyncio.Event()
        self.reconnects = 0
        self.detail = ""
        """Why the last stream ended."""
        self._told = told
        self._call: Any = None
        self._refused: deque[str] = deque()
        """Envelopes to say again, one after the other."""
        self._due: set[str] = set()
        self._away_since: float | None = None
        self._told_s: float | None = None
        self._pause_s = PAUSE_S[0]
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Be connected, for ever.

        Raises:
            Ended: the server does not want it back.
        """
        while True:
            wait_s = random.uniform(0, self._pause_s)
            self._pause_s = min(PAUSE_S[1], 2 * self._pause_s)
            try:
                await self._stream()
                wait_s = 0.0
            except _Closed as closed:
                wait_s = self._told_s = closed.retry_s
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                self.detail = error.details() or "" if isinstance(error, grpc.aio.AioRpcError) else str(error)
                if isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    raise Ended(self.detail) from error
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                wait_s = 0.0  # the call was cut
            finally:
                if self._call is not None:
                    self._call.cancel()
            if self._away_since is None:
                self._away_since = time.monotonic()
            self.caught_up.clear()
            self.reconnects += 1
            await asyncio.sleep(wait_s)
            await self.channel.close(None)
            self.channel = next(self._channels)

    def cut(self) -> None:
        """Lose the connection, from this side."""
        if self._call is not None:
            self._away_since = self._away_since or time.monotonic()
            self.caught_up.clear()
            self._call.cancel()

    async def _stream(self) -> None:
        self._call = chat_pb2_grpc.ChatServiceStub(self.channel).Connect(metadata=self.metadata)
        hello = chat_pb2.Hello(last=True, client="tidewire-load")
        for conversation_id, seen in self.seen.items():
            if seen.up_to:
                hello.positions.add(conversation_id=conversation_id, acked_seq=seen.up_to)
                seen.acked = seen.up_to
        await self._call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=hello)]))
        while (frame := await self._call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            now = time.monotonic()
            for event in frame.events:
                await self._take(event, now)

    async def _take(self, event: chat_pb2.Event, now: float) -> None:
        which = event.WhichOneof("event")
        if which == "envelope":
            self._envelope(event.envelope, now)
        elif which == "send_result":
            self._answer(event.send_result)
        elif which == "state" and event.state.conversation.id:
            self._of(event.state.conversation.id).begins(event.state.start_seq)
        elif which == "gap":
            seen = self._of(event.gap.conversation_id)
            seen.lost += sum(seen.put(seq) for seq in range(event.gap.from_seq, event.gap.to_seq + 1))
            self._due.add(event.gap.conversation_id)
        elif which == "caught_up":
            self._pause_s = PAUSE_S[0]
            self.caught_up.set()
            if self._away_since is not None:
                self._told.back(Away(self._away_since, now, self._told_s))
                self._away_since = self._told_s = None
            self._refused.clear()
            for send in list(self.waiting.values()):
                send.transmission += 1
                await self._write(chat_pb2.Command(ref=1, send=send))
        elif which == "refusal":
            self._told.throttled(event.refusal.subject or "a refused command")
        elif which == "closing":
            self.detail = event.closing.detail or chat_pb2.ClosingReason.Name(event.closing.reason)
            if event.closing.reason in FINAL:
                raise Ended(self.detail)
            raise _Closed(event.closing.retry_after_ms / 1000)

    def _of(self, conversation_id: str) -> Seen:
        return self.seen.setdefault(conversation_id, Seen())

    def _envelope(self, envelope: chat_pb2.envelope__pb2.Envelope, now: float) -> None:  # type: ignore[name-defined]
        seen, header = self._of(envelope.conversation_id), envelope.header
        new = seen.put(envelope.seq)
        self._due.add(envelope.conversation_id)
        if header.sender_device_id == self.device_id:  # answered before, or the answer was lost
            if self.waiting.pop(header.envelope_id, None) is not None:
                seen.own.add(header.envelope_id)
        elif not new:
            seen.twice += 1
        elif envelope.body.text.text.startswith(MARK):
            seen.from_others.add(header.envelope_id)
            self._told.delivered(float(envelope.body.text.text.split(maxsplit=2)[1]))

    def _answer(self, result: chat_pb2.SendResult) -> None:
        which = result.WhichOneof("outcome")
        if which == "sent":
            seen = self._of(result.conversation_id)
            seen.put(result.sent.seq)
            self._due.add(result.conversation_id)
            if self.waiting.pop(result.envelope_id, None) is not None:
                seen.own.add(result.envelope_id)
        elif which in ("rate_limited", "unavailable"):
            self._told.throttled("commands_per_s" if which == "rate_limited" else "unavailable")
            self._later(result.envelope_id, getattr(result, which).retry_after_ms / 1000 or RETRY_S)
        elif self.waiting.pop(result.envelope_id, None) is not None:
            self._told.refused(str(which))

    def _later(self, envelope_id: str, after_s: float) -> None:
        """Say it again, one message at a time: who tries all at once is refused more often, and taken for a flood."""
        if not self._refused:
            asyncio.get_running_loop().call_later(after_s, self._again, after_s)
        self._refused.append(envelope_id)

    def _again(self, after_s: float) -> None:
        while self._refused and self.caught_up.is_set():
            send = self.waiting.get(self._refused.popleft())
            if send is not None:
                asyncio.ensure_future(self._write(chat_pb2.Command(ref=1, send=send)))
                break
        if self._refused:
            asyncio.get_running_loop().call_later(after_s, self._again, after_s)

    async def say(self, conversation_id: str, due: float) -> None:
        """Send a text that was due at this moment; while the device is away it waits for its return."""
        seen = self._of(conversation_id)
        send = chat_pb2.Send(conversation_id=conversation_id, envelope_id=new_envelope_id(), known_seq=seen.up_to or 0)
        send.transmission = 1
        send.body.text.text = f"{MARK}{due:.6f} {PADDING}"
        self.waiting[send.envelope_id] = send
        if self._refused:
            self._refused.append(send.envelope_id)
        elif self.caught_up.is_set():
            await self._write(chat_pb2.Command(ref=1, send=send))

    async def ack(self) -> None:
        """Ack what has come since the last time."""
        if not self._due or not self.caught_up.is_set():
            return
        commands = []
        for conversation_id in self._due:
            seen = self.seen[conversation_id]
            if seen.up_to and seen.up_to > seen.acked:
                seen.acked = seen.up_to
                commands.append(chat_pb2.Command(ack=chat_pb2.Ack(conversation_id=conversation_id, up_to_seq=seen.up_to)))
        self._due.clear()
        if commands:
            await self._write(*commands)

    async def _write(self, *commands: chat_pb2.Command) -> None:
        async with self._writing:
            try:
                await self._call.write(chat_pb2.ConnectRequest(commands=commands))
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # the stream is over: its reader sees to that


class _Closed(Exception):
    """The server ended the stream; the device comes back after so long."""

    def __init__(self, retry_s: float) -> None:
        self.retry_s = retry_s
