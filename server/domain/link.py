"""What waits for another node: a bounded queue, batches in flight, acknowledgements. Pure: events in, batches out.

Rules that live here and nowhere else (DESIGN §6):
- At most `link_batches_max` batches are un-acknowledged; what gathers meanwhile goes into the next one.
- What does not fit is dropped and counted: it was a nudge, and the envelope is in its log.
- A link that broke begins again with what was not acknowledged, in the same order: to take something in twice does no harm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from server.domain.limits import Limits
from server.domain.relayed import Relayed


class Parcel(NamedTuple):
    """Something to tell."""

    relayed: Relayed
    data: bytes
    """`relayed`, serialised."""


class LinkQueue:
    """One direction of a link."""

    def __init__(self, limits: Limits) -> None:
        self.dropped = 0
        """So many did not fit."""
        self.placed = 0
        """So many were queued so far."""
        self.taken = 0
        """So many of them the other side has taken in, or were taken out since it is gone: the first ones."""
        self._limits = limits
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._flying: deque[tuple[int, list[Parcel]]] = deque()
        self._number = 0

    def put(self, parcel: Parcel) -> bool:
        """Queue; False: dropped."""
        limits = self._limits
        if len(self._waiting) >= limits.link_queue_max or self._bytes + len(parcel.data) > limits.link_queue_bytes_max:
            self.dropped += 1
            return False
        self._waiting.append(parcel)
        self._bytes += len(parcel.data)
        self.placed += 1
        return True

    def batch(self) -> tuple[int, list[Parcel]] | None:
        """The next batch, as it is sent now, with its number; None: nothing waits, or too much is un-acknowledged."""
        limits = self._limits
        if not self._waiting or len(self._flying) >= limits.link_batches_max:
            return None
        batch: list[Parcel] = []
        size = 0
        while self._waiting and len(batch) < limits.link_batch_max:
            size += len(self._waiting[0].data)
            if batch and size > limits.link_batch_bytes_max:
                break
            parcel = self._waiting.popleft()
            self._bytes -= len(parcel.data)
            batch.append(parcel)
        self._number += 1
        self._flying.append((self._number, batch))
        return self._number, batch

    def acked(self, number: int) -> None:
        """The other side has taken in every batch up to this one."""
        while self._flying and self._flying[0][0] <= number:
            self.taken += len(self._flying.popleft()[1])

    def flying(self) -> int:
        """How many batches are un-acknowledged."""
        return len(self._flying)

    def broken(self) -> None:
        """The stream is over: what was not acknowledged is the first that waits, and batches are numbered from 1 again."""
        for _, batch in reversed(self._flying):
            self._waiting.extendleft(reversed(batch))
            self._bytes += sum(len(parcel.data) for parcel in batch)
        self._flying.clear()
        self._number = 0

    def empty(self) -> Iterable[Relayed]:
        """Take everything out: the other node is gone."""
        self.broken()
        rest = [parcel.relayed for parcel in self._waiting]
        self._waiting.clear()
        self._bytes = 0
        self.taken = self.placed
        return rest
