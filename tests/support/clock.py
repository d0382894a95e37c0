"""A clock whose time passes when the test says so."""

from __future__ import annotations

from tests.support.cast import NOW


class HandClock:
    """The port `Clock`."""

    def __init__(self, now_ms: int = NOW) -> None:
        self._ms = now_ms

    def now_ms(self) -> int:
        """Unix ms."""
        return self._ms

    def monotonic_ms(self) -> int:
        """The same."""
        return self._ms

    def pass_ms(self, ms: int) -> None:
        """Let time pass."""
        self._ms += ms
