"""Latencies as counts in bounds 2 % apart: small, and they add up over processes and seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

STEP = 1.02


def bound_of(ms: float) -> int:
    """The number of the bound that this many milliseconds fall under; 0: under 10 µs."""
    return max(0, math.ceil(math.log(max(ms, 0.01) / 0.01, STEP)))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Milliseconds that `share` (0 to 1) of the counted stay under; None: nothing was counted."""
    total = sum(counts.values())
    if not total:
        return None
    left = math.ceil(share * total)
    for bound in sorted(counts):
        left -= counts[bound]
        if left <= 0:
            return 0.01 * STEP**bound
    raise AssertionError("the shares of a whole add up to it")


class Latencies:
    """By second."""

    def __init__(self) -> None:
        self.seconds: dict[int, Counter[int]] = {}

    def add(self, second: int, ms: float) -> None:
        """One more."""
        self.seconds.setdefault(second, Counter())[bound_of(ms)] += 1

    def join(self, other: Mapping[str, Mapping[str, int]]) -> None:
        """Those of another process, as they came by JSON."""
        for second, counts in other.items():
            self.seconds.setdefault(int(second), Counter()).update({int(bound): count for bound, count in counts.items()})

    def all(self) -> Counter[int]:
        """Of all seconds."""
        return sum(self.seconds.values(), Counter())
