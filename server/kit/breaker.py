"""Whether a dependency that fails is asked again. Pure: the time comes in.

Rules that live here and nowhere else:
- `failures_max` failures in a row open the breaker: for `open_ms` nothing is asked.
- After that one call alone is let through, the probe. What comes of it closes the breaker, or opens it for another `open_ms`.
- A call that began before the breaker opened decides nothing any more.
"""

from __future__ import annotations

from enum import Enum


class Pass(Enum):
    """What a call that is let through counts as."""

    NORMAL = "normal"
    PROBE = "probe"


class Breaker:
    """A circuit breaker for one dependency."""

    def __init__(self, failures_max: int = 3, open_ms: int = 2_000) -> None:
        self._failures_max = failures_max
        self._open_ms = open_ms
        self._failures = 0
        self._probing = False
        self._retry_at_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Calls are refused, but for a probe now and then."""
        return self._retry_at_ms is not None

    def ask(self, now_ms: int) -> Pass | None:
        """Whether a call may go, and as what; None: it is refused. Each that goes is settled by one of the three below."""
        if self._retry_at_ms is None:
            return Pass.NORMAL
        if self._probing or now_ms < self._retry_at_ms:
            return None
        self._probing = True
        return Pass.PROBE

    def succeeded(self, passed: Pass) -> bool:
        """A call was answered; True: that closed the breaker."""
        if passed is Pass.PROBE:
            self._probing, self._retry_at_ms, self._failures = False, None, 0
            return True
        if self._retry_at_ms is None:
            self._failures = 0
        return False

    def failed(self, passed: Pass, now_ms: int) -> bool:
        """A call failed; True: that opened the breaker, which was closed."""
        if passed is Pass.PROBE:
            self._probing, self._retry_at_ms = False, now_ms + self._open_ms
            return False
        self._failures += 1
        if self._retry_at_ms is not None or self._failures < self._failures_max:
            return False
        self._retry_at_ms = now_ms + self._open_ms
        return True

    def abandoned(self, passed: Pass) -> None:
        """A call was cancelled: nothing is known. The next one may be the probe."""
        if passed is Pass.PROBE:
            self._probing = False

    def retry_after_ms(self, now_ms: int) -> int:
        """When to ask again: at least one millisecond."""
        return max(1, (self._retry_at_ms or 0) - now_ms)
