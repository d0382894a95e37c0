"""How well a call flows, as a line on the terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidewire.calls.peer import Figures


class Meter:
    """Of one call."""

    def __init__(self) -> None:
        self._bytes = 0
        self._looked_s = time.monotonic()

    def show(self, before: str, figures: Figures, after: str = "") -> None:
        """Write the line over the last one: rate since then, loss since the start."""
        now_s = time.monotonic()
        rate = 8 * (figures.received_bytes - self._bytes) / max(0.001, now_s - self._looked_s) / 1_000
        self._bytes, self._looked_s = figures.received_bytes, now_s
        sent = figures.received_packets + figures.lost_packets
        loss = 100 * figures.lost_packets / sent if sent else 0.0
        print(f"\r\x1b[K{before}  {rate:.0f} kbit/s  loss {loss:.1f} %  {after}\r", end="", flush=True)
