"""What a connection is given, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.ranges import Ranges


class Item(NamedTuple):
    """An entry with the size of what a device gets."""

    entry: Entry
    size: int
    """Bytes of the serialised event."""
    event: bytes
    """The serialised event; opaque here."""


class View(Protocol):
    """What a node holds of one conversation in memory."""

    @property
    def fold(self) -> Fold:
        """The state at the head that the node knows."""
        ...

    @property
    def floor(self) -> int:
        """Entries up to here are gone."""
        ...

    def item(self, seq: int) -> Item | None:
        """The entry at `seq`, when it is in the ring."""
        ...


class Deliver(NamedTuple):
    """Send an envelope. A tuple like `Moved`, because one is made per message: a frozen dataclass costs four times as much."""

    item: Item


@dataclass(frozen=True, slots=True)
class SendGap:
    """Send a Gap."""

    conversation_id: str
    first: int
    last: int
    own: tuple[tuple[int, str], ...]
    """(seq, envelope id) of envelopes of the device's account."""


@dataclass(frozen=True, slots=True)
class SendState:
    """Send the fold as a State; the device's log begins behind `start_seq`. `resync`: its position is void (B16)."""

    conversation_id: str
    start_seq: int
    resync: bool = False


@dataclass(frozen=True, slots=True)
class SendCaughtUp:
    """Send CaughtUp."""


@dataclass(frozen=True, slots=True)
class StoreSkipped:
    """Make these seqs durable as skipped, then `skipped_stored` with the Gap, which goes out only then."""

    conversation_id: str
    skipped: Ranges
    gap: SendGap


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read entries after a seq, then `fetched`."""

    conversation_id: str
    after_seq: int
    limit: int


@dataclass(frozen=True, slots=True)
class OpenFeed:
    """The device has a conversation that this connection does not know: load its view and position row, then `opened`."""

    conversation_id: str


class Moved(NamedTuple):
    """The device has moved: keep it for the flush, and count ticks."""

    conversation_id: str
    acked: int
    read: int
    skipped: Ranges
    has_read: bool
    """The read mark moved."""


@dataclass(frozen=True, slots=True)
class OwnSent:
    """An envelope of the device's account was sent to it: its ticks may have been told before the device had it."""

    conversation_id: str
    seq: int


Command = Deliver | SendGap | SendState | SendCaughtUp | StoreSkipped | ReadLog | OpenFeed | Moved | OwnSent
