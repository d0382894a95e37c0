"""The fold and the connection, driven by hypothesis against models that know none of their code."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.domain.connection import (
    Connection,
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
)
from server.domain.connection_commands import Command
from server.domain.envelope import Change, Entry, Header, Kind, MemberAction, MemberChange, Role
from server.domain.fold import Fold
from server.domain.limits import Limits
from tests.support.cast import ALICE, BOB, CAROL, DAVE, GROUP, NOW, PHONE, created, uuid

PEOPLE = (ALICE, BOB, CAROL, DAVE)
NAMES = (GROUP, "g:other", "g:third")
people = st.sampled_from(PEOPLE)


class FoldMachine(RuleBasedStateMachine):
    """Any history of a group: the fold knows for each seq who was there before and after it."""

    @initialize()
    def create(self) -> None:
        self.fold = Fold(GROUP)
        self.members = [frozenset[str](), frozenset({ALICE, BOB})]
        """Who is in after each seq."""
        self.visible = 0
        self.fold.apply(created(ALICE, BOB))

    def append(self, kind: Kind, change: Change | None = None) -> None:
        seq = self.fold.seq + 1
        self.fold.apply(Entry(seq, Header(uuid(seq), ALICE, "phone", int(kind), NOW + seq, change=change), None))

    def change(self, account: str, action: MemberAction, role: Role) -> None:
        self.append(Kind.MEMBERSHIP, Change((MemberChange(account, action, role),)))

    @rule(account=people)
    def add(self, account: str) -> None:
        if account not in self.members[-1]:
            self.change(account, MemberAction.ADDED, Role.MEMBER)
            self.members.append(self.members[-1] | {account})

    @rule(account=people, left=st.booleans())
    def go(self, account: str, left: bool) -> None:
        if account in self.members[-1]:
            self.change(account, MemberAction.LEFT if left else MemberAction.REMOVED, Role.NONE)
            self.members.append(self.members[-1] - {account})

    @rule(account=people, role=st.sampled_from([Role.MEMBER, Role.ADMIN]))
    def promote(self, account: str, role: Role) -> None:
        if account in self.members[-1]:
            self.change(account, MemberAction.ROLE_CHANGED, role)
            self.members.append(self.members[-1])
            assert self.fold.role(account) is role

    @rule(visible=st.booleans())
    def write(self, visible: bool) -> None:
        self.append(Kind.TEXT if visible else Kind.REACTION)
        self.members.append(self.members[-1])
        self.visible += visible

    @rule()
    def store_and_load(self) -> None:
        self.fold = Fold.load(GROUP, self.fold.dump())

    def there(self, account: str, seq: int) -> bool:
        return account in self.members[seq - 1] | self.members[seq]

    @invariant()
    def knows_every_audience(self) -> None:
        seqs = range(1, self.fold.seq + 1)
        for account in PEOPLE:
            if self.members_left(account) > 7:
                continue  # only the last intervals are kept
            mine = [seq for seq in seqs if self.there(account, seq)]
            assert [seq for seq in seqs if self.fold.entitled(account, seq)] == mine
            for seq in seqs:
                assert self.fold.next_entitled(account, seq) == next((m for m in mine if m >= seq), None)
                run = seq
                while run + 1 <= self.fold.seq and run + 1 in mine and self.same_stay(account, run):
                    run += 1
                reached = self.fold.entitled_to(account, seq)
                assert reached == 0 if seq not in mine else run <= reached <= self.fold.seq
                assert all(step in mine for step in range(seq, reached + 1))
        assert set(self.fold.current()) == self.members[-1]
        assert self.fold.visible_count == self.visible

    def members_left(self, account: str) -> int:
        return sum(account in before and account not in after for before, after in zip(self.members, self.members[1:]))

    def same_stay(self, account: str, seq: int) -> bool:
        return account in self.members[seq]


@dataclass
class Log:
    """A conversation as the node holds it."""

    fold: Fold
    entries: dict[int, Entry] = field(default_factory=dict)
    floor: int = 0
    ring_from: int = 1

    def item(self, seq: int) -> Item | None:
        return self.made(seq) if seq >= self.ring_from and seq in self.entries else None

    def made(self, seq: int) -> Item:
        return Item(self.entries[seq], 100, b"event")


class ConnectionMachine(RuleBasedStateMachine):
    """Any order of growth, nudges, acks, reads of the log, trimming and expiry: no hole, nothing twice, nothing too much."""

    LIMITS = Limits(window_envelopes_max=6, window_bytes_max=1_000)

    @initialize(backlog=st.integers(0, 8), acked=st.integers(0, 8))
    def hello(self, backlog: int, acked: int) -> None:
        self.now_ms = NOW
        self.logs = {name: Log(Fold(name)) for name in NAMES}
        for log in self.logs.values():
            self.grow(log, created(ALICE, BOB))
        self.due = set(self.logs)
        """Conversations whose head has moved since the last nudge that arrived."""
        self.pending: list[Command] = []
        """Reads and stores under way."""
        self.position = dict.fromkeys(self.logs, 0)
        """The seq up to which the device has something for each seq: an envelope, a Gap, a State, its own result."""
        self.acked = dict.fromkeys(self.logs, 0)
        self.unacked: dict[str, set[int]] = {name: set() for name in self.logs}
        self.stored_skipped: dict[str, set[int]] = {name: set() for name in self.logs}
        self.own: dict[str, set[int]] = {name: set() for name in self.logs}
        self.caught_up = 0
        self.connection = Connection(PHONE, self.LIMITS)
        self.connection.now_ms = self.now_ms
        self.connection.hello()
        for name, log in self.logs.items():
            for _ in range(backlog):
                self.text(log, mine=False, expires=False)
            self.position[name] = self.acked[name] = min(acked, log.fold.seq)
            self.take(
                self.connection.opened(
                    name, log, log.fold.seq, acked=self.acked[name], read=0, skipped=(), fresh=not self.acked[name]
                )
            )
        self.due.clear()
        self.at_hello = {name: log.fold.seq for name, log in self.logs.items()}
        self.take(self.connection.hello_done())

    # -- the world -----------------------------------------------------------------------------------------------------

    def grow(self, log: Log, entry: Entry) -> None:
        log.entries[entry.seq] = entry
        log.fold.apply(entry)

    def text(self, log: Log, *, mine: bool, expires: bool) -> int:
        seq = log.fold.seq + 1
        sender = ALICE if mine else BOB
        header = Header(uuid(seq), sender, "phone", int(Kind.TEXT), self.now_ms, self.now_ms + 10 if expires else 0)
        self.grow(log, Entry(seq, header, b"hi"))
        return seq

    names = st.sampled_from(NAMES)

    @rule(name=names, expires=st.booleans())
    def somebody_writes(self, name: str, expires: bool) -> None:
        self.text(self.logs[name], mine=False, expires=expires)
        self.due.add(name)

    @rule(name=names)
    def the_device_writes(self, name: str) -> None:
        seq = self.text(self.logs[name], mine=True, expires=False)
        self.connection.given(name, seq)
        self.own[name].add(seq)
        self.due.add(name)

    @rule(name=names)
    def removed_and_added_again(self, name: str) -> None:
        log = self.logs[name]
        for action, role in ((MemberAction.REMOVED, Role.NONE), (MemberAction.ADDED, Role.MEMBER)):
            seq = log.fold.seq + 1
            change = Change((MemberChange(ALICE, action, role),))
            self.grow(log, Entry(seq, Header(uuid(seq), BOB, "pad", int(Kind.MEMBERSHIP), self.now_ms, change=change), None))
            self.text(log, mine=False, expires=False)
        self.due.add(name)

    @rule(name=names)
    def a_nudge_arrives(self, name: str) -> None:
        self.due.discard(name)
        self.take(self.connection.raised(name, self.logs[name].fold.seq))

    @rule(name=names, keep=st.integers(0, 4))
    def the_ring_forgets(self, name: str, keep: int) -> None:
        log = self.logs[name]
        log.ring_from = max(log.ring_from, log.fold.seq - keep)

    @rule(name=names, up_to=st.integers(1, 30))
    def headers_are_trimmed(self, name: str, up_to: int) -> None:
        log = self.logs[name]
        log.floor = max(log.floor, min(up_to, log.fold.seq - 1))
        log.ring_from = max(log.ring_from, log.floor + 1)

    @rule()
    def time_passes(self) -> None:
        self.now_ms += 20
        self.connection.now_ms = self.now_ms

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 10))
    def the_store_answers(self, which: int) -> None:
        self.answer(self.pending.pop(which % len(self.pending)))

    def answer(self, command: Command) -> None:
        if isinstance(command, ReadLog):
            log = self.logs[command.conversation_id]
            after = max(command.after_seq, log.floor)
            seqs = range(after + 1, min(after + command.limit, log.fold.seq) + 1)
            self.take(self.connection.fetched(command.conversation_id, [log.made(seq) for seq in seqs], log.floor))
        elif isinstance(command, StoreSkipped):
            name = command.conversation_id
            self.stored_skipped[name] |= {seq for first, last in command.skipped for seq in range(first, last + 1)}
            self.take(self.connection.skipped_stored(name, command.gap))

    @rule(name=names, up_to=st.integers(0, 60))
    def the_device_acks(self, name: str, up_to: int) -> None:
        self.ack(name, up_to)

    def ack(self, name: str, up_to: int) -> None:
        self.acked[name] = max(self.acked[name], min(up_to, self.position[name]))
        self.unacked[name] = {seq for seq in self.unacked[name] if seq > up_to}
        self.take(self.connection.acked(name, up_to))

    @rule(name=names, up_to=st.integers(0, 60))
    def a_person_reads(self, name: str, up_to: int) -> None:
        for command in self.connection.read(name, up_to):
            assert isinstance(command, Moved) and command.read <= self.logs[name].fold.seq, "a read mark is clamped to the head"

    # -- what the device gets ------------------------------------------------------------------------------------------

    def take(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Deliver(item):
                    self.delivered(self.of(item.entry), item.entry)
                case SendGap(name, first, last, own):
                    self.pass_own(name)
                    assert first == self.position[name] + 1, "a hole, or something twice"
                    hidden = set(range(first, last + 1))
                    assert hidden <= self.stored_skipped[name], "a Gap before its seqs are durable as skipped"
                    assert {seq for seq, _ in own} <= hidden
                    self.position[name] = last
                case SendState(name, start_seq):
                    self.pass_own(name)
                    missed = range(self.position[name] + 1, start_seq + 1)
                    assert not any(self.logs[name].fold.entitled(ALICE, seq) for seq in missed)
                    self.position[name] = max(self.position[name], start_seq)
                case Moved(name, acked):
                    assert acked <= self.position[name] or self.reach(name) >= acked, "an ack is clamped to what was sent"
                case SendCaughtUp():
                    self.caught_up += 1
                    for name, head in self.at_hello.items() if hasattr(self, "at_hello") else ():
                        assert self.reach(name) >= head, "CaughtUp too early"
                case ReadLog() | StoreSkipped():
                    self.pending.append(command)
                case OwnSent() | OpenFeed():
                    pass

    def of(self, entry: Entry) -> str:
        return next(name for name, log in self.logs.items() if log.entries.get(entry.seq) is entry)

    def pass_own(self, name: str) -> None:
        while self.position[name] + 1 in self.own[name]:
            self.position[name] += 1

    def reach(self, name: str) -> int:
        self.pass_own(name)
        return self.position[name]

    def delivered(self, name: str, entry: Entry) -> None:
        self.pass_own(name)
        assert entry.seq == self.position[name] + 1, "a hole, or something twice"
        assert self.logs[name].fold.entitled(ALICE, entry.seq), "not for this account"
        assert not entry.header.expires_at_ms or entry.header.expires_at_ms > self.now_ms, "it has expired"
        self.position[name] = entry.seq
        self.unacked[name].add(entry.seq)

    @invariant()
    def window_is_kept(self) -> None:
        if hasattr(self, "unacked"):
            assert sum(map(len, self.unacked.values())) <= self.LIMITS.window_envelopes_max
            assert max(map(len, self.unacked.values())) <= self.LIMITS.window_envelopes_max // 2

    def teardown(self) -> None:
        """Nudged once, answered and acked, the device gets something for every seq that it is entitled to."""
        if not hasattr(self, "connection"):
            return
        for name, log in self.logs.items():
            self.take(self.connection.raised(name, log.fold.seq))
        for _ in range(400):
            for name in self.logs:
                self.ack(name, self.reach(name))
            while self.pending:
                self.answer(self.pending.pop(0))
            if all(self.reach(name) >= (log.fold.last_entitled(ALICE)) for name, log in self.logs.items()):
                break
        for name, log in self.logs.items():
            assert self.reach(name) >= log.fold.last_entitled(ALICE), f"{name}: stuck at {self.position[name]}"
        assert self.caught_up == 1


LONG = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
TestFold = FoldMachine.TestCase
TestFold.settings = LONG
TestConnection = ConnectionMachine.TestCase
TestConnection.settings = LONG
