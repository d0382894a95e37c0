"""The device's one stream: opens it again for ever, stores what comes, then emits, then acks; sends what waits."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import grpc

from tidewire import events
from tidewire.domain.outbox import Item, Outbox
from tidewire.domain.position import Acks, Position
from tidewire.errors import NotSignedIn, Refused, TidewireError, Unreachable
from tidewire.events import Event
from tidewire.receiving import Receiving
from tidewire.store import Store
from tidewire.transport import Transport
from tidewire.v1 import chat_pb2

if TYPE_CHECKING:
    from tidewire.account import Account

BACKOFF_S, RETRY_MAX_S, STABLE_S = 0.5, 60.0, 30.0
CHANCE = secrets.SystemRandom()
HELLO_POSITIONS = 500
ACK_DELAY_S = 0.1
ACK_ENVELOPES = 32
PING_S, PONG_S = 30.0, 10.0
FRAME_BYTES = 48_000
WELCOME_S, WELCOME_MAX_S = 5.0, 20.0
"""How long a node may take to answer Hello before the next one is tried: twice as long after each failure, so that a deployment that
is only slow is not asked ever more often."""

FINAL = {
    chat_pb2.CLOSING_REASON_REPLACED: "another program uses this device",
    chat_pb2.CLOSING_REASON_DEVICE_REMOVED: "this device was removed from the account",
    chat_pb2.CLOSING_REASON_ACCOUNT_DELETED: "the account was deleted",
    chat_pb2.CLOSING_REASON_SIGNED_OUT: "the sign-in was revoked: log in again",
    chat_pb2.CLOSING_REASON_SUSPENDED: "the account is suspended",
}


class _Closed(Exception):
    """The node said Closing."""

    def __init__(self, closing: chat_pb2.Closing) -> None:
        super().__init__(closing.detail)
        self.closing = closing


class Stream:
    """See the module."""

    def __init__(
        self,
        account: Account,
        store: Store,
        transport: Transport,
        emit: Callable[[Event], None],
        *,
        retry_max_s: float = RETRY_MAX_S,
        now_s: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = CHANCE.uniform,
    ) -> None:
        """The backoff: `retry_max_s`, its longest pause; `now_s`, seconds of a clock that never goes back; `uniform`, its chance."""
        self._now_s = now_s
        self._uniform = uniform
        self._account = account
        self._store = store
        self._transport = transport
        self._emit = emit
        self._retry_max_s = retry_max_s
        self._outbox = Outbox()
        self._receiving = Receiving(account.account_id, account.device_id, store, self._outbox, now_s)
        self._done: dict[str, asyncio.Future[events.Sent]] = {}
        self._acks = Acks(ACK_ENVELOPES)
        self._out: list[chat_pb2.Command] = []
        self._wake = asyncio.Event()
        self._heard_s = 0.0
        self._ref = 0
        self._marked: dict[str, int] = {}
        """The read marks that Hello said."""
        self.open = False
        """Welcome has come, and nothing has ended it yet."""
        self.foreground = True
        self.watched: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """Load what the store knows."""
        self._receiving.positions = await self._store.run(self._store.positions)
        for item in await self._store.run(self._store.outbox):
            self._outbox.add(item)

    # -- what the client says ------------------------------------------------------------------------------------------

    def wrote(self, item: Item) -> asyncio.Future[events.Sent]:
        """An envelope is in the store's outbox."""
        done: asyncio.Future[events.Sent] = asyncio.get_running_loop().create_future()
        self._done[item.envelope_id] = done
        self._outbox.add(item)
        self._wake.set()
        return done

    def forget(self, envelope_id: str) -> None:
        """An envelope is no longer in the store's outbox."""
        self._outbox.items.pop(envelope_id, None)
        done = self._done.pop(envelope_id, None)
        if done is not None and not done.done():
            done.cancel()

    def tell(self, command: chat_pb2.Command) -> None:
        """Something ephemeral: dropped when the stream is not open."""
        if self.open:
            self._out.append(command)
            self._wake.set()

    def read(self, conversation_id: str, seq: int) -> None:
        """A read mark; the store keeps it until it is echoed, and Hello brings it again."""
        self.tell(chat_pb2.Command(mark_read=chat_pb2.MarkRead(conversation_id=conversation_id, up_to_seq=seq)))

    # -- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the stream open until the node says that it is final."""
        attempt = 0
        while True:
            began = self._now_s()
            wait_s: float | None = None
            reason = ""
            try:
                await self._once(min(WELCOME_MAX_S, WELCOME_S * 2 ** min(attempt, 10)))
            except _Closed as closed:
                if closed.closing.reason in FINAL:
                    reason = FINAL[closed.closing.reason]
                    self._emit(events.Disconnected(reason, None))
                    self._give_up(reason)
                    return
                wait_s, reason = closed.closing.retry_after_ms / 1000, closed.closing.detail or "the node is stopping"
            except NotSignedIn as error:
                self._emit(events.Disconnected(str(error), None))
                self._give_up(str(error))
                return
            except TidewireError as error:
                reason = str(error)
            finally:
                self.open = False
                self._outbox.disconnected()
            _let_go()
            attempt = 0 if self._now_s() - began > STABLE_S else attempt + 1
            if wait_s is None:
                wait_s = self._uniform(0, min(self._retry_max_s, BACKOFF_S * 2 ** min(attempt, 10)))
            self._emit(events.Disconnected(reason, wait_s))
            self._transport.move()
            await asyncio.sleep(wait_s)

    def _give_up(self, reason: str) -> None:
        for done in self._done.values():
            if not done.done():
                done.set_exception(NotSignedIn(reason))
                done.exception()

    async def _once(self, welcome_s: float) -> None:
        token = self._transport.token
        self._receiving.refs.clear()
        call = self._transport.chat.Connect(metadata=self._transport.metadata())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._speak(call))
                tasks.create_task(self._watch(welcome_s))
                await self._read(call)
                raise Unreachable("the stream ended")
        except ExceptionGroup as group:
            broken, others = group.split((_Closed, TidewireError, grpc.aio.AioRpcError, asyncio.InvalidStateError))
            if broken is None or others is not None:
                raise
            raise await self._why(broken.exceptions, token) from None
        finally:
            call.cancel()

    async def _why(self, broken: Sequence[Exception], token: str) -> Exception:
        """Of all that broke at once, what counts: the node's last word, then the sign-in, then the network."""
        for kind in (_Closed, NotSignedIn):
            for error in broken:
                if isinstance(error, kind):
                    return error
        statuses = [error for error in broken if isinstance(error, grpc.aio.AioRpcError)]
        if any(error.code() is grpc.StatusCode.UNAUTHENTICATED for error in statuses):
            await self._account.refresh(token)
        for error in broken:
            if isinstance(error, TidewireError):
                return error
        return Unreachable(str(statuses[0].details()) if statuses else "the stream broke")

    async def _speak(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        """Hello, then whatever there is. A call that takes no more has ended, and why is what the reader finds out."""
        try:
            await self._hello(call)
            await self._write(call)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    async def _hello(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        marks = await self._store.run(self._store.marks)
        meta = await self._store.run(self._store.meta)
        unfinished = await self._store.run(lambda: self._store.unticked(self._account.account_id))
        known = [(key, read) for key, read in marks.items() if self._receiving.positions.get(key, Position()).seq > 0]
        self._marked = dict(known)
        for at in range(0, len(known) or 1, HELLO_POSITIONS):
            part = known[at : at + HELLO_POSITIONS]
            last = at + HELLO_POSITIONS >= len(known)
            hello = chat_pb2.Hello(
                positions=[
                    chat_pb2.DevicePosition(conversation_id=key, acked_seq=self._receiving.positions[key].seq, read_seq=read)
                    for key, read in part
                ],
                epoch=meta.get("epoch", ""),
                unfinished_conversation_ids=unfinished if last else [],
                last=last,
                foreground=self.foreground,
                client="tidewire-python/0.1",
            )
            await call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=hello)]))

    async def _watch(self, welcome_s: float) -> None:
        """A node that is frozen still takes connections, and keeps them: give it up when it does not answer."""
        self._heard_s = self._now_s()
        await asyncio.sleep(welcome_s)
        if not self.open:
            raise Unreachable("the node does not answer")
        while True:
            await asyncio.sleep(PING_S)
            if self._now_s() - self._heard_s < PING_S:
                continue
            self.tell(chat_pb2.Command(ping=chat_pb2.Ping()))
            asked_s = self._now_s()
            await asyncio.sleep(PONG_S)
            if self._heard_s < asked_s:
                raise Unreachable("the node does not answer")

    # -- sending -------------------------------------------------------------------------------------------------------

    async def _write(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        while True:
            await self._wake.wait()
            self._wake.clear()
            commands, self._out = self._out, []
            for conversation_id, seq in self._acks.take().items():
                commands.append(chat_pb2.Command(ack=chat_pb2.Ack(conversation_id=conversation_id, up_to_seq=seq)))
            if self.open:
                commands += await self._transmit()
            frame, size = chat_pb2.ConnectRequest(), 0
            for command in commands:
                length = command.ByteSize()
                if size and size + length > FRAME_BYTES:
                    await call.write(frame)
                    frame, size = chat_pb2.ConnectRequest(), 0
                frame.commands.append(command)
                size += length
            if size:
                await call.write(frame)

    async def _transmit(self) -> list[chat_pb2.Command]:
        """What may fly now; its `known_seq` is durable before the frame exists."""
        heads = {key: max(at.seq, at.head) for key, at in self._receiving.positions.copy().items()}
        now_s = self._now_s()
        flights = self._outbox.fly(heads, now_s)
        later_s = self._outbox.next_try_s(now_s)
        if later_s is not None:
            asyncio.get_running_loop().call_later(later_s + 0.01, self._wake.set)
        if not flights:
            return []
        items = [flight.item for flight in flights]

        def durable() -> list[tuple[bytes, str] | None]:
            for item in items:
                self._store.save_item(item)
            return [self._store.outbox_row(item.envelope_id) for item in items]

        commands = []
        for item, row in zip(items, await self._store.run(durable), strict=True):
            if row is None:
                continue
            send = chat_pb2.Send.FromString(row[0])
            send.known_seq, send.transmission = item.known_seq or 0, item.transmissions
            self._ref += 1
            self._receiving.refs[self._ref] = item.envelope_id
            commands.append(chat_pb2.Command(ref=self._ref, send=send))
        return commands

    # -- receiving -----------------------------------------------------------------------------------------------------

    async def _read(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        while isinstance(frame := await call.read(), chat_pb2.ConnectResponse):
            self._heard_s = self._now_s()
            await self._take(list(frame.events))
        code = await call.code()
        if code is grpc.StatusCode.UNAUTHENTICATED:
            await self._account.refresh(self._transport.token)

    async def _take(self, told: list[chat_pb2.Event]) -> None:
        """One frame: store all of it in one transaction, then emit, then ack."""
        out: list[Event] = []
        moved: set[str] = set()
        closing: chat_pb2.Closing | None = None

        def work() -> None:
            for event in told:
                self._receiving.apply(event, out, moved)
            for conversation_id in moved:
                self._store.save_position(conversation_id, self._receiving.positions[conversation_id])

        await self._store.run(work)
        for event in told:
            if event.HasField("closing"):
                closing = event.closing
            elif event.HasField("welcome"):
                self._welcomed(event.welcome.server_time_ms)
                await self._marks()
        for item in out:
            self._announce(item)
        now = any(event.HasField("send_result") for event in told)  # room for the next, or a refusal that is tried again
        for conversation_id in moved:
            now = self._acks.stored(conversation_id, self._receiving.positions[conversation_id].seq) or now
        if now:
            self._wake.set()
        elif moved:
            asyncio.get_running_loop().call_later(ACK_DELAY_S, self._wake.set)
        if closing is not None:
            raise _Closed(closing)

    async def _marks(self) -> None:
        """Say which read marks were made between Hello and Welcome."""
        for conversation_id, seq in (await self._store.run(self._store.marks)).items():
            if seq > self._marked.get(conversation_id, 0):
                self.read(conversation_id, seq)

    def _welcomed(self, server_time_ms: int) -> None:
        """The outbox goes out at once; what is ephemeral is said again."""
        self.open = True
        if self.watched:
            self.tell(chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=self.watched)))
        self._wake.set()
        self._emit(events.Connected(server_time_ms))

    def _announce(self, event: Event) -> None:
        if isinstance(event, events.Sent):
            done = self._done.pop(event.envelope_id, None)
            if done is not None and not done.done():
                done.set_result(event)
            self._wake.set()
        elif isinstance(event, events.SendFailed):
            done = self._done.get(event.envelope_id)
            if done is not None and not done.done():
                done.set_exception(Refused(event.reason, event.detail))
                done.exception()
        self._emit(event)


def _let_go() -> None:
    """End the task if it was cancelled: a `TaskGroup` that is just breaking swallows that, up to Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
