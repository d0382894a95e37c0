"""Who looks anew at what it gets, and when: each participant once a second, and all as soon as something has changed.

All of a large call in one tick would hold its media up: 20 ms with 32 people, of whom each has 62 streams to choose from. So those for whom
something has changed take turns.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

CHOICES_MAX = 8
"""Participants in one tick: the last of 32 has chosen 100 ms after the change."""


class Turns:
    """Of one call. Who has waited longest is first, so that nobody waits for ever in a call that changes all the time."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}

    def all(self, names: Iterable[str]) -> None:
        """Something has changed for these."""
        self._waiting |= dict.fromkeys(names)

    def take(self, due: Iterable[str], there: Container[str]) -> list[str]:
        """Who looks in this tick.

        Args:
            due: whose second is over: these do in any case.
            there: who is in the call.
        """
        chosen = dict.fromkeys(due)
        if self._waiting:
            self._waiting = {name: None for name in self._waiting if name in there and name not in chosen}
            for name in list(self._waiting)[:CHOICES_MAX]:
                del self._waiting[name]
                chosen[name] = None
        return list(chosen)
