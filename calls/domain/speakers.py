"""Who speaks, from audio levels that RTP headers carry in the clear (RFC 6464), and who of many is forwarded.

Levels are loudness here: 0 is silence, 127 the loudest. A mean with weight 0.15 for each packet smooths them; every 300 ms the call looks
at them. Whoever would take the first speaker's place has to be louder by 6 dB for 600 ms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

WEIGHT = 0.15
THRESHOLD = 67.0
"""-60 dBov."""
LEAD = 6.0
LEAD_NS = 600_000_000
STALE_NS = 1_000_000_000
SPEAKERS_MAX = 5


@dataclass(slots=True)
class Voice:
    """One participant's microphone."""

    loudness: float = 0.0
    heard_ns: int = 0

    def heard(self, level: int, now_ns: int) -> None:
        """A packet's level, in -dBov: 0 … 127."""
        self.loudness += WEIGHT * (127 - level - self.loudness)
        self.heard_ns = now_ns

    def now(self, now_ns: int) -> float:
        """The loudness; a voice that sends nothing is silent."""
        return self.loudness if now_ns - self.heard_ns < STALE_NS else 0.0


class Floor:
    """Who has the floor of one call."""

    def __init__(self) -> None:
        self.speakers: tuple[str, ...] = ()
        """The loudest first; the first stays for as long as nobody clearly is louder."""
        self.recent: tuple[str, ...] = ()
        """Everybody who ever spoke and is here, who did last first."""
        self._challenger = ""
        self._since_ns = 0

    def look(self, voices: Mapping[str, Voice], now_ns: int) -> bool:
        """Hear all voices. True: `speakers` changed."""
        loud = {name: level for name, voice in voices.items() if (level := voice.now(now_ns)) >= THRESHOLD}
        order = sorted(loud, key=lambda name: (-loud[name], name))
        first = self.speakers[0] if self.speakers else ""
        if first in loud and order[0] != first:
            if order[0] != self._challenger or loud[order[0]] < loud[first] + LEAD:
                self._challenger = order[0] if loud[order[0]] >= loud[first] + LEAD else ""
                self._since_ns = now_ns
            if not self._challenger or now_ns - self._since_ns < LEAD_NS:
                order.remove(first)
                order.insert(0, first)
        # Those behind the first keep their places while they speak: an order that flickers tells nobody anything.
        stayed = [name for name in self.speakers[1:] if name in order[1:]]
        rest = stayed + [name for name in order[1:] if name not in stayed]
        before, self.speakers = self.speakers, tuple(order[:1] + rest)[:SPEAKERS_MAX]
        self.recent = self.speakers + tuple(name for name in self.recent if name in voices and name not in self.speakers)
        return self.speakers != before


def last_n(recent: Collection[str], everybody: Collection[str], limit: int, pinned: Collection[str] = ()) -> frozenset[str]:
    """Who is forwarded: the pinned, then who spoke last, then whoever is here for longest, `limit` at most beside the pinned."""
    rest = [name for name in recent if name not in pinned and name in everybody]
    rest += [name for name in everybody if name not in pinned and name not in rest]
    return frozenset(pinned) | frozenset(rest[:limit])
