"""The log of a conversation, and what is stored about it. These ports are all that correctness needs."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.domain.envelope import Entry


@dataclass(frozen=True, slots=True)
class Appended:
    """The entries are in the log, durably, from `first_seq` on."""

    first_seq: int


@dataclass(frozen=True, slots=True)
class Behind:
    """Nothing was written: the head had moved on. `entries` are all that followed the expected head."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Reload:
    """Nothing was written: the expected head lies below the floor, so that what followed it is no longer known. Load the fold."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the entries were written: propose the same slot again until somebody has filled it."""


AppendOutcome = Appended | Behind | Reload | Unknown


class Head(NamedTuple):
    """Where a log stands."""

    seq: int
    """The last seq; 0: the log is empty."""
    floor: int
    """Entries up to here are gone."""
    trimmed: int
    """Bodies up to here have been emptied, but for those of rule kinds."""
    changed_at_ms: int
    """When the last entry was appended."""


class Snapshot(NamedTuple):
    """A stored fold."""

    as_of_seq: int
    fold: bytes


NO_HEAD = Head(0, 0, 0, 0)


class Log(Protocol):
    """The logs of all conversations. Every method may raise `Refused` with UNAVAILABLE."""

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> Awaitable[AppendOutcome]:
        """Write `entries` at `expected_head + 1` and up, if the head is still `expected_head`; all of them or none.

        Begins at once, also when nobody awaits it yet; durable when it has an outcome. `entries` carry their seqs. Never raises
        after something may have been written: that is `Unknown`.
        """
        ...

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, Head]:
        """Where the logs stand. Linearizable after any append that has returned. Those that have no entry are left out."""
        ...

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> Sequence[Entry]:
        """At most `limit` entries after `after_seq`, oldest first. Those below the floor are left out."""
        ...

    async def snapshot(self, conversation_id: str) -> Snapshot | None:
        """The stored fold, if there is one."""
        ...

    async def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        """Store a fold. An older one than is stored changes nothing."""
        ...

    async def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        """Empty the bodies up to a seq, but for those deleted for everyone. Idempotent."""
        ...

    async def delete_body(self, conversation_id: str, seq: int) -> None:
        """Replace one body by the mark `DELETED`, for ever. Idempotent."""
        ...


class LogRetention(Protocol):
    """What only the trimmer needs."""

    async def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        """Drop entries up to a seq and raise the floor. The head stays. Idempotent.

        The caller has read back a snapshot at `up_to_seq` or later.
        """
        ...

    async def conversations(self, after_id: str, limit: int) -> Sequence[str]:
        """At most `limit` conversation ids after `after_id`, in a fixed order of the store's own: what the trimmer walks over."""
        ...

    async def epoch(self) -> str:
        """The epoch of this store; another one after a restore from a backup."""
        ...


class Hint(NamedTuple):
    """That an account is, or was, in a conversation. The fold decides."""

    conversation_id: str
    left_seq: int
    """The seq of the entry that removed it; 0: it is a member."""
    read_seq: int
    """The account's own read position."""


class Memberships(Protocol):
    """Which conversations an account has. Hints: a joined one is written before the entry that adds."""

    async def join(self, account_ids: Sequence[str], conversation_id: str, expected_head: int) -> None:
        """Write hints with the stamp 2·(expected_head+1); an older stamp than is stored changes nothing. Durable on return."""
        ...

    async def leave(self, account_ids: Sequence[str], conversation_id: str, left_seq: int) -> None:
        """Mark hints as left with the stamp 2·left_seq+1; an older stamp than is stored changes nothing."""
        ...

    async def of_account(self, account_id: str) -> Sequence[Hint]:
        """All hints of an account, those left included."""
        ...

    async def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        """Raise the account's own read positions, by conversation."""
        ...

    async def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        """Drop a hint that was left at `left_seq`, once all devices have acked that; a later hint stays."""
        ...


class PositionRow(NamedTuple):
    """How far one device is in one conversation. Every value only grows."""

    conversation_id: str
    account_id: str
    device_id: str
    acked: int
    read: int
    skipped: tuple[tuple[int, int], ...]
    """Ranges (first, last) that came as Gaps, ascending, apart."""


class Positions(Protocol):
    """How far each device is in each conversation."""

    async def raise_to(self, rows: Sequence[PositionRow]) -> None:
        """Write rows; each value is the greater of stored and given, `skipped` the union. Durable on return. One call, one commit."""
        ...

    async def of_conversation(self, conversation_id: str) -> Sequence[PositionRow]:
        """The rows of all devices that ever had one."""
        ...

    async def of_device(self, device_id: str) -> Sequence[PositionRow]:
        """The rows of one device."""
        ...
