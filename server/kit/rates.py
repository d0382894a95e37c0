"""How often somebody may do something: GCRA, one number per key. Pure: the time comes in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from server.kit.refusal import Reason, Refusal
from server.kit.world import Clock


class Rate:
    """`per_s` in the long run, `burst` at once, for each of at most `keys_max` keys; the least recently used are forgotten first."""

    def __init__(self, per_s: float, burst: int, keys_max: int = 100_000) -> None:
        self.per_s = per_s
        self.burst = burst
        self._interval_ms = 1000 / per_s
        self._slack_ms = self._interval_ms * (burst - 1)
        self._keys_max = keys_max
        self._due: OrderedDict[str, float] = OrderedDict()

    def allow(self, key: str, now_ms: float) -> int | None:
        """Count one; None when it may be, else the milliseconds after which it may."""
        due = max(self._due.get(key, 0.0), now_ms)
        if due - now_ms > self._slack_ms:
            return max(1, round(due - now_ms - self._slack_ms))
        self._due[key] = due + self._interval_ms
        self._due.move_to_end(key)
        if len(self._due) > self._keys_max:
            self._due.popitem(last=False)
        return None


def address_limit(per_s: float, burst: int, clock: Clock) -> Callable[[str], Refusal | None]:
    """Counts calls by their address, for an `Edge`."""
    rate = Rate(per_s, burst)

    def limited(address: str) -> Refusal | None:
        retry_after_ms = rate.allow(address, clock.monotonic_ms())
        if retry_after_ms is None:
            return None
        return Refusal(Reason.RATE_LIMITED, subject="address_calls_per_s", retry_after_ms=retry_after_ms)

    return limited
