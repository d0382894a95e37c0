"""What a device has of one conversation: each envelope once, in a log without holes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

MASK = (1 << 64) - 1


def digest(envelope_id: str) -> int:
    """64 bits of an id. Sums of them tell whether two sets of ids are the same, whatever their order."""
    return int.from_bytes(hashlib.blake2b(envelope_id.encode(), digest_size=8).digest())


@dataclass(slots=True)
class Tally:
    """How many envelopes, and the sum of their digests."""

    count: int = 0
    digests: int = 0

    def add(self, envelope_id: str) -> None:
        """One more."""
        self.count += 1
        self.digests = (self.digests + digest(envelope_id)) & MASK

    def pair(self) -> list[int]:
        """For JSON."""
        return [self.count, self.digests]


@dataclass(slots=True)
class Seen:
    """One conversation on one device."""

    up_to: int | None = None
    """All up to here is there. None: the device has not been told where its log begins."""
    acked: int = 0
    ahead: set[int] = field(default_factory=set)
    from_others: Tally = field(default_factory=Tally)
    own: Tally = field(default_factory=Tally)
    twice: int = 0
    lost: int = 0
    """Seqs that the server said will not come."""

    def begins(self, seq: int) -> None:
        """The device's log begins behind this seq."""
        if self.up_to is None:
            self.up_to = seq
            self._close()

    def put(self, seq: int) -> bool:
        """This seq is there. False: it was already."""
        if (self.up_to is not None and seq <= self.up_to) or seq in self.ahead:
            return False
        self.ahead.add(seq)
        self._close()
        return True

    def _close(self) -> None:
        while self.up_to is not None and self.up_to + 1 in self.ahead:
            self.up_to += 1
            self.ahead.discard(self.up_to)
