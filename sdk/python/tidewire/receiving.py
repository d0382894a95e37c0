"""What comes on the stream, put into the store: one method for each kind of event. Runs inside one transaction a frame."""

from __future__ import annotations

import time
from collections.abc import Callable

from tidewire import events, reading, roster
from tidewire.domain.outbox import Failed, Outbox, Settled, State
from tidewire.domain.position import Position
from tidewire.events import Event
from tidewire.media import avatar_of
from tidewire.store import Store
from tidewire.v1 import chat_pb2, envelope_pb2, refusal_pb2


class Receiving:
    """Applies events to store, positions and outbox."""

    def __init__(
        self,
        account_id: str,
        device_id: str,
        store: Store,
        outbox: Outbox,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._account_id = account_id
        self._device_id = device_id
        self._store = store
        self._outbox = outbox
        self.positions: dict[str, Position] = {}
        self.refs: dict[int, str] = {}
        """Of this stream: which envelope a Send's reference stands for, until it is answered."""
        self._as_of: dict[str, int] = {}
        """Up to where members and title were told as they are, so that older entries do not change them again."""

    def _position(self, conversation_id: str) -> Position:
        return self.positions.setdefault(conversation_id, Position())

    def apply(self, event: chat_pb2.Event, out: list[Event], moved: set[str]) -> None:
        """Store what `event` says; add what is to be emitted to `out`, and conversations whose position moved to `moved`."""
        match event.WhichOneof("event"):
            case "envelope":
                self._envelope(event.envelope, out, moved)
            case "send_result":
                self._result(event.send_result, out, moved)
            case "refusal":
                self._refused_command(event.refusal, out)
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
                said = getattr(event.notice, kind).ListFields() if kind else ()
                details = {field.name: value for field, value in said}
                out.append(events.NoticeReceived(kind, asked.login_id, asked.device_name, details))

    def _envelope(self, envelope: envelope_pb2.Envelope, out: list[Event], moved: set[str]) -> None:
        at = self._position(envelope.conversation_id)
        moved.add(envelope.conversation_id)
        if not at.took(envelope.seq):
            return
        message, visible = reading.message(envelope, self._account_id)
        if self._store.put(message, visible, envelope.body.SerializeToString(), envelope.header.expires_at_ms):
            out.append(message)
            if (message.changes or message.profile) and envelope.seq > self._as_of.get(envelope.conversation_id, 0):
                roster.changed(self._store.db, message)
                out.append(events.ConversationChanged(message.conversation_id))
        if message.mine:
            out.extend(self._settled(self._outbox.met(message.envelope_id, message.seq), message.at_ms))

    def _refused_command(self, refusal: refusal_pb2.Refusal, out: list[Event]) -> None:
        """A Send whose fields are wrong is refused like any command, by its reference. The outbox must not wait for it for ever."""
        envelope_id = self.refs.pop(refusal.ref, "")
        if envelope_id:
            reason = refusal_pb2.RefusalReason.Name(refusal.reason).removeprefix("REFUSAL_REASON_")
            retry_ms = refusal.retry_after_ms if refusal.HasField("retry_after_ms") else None
            out.extend(self._no(envelope_id, reason, retry_ms, 0, refusal.detail))

    def _result(self, result: chat_pb2.SendResult, out: list[Event], moved: set[str]) -> None:
        self.refs.pop(result.ref, None)
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
                        sender_account_id=self._account_id,
                        sender_device_id=self._device_id,
                        at_ms=sent.at_ms,
                        kind=envelope_pb2.Kind.Value(f"KIND_{kind.upper()}"),  # type: ignore[arg-type]
                        target_seq=send.target_seq,
                    )
                )
                message, visible = reading.message(own, self._account_id)
                if self._store.put(message, visible, own.body.SerializeToString()):
                    out.append(message)
        out.extend(self._settled(self._outbox.met(result.envelope_id, sent.seq), sent.at_ms))

    def _refused(self, result: chat_pb2.SendResult) -> list[Event]:
        branch = result.WhichOneof("outcome") or "invalid"
        outcome = getattr(result, branch)
        retry_ms = getattr(outcome, "retry_after_ms", None)
        return self._no(result.envelope_id, branch.upper(), retry_ms, getattr(outcome, "head", 0), str(outcome).strip())

    def _no(self, envelope_id: str, reason: str, retry_ms: int | None, head: int, detail: str) -> list[Event]:
        """The server does not take an envelope, now or ever."""
        retry_after_s = None if retry_ms is None else max(0.05, retry_ms / 1000)
        failed = self._outbox.refused(envelope_id, reason, retry_after_s=retry_after_s, head=head, now_s=self._now_s())
        item = self._outbox.items.get(envelope_id)
        if item is not None:
            self._store.save_item(item)
        return [self._failure(one, detail) for one in failed]

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
        if state.resync and told.type:
            self._resync(told.id, state.start_seq, told.as_of_seq)
        at = self._position(told.id)
        if state.start_seq > at.seq:
            at.skipped(at.seq + 1, state.start_seq)
        at.head = max(at.head, state.start_seq)
        moved.add(told.id)
        self._store.touch(told.id)
        if told.type:
            self._as_of[told.id] = told.as_of_seq
            self._store.db.execute(
                "UPDATE conversations SET title=?, description=?, changed_at_ms=max(changed_at_ms, ?) WHERE id=?",
                (told.title, told.description, told.changed_at_ms, told.id),
            )
            roster.avatar(self._store.db, told.id, avatar_of(told))
        members = [(member.account_id, reading.role_name(member.role)) for member in told.members]
        roster.told(self._store.db, told.id, members, first=bool(told.type))
        out.append(events.ConversationChanged(told.id))

    def _resync(self, conversation_id: str, start_seq: int, head: int) -> None:
        """The server's store was restored: seqs above its head mean something else now, and everything comes again."""
        self.positions[conversation_id] = Position(start_seq, head)
        self._store.resync(conversation_id, start_seq, head)
        for item in self._outbox.resynced(conversation_id, head):
            self._store.save_item(item)

    def _ticks(self, told: chat_pb2.Positions, out: list[Event]) -> None:
        delivered = tuple((run.from_seq, run.to_seq) for run in told.delivered)
        read = tuple((run.from_seq, run.to_seq) for run in told.read)
        if delivered or read:
            self._store.ticks(told.conversation_id, delivered, read)
            out.append(events.TicksMoved(told.conversation_id))
        if told.own_read_seq:
            self._store.touch(told.conversation_id)
            self._store.db.execute(
                "UPDATE conversations SET read_seq=max(read_seq, ?) WHERE id=?", (told.own_read_seq, told.conversation_id)
            )
            out.append(events.ConversationChanged(told.conversation_id))

    def _epoch(self, epoch: str) -> None:
        """The epoch goes with the next Hello: a node whose store was restored since then answers with States that resync."""
        self._store.set_meta(epoch=epoch)
