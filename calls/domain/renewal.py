"""When something that serves for a time gives way to another one."""

from __future__ import annotations


class Renewal:
    """One serves from `now_ns` on, and each that follows from the first moment after its time at which one was wanted."""

    def __init__(self, every_ns: int, now_ns: int) -> None:
        self._every_ns = every_ns
        self._since_ns = now_ns

    def due(self, now_ns: int) -> bool:
        """Whether another one serves from now on."""
        if now_ns - self._since_ns < self._every_ns:
            return False
        self._since_ns = now_ns
        return True
