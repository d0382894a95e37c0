"""The device's one stream: opens it again for ever, stores what comes, then emits, then acks; sends what waits."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc

from tidewire import events, reading
from tidewire.domain.outbox import Failed, Item, Outbox, Settled, State
from tidewire.domain.position import Acks, Position
from tidewire.errors import NotSignedIn, Refused, TidewireError, Unreachable
from tidewire.events import Event
from tidewire.store import Store
from tidewire.transport import Transport
from tidewire.v1 import chat_pb2, envelope_pb2

if TYPE_CHECKING:
    from tidewire.account import Account

BACKOFF_S, BACKOFF_MAX_S, STABLE_S = 0.5, 60.0, 30.0
HELLO_POSITIONS = 500
ACK_DELAY_S = 0.1
ACK_ENVELOPES = 32
PING_S, PONG_S = 30.0, 10.0
FRAME_BYTES = 48_000

FINAL = {
    chat_pb2.CLOSING_REASON_REPLACED: "another program uses this device",
    chat_pb2.CLOSING_REASON_DEVICE_REMOVED: "this device was removed from the account",
    chat_pb2.CLOSING_REASON_ACCOUNT_DELETED: "the account was deleted",
    chat_pb2.CLOSING_REASON_SIGNED_OUT: "the sign-in was revoked: log in again",
}


class _Closed(Exception):
    """The node said Closing."""

    def __init__(self, closing: chat_pb2.Closing) -> None:
        super().__init__(closing.detail)
        self.closing = closing


class Stream:
    """See the module."""

    def __init__(self, account: Account, store: Store, transport: Transport, emit: Callable[[Event], None]) -> None:
        self._account = account
        self._store = store
        self._transport = transport
        self._emit = emit
        self._outbox = Outbox()
        self._positions: dict[str, Position] = {}
        self._done: dict[str, asyncio.Future[events.Sent]] = {}
        self._acks = Acks(ACK_ENVELOPES)
        self._out: list[chat_pb2.Command] = []
        self._wake = asyncio.Event()
        self._heard_s = 0.0
        self._open = False
        self.foreground = True
        self.watched: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """Load what the store knows."""
        self._positions = await self._store.run(self._store.positions)
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

    def tell(self, command: chat_pb2.Command) -> None:
        """Something ephemeral: dropped when the stream is not open."""
        if self._open:
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
            began = time.monotonic()
            wait_s: float | None = None
            reason = ""
            try:
                await self._once()
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
                self._open = False
                self._outbox.disconnected()
            attempt = 0 if time.monotonic() - began > STABLE_S else attempt + 1
            if wait_s is None:
                wait_s = secrets.SystemRandom().uniform(0, min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(attempt, 10)))
            self._emit(events.Disconnected(reason, wait_s))
            await asyncio.sleep(wait_s)

    def _give_up(self, reason: str) -> None:
        for done in self._done.values():
            if not done.done():
                done.set_exception(NotSignedIn(reason))
                done.exception()

    async def _once(self) -> None:
        token = self._transport.token
        call = self._transport.chat.Connect(metadata=self._transport.metadata())
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._hello(call)
                tasks.create_task(self._write(call))
                tasks.create_task(self._watch(call))
                await self._read(call)
                raise Unreachable("the stream ended")
        except* _Closed as group:
            raise group.exceptions[0] from None
        except* (grpc.aio.AioRpcError, asyncio.InvalidStateError) as group:
            await self._failed(group.exceptions[0], token)
        except* TidewireError as group:
            raise group.exceptions[0] from None
        finally:
            call.cancel()

    async def _failed(self, error: BaseException, token: str) -> None:
        code = error.code() if isinstance(error, grpc.aio.AioRpcError) else None
        if code is grpc.StatusCode.UNAUTHENTICATED:
            await self._account.refresh(token)
        raise Unreachable(str(error.details()) if isinstance(error, grpc.aio.AioRpcError) else "the stream broke") from None

    async def _hello(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        rows = await self._store.run(lambda: self._store.db.execute("SELECT id, read_seq FROM conversations").fetchall())
        meta = await self._store.run(self._store.meta)
        unfinished = await self._store.run(lambda: self._store.unticked(self._account.account_id))
        known = [(key, read) for key, read in rows if self._positions.get(key, Position()).seq > 0]
        for at in range(0, len(known) or 1, HELLO_POSITIONS):
            part = known[at : at + HELLO_POSITIONS]
            last = at + HELLO_POSITIONS >= len(known)
            hello = chat_pb2.Hello(
                positions=[
                    chat_pb2.DevicePosition(conversation_id=key, acked_seq=self._positions[key].seq, read_seq=read)
                    for key, read in part
                ],
                epoch=meta.get("epoch", ""),
                unfinished_conversation_ids=unfinished if last else [],
                last=last,
                foreground=self.foreground,
                client="tidewire-python/0.1",
            )
            await call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=hello)]))

    async def _watch(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        """A node that is frozen keeps its connection: ask it."""
        self._heard_s = time.monotonic()
        while True:
            await asyncio.sleep(PING_S)
            if time.monotonic() - self._heard_s < PING_S:
                continue
            self.tell(chat_pb2.Command(ping=chat_pb2.Ping()))
            asked_s = time.monotonic()
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
            if self._open:
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
        heads = {key: max(at.seq, at.head) for key, at in self._positions.items()}
        now_s = time.monotonic()
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
            commands.append(chat_pb2.Command(send=send))
        return commands

    # -- receiving -----------------------------------------------------------------------------------------------------

    async def _read(self, call: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        while isinstance(frame := await call.read(), chat_pb2.ConnectResponse):
            self._heard_s = time.monotonic()
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
                self._apply(event, out, moved)
            for conversation_id in moved:
                self._store.save_position(conversation_id, self._positions[conversation_id])

        await self._store.run(work)
        for item in out:
            self._announce(item)
        for event in told:
            if event.HasField("closing"):
                closing = event.closing
            elif event.HasField("welcome"):
                self._welcomed()
        now = False
        for conversation_id in moved:
            now = self._acks.stored(conversation_id, self._positions[conversation_id].seq) or now
        if now:
            self._wake.set()
        elif moved:
            asyncio.get_running_loop().call_later(ACK_DELAY_S, self._wake.set)
        if closing is not None:
            raise _Closed(closing)

    def _welcomed(self) -> None:
        """The outbox goes out at once; what is ephemeral is said again."""
        self._open = True
        if self.watched:
            self.tell(chat_pb2.Command(watch_presence=chat_pb2.WatchPresence(account_ids=self.watched)))
        self._wake.set()
        self._emit(events.Connected())

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

    def _position(self, conversation_id: str) -> Position:
        return self._positions.setdefault(conversation_id, Position())

    def _apply(self, event: chat_pb2.Event, out: list[Event], moved: set[str]) -> None:
        match event.WhichOneof("event"):
            case "envelope":
                self._envelope(event.envelope, out, moved)
            case "send_result":
                self._result(event.send_result, out, moved)
            case "gap":
                gap = event.gap
                self._position(gap.conversation_id).skipped(gap.from_seq, gap.to_seq)
                moved.add(gap.conversation_id)
                for own in gap.own:
                    out.extend(self._settled(self._outbox.met(own.envelope_id, own.seq), 0))
            case "state":
                self._state(event.state, out, moved)
            case "positions":
                self._ticks(event.positions, out)
            case "welcome":
                self._epoch(event.welcome.epoch)
            case "caught_up":
                out.append(events.CaughtUp())
            case "typing":
                kind = {1: "text", 2: "voice"}.get(event.typing.kind, "")
                out.append(events.Typing(event.typing.conversation_id, event.typing.account_id, kind))
            case "presence":
                told = event.presence
                out.append(events.PresenceChanged(told.account_id, told.HasField("online"), told.last_seen_at_ms))
            case "notice":
                kind = event.notice.WhichOneof("notice") or ""
                asked = event.notice.login_requested
                out.append(events.NoticeReceived(kind, asked.login_id, asked.device_name))

    def _envelope(self, envelope: envelope_pb2.Envelope, out: list[Event], moved: set[str]) -> None:
        at = self._position(envelope.conversation_id)
        moved.add(envelope.conversation_id)
        if not at.took(envelope.seq):
            return
        message, visible = reading.message(envelope, self._account.account_id)
        if self._store.put(message, visible, envelope.body.SerializeToString(), envelope.header.expires_at_ms):
            out.append(message)
        if message.mine:
            out.extend(self._settled(self._outbox.met(message.envelope_id, message.seq), message.at_ms))

    def _result(self, result: chat_pb2.SendResult, out: list[Event], moved: set[str]) -> None:
        if not result.HasField("sent"):
            out.extend(self._refused(result))
            return
        sent = result.sent
        row = self._store.outbox_row(result.envelope_id)
        if row is not None:
            at = self._position(result.conversation_id)
            moved.add(result.conversation_id)
            if at.took(sent.seq):
                send = chat_pb2.Send.FromString(row[0])
                own = envelope_pb2.Envelope(conversation_id=result.conversation_id, seq=sent.seq, body=send.body)
                kind = own.body.WhichOneof("content") or "text"
                own.header.CopyFrom(
                    envelope_pb2.Header(
                        envelope_id=result.envelope_id,
                        sender_account_id=self._account.account_id,
                        sender_device_id=self._account.device_id,
                        at_ms=sent.at_ms,
                        kind=envelope_pb2.Kind.Value(f"KIND_{kind.upper()}"),  # type: ignore[arg-type]
                        target_seq=send.target_seq,
                    )
                )
                message, visible = reading.message(own, self._account.account_id)
                if self._store.put(message, visible, own.body.SerializeToString()):
                    out.append(message)
        out.extend(self._settled(self._outbox.met(result.envelope_id, sent.seq), sent.at_ms))

    def _refused(self, result: chat_pb2.SendResult) -> list[Event]:
        branch = result.WhichOneof("outcome") or "invalid"
        outcome = getattr(result, branch)
        retry_ms = getattr(outcome, "retry_after_ms", None)
        failed = self._outbox.refused(
            result.envelope_id,
            branch.upper(),
            retry_after_s=None if retry_ms is None else max(0.05, retry_ms / 1000),
            head=getattr(outcome, "head", 0),
            now_s=time.monotonic(),
        )
        item = self._outbox.items.get(result.envelope_id)
        if item is not None:
            self._store.save_item(item)
        return [self._failure(one, str(outcome).strip()) for one in failed]

    def _failure(self, failed: Failed, detail: str) -> Event:
        item = failed.item
        reason = "UNKNOWN" if item.state is State.UNKNOWN else item.reason
        return events.SendFailed(item.conversation_id, item.envelope_id, reason, detail)

    def _settled(self, settled: list[Settled], at_ms: int) -> list[Event]:
        out: list[Event] = []
        for one in settled:
            self._store.drop_from_outbox(one.item.envelope_id)
            out.append(events.Sent(one.item.conversation_id, one.item.envelope_id, one.seq, at_ms))
        return out

    def _state(self, state: chat_pb2.State, out: list[Event], moved: set[str]) -> None:
        told = state.conversation
        at = self._position(told.id)
        if state.start_seq > at.seq:
            at.skipped(at.seq + 1, state.start_seq)
        at.head = max(at.head, state.start_seq)
        moved.add(told.id)
        self._store.touch(told.id)
        members = ",".join(member.account_id for member in told.members if member.role)
        db = self._store.db
        if told.type:
            db.execute(
                "UPDATE conversations SET title=?, members=?, changed_at_ms=max(changed_at_ms, ?) WHERE id=?",
                (told.title, members, told.changed_at_ms, told.id),
            )
        else:
            db.execute("UPDATE conversations SET members=members||','||? WHERE id=?", (members, told.id))
        out.append(events.ConversationChanged(told.id))

    def _ticks(self, told: chat_pb2.Positions, out: list[Event]) -> None:
        delivered = tuple((run.from_seq, run.to_seq) for run in told.delivered)
        read = tuple((run.from_seq, run.to_seq) for run in told.read)
        if delivered or read:
            self._store.ticks(told.conversation_id, delivered, read)
            out.append(events.TicksMoved(told.conversation_id))
        if told.own_read_seq:
            self._store.touch(told.conversation_id)
            self._store.db.execute(
                "UPDATE conversations SET read_seq=max(read_seq, ?), read_echoed=max(read_echoed, ?) WHERE id=?",
                (told.own_read_seq, told.own_read_seq, told.conversation_id),
            )
            out.append(events.ConversationChanged(told.conversation_id))

    def _epoch(self, epoch: str) -> None:
        """Another store than the device knew: its seqs mean nothing here any more."""
        known = self._store.meta().get("epoch", "")
        if known and known != epoch:
            self._store.forget_positions()
            self._positions.clear()
        self._store.set_meta(epoch=epoch)
