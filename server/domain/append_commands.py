"""What an append round is asked, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.rules import Proposal
from server.kit.refusal import Refusal


class Sent(NamedTuple):
    """The outcome of a proposal that is in the log."""

    seq: int
    at_ms: int
    duplicate: bool = False
    refused: tuple[tuple[str, Refusal], ...] = ()


Outcome = Sent | Refusal


@dataclass(slots=True, eq=False)
class Ticket:
    """One waiting proposal."""

    proposal: Proposal
    gone: bool = False
    """Its stream is gone; nobody waits for the answer."""
    searched_from: int = 0
    """Headers in (known_seq, searched_from] were searched in the store, without success."""
    confirmed: bool = False
    """The head was read since it came: what the fold at that head or above refuses is refused."""


@dataclass(slots=True)
class Batch:
    """What a round has proposed."""

    expected_head: int
    entries: list[Entry] = field(default_factory=list)
    tickets: list[tuple[Ticket, Sent]] = field(default_factory=list)
    fold: Fold | None = None
    joining: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    unsettled: bool = False
    """It may have landed: nothing of it may be refused until its slot is filled."""


@dataclass(frozen=True, slots=True)
class Load:
    """Load the fold, the recent entries and the floor, then `loaded`."""


@dataclass(frozen=True, slots=True)
class Search:
    """Search the store for the ticket's id in (after, up_to], which may be nothing, and read the head; then `searched`."""

    ticket: Ticket
    after: int
    up_to: int


@dataclass(frozen=True, slots=True)
class WriteHints:
    """Write the hints of those who are about to join, then `hints_written`."""

    account_ids: tuple[str, ...]
    expected_head: int


class Append(NamedTuple):
    """Append the entries, then `appended`, `behind`, `reload` or `unknown`."""

    expected_head: int
    entries: tuple[Entry, ...]


class Answer(NamedTuple):
    """Tell the ticket's owner."""

    ticket: Ticket
    outcome: Outcome


class Publish(NamedTuple):
    """The log has grown by these entries, which this node appended or learnt of: nudge the audience of all behind `since`."""

    entries: tuple[Entry, ...]
    """The last of them; after a load perhaps fewer than have come."""
    since: int
    """The head that this node knew before."""
    own: bool = False
    """This node appended them, or some of them for all that it knows: nobody else nudges the devices of other nodes."""


@dataclass(frozen=True, slots=True)
class Renudge:
    """A duplicate was found: nudge its audience again, since the first nudge may have been lost."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class MarkLeft:
    """Mark the hints of those who have left."""

    account_ids: tuple[str, ...]
    left_seq: int


@dataclass(frozen=True, slots=True)
class DeleteBody:
    """An entry was deleted for everyone: replace its body by the mark."""

    seq: int


@dataclass(frozen=True, slots=True)
class SaveSnapshot:
    """Store the fold as of now."""

    as_of_seq: int
    fold: bytes


AppendCommand = Load | Search | WriteHints | Append | Answer | Publish | Renudge | MarkLeft | DeleteBody | SaveSnapshot
