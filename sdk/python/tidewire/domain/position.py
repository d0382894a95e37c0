"""How far the device is in one conversation: contiguous, whatever order things come in. And when to say so.

Rules that live here and nowhere else:
- The position moves over envelopes, Gaps and own results, without holes.
- Acks are held back up to `ack_delay_ms` or `ack_envelopes_max` envelopes; what is acked was committed before.
- Ticks and read marks only grow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Ranges = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Position:
    """One conversation's."""

    seq: int = 0
    """Everything up to here is stored, or was a Gap."""
    head: int = 0
    """The highest seq that the device was told of."""
    ahead: set[int] = field(default_factory=set)
    """Own results beyond a hole."""

    def took(self, seq: int) -> bool:
        """An envelope or own result at `seq` is stored. False: it was there already."""
        self.head = max(self.head, seq)
        if seq <= self.seq or seq in self.ahead:
            return False
        self.ahead.add(seq)
        self._advance()
        return True

    def skipped(self, first: int, last: int) -> None:
        """A Gap, or the start of the log."""
        self.head = max(self.head, last)
        if first <= self.seq + 1:
            self.seq = max(self.seq, last)
            self.ahead = {seq for seq in self.ahead if seq > self.seq}
            self._advance()

    def _advance(self) -> None:
        while self.seq + 1 in self.ahead:
            self.seq += 1
            self.ahead.discard(self.seq)


@dataclass(slots=True)
class Acks:
    """Which acks wait."""

    envelopes_max: int
    waiting: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def stored(self, conversation_id: str, seq: int) -> bool:
        """Everything up to `seq` is committed. True: say so now."""
        self.waiting[conversation_id] = seq
        self.count += 1
        return self.count >= self.envelopes_max

    def take(self) -> dict[str, int]:
        """The acks to send now."""
        out, self.waiting, self.count = self.waiting, {}, 0
        return out


def union(one: Ranges, other: Ranges) -> Ranges:
    """Runs (first, last) of both, joined where they touch."""
    out: list[tuple[int, int]] = []
    for first, last in sorted((*one, *other)):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def clipped(runs: Ranges, last: int) -> Ranges:
    """What of `runs` is at most `last`."""
    return tuple((low, min(high, last)) for low, high in runs if low <= last)


def contains(runs: Ranges, seq: int) -> bool:
    """Whether `seq` is in one of the runs."""
    return any(first <= seq <= last for first, last in runs)


def to_text(runs: Ranges) -> str:
    """ "1-5,9-9", as it is stored."""
    return ",".join(f"{first}-{last}" for first, last in runs)


def from_text(text: str) -> Ranges:
    """The reverse."""
    return tuple((int(a), int(b)) for a, _, b in (run.partition("-") for run in text.split(",") if run))
