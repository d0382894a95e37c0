"""Several nodes' real append rounds over one log, under a seeded scheduler: appends that land late, unknown outcomes, nodes that
freeze or die, retries at other nodes, removals and re-additions, trims.

The oracle knows every entry that ever was, so that it needs no rule of the product: no seq twice, no envelope twice, nobody who was
not a member, what was answered *sent* is in the log at that seq. `BUGS` take one rule away each, to prove that it can fail.
Receipts, streams and devices are not in it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from server.domain import append, groups
from server.domain.append import AppendRound, Outcome, Sent, Ticket
from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from tests.support.cast import ALICE, BOB, CAROL, GROUP, NOW, change, created, text

BUGS = ("no_search", "search_once", "stale_rules", "head_not_fenced", "stale_floor")
PEOPLE = (ALICE, BOB, CAROL)
LIMITS = Limits(ring_entries_max=4, snapshot_entries_max=3)


class Violation(Exception):
    """The oracle has seen something that must never be."""


@dataclass(eq=False)
class Write:
    """An append that is on its way to the log."""

    node: Node
    command: append.Append
    generation: int
    answered: bool = False


class Node:
    """A node: one real round, and what it waits for."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.generation = 0
        self.frozen = False
        self.todo: list[append.AppendCommand] = []
        self.round = AppendRound(GROUP, LIMITS, shared=True)

    def crash(self) -> None:
        """Everything in memory is gone; what is on the wire may still land."""
        self.generation += 1
        self.todo.clear()
        self.round = AppendRound(GROUP, LIMITS, shared=True)

    def take(self, commands: list[append.AppendCommand]) -> None:
        """What the round wants done, some time."""
        for command in commands:
            if isinstance(command, append.Answer):
                self.world.answered(command.ticket, command.outcome)
            else:
                self.todo.append(command)

    def work(self) -> None:
        """Do one of the things that wait."""
        world, round_ = self.world, self.round
        command = self.todo.pop(0)
        match command:
            case append.Load():
                fold = world.rebuilt()
                recent = [e for e in world.rows.values() if e.seq > fold.seq - LIMITS.ring_entries_max]
                self.take(round_.loaded(fold, recent, world.floor, world.snapshot[0]))
            case append.Search(ticket, after, up_to):
                proposal = ticket.proposal
                key = (proposal.sender.account_id, proposal.envelope_id)
                rows = (e for e in world.rows.values() if after < e.seq <= up_to and world.bug != "no_search")
                found = next((e for e in rows if (e.header.sender_id, e.header.envelope_id) == key), None)
                self.take(round_.searched(ticket, up_to, found, 0 if world.bug == "stale_floor" else world.floor, world.head))
            case append.WriteHints():
                self.take(round_.hints_written())
            case append.Append():
                world.writes.append(Write(self, command, self.generation))
            case append.SaveSnapshot(as_of_seq, fold):
                if as_of_seq > world.snapshot[0]:
                    world.snapshot = (as_of_seq, fold)
            case _:
                pass


@dataclass
class Intent:
    """Something that a device goes on wanting until it is answered."""

    proposal: Proposal
    tries: int = 0
    outcome: Outcome | None = None


@dataclass
class World:
    """The log, the nodes, the devices, and the oracle."""

    seed: int
    bug: str = ""
    rows: dict[int, Entry] = field(default_factory=dict)
    ever: dict[int, Entry] = field(default_factory=dict)
    head: int = 0
    floor: int = 0
    snapshot: tuple[int, bytes] = (0, b"")
    writes: list[Write] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    tickets: dict[Ticket, Intent] = field(default_factory=dict)
    schedule: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.truth = Fold(GROUP)
        self.store(created(*PEOPLE))
        self.nodes = [Node(self, name) for name in ("n1", "n2", "n3")]

    # -- the log and its oracle ----------------------------------------------------------------------------------------

    def store(self, entry: Entry) -> None:
        """An entry lands. The oracle looks at it."""
        if entry.seq in self.ever:
            raise Violation(f"SEQ REUSED: {entry.seq}")
        key = (entry.header.sender_id, entry.header.envelope_id)
        if any((e.header.sender_id, e.header.envelope_id) == key for e in self.ever.values()):
            raise Violation(f"DOUBLE APPEND: {key} at {entry.seq}")
        if self.head and not self.truth.is_member(entry.header.sender_id):
            raise Violation(f"NON-MEMBER LANDED: {key} at {entry.seq}")
        self.ever[entry.seq] = self.rows[entry.seq] = entry
        self.head = max(self.head, entry.seq)
        self.truth.apply(entry)

    def rebuilt(self) -> Fold:
        """What any node can rebuild: the snapshot and the rows after it."""
        as_of, stored = self.snapshot
        fold = Fold.load(GROUP, stored) if as_of else Fold(GROUP)
        for seq in range(fold.seq + 1, self.head + 1):
            if seq not in self.rows:
                raise Violation(f"FOLD LOST at {seq}")
            fold.apply(self.rows[seq])
        return fold

    def land(self, write: Write) -> None:
        """An append reaches the log, perhaps long after its node gave it up; the node may hear of it."""
        self.writes.remove(write)
        first = write.command.entries[0].seq
        fits = self.head == write.command.expected_head
        if self.bug == "head_not_fenced":
            fits = all(entry.seq not in self.rows for entry in write.command.entries)
        if fits:
            for entry in write.command.entries:
                self.store(entry)
        node = write.node
        if write.answered or node.generation != write.generation:
            return
        if fits:
            node.take(node.round.appended(first))
        elif write.command.expected_head < self.floor:
            node.take(node.round.reload())
        else:
            since = tuple(self.rows[s] for s in range(write.command.expected_head + 1, self.head + 1))
            if self.bug == "search_once":
                for ticket in self.tickets:
                    ticket.proposal.known_seq = max(ticket.proposal.known_seq, self.head)
            node.take(node.round.behind(since))

    def answered(self, ticket: Ticket, outcome: Outcome) -> None:
        """A device hears."""
        intent = self.tickets.pop(ticket, None)
        if isinstance(outcome, Sent):
            there = self.ever.get(outcome.seq)
            if there is None or there.header.envelope_id != ticket.proposal.envelope_id:
                raise Violation(f"SENT BUT NOT IN LOG: {outcome.seq}")
        if intent is not None and (isinstance(outcome, Sent) or outcome.retry_after_ms is None):
            intent.outcome = outcome

    # -- the scheduler -------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Something happens."""
        chance, node = self.chance, self.chance.choice(self.nodes)
        roll = chance.random()
        if roll < 0.15:
            self.compose()
        elif roll < 0.35:
            self.transmit(node)
        elif roll < 0.65:
            if node.todo and not node.frozen:
                node.work()
        elif roll < 0.80:
            if self.writes:
                self.land(chance.choice(self.writes))
        elif roll < 0.86:
            late = [write for write in self.writes if not write.answered and write.node.generation == write.generation]
            if late and not late[0].node.frozen:
                late[0].answered = True
                late[0].node.take(late[0].node.round.unknown())
        elif roll < 0.90:
            node.frozen = not node.frozen
        elif roll < 0.92:
            node.crash()
        elif roll < 0.95:
            self.trim()

    def compose(self) -> None:
        """A device writes something; `known_seq` is fixed now."""
        sender = Identity(self.chance.choice(PEOPLE), "device")
        number = len(self.intents) + 100
        command: groups.Command | None = None
        if sender.account_id == ALICE and self.chance.random() < 0.4:
            target = self.chance.choice((BOB, CAROL))
            command = groups.Remove((target,)) if self.truth.is_member(target) else groups.Add((target,))
        known = self.chance.randint(max(0, self.head - 3), self.head)
        proposal = text(number, sender, known=known) if command is None else change(number, sender, command, known=known)
        self.intents.append(Intent(proposal))

    def transmit(self, node: Node) -> None:
        """A device sends, or sends again elsewhere, what is not answered."""
        waiting = [intent for intent in self.intents if intent.outcome is None]
        if not waiting or node.frozen:
            return
        intent = self.chance.choice(waiting)
        intent.tries += 1
        ticket = Ticket(intent.proposal)
        self.tickets[ticket] = intent
        node.take(node.round.submit([ticket], NOW))
        if self.bug == "stale_rules" and node.round.fold.seq:
            node.round.fold.members = dict(Fold(GROUP).members) | dict(self.started().members)

    def started(self) -> Fold:
        """The group as it was made."""
        fold = Fold(GROUP)
        fold.apply(self.ever[1])
        return fold

    def trim(self) -> None:
        """Old headers go, up to the snapshot, never the last."""
        to = min(self.snapshot[0], self.head - 2)
        for seq in range(self.floor + 1, to + 1):
            del self.rows[seq]
        self.floor = max(self.floor, to)

    def settle(self) -> None:
        """The world calms down: everything under way ends, and every device gets an answer."""
        for node in self.nodes:
            node.frozen = False
        for _ in range(400):
            while self.writes:
                self.land(self.writes[0])
            for node in self.nodes:
                while node.todo:
                    node.work()
            waiting = [intent for intent in self.intents if intent.outcome is None]
            if not waiting and not self.writes:
                return
            self.transmit(self.nodes[0])
        raise Violation("NEVER QUIET")


STEPS = 250


def play(seed: int, bug: str = "", steps: int = STEPS) -> str:
    """One schedule; "" or what went wrong."""
    try:
        world = World(seed, bug)
        for _ in range(steps):
            world.step()
        world.settle()
        world.rebuilt()
    except Violation as violation:
        return str(violation)
    return ""
