"""How fast a draining node lets its devices go. Pure; `services/draining.py` brings it about.

Each device that goes returns to one of the nodes that stay, which reads its store and answers its Hello: about 10 ms of a core. What goes
faster than they take it waits in line there, together with the messages of everybody else. So devices go at a rate that every node can
take, and slower than that where the first have not come back yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from server.domain.identity import Identity
from server.domain.limits import Limits

GONE_MS = 3_000
"""A device that has not come back for this long is not on its way, and holds up no other."""


def staying(others: int, workers: int) -> int:
    """How many nodes stay when this one goes: the workers of one machine go together."""
    return max(0, others - (workers - 1))


class Drain:
    """The devices of a node that goes: which of them go when."""

    def __init__(
        self, devices: Sequence[Identity], *, others: int, workers: int, grace_s: float, limits: Limits, now_ms: int
    ) -> None:
        """The drain begins.

        Args:
            devices: those with an open stream on this node.
            others: all other nodes that are alive, the other workers of this machine included.
            workers: nodes of this machine that drain at the same time, this one included.
            grace_s: seconds from now until the streams that are left are cut. The last to go have a fifth of it for that.
        """
        self._waiting = list(devices)
        self._count = len(self._waiting)
        self._began_ms = now_ms
        stay = staying(others, workers)
        self.alone = not stay
        """No node stays: there is nothing to spread, and nowhere to go."""
        self._longest_ms = 0 if self.alone else int(800 * grace_s)
        rate = max(1, stay) * limits.drain_returns_per_s / workers
        self.spread_ms = min(max(limits.drain_spread_ms, int(1000 * self._count / rate)), self._longest_ms)
        """How long it takes when all come back at once."""
        self._away_max = max(1, int(rate))
        self._away: dict[Identity, int] = {}

    def over(self) -> bool:
        """Whether all have been let go."""
        return not self._waiting

    def on_their_way(self) -> list[Identity]:
        """Devices that were let go, and were not seen elsewhere since."""
        return list(self._away)

    def turn(self, now_ms: int, away: Collection[Identity]) -> list[Identity]:
        """Those that go now. `away`: those `on_their_way` that have not come back yet.

        Never faster than the spread; and as long as the grace allows it, no more are away than come back in a second.
        """
        self._away = {device: at_ms for device, at_ms in self._away.items() if device in away and now_ms - at_ms < GONE_MS}
        gone = self._count - len(self._waiting)
        ahead = min(self._by(now_ms, self.spread_ms) - gone, self._away_max - len(self._away))
        behind = self._by(now_ms, self._longest_ms) - gone
        going = self._waiting[: max(ahead, behind, 0)]
        del self._waiting[: len(going)]
        self._away.update(dict.fromkeys(going, now_ms))
        return going

    def _by(self, now_ms: int, spread_ms: int) -> int:
        """How many have gone by now, when they go evenly over so long."""
        elapsed_ms = now_ms - self._began_ms
        return self._count if elapsed_ms >= spread_ms else self._count * elapsed_ms // spread_ms
