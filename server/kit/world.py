"""Time and chance."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The clocks of the node."""

    def now_ms(self) -> int:
        """The time: Unix ms. May jump."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment; never goes back."""
        ...


class Random(Protocol):
    """What cannot be guessed."""

    def new_id(self) -> str:
        """A new id: 20 characters of a-z and 2-7 (100 bits)."""
        ...

    def token(self, prefix: str) -> str:
        """A new secret: `prefix` and 43 URL-safe characters (256 bits)."""
        ...

    def code(self) -> str:
        """Six digits."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`, for jitter."""
        ...
