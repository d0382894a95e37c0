"""Histories of one conversation: who asked for what, when it was answered, and what the log holds in the end; and their checker.

A history is linearizable when every operation can be given one moment between its call and its answer such that, done one after
the other in that order, a conversation that does one thing at a time gives the same answers. Porcupine and its kin search for such
an order. Here there is nothing to search for, and a search would prove less: the log *is* the order of all that was appended, devices
see it as that, so an answer that fits some other order is wrong all the same. What is left is a place for each refusal, which
changes nothing: a place between two entries where the rules say that very no, not before what was answered when it was asked, not
after what was asked when it was answered, and not before another refusal that had been answered. The earliest such place for each, in
the order of asking, is an exact answer in time n² (a place only ever bounds later ones from below), where a search would be
exponential in how many ask at once.

The model shares no code with the product. It knows groups: texts of members, and changes of members and roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MEMBER, ADMIN, OWNER = 1, 2, 3
NEVER = 1 << 62


class Ask(NamedTuple):
    """What somebody wants: a text, or to add or remove somebody, or to give somebody a role."""

    what: str
    """text, add, remove, role"""
    whom: str = ""
    role: int = MEMBER


class Record(NamedTuple):
    """One entry of the log: whose, which, what it changed."""

    sender: str
    envelope_id: str
    changes: tuple[tuple[str, int], ...] = ()
    """(account, new role); role 0: gone."""


@dataclass
class Operation:
    """One transmission of an envelope to one node."""

    sender: str
    envelope_id: str
    ask: Ask
    called: int
    answered: int = NEVER
    """NEVER: nobody knows what became of it."""
    seq: int = 0
    """Where it was told to be; 0: it was not told *sent*."""
    refused: str = ""
    """The reason that it was told."""


@dataclass
class State:
    """The model: a group that does one thing at a time."""

    seats: int
    roles: dict[str, int] = field(default_factory=dict)

    def verdict(self, sender: str, ask: Ask) -> str:
        """Why it is refused now; "": it is not."""
        mine, theirs = self.roles.get(sender, 0), self.roles.get(ask.whom, 0)
        if not mine:
            return "NOT_A_MEMBER"
        if ask.what == "text":
            return ""
        if ask.what == "role":
            return self._role(mine, theirs, ask.role)
        if mine < ADMIN:
            return "NOT_ALLOWED"
        if ask.what == "add":
            if theirs:
                return "ALREADY_A_MEMBER"
            return "GROUP_FULL" if len(self.roles) >= self.seats else ""
        if not theirs:
            return "NOT_FOUND"
        return "NOT_ALLOWED" if theirs == OWNER or (theirs == ADMIN and mine < OWNER) else ""

    def _role(self, mine: int, theirs: int, role: int) -> str:
        if not theirs:
            return "NOT_FOUND"
        if mine < ADMIN or (theirs >= ADMIN and mine < OWNER) or (role == OWNER and mine < OWNER) or theirs == OWNER:
            return "NOT_ALLOWED"
        return ""

    def effect(self, ask: Ask) -> tuple[tuple[str, int], ...]:
        """The changes of an ask that is not refused."""
        match ask.what:
            case "add":
                return ((ask.whom, MEMBER),)
            case "remove":
                return ((ask.whom, 0),)
            case "role":
                return ((ask.whom, ask.role),)
        return ()

    def apply(self, changes: Iterable[tuple[str, int]]) -> None:
        """An entry's changes."""
        for account, role in changes:
            if role:
                self.roles[account] = role
            else:
                self.roles.pop(account, None)


class Checker:
    """Checks once. Call `faults`."""

    def __init__(self, seats: int, log: Mapping[int, Record], operations: Sequence[Operation]) -> None:
        """`log`: by seq. Its first entry makes the group, and is nobody's operation."""
        self._log = log
        self._operations = operations
        self._faults: list[str] = []
        self._place = {(record.sender, record.envelope_id): seq for seq, record in log.items()}
        self._asked: dict[tuple[str, str], list[Operation]] = {}
        for operation in operations:
            self._asked.setdefault((operation.sender, operation.envelope_id), []).append(operation)
        self._states: list[State] = [State(seats)]
        """After each entry; the first is before all."""

    def faults(self) -> list[str]:
        """Everything that is wrong, one sentence each; [] when the history is linearizable in the order of the log."""
        if sorted(self._log) != list(range(1, len(self._log) + 1)):
            return [f"the seqs are {sorted(self._log)}"]
        if len(self._place) != len(self._log):
            self._faults.append("an envelope is in the log twice")
        for seq in range(1, len(self._log) + 1):
            self._entry(seq, self._log[seq])
        for operation in self._operations:
            if operation.seq and self._place.get((operation.sender, operation.envelope_id)) != operation.seq:
                where = self._place.get((operation.sender, operation.envelope_id), "nowhere")
                self._faults.append(f"{operation.envelope_id} was told {operation.seq}, and is at {where}")
        self._order()
        self._refusals()
        return self._faults

    def _entry(self, seq: int, record: Record) -> None:
        """What is in the log was asked for, and allowed right there."""
        before = self._states[-1]
        after = State(before.seats, dict(before.roles))
        after.apply(record.changes)
        self._states.append(after)
        if seq == 1:
            return
        asked = self._asked.get((record.sender, record.envelope_id))
        if asked is None:
            self._faults.append(f"{seq} {record.envelope_id} was asked for by nobody")
            return
        if no := before.verdict(record.sender, asked[0].ask):
            self._faults.append(f"{seq} {record.envelope_id} of {record.sender} is in the log, but {no}")
        elif record.changes != before.effect(asked[0].ask):
            self._faults.append(f"{seq} {record.envelope_id} changes {record.changes}, not {before.effect(asked[0].ask)}")

    def _span(self, key: tuple[str, str]) -> tuple[int, int]:
        """When an envelope was first asked for, and first told to be in the log."""
        tries = self._asked[key]
        return min(each.called for each in tries), min((each.answered for each in tries if each.seq), default=NEVER)

    def _order(self) -> None:
        """What was told before another thing was asked for comes before it."""
        told_after = NEVER  # the earliest answer of all that comes later in the log
        later = ""
        for seq in range(len(self._log), 1, -1):
            key = (self._log[seq].sender, self._log[seq].envelope_id)
            if key not in self._asked:
                continue
            called, answered = self._span(key)
            if told_after < called:
                self._faults.append(f"{later} was told before {key[1]} was asked for, and comes after it")
            if answered < told_after:
                told_after, later = answered, key[1]

    def _refusals(self) -> None:
        """Each refusal has a place where it is true."""
        spans = [(seq, *self._span(key)) for key, seq in self._place.items() if key in self._asked]
        placed: list[tuple[int, int]] = []
        """(when it was answered, after which seq)"""
        for operation in sorted((each for each in self._operations if each.refused), key=lambda each: each.called):
            first = max([1, *(seq for seq, _, answered in spans if answered < operation.called)])
            first = max([first, *(place for answered, place in placed if answered < operation.called)])
            last = min([len(self._log), *(seq - 1 for seq, called, _ in spans if called > operation.answered)])
            own = self._place.get((operation.sender, operation.envelope_id))
            if own is not None:  # from there on it would have been found
                last = min(last, own - 1)
            true = (
                place
                for place in range(first, last + 1)
                if self._states[place].verdict(operation.sender, operation.ask) == operation.refused
            )
            place = next(true, 0)
            if place:
                placed.append((operation.answered, place))
            else:
                self._faults.append(
                    f"{operation.envelope_id} ({operation.ask.what} {operation.ask.whom}) of {operation.sender} was refused as"
                    f" {operation.refused}, which is true nowhere from {first} to {last}"
                )
