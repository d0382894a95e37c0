"""The real clocks, and chance that cannot be guessed."""

from __future__ import annotations

import base64
import random
import secrets
import time


class SystemClock:
    """The port `Clock` over the operating system's clocks."""

    def now_ms(self) -> int:
        """Unix ms."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds; never goes back."""
        return time.monotonic_ns() // 1_000_000


class SystemRandom:
    """The port `Random` over the operating system's generator."""

    def new_id(self) -> str:
        """20 characters of a-z and 2-7: 100 bits."""
        return base64.b32encode(secrets.token_bytes(13)).decode().lower()[:20]

    def token(self, prefix: str) -> str:
        """`prefix` and 43 URL-safe characters: 256 bits."""
        return prefix + secrets.token_urlsafe(32)

    def code(self) -> str:
        """Six digits."""
        return f"{secrets.randbelow(1_000_000):06d}"

    def uniform(self, low: float, high: float) -> float:
        """For jitter, where guessing harms nobody."""
        return random.uniform(low, high)  # noqa: S311
