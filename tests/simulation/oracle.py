"""What must never be, judged by code that shares no rule with the product: it sees every entry that lands, every event that reaches
a device, every transaction that a device commits, and what the person in front of it does.

`KINDS` are the promises; a `Violation` names the one that was broken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from server.domain.envelope import Entry, MemberAction
from server.ports.log import PositionRow
from tests.simulation.world import World

KINDS = (
    "SEQ REUSED",
    "DOUBLE APPEND",
    "NON-MEMBER LANDED",
    "LEAK",
    "WITHHELD SHOWN",
    "SHOWN BUT NOT IN LOG",
    "TWO SEQS",
    "SENT BUT NOT IN LOG",
    "HOLE",
    "LOST BY GAP",
    "CAUGHTUP EARLY",
    "DELIVERED IS A LIE",
    "READ IS A LIE",
    "GROUP TICK IS A LIE",
    "TICK WENT BACK",
    "POSITION BACKWARDS",
    "ACKED BUT NOT STORED",
    "FOLD LOST",
    "PROCESS DIED",
    "NEVER QUIET",
    "OUTBOX STUCK",
    "FAILED BUT LANDED",
    "NOT SHOWN",
    "TICK MISSING",
    "READ MARK LOST",
    "READ STATE DIFFERS",
)
Runs = Iterable[tuple[int, int]]
Intervals = tuple[tuple[int, int], ...]
TRIMMING_MS = 60_000
"""How long a trimmer may take from its look at the devices to its last write."""
_JOINS = (MemberAction.CREATED, MemberAction.ADDED)
_LEAVES = (MemberAction.REMOVED, MemberAction.LEFT)


class Violation(Exception):
    """A promise was broken."""

    def __init__(self, kind: str, detail: str) -> None:
        assert kind in KINDS, kind
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


@dataclass(eq=False)
class Witness:
    """What the oracle knows of one device."""

    name: str
    account: str
    start: dict[str, int] = field(default_factory=dict)
    """The heads at which it was linked: what is older may stay away."""
    covered: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Seqs that it was told of, as envelope, Gap, start of the log or answer."""
    held: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Seqs whose envelope it has committed."""
    position: dict[str, int] = field(default_factory=dict)
    delivered: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    read: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    marked: dict[str, int] = field(default_factory=dict)
    sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    active_ms: int = 0
    """When a node last saw it connected."""
    returned_ms: int = -1_000_000_000
    """When it came back after so long that it had no claim to bodies: a trimmer may have looked just before."""
    node: str = ""
    """Which it called last."""
    stale: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Seqs that another node, which had not noticed that the device was gone, stored as skipped: they need not tick."""
    gone: bool = False
    linking: bool = False
    """It is listed, and no process of it runs yet: a row of it says where it starts."""


class Oracle:
    """The truth, and who knows what of it."""

    def __init__(self, world: World, retention_s: int, header_retention_s: int) -> None:
        self.world = world
        self.retention_ms, self.header_retention_ms = 1000 * retention_s, 1000 * header_retention_s
        self.ever: dict[str, dict[int, Entry]] = defaultdict(dict)
        self.places: dict[tuple[str, str, str], int] = {}
        self.members: dict[str, dict[int, dict[str, Intervals]]] = {}
        """Conversation → seq → account → intervals (joined, left), as of that seq."""
        self.away: dict[tuple[str, int], set[str]] = {}
        """Place → the devices that may miss it, since it was forgotten while they were away for too long."""
        self.held: set[tuple[str, str, int]] = set()
        """(account, conversation, seq): some device of the account has committed it."""
        self.seen: set[tuple[str, str, int]] = set()
        """(account, conversation, seq): a person saw it on a device that had it."""
        self.devices: dict[str, Witness] = {}

    def violated(self, kind: str, detail: str) -> NoReturn:
        """A promise was broken."""
        raise Violation(kind, detail)

    # -- the log -------------------------------------------------------------------------------------------------------

    def begin(self, conversation_id: str, members: Iterable[str]) -> None:
        """A conversation whose members follow from its id."""
        self.members[conversation_id] = {0: {account: ((0, 0),) for account in members}}

    def head(self, conversation_id: str) -> int:
        """The last seq that ever landed."""
        return max(self.ever[conversation_id], default=0)

    def truth(self, conversation_id: str) -> dict[str, Intervals]:
        """Who was in when, as of the head."""
        return self.members[conversation_id][self.head(conversation_id)]

    def appended(self, conversation_id: str, entry: Entry) -> None:
        """An entry lands."""
        seq, header = entry.seq, entry.header
        ever, where = self.ever[conversation_id], f"{conversation_id}/{seq} {header.envelope_id[-4:]} of {header.sender_id}"
        if seq in ever:
            self.violated("SEQ REUSED", f"{where} after {ever[seq].header.envelope_id[-4:]}")
        identity = (conversation_id, header.sender_id, header.envelope_id)
        if identity in self.places:
            self.violated("DOUBLE APPEND", f"{where} is at {self.places[identity]}, too")
        before = self.members.setdefault(conversation_id, {0: {}})[seq - 1]
        if seq > 1 and not _is_in(before.get(header.sender_id, ())):
            self.violated("NON-MEMBER LANDED", where)
        now = dict(before)
        for account, action, _ in header.change.members if header.change is not None else ():
            if action in _JOINS:
                now[account] = (*now.get(account, ()), (seq, 0))
            elif action in _LEAVES:
                now[account] = (*now[account][:-1], (now[account][-1][0], seq))
        self.members[conversation_id][seq] = now
        ever[seq] = entry
        self.places[identity] = seq

    def forgotten(self, conversation_id: str, seq: int) -> None:
        """A body was emptied, or an entry dropped. Devices that were away for long have no claim to it any more."""
        now_ms, place = self.world.now_ms, (conversation_id, seq)
        old = now_ms - self.ever[conversation_id][seq].header.at_ms >= self.header_retention_ms
        away = (
            w.name
            for w in self.devices.values()
            if old or now_ms - w.active_ms >= self.retention_ms or now_ms - w.returned_ms < TRIMMING_MS
        )
        self.away.setdefault(place, set()).update(away)

    def active(self, witness: Witness, at_ms: int) -> None:
        """A node has seen the device connected."""
        if at_ms - witness.active_ms >= self.retention_ms:
            witness.returned_ms = at_ms
        witness.active_ms = max(witness.active_ms, at_ms)

    def listed(self, witness: Witness) -> None:
        """It is a device of its account from now on, though its linking may take long: what grows old meanwhile, or is forgotten since
        the device has not been seen for so long, need not come. Nor can what its self conversation has forgotten before."""
        self.devices[witness.name] = witness
        witness.active_ms = self.world.now_ms
        for (conversation_id, _), away in self.away.items():
            if conversation_id.startswith("s:"):
                away.add(witness.name)

    def position(self, row: PositionRow) -> None:
        """A position became durable: what it says the device has, the device was told of."""
        witness = self.devices.get(row.device_id)
        if witness is None:
            return
        if witness.linking:
            witness.start[row.conversation_id] = max(row.acked, witness.start.get(row.conversation_id, 0))
            return
        known = max(witness.position.get(row.conversation_id, 0), witness.start.get(row.conversation_id, 0))
        if row.acked > known:
            what = f"row of {row.device_id} in {row.conversation_id} says {row.acked}, the device has {known}"
            self.violated("ACKED BUT NOT STORED", what)

    def skipped(self, row: PositionRow, node: str) -> None:
        """A node stores seqs as skipped."""
        witness = self.devices.get(row.device_id)
        if witness is not None and not witness.linking and witness.node != node:
            witness.stale[row.conversation_id].update(seq for first, last in row.skipped for seq in range(first, last + 1))

    def entitled(self, conversation_id: str, account: str, seq: int) -> bool:
        """Whether the account belongs to the audience of `seq`."""
        intervals = self.truth(conversation_id).get(account, ())
        return any(joined <= seq and (not left or seq <= left) for joined, left in intervals)

    def _due(self, conversation_id: str, account: str, seq: int) -> bool:
        """Whether the account should get this seq."""
        withheld = self.ever[conversation_id][seq].header.withheld_from
        return self.entitled(conversation_id, account, seq) and withheld != account

    def last_entitled(self, conversation_id: str, account: str) -> int:
        """The last seq that is for the account."""
        intervals = self.truth(conversation_id).get(account, ())
        return 0 if not intervals else intervals[-1][1] or self.head(conversation_id)

    def left(self, conversation_id: str, account: str) -> int:
        """When the account left for the last time; 0: it is in, or never was."""
        intervals = self.truth(conversation_id).get(account, ())
        return intervals[-1][1] if intervals else 0

    # -- a device is told ----------------------------------------------------------------------------------------------

    def may_miss(self, witness: Witness, conversation_id: str, seq: int) -> bool:
        """Whether there is a good reason that the device never gets this seq."""
        if seq <= witness.start.get(conversation_id, 0) or not self._due(conversation_id, witness.account, seq):
            return True
        if seq in witness.held[conversation_id]:
            return True
        header = self.ever[conversation_id][seq].header
        if header.expires_at_ms and self.world.now_ms >= header.expires_at_ms:
            return True
        return witness.name in self.away.get((conversation_id, seq), ())

    def gap(self, witness: Witness, conversation_id: str, first: int, last: int) -> None:
        """The device is told that these will not come."""
        for seq in range(first, last + 1):
            if not self.may_miss(witness, conversation_id, seq):
                self.violated("LOST BY GAP", f"{conversation_id}/{seq} on {witness.name}")
            witness.covered[conversation_id].add(seq)

    def begins(self, witness: Witness, conversation_id: str, start_seq: int) -> None:
        """The device is told that its log begins behind `start_seq`."""
        covered = witness.covered[conversation_id]
        for seq in range(1, start_seq + 1):
            if seq not in covered and not self.may_miss(witness, conversation_id, seq):
                self.violated("LOST BY GAP", f"{conversation_id}/{seq} on {witness.name}, by a State at {start_seq}")
            covered.add(seq)

    def envelope(self, witness: Witness, conversation_id: str, seq: int, envelope_id: str) -> None:
        """The device is sent an envelope."""
        self._shown(witness, conversation_id, seq, envelope_id)
        covered = witness.covered[conversation_id]
        for before in range(1, seq):
            if before not in covered:
                self.violated("HOLE", f"{witness.name} got {conversation_id}/{seq} before {before}")
        covered.add(seq)

    def _shown(self, witness: Witness, conversation_id: str, seq: int, envelope_id: str) -> None:
        where = f"{conversation_id}/{seq} {envelope_id[-4:]} on {witness.name}"
        entry = self.ever[conversation_id].get(seq)
        if entry is None or entry.header.envelope_id != envelope_id:
            self.violated("SHOWN BUT NOT IN LOG", where)
        if not self.entitled(conversation_id, witness.account, seq):
            self.violated("LEAK", where)
        if entry.header.withheld_from == witness.account:
            self.violated("WITHHELD SHOWN", where)

    def answered(self, witness: Witness, conversation_id: str, envelope_id: str, seq: int) -> None:
        """The device is told that its envelope was sent."""
        entry = self.ever[conversation_id].get(seq)
        if entry is None or entry.header.envelope_id != envelope_id:
            self.violated("SENT BUT NOT IN LOG", f"{conversation_id}/{seq} {envelope_id[-4:]} told to {witness.name}")
        place = witness.sent.setdefault(envelope_id, (conversation_id, seq))
        if place != (conversation_id, seq):
            self.violated("TWO SEQS", f"{envelope_id[-4:]} of {witness.name}: {place} and {seq}")
        witness.covered[conversation_id].add(seq)

    def caught_up(self, witness: Witness, target: dict[str, int]) -> None:
        """The device is told that it was sent all that existed at its Hello."""
        for conversation_id, last in target.items():
            for seq in range(witness.start.get(conversation_id, 0) + 1, last + 1):
                due = self.entitled(conversation_id, witness.account, seq)
                if due and seq not in witness.covered[conversation_id]:
                    self.violated("CAUGHTUP EARLY", f"{witness.name} lacks {conversation_id}/{seq} of {last}")

    def ticks(self, witness: Witness, conversation_id: str, delivered: Runs, read: Runs) -> None:
        """The device is told ticks of its account's envelopes."""
        direct = conversation_id.startswith("d:")
        for name, runs, have in (("DELIVERED", delivered, self.held), ("READ", read, self.seen)):
            for seq in (seq for first, last in runs for seq in range(first, last + 1)):
                if not self._is_own(conversation_id, witness.account, seq):
                    continue
                if not self._ticked(conversation_id, witness.account, seq, have):
                    kind = f"{name} IS A LIE" if direct else "GROUP TICK IS A LIE"
                    self.violated(kind, f"{conversation_id}/{seq} told to {witness.name} as {name.lower()}")

    def _is_own(self, conversation_id: str, account: str, seq: int) -> bool:
        entry = self.ever[conversation_id].get(seq)
        return entry is not None and entry.header.sender_id == account

    def _ticked(self, conversation_id: str, author: str, seq: int, have: set[tuple[str, str, int]]) -> bool:
        """Whether all who are still in have it, and at least one who was in."""
        truth = self.truth(conversation_id)
        had = [account for account in truth if account != author and (account, conversation_id, seq) in have]
        rest = [account for account, runs in truth.items() if account != author and _still_in(runs, seq)]
        return bool(had) and all((account, conversation_id, seq) in have for account in rest)

    # -- a device commits ----------------------------------------------------------------------------------------------

    def committed(self, witness: Witness, conversation_id: str, seq: int, envelope_id: str) -> None:
        """The device has an envelope on its own disk."""
        self._shown(witness, conversation_id, seq, envelope_id)
        witness.held[conversation_id].add(seq)
        self.held.add((witness.account, conversation_id, seq))

    def moved(self, witness: Witness, conversation_id: str, position: int, delivered: Runs, read: Runs) -> None:
        """The device's own record of a conversation, after a commit."""
        before = witness.position.get(conversation_id, 0)
        if position < before:
            self.violated("POSITION BACKWARDS", f"{witness.name} in {conversation_id}: {position} after {before}")
        for seq in range(before + 1, position + 1):
            if seq not in witness.covered[conversation_id]:
                self.violated("HOLE", f"{witness.name} stands at {conversation_id}/{position} and was never told of {seq}")
        witness.position[conversation_id] = position
        for kept, runs in ((witness.delivered, delivered), (witness.read, read)):
            now = {seq for first, last in runs for seq in range(first, last + 1)}
            if lost := kept[conversation_id] - now:
                self.violated("TICK WENT BACK", f"{conversation_id}/{min(lost)} on {witness.name}")
            kept[conversation_id] = now

    def looked(self, witness: Witness, conversation_id: str, up_to_seq: int) -> None:
        """A person has looked at everything up to a seq."""
        witness.marked[conversation_id] = max(up_to_seq, witness.marked.get(conversation_id, 0))
        for seq in witness.held[conversation_id]:
            if seq <= up_to_seq:
                self.seen.add((witness.account, conversation_id, seq))


def _is_in(intervals: Intervals) -> bool:
    return bool(intervals) and not intervals[-1][1]


def _still_in(intervals: Intervals, seq: int) -> bool:
    return any(joined <= seq and not left for joined, left in intervals)
