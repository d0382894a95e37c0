"""A bot: reads the conversations of its account and answers, with nothing stored on its side.

What it has not acked comes again, after a restart, too. An answer's id follows from what it answers, and the node looks for that id
behind the question before it appends: so each text is answered once, whenever the bot is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

from tidewire.errors import TidewireError
from tidewire.internal.v1 import bot_pb2, bot_pb2_grpc
from tidewire.stream import FINAL
from tidewire.transport import OPTIONS
from tidewire.v1 import chat_pb2

BACKOFF_S, RETRY_MAX_S = 0.2, 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """A text that somebody wrote to the bot, or in a conversation that it is in."""

    conversation_id: str
    seq: int
    sender_id: str
    text: str


class Stopped(TidewireError):
    """The node does not take this bot any more: its token was revoked, or its account suspended or deleted."""


class _Lost(Exception):
    """The stream is gone; another one goes on where it was."""

    def __init__(self, retry_after_s: float = 0.0) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class Bot:
    """One bot, on one stream at a time."""

    def __init__(self, address: str, token: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        """`token`: with the scope `bot`. `credentials`: as of `Services`."""
        self._metadata = (("authorization", f"Bearer {token}"),)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, options=OPTIONS)
        self._stub = bot_pb2_grpc.BotServiceStub(self._channel)
        self._call: Any = None
        self._events: deque[chat_pb2.Event] = deque()
        self._epoch = ""
        self._done: dict[str, int] = {}
        """By conversation: what was handed out, or needed no answer."""
        self._acked: dict[str, int] = {}
        self._own: dict[str, set[int]] = {}
        self._ref = 0
        self._backoff_s = BACKOFF_S
        self.account_id = ""
        """The bot's account, once it was connected."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._channel.close(None)

    async def texts(self) -> AsyncIterator[Received]:
        """Every text of others, in order per conversation, for ever. Asking for the next one says that this one is done with.

        Raises:
            Stopped: the node does not take this bot, or not any more.
        """
        while True:
            try:
                event = await self._next()
                received = self._take(event)
                if received is not None:
                    yield received
                    await self._ack(received.conversation_id, received.seq)
                elif event.HasField("envelope"):
                    await self._ack(event.envelope.conversation_id, event.envelope.seq)
                elif event.HasField("gap"):
                    await self._ack(event.gap.conversation_id, event.gap.to_seq)
            except _Lost as lost:
                await self._wait(lost)

    async def answer(self, to: Received, text: str) -> int:
        """Answer a text, once: asked for again, also by the bot's next process, it finds the first answer. Its seq.

        Raises:
            Stopped: as `texts`; or the answer itself was refused.
        """
        send = chat_pb2.Send(
            conversation_id=to.conversation_id, envelope_id=answer_id(to.conversation_id, to.seq), known_seq=to.seq
        )
        send.body.text.text = text
        send.body.quote.seq = to.seq
        send.body.quote.sender_account_id = to.sender_id
        send.body.quote.excerpt = to.text[:256]
        while True:
            try:
                return await self._sent(send)
            except _Lost as lost:
                await self._wait(lost)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _take(self, event: chat_pb2.Event) -> Received | None:
        """What the event says, if it is a text of somebody else that was not handed out before."""
        if not event.HasField("envelope"):
            if event.HasField("gap"):
                self._done[event.gap.conversation_id] = max(self._done.get(event.gap.conversation_id, 0), event.gap.to_seq)
            return None
        envelope = event.envelope
        if envelope.seq <= self._done.get(envelope.conversation_id, 0):
            return None
        self._done[envelope.conversation_id] = envelope.seq
        sender_id = envelope.header.sender_account_id
        if sender_id == self.account_id or envelope.body.WhichOneof("content") != "text":
            return None
        return Received(envelope.conversation_id, envelope.seq, sender_id, envelope.body.text.text)

    async def _sent(self, send: chat_pb2.Send) -> int:
        """Send, and take in what comes until the answer does."""
        if self._call is None:
            await self._open()
        self._ref += 1
        ref = self._ref
        await self._write(chat_pb2.Command(ref=ref, send=send))
        result: chat_pb2.SendResult | None = None
        while result is None:
            for event in await self._read():
                if event.HasField("send_result") and event.send_result.ref == ref:
                    result = event.send_result
                else:
                    self._events.append(event)
        if result.HasField("sent"):
            self._own.setdefault(send.conversation_id, set()).add(result.sent.seq)
            return int(result.sent.seq)
        reason = result.WhichOneof("outcome") or ""
        if reason in ("unavailable", "rate_limited"):
            raise _Lost(getattr(result, reason).retry_after_ms / 1000)
        raise Stopped(f"the answer was refused: {reason}")

    async def _next(self) -> chat_pb2.Event:
        while not self._events:
            if self._call is None:
                await self._open()
            else:
                self._events.extend(await self._read())
        return self._events.popleft()

    async def _open(self) -> None:
        self._events.clear()
        self._call = self._stub.Connect(metadata=self._metadata)
        await self._write(chat_pb2.Command(hello=chat_pb2.Hello(last=True, foreground=True, client="tidewire bot")))
        for event in await self._read():
            if event.HasField("welcome"):
                if event.welcome.epoch != self._epoch:  # of a restored store: its seqs are others
                    self._done.clear()
                self._epoch, self.account_id = event.welcome.epoch, event.welcome.account_id
            else:
                self._events.append(event)
        self._acked.clear()
        self._own.clear()
        self._backoff_s = BACKOFF_S

    async def _ack(self, conversation_id: str, seq: int) -> None:
        """Everything up to `seq` is done with, and own answers that follow it."""
        own = self._own.get(conversation_id, set())
        while seq + 1 in own:
            seq += 1
        own.difference_update([at for at in own if at <= seq])
        if seq > self._acked.get(conversation_id, 0) and self._call is not None:
            self._acked[conversation_id] = seq
            await self._write(chat_pb2.Command(ack=chat_pb2.Ack(conversation_id=conversation_id, up_to_seq=seq)))

    async def _write(self, command: chat_pb2.Command) -> None:
        try:
            await self._call.write(bot_pb2.ConnectRequest(commands=[command]))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise await self._lost() from error

    async def _read(self) -> list[chat_pb2.Event]:
        """The events of the next frame."""
        try:
            frame = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise await self._lost() from error
        if not isinstance(frame, bot_pb2.ConnectResponse):
            raise await self._lost()
        for event in frame.events:
            if event.HasField("closing"):
                self._call = None
                if event.closing.reason in FINAL:
                    raise Stopped(FINAL[event.closing.reason])
                raise _Lost(event.closing.retry_after_ms / 1000)
        return list(frame.events)

    async def _lost(self) -> _Lost:
        """The stream has ended; raises instead where it will end again."""
        call, self._call = self._call, None
        code, detail = await call.code(), await call.details()
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED):
            raise Stopped(detail)
        return _Lost()

    async def _wait(self, lost: _Lost) -> None:
        await asyncio.sleep(max(lost.retry_after_s, random.uniform(0, self._backoff_s)))
        self._backoff_s = min(2 * self._backoff_s, RETRY_MAX_S)


def answer_id(conversation_id: str, seq: int) -> str:
    """The envelope id of the answer to an envelope, the same whoever makes it (UUID version 8, RFC 9562 §5.8)."""
    digest = hashlib.sha256(f"{conversation_id}/{seq}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
