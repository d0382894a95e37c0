"""How often something happened lately: counts by name, a bucket for each minute of the last hour. Pure: the time comes in."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

MINUTES_MAX = 60
MINUTE_MS = 60_000


class Tallied(NamedTuple):
    """How often one thing happened."""

    name: str
    times: int
    """In the time asked for."""
    total: int
    last_at_ms: int


class Tally:
    """Counts. Its size is the number of names, which the caller keeps small, times `MINUTES_MAX`."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, Counter[str]]] = deque(maxlen=MINUTES_MAX)
        self._totals: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def count(self, name: str, now_ms: int) -> None:
        """It happened once more."""
        minute = now_ms // MINUTE_MS
        if not self._minutes or self._minutes[-1][0] < minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1][name] += 1
        self._totals[name] += 1
        self._last[name] = now_ms

    def lately(self, minutes: int, now_ms: int) -> list[Tallied]:
        """What happened in the last so many minutes, the one under way included; the most frequent first."""
        since = now_ms // MINUTE_MS - minutes
        counts: Counter[str] = Counter()
        for minute, counted in self._minutes:
            if minute > since:
                counts.update(counted)
        return [Tallied(name, count, self._totals[name], self._last[name]) for name, count in counts.most_common()]
