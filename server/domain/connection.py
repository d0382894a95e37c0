"""One device's open stream as a state machine: what it gets, when, and what its acks mean. Pure: events in, commands out.

            hello(last)          loaded
    WAITING ───────────▶ LOADING ───────▶ OPEN ──────▶ CLOSED
        └──── timeout, wrong frame ─────────┴─── replaced, removed, drain, flood, slow

Rules that live here and nowhere else (DESIGN §4 Deliver, Ack, Resume):
- The pump is the one path, live or catching up: for each conversation it sends `next` while `head >= next` and the window has
  room; it asks the fold for every seq, so that nothing leaks between two intervals (B15).
- A nudge raises `head`; a lost one is healed by the next, by the second look, or by the comparison.
- Window: `window_envelopes_max` and `window_bytes_max` un-acked, half of it at most for one conversation, always at least one.
- An own envelope that this connection was answered is not sent again on it; the device's ack covers it.
- What will not come is a Gap: below the floor, trimmed, expired, withheld. But for the withheld, its seqs are stored as skipped
  before the Gap is sent (`StoreSkipped`). A State follows, since the Gap may have held changes.
- A row that is missing for no such reason is asked for again, never skipped (B6).
- An ack is clamped to what was sent, a read mark to the head (A9).
- CaughtUp follows the last envelope of what existed at Hello. It is information, not permission.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.domain import ids, ranges
from server.domain.connection_commands import (
    Command,
    Deliver,
    Item,
    Moved,
    OpenFeed,
    OwnSent,
    ReadLog,
    SendCaughtUp,
    SendGap,
    SendState,
    StoreSkipped,
    View,
)
from server.domain.envelope import DELETED, Entry
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.ranges import Ranges

__all__ = [
    "Command",
    "Connection",
    "Deliver",
    "Feed",
    "Item",
    "Moved",
    "OpenFeed",
    "OwnSent",
    "READ_ENTRIES_MAX",
    "ReadLog",
    "SendCaughtUp",
    "SendGap",
    "SendState",
    "StoreSkipped",
    "View",
]

READ_ENTRIES_MAX = 128
"""Entries of one read of the log."""


@dataclass(slots=True, eq=False)
class Feed:
    """One conversation on one connection."""

    view: View
    next: int
    """The seq to send next; everything below was sent, or was a Gap."""
    head: int
    """The head that this connection was told of."""
    acked: int
    read: int = 0
    skipped: Ranges = ()
    fetched: dict[int, Item] = field(default_factory=dict)
    """Entries that were read from the log and not yet sent."""
    unacked: deque[tuple[int, int]] = field(default_factory=deque)
    """(seq, size) of what was sent and is not acked."""
    unacked_bytes: int = 0
    given: set[int] = field(default_factory=set)
    """Own seqs that this connection was answered, and which the pump has not passed."""
    storing: int = 0
    """The first seq of a Gap that waits for its seqs to be durable as skipped; 0: none does."""
    waiting: bool = False
    """A read or a store of skipped seqs is under way."""
    floor: int = 0
    state_due: bool = False
    """A State must come before the next envelope."""
    resync: bool = False
    """That State takes the device's position back."""
    target: int = 0
    """CaughtUp waits for `next` to pass this."""


class Connection:
    """The stream of one device."""

    __slots__ = (
        "_caught_up",
        "_heads",
        "_hello_done",
        "_limits",
        "_stalled",
        "_lagging",
        "_reads",
        "_unacked",
        "_unacked_bytes",
        "account_id",
        "feeds",
        "identity",
        "now_ms",
        "stalls",
    )

    def __init__(self, identity: Identity, limits: Limits) -> None:
        self.identity = identity
        self.account_id = identity.account_id
        self.feeds: dict[str, Feed] = {}
        self.stalls = 0
        """How often the window was full when there was something to send."""
        self.now_ms = 0
        """The node's clock, set by the shell before each event: Unix ms."""
        self._stalled: dict[str, None] = {}
        """Conversations whose pump found the window full, the longest waiting first."""
        self._limits = limits
        self._heads: dict[str, int] = {}
        """Heads of conversations that are being opened."""
        self._reads: dict[str, int] = {}
        """Read marks that came for them meanwhile."""
        self._unacked = 0
        self._unacked_bytes = 0
        self._lagging: set[str] | None = None
        self._hello_done = False
        self._caught_up = False

    # -- Hello ---------------------------------------------------------------------------------------------------------

    def opened(
        self,
        conversation_id: str,
        view: View,
        head: int,
        *,
        acked: int,
        read: int,
        skipped: Ranges,
        fresh: bool,
        resync: bool = False,
    ) -> list[Command]:
        """A conversation of the account is known, with the device's position.

        `fresh`: the device does not know it yet. `resync`: what it knows is of a log that was since restored from a backup.
        """
        if (known := self.feeds.get(conversation_id)) is not None:  # a nudge was faster
            self._expect(conversation_id, known, head)
            return self.raised(conversation_id, head)
        head = max(head, self._heads.pop(conversation_id, 0))
        fold = view.fold
        feed = Feed(view, acked + 1, head, acked, read, skipped)
        feed.state_due = fresh or resync or ids.is_self(conversation_id)
        feed.resync = resync
        self.feeds[conversation_id] = feed
        self._expect(conversation_id, feed, head)
        commands: list[Command] = []
        if feed.state_due and (ids.is_self(conversation_id) or not fold.next_entitled(self.account_id, feed.next)):
            commands.append(self._state(conversation_id, feed, acked))
        commands += self._pump(conversation_id, feed)
        return commands + self.read(conversation_id, self._reads.pop(conversation_id, 0))

    def _expect(self, conversation_id: str, feed: Feed, head: int) -> None:
        """CaughtUp waits for what the conversation holds up to `head`, when Hello is still being answered."""
        if self._lagging is not None and not self._hello_done:
            feed.target = max(feed.target, min(head, feed.view.fold.last_entitled(self.account_id)))
            if feed.target >= feed.next or feed.waiting:
                self._lagging.add(conversation_id)

    def hello(self) -> None:
        """Conversations that are opened from now until `hello_done` count for CaughtUp."""
        self._lagging = set()

    def hello_done(self) -> list[Command]:
        """Every conversation that existed at Hello has been opened."""
        self._hello_done = True
        return self._check_caught_up()

    # -- nudges --------------------------------------------------------------------------------------------------------

    def raised(self, conversation_id: str, head: int) -> list[Command]:
        """A nudge: the log has grown to `head`."""
        feed = self.feeds.get(conversation_id)
        if feed is None:
            known = conversation_id in self._heads
            self._heads[conversation_id] = max(head, self._heads.get(conversation_id, 0))
            return [] if known else [OpenFeed(conversation_id)]
        if head > feed.head:
            feed.head = head
        if feed.next > feed.head or feed.waiting:
            return []
        return self._pump(conversation_id, feed)

    def given(self, conversation_id: str, seq: int) -> None:
        """This connection was answered that an own envelope is at `seq`. Comes before the nudge of `seq`."""
        feed = self.feeds.get(conversation_id)
        if feed is not None and seq >= feed.next:
            feed.given.add(seq)

    def fetched(self, conversation_id: str, items: Sequence[Item], floor: int) -> list[Command]:
        """What the log had after the seq that was asked for."""
        feed = self.feeds[conversation_id]
        feed.waiting = False
        feed.floor = max(feed.floor, floor)
        for item in items:
            feed.fetched[item.entry.seq] = item
        return self._pump(conversation_id, feed)

    def skipped_stored(self, conversation_id: str, gap: SendGap) -> list[Command]:
        """The skipped seqs are durable: the Gap may go out."""
        feed = self.feeds[conversation_id]
        feed.waiting, feed.storing = False, 0
        return [gap, *self._pump(conversation_id, feed)]

    # -- the device ----------------------------------------------------------------------------------------------------

    def acked(self, conversation_id: str, up_to_seq: int) -> list[Command]:
        """The device has everything up to a seq, Gaps included."""
        feed = self.feeds.get(conversation_id)
        if feed is None:
            return []
        seq = min(up_to_seq, (feed.storing or feed.next) - 1)
        if seq <= feed.acked:
            return []
        feed.acked = seq
        unacked = feed.unacked
        while unacked and unacked[0][0] <= seq:
            size = unacked.popleft()[1]
            feed.unacked_bytes -= size
            self._unacked_bytes -= size
            self._unacked -= 1
        commands: list[Command] = [Moved(conversation_id, seq, feed.read, feed.skipped, False)]
        stalled, self._stalled = self._stalled, {}
        for other_id in stalled:
            commands += self._pump(other_id, self.feeds[other_id])
        return commands

    def read(self, conversation_id: str, up_to_seq: int) -> list[Command]:
        """A person has seen everything up to a seq on this device."""
        feed = self.feeds.get(conversation_id)
        if feed is None:
            if conversation_id in self._heads:
                self._reads[conversation_id] = max(up_to_seq, self._reads.get(conversation_id, 0))
            return []
        seq = min(up_to_seq, feed.head)
        if seq <= feed.read:
            return []
        feed.read = seq
        return [Moved(conversation_id, feed.acked, seq, feed.skipped, True)]

    # -- the pump ------------------------------------------------------------------------------------------------------

    def _room(self, feed: Feed, size: int) -> bool:
        limits = self._limits
        if not feed.unacked and not self._unacked:
            return True
        return (
            self._unacked < limits.window_envelopes_max
            and self._unacked_bytes + size <= limits.window_bytes_max
            and len(feed.unacked) < limits.window_envelopes_max // 2
            and (not feed.unacked or feed.unacked_bytes + size <= limits.window_bytes_max // 2)
        )

    def _pump(self, conversation_id: str, feed: Feed) -> list[Command]:
        commands: list[Command] = []
        fold, account = feed.view.fold, self.account_id
        head = min(feed.head, fold.seq)
        entitled_to = 0
        while feed.next <= head and not feed.waiting:
            seq = feed.next
            if seq > entitled_to and (entitled_to := fold.entitled_to(account, seq)) < seq:
                later = fold.next_entitled(account, seq)
                if later is None:
                    break
                commands.append(self._state(conversation_id, feed, later - 1))
                feed.next = later
                continue
            if seq in feed.given:
                feed.given.discard(seq)
                feed.next = seq + 1
                continue
            item = feed.fetched.pop(seq, None) or feed.view.item(seq)
            if item is None or not self._deliverable(item.entry) or _deleted_since(feed, item.entry):
                more = self._gap_or_read(conversation_id, feed, item)
                commands += more
                if not more or feed.waiting:
                    break
                continue
            size = item.size
            if not self._room(feed, size):
                feed.fetched[seq] = item
                self.stalls += 1
                self._stalled[conversation_id] = None
                break
            if feed.state_due:
                commands.append(self._state(conversation_id, feed, seq - 1))
            commands.append(Deliver(item))
            if item.entry.header.sender_id == account:
                commands.append(OwnSent(conversation_id, seq))
            feed.unacked.append((seq, size))
            feed.unacked_bytes += size
            self._unacked += 1
            self._unacked_bytes += size
            feed.next = seq + 1
        if self._lagging and feed.next > feed.target and not feed.waiting:
            self._lagging.discard(conversation_id)
            commands += self._check_caught_up()
        return commands

    @staticmethod
    def _state(conversation_id: str, feed: Feed, start_seq: int) -> SendState:
        state = SendState(conversation_id, start_seq, feed.resync)
        feed.state_due = feed.resync = False
        return state

    def _deliverable(self, entry: Entry) -> bool:
        header = entry.header
        if header.withheld_from == self.account_id:
            return False
        if header.expires_at_ms and self.now_ms >= header.expires_at_ms:
            return False
        return entry.has_content()

    def _gap_or_read(self, conversation_id: str, feed: Feed, item: Item | None) -> list[Command]:
        """At `feed.next` is nothing to send: read it, or find out how far the Gap goes."""
        first = feed.next
        floor = max(feed.floor, feed.view.floor)
        if item is None and first > floor:
            feed.waiting = True
            return [ReadLog(conversation_id, first - 1, READ_ENTRIES_MAX)]
        seq, skipped, own = first, ranges.NONE, []
        fold, head = feed.view.fold, min(feed.head, feed.view.fold.seq)
        while seq <= head and fold.entitled(self.account_id, seq):
            if seq > first:
                item = feed.fetched.pop(seq, None) or feed.view.item(seq)
            if item is None and seq > floor:
                break
            if item is not None:
                if self._deliverable(item.entry) and not _deleted_since(feed, item.entry):
                    feed.fetched[seq] = item
                    break
                if item.entry.header.sender_id == self.account_id:
                    own.append((seq, item.entry.header.envelope_id))
            if item is None or item.entry.header.withheld_from != self.account_id:
                skipped = ranges.add(skipped, seq)
            feed.given.discard(seq)
            seq += 1
        feed.next = seq
        commands: list[Command] = []
        if feed.state_due:  # else the device would not know that its log begins here, and take the Gap for a later one
            feed.state_due = False
            commands.append(SendState(conversation_id, first - 1))
        gap = SendGap(conversation_id, first, seq - 1, tuple(own))
        if not skipped:
            return [*commands, gap]
        feed.skipped = ranges.union(feed.skipped, skipped)
        feed.waiting, feed.storing = True, first
        feed.state_due = True
        return [*commands, StoreSkipped(conversation_id, feed.skipped, gap)]

    def _check_caught_up(self) -> list[Command]:
        if self._caught_up or self._lagging or not self._hello_done:
            return []
        self._caught_up = True
        return [SendCaughtUp()]


def _deleted_since(feed: Feed, entry: Entry) -> bool:
    """Whether it was skipped for this device when its body was gone, and was deleted for everyone only then. The mark would come like an
    envelope, which is then delivered, and what was skipped never ticks: so it stays a Gap."""
    return entry.body == DELETED and ranges.contains(feed.skipped, entry.seq)
