"""When a publisher is asked for a keyframe: for all who want one together, and not for one who always does.

Each subscriber's wishes back off from half a second to eight, and begin anew after ten quiet seconds; a layer is asked at most every
300 ms, and again every second until the keyframe has come.
"""

from __future__ import annotations

FLOOR_NS = 300_000_000
AGAIN_NS = 1_000_000_000
BACKOFF_NS, BACKOFF_MAX_NS, QUIET_NS = 500_000_000, 8_000_000_000, 10_000_000_000
AGAIN_TRIES_MAX = 10


class Wishes:
    """One subscriber's wishes for keyframes of one track."""

    __slots__ = ("_last_ns", "_wait_ns")

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._wait_ns = 0

    def granted(self, now_ns: int) -> bool:
        """It wishes. Is it its turn?"""
        if self._last_ns is None or now_ns - self._last_ns >= QUIET_NS:
            self._wait_ns = 0
        elif now_ns - self._last_ns < self._wait_ns:
            return False
        self._last_ns = now_ns
        self._wait_ns = min(BACKOFF_MAX_NS, 2 * self._wait_ns) or BACKOFF_NS
        return True


class KeyframeRequests:
    """The requests for one layer."""

    __slots__ = ("pending", "_asked_ns", "_tries")

    def __init__(self) -> None:
        self.pending = False
        self._asked_ns: int | None = None
        self._tries = 0

    def want(self) -> None:
        """Somebody needs a keyframe."""
        if not self.pending:
            self.pending, self._tries = True, 0

    def came(self) -> None:
        """A keyframe came."""
        self.pending = False

    def due(self, now_ns: int) -> bool:
        """Ask the publisher now? Asked at arrivals of wishes and at ticks; a publisher that never obeys is left alone in the end."""
        if not self.pending:
            return False
        wait = AGAIN_NS if self._tries else FLOOR_NS
        if self._asked_ns is not None and now_ns - self._asked_ns < wait:
            return False
        self._asked_ns = now_ns
        self._tries += 1
        self.pending = self._tries < AGAIN_TRIES_MAX
        return True
