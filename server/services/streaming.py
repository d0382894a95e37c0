"""The shell around `Connection`: one `Stream` per open call, executing the connection's commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.domain import connection as machine
from server.domain.append import Sent
from server.domain.connection import Connection
from server.domain.events import CaughtUp, Closing, Gap, SendResult, State, Told, refusal_in
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason
from server.domain.ranges import Ranges
from server.kit.refusal import Refusal, Refused
from server.kit.world import Clock
from server.ports.log import Log, PositionRow, Positions
from server.ports.wire import Wire
from server.services.conversations import Conversations, Live
from server.services.receipts import Receipts

log = logging.getLogger(__name__)

RETRY_MS = 500
"""How long a stream waits before it asks an unavailable store again."""


class Known(NamedTuple):
    """Where a device is in one conversation, before it has a feed."""

    acked: int
    read: int
    skipped: Ranges
    fresh: bool
    """It has to be told where its log begins."""
    resync: bool
    """What it knows is of a log that was since restored from a backup."""


UNKNOWN = Known(0, 0, (), True, False)


class StreamCounts(Protocol):
    """What streams count."""

    def delivered(self, envelopes: int) -> None:
        """Envelopes were handed to a device's stream."""
        ...

    def stalled(self, times: int) -> None:
        """A full window stopped pumps so many times."""
        ...

    def refused(self, reason: str) -> None:
        """A command was refused."""
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What every stream works with."""

    conversations: Conversations
    receipts: Receipts
    log: Log
    positions: Positions
    wire: Wire
    clock: Clock
    limits: Limits
    tasks: asyncio.TaskGroup
    counts: StreamCounts


class Stream:
    """One device's open call. `frames` is what it is to send; the adapter takes it with `take` after `woken`."""

    def __init__(self, connection_id: str, identity: Identity, needs: Needs, woken: Callable[[], None]) -> None:
        self.connection_id = connection_id
        self.identity = identity
        self.connection = Connection(identity, needs.limits)
        self.said: Mapping[str, tuple[int, int]] = {}
        """What Hello said: conversation → (acked, read)."""
        self.trusted = True
        """Hello was of this store's epoch."""
        self.known: dict[str, Known] = {}
        """Conversations that have no feed yet."""
        self.read_told: dict[str, int] = {}
        """The account's own read positions that this stream was told when hints were read."""
        self.closing: Closing | None = None
        self._needs = needs
        self._woken = woken
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._idle = False
        """What waits was put there by `send_along` alone: nobody was woken for it."""
        self._pinned: list[Live] = []
        self._stalls = 0
        self._gone = False

    # -- what the adapter does -----------------------------------------------------------------------------------------

    def take(self, bytes_max: int) -> bytes:
        """The next frame: as many whole events as fit, at least one; b"" when there is nothing to send."""
        out = self._out
        if not out:
            return b""
        if self._out_bytes <= bytes_max:
            frame = b"".join(out)
            out.clear()
            self._out_bytes = 0
            self._idle = False
            return frame
        size = count = 0
        for event in out:
            size += len(event)
            if size > bytes_max and count:
                break
            count += 1
        frame = b"".join(out[:count])
        del out[:count]
        self._out_bytes -= len(frame)
        return frame

    def tell(self, event: Told) -> None:
        """Send an event."""
        if (refusal := refusal_in(event)) is not None:
            self._needs.counts.refused(refusal.reason.name)
        self.send(self._needs.wire.told(event))

    def send(self, events: Sequence[bytes]) -> None:
        """Send serialised events."""
        if self._gone or self.closing is not None:
            return
        if not self._out or self._idle:
            self._idle = False
            self._woken()
        self._out += events
        self._out_bytes += sum(map(len, events))
        if self._out_bytes > self._needs.limits.stream_backlog_bytes_max:
            self._out.clear()
            self._out_bytes = 0
            self.close(ClosingReason.SLOW, RETRY_MS, "the device asks for more than it takes")

    def send_along(self, events: Sequence[bytes]) -> None:
        """Send serialised events with the next frame, or when `wake` is called: what can wait costs no write of its own."""
        if self._gone or self.closing is not None:
            return
        self._idle = self._idle or not self._out
        self._out += events
        self._out_bytes += sum(map(len, events))

    def wake(self) -> None:
        """Send what waits to be sent along."""
        if self._idle:
            self._idle = False
            self._woken()

    def close(self, reason: ClosingReason, retry_after_ms: int = 0, detail: str = "") -> None:
        """Send Closing as the last event. Idempotent: the first reason holds."""
        if self.closing is None and not self._gone:
            closing = Closing(reason, retry_after_ms, detail)
            self.tell(closing)
            self.closing = closing
            self._woken()

    def release(self) -> None:
        """The call is over."""
        self._gone = True
        self._out.clear()
        self._out_bytes = 0
        for live in self._pinned:
            live.pins -= 1
        self._pinned.clear()

    # -- what happens --------------------------------------------------------------------------------------------------

    def nudge(self, conversation_id: str, head: int) -> None:
        """A log has grown."""
        if not self._gone:
            self.connection.now_ms = self._needs.clock.now_ms()
            self.do(self.connection.raised(conversation_id, head))

    def answered(self, ref: int, conversation_id: str, envelope_id: str, outcome: Sent | Refusal) -> None:
        """A Send of this stream has ended."""
        if isinstance(outcome, Sent):
            self.connection.given(conversation_id, outcome.seq)
            self.send((self._needs.wire.sent(ref, conversation_id, envelope_id, outcome),))
        else:
            self.tell(SendResult(ref, conversation_id, envelope_id, outcome))

    def acked(self, conversation_id: str, up_to_seq: int) -> None:
        """The device has stored."""
        self.connection.now_ms = self._needs.clock.now_ms()
        self.do(self.connection.acked(conversation_id, up_to_seq))

    async def read(self, conversation_id: str, up_to_seq: int) -> None:
        """A person has seen. Opens the conversation when this connection has had no use for it yet."""
        if conversation_id not in self.connection.feeds and conversation_id in self.known:
            await self.open(conversation_id)
        self.do(self.connection.read(conversation_id, up_to_seq))

    def know(self, conversation_id: str, row: PositionRow | None, head: int | None = None) -> Known:
        """Take in where the device is, by its Hello, its position row and, when it was read, the log's head; before anything is sent."""
        said = self.said.get(conversation_id)
        acked, read = said if said is not None and self.trusted else (-1, 0)
        if head is not None and acked > head:
            log.error("a device is ahead of the log", extra={"conversation": conversation_id, "acked": acked})
            acked, read = -1, 0
        fresh = acked < 0
        resync = fresh and said is not None
        if fresh:
            acked = row.acked if row is not None and not resync else 0
        if row is not None:
            read = max(read, row.read)
        known = self.known[conversation_id] = Known(acked, read, row.skipped if row is not None else (), fresh, resync)
        return known

    async def open(self, conversation_id: str, head: int = 0) -> None:
        """Give the connection a feed for a conversation, whose log was seen to reach `head`.

        Raises:
            Refused: UNAVAILABLE.
        """
        live = await self._needs.conversations.open(conversation_id, head)
        if self.known.get(conversation_id, UNKNOWN).acked > live.fold.seq:  # another node may have appended what the device has
            heads = await self._needs.log.heads([conversation_id])
            live = await self._needs.conversations.open(conversation_id, heads[conversation_id].seq if heads else 0)
        acked, read, skipped, fresh, resync = self.known.pop(conversation_id, UNKNOWN)
        if self._gone:
            return
        if conversation_id not in self.connection.feeds:
            if acked > live.fold.seq:
                log.error("a device is ahead of the log", extra={"conversation": conversation_id, "acked": acked})
                acked, read, resync = 0, 0, True
            live.pins += 1
            self._pinned.append(live)
        self.connection.now_ms = self._needs.clock.now_ms()
        self.do(
            self.connection.opened(
                conversation_id, live, live.fold.seq, acked=acked, read=read, skipped=skipped, fresh=fresh, resync=resync
            )
        )

    def do(self, commands: Sequence[machine.Command]) -> None:
        """Execute what the connection wants. What has to wait for the store goes on in a task of its own."""
        if not commands:
            return
        events: list[bytes] = []
        delivered = 0
        for command in commands:
            match command:
                case machine.Deliver():
                    events.append(command.item.event)
                    delivered += 1
                case machine.OwnSent(conversation_id, seq):
                    self._needs.receipts.met(conversation_id, self.identity.account_id, seq)
                case machine.Moved():
                    self._needs.receipts.moved(self.identity, command)
                case machine.SendGap(conversation_id, first, last, own):
                    events += self._needs.wire.told(Gap(conversation_id, first, last, own))
                case machine.SendState(conversation_id, start_seq, resync):
                    feed = self.connection.feeds[conversation_id]
                    events += self._needs.wire.told(State(feed.view.fold, start_seq, feed.read, resync))
                case machine.SendCaughtUp():
                    events += self._needs.wire.told(CaughtUp())
                case machine.ReadLog(conversation_id, after_seq, limit):
                    self._spawn(self._read_log(conversation_id, after_seq, limit))
                case machine.StoreSkipped(conversation_id, skipped, gap):
                    self._spawn(self._store_skipped(conversation_id, skipped, gap))
                case machine.OpenFeed(conversation_id):
                    self._spawn(self._open_feed(conversation_id))
        if self.connection.stalls > self._stalls:
            self._needs.counts.stalled(self.connection.stalls - self._stalls)
            self._stalls = self.connection.stalls
        if delivered:
            self._needs.counts.delivered(delivered)
        if events:
            self.send(events)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._needs.tasks.create_task(self._persist(work), name="stream")

    async def _persist(self, work: Coroutine[None, None, None]) -> None:
        """A store that is away ends the stream with a hint when to come back; its positions are safe."""
        try:
            await work
        except Refused as refused:
            self.close(ClosingReason.INTERNAL, RETRY_MS, refused.refusal.sentence())

    async def _read_log(self, conversation_id: str, after_seq: int, limit: int) -> None:
        feed = self.connection.feeds[conversation_id]
        live = feed.view
        assert isinstance(live, Live), "a feed looks at a live conversation"
        entries = await self._needs.log.entries(conversation_id, after_seq, limit)
        floor = live.floor
        if not entries or entries[0].seq != after_seq + 1:
            head = (await self._needs.log.heads([conversation_id])).get(conversation_id)
            floor = max(floor, head.floor if head else 0)
            live.round.floor = max(live.round.floor, floor)
        if not self._gone:
            items = [live.encode(entry) for entry in entries]
            self.connection.now_ms = self._needs.clock.now_ms()
            self.do(self.connection.fetched(conversation_id, items, floor))

    async def _store_skipped(self, conversation_id: str, skipped: Ranges, gap: machine.SendGap) -> None:
        await self._needs.receipts.store_skipped(self.identity, conversation_id, skipped)
        if not self._gone:
            self.do(self.connection.skipped_stored(conversation_id, gap))

    async def _open_feed(self, conversation_id: str) -> None:
        if conversation_id not in self.known:
            rows = await self._needs.positions.of_device(self.identity.device_id)
            self.know(conversation_id, next((row for row in rows if row.conversation_id == conversation_id), None))
        await self.open(conversation_id)
