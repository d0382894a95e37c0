"""What waits to be sent, and what becomes of it. Pure: events in, commands out; the shell makes each command durable first.

    PENDING ──fly──▶ FLYING ──sent──▶ (gone)
       ▲               │
       └─ disconnect, retryable refusal
                       └─ refused ──▶ FAILED / UNKNOWN ──own envelope met in the log──▶ (gone, sent)

Rules that live here and nowhere else (DESIGN §4 Identity):
- In order per conversation, at most `WINDOW` in flight.
- `known_seq` is fixed before the first transmission and never changes, but for a TOO_OLD after a single transmission: then the
  envelope cannot be in the log, and goes out afresh from the head that was told.
- A restored log, which is shorter, lowers it to its head.
- A refusal is provisional: an own envelope met in the log later is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

WINDOW = 32


class State(Enum):
    """Where an item is."""

    PENDING = "pending"
    FLYING = "flying"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Item:
    """One envelope."""

    conversation_id: str
    envelope_id: str
    known_seq: int | None = None
    """None: never transmitted."""
    transmissions: int = 0
    state: State = State.PENDING
    not_before_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Transmit:
    """Store `known_seq` and `transmissions`, then send."""

    item: Item


@dataclass(frozen=True, slots=True)
class Settled:
    """The envelope is in the log at `seq`."""

    item: Item
    seq: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The envelope was refused (FAILED), or nobody can know (UNKNOWN)."""

    item: Item


@dataclass(slots=True)
class Outbox:
    """All items, in the order in which they were written.

    The shell may settle and refuse items on its store's thread while it asks for what may fly on another: an item that went out and
    was settled meanwhile is no harm.
    """

    items: dict[str, Item] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        """An envelope was written."""
        self.items[item.envelope_id] = item

    def disconnected(self) -> None:
        """The stream is gone: whatever flew may or may not have arrived."""
        for item in list(self.items.values()):
            if item.state is State.FLYING:
                item.state = State.PENDING

    def resynced(self, conversation_id: str, head: int) -> list[Item]:
        """The log was restored from a backup and reaches to `head`: an item that knew more knows this. Those that changed."""
        changed = [
            item
            for item in list(self.items.values())
            if item.conversation_id == conversation_id and item.known_seq is not None and item.known_seq > head
        ]
        for item in changed:
            item.known_seq = head
        return changed

    def fly(self, heads: dict[str, int], now_s: float) -> list[Transmit]:
        """What may go out now. `heads`: the highest seq that the device was told of, by conversation."""
        out: list[Transmit] = []
        flying: dict[str, int] = {}
        held: set[str] = set()
        for item in list(self.items.values()):
            conversation_id = item.conversation_id
            if item.state is State.FLYING:
                flying[conversation_id] = flying.get(conversation_id, 0) + 1
            elif item.state is State.PENDING and conversation_id not in held:
                if item.not_before_s > now_s or flying.get(conversation_id, 0) >= WINDOW:
                    held.add(conversation_id)
                    continue
                if item.known_seq is None:
                    item.known_seq = heads.get(conversation_id, 0)
                item.transmissions += 1
                item.state = State.FLYING
                flying[conversation_id] = flying.get(conversation_id, 0) + 1
                out.append(Transmit(item))
        return out

    def next_try_s(self, now_s: float) -> float | None:
        """In how many seconds something that was put off may go out; None: nothing was put off."""
        due = [i.not_before_s - now_s for i in list(self.items.values()) if i.state is State.PENDING and i.not_before_s > now_s]
        return min(due, default=None)

    def met(self, envelope_id: str, seq: int) -> list[Settled]:
        """An own envelope was answered with, or met in the log at, or named in a Gap at `seq`."""
        item = self.items.pop(envelope_id, None)
        return [] if item is None else [Settled(item, seq)]

    def refused(self, envelope_id: str, reason: str, *, retry_after_s: float | None, head: int, now_s: float) -> list[Failed]:
        """The server said no. `head`: with TOO_OLD, the log's head."""
        item = self.items.get(envelope_id)
        if item is None or item.state is not State.FLYING:
            return []
        if retry_after_s is not None:
            item.state = State.PENDING
            item.not_before_s = now_s + retry_after_s
            return []
        if reason == "TOO_OLD" and item.transmissions == 1:
            item.state = State.PENDING
            item.known_seq = head
            item.transmissions = 0
            return []
        item.state = State.UNKNOWN if reason == "TOO_OLD" else State.FAILED
        item.reason = reason
        return [Failed(item)]
