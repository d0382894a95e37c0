"""Which layer of each picture a subscriber gets: by the height that it shows, by what its downlink bears, and by the unit's load.

Down at once; up only after five seconds in which there was room. A picture that is shown gets its lowest layer in any case. A receiver's
estimate never grows far beyond what it is sent: so what is held back by it alone is tried now and then (`Probe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls.domain.probe import Probe, Step

HEADROOM_NS = 5_000_000_000
SHARE = 0.9
"""Of the estimate, for pictures."""
DEFAULT_HEIGHT = 720


@dataclass(frozen=True, slots=True)
class Offered:
    """A layer that flows: its height in pixels, and its bit/s."""

    index: int
    height: int
    bits_per_s: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that the subscriber shows.

    Attributes:
        height: at most so many pixels; None: it never said, so the greatest.
        layers: those that flow, the lowest first.
    """

    track_id: str
    height: int | None
    layers: tuple[Offered, ...]


def fitting(shown: Shown, shed: bool = False) -> int | None:
    """The index of the lowest layer that fills the height, without regard to the downlink; None: no layer flows, or it is not shown."""
    if not shown.layers or shown.height == 0:
        return None
    layers = shown.layers[:-1] if shed and len(shown.layers) > 1 else shown.layers
    if shown.height is not None:
        for layer in layers:
            if layer.height >= shown.height:
                return layer.index
    return layers[-1].index


def within(shown: Sequence[Shown], bits_per_s: int | None, shed: bool = False) -> dict[str, int]:
    """The layer of each track: its lowest, raised one step at a time, the most wanted first, while all together fit.

    Args:
        shown: the most wanted first.
        bits_per_s: the downlink's estimate; None: none came yet, and nothing is held back.
        shed: the unit is overloaded: the greatest layer of each is left out.
    """
    tops = {one.track_id: fitting(one, shed) for one in shown}
    chosen = {one.track_id: 0 for one in shown if tops[one.track_id] is not None}
    ladders = {
        one.track_id: [x for x in one.layers if x.index <= (tops[one.track_id] or 0)] for one in shown if one.track_id in chosen
    }
    if bits_per_s is None:
        return {track_id: top for track_id, top in tops.items() if top is not None}
    room = bits_per_s * SHARE - sum(ladder[0].bits_per_s for ladder in ladders.values())
    raised = True
    while raised:
        raised = False
        for track_id, ladder in ladders.items():
            step = chosen[track_id]
            if step + 1 < len(ladder) and (more := ladder[step + 1].bits_per_s - ladder[step].bits_per_s) <= room:
                chosen[track_id], room, raised = step + 1, room - more, True
    return {track_id: ladders[track_id][step].index for track_id, step in chosen.items()}


class Choice:
    """The layers of one subscriber over time."""

    def __init__(self) -> None:
        self.layers: dict[str, int] = {}
        """By track id; a track that is not here is paused."""
        self._room_since: dict[str, int] = {}
        self._full: frozenset[str] = frozenset()
        self._probe = Probe()

    def look(self, shown: Sequence[Shown], bits_per_s: int | None, now_ns: int, shed: bool = False, loss: float = 0.0) -> bool:
        """Choose. True: something changed.

        Args:
            loss: of what the subscriber is sent, 0 … 1, as it said last.
        """
        before, now = self.layers, within(shown, bits_per_s, shed)
        free = {one.track_id: fitting(one, shed) for one in shown}
        flowing = {one.track_id: {layer.index for layer in one.layers} for one in shown}
        self.layers = {}
        for track_id, layer in now.items():
            held = before.get(track_id)
            if held not in flowing[track_id] or layer <= held or bits_per_s is None:
                self._room_since.pop(track_id, None)
                self.layers[track_id] = layer
                continue
            since = self._room_since.setdefault(track_id, now_ns)
            # What was not held back by the downlink has only become a greater tile: that needs no headroom.
            ready = track_id in self._full or now_ns - since >= HEADROOM_NS
            self.layers[track_id] = layer if ready else held
            if ready:
                del self._room_since[track_id]
        for track_id in [one for one in self._room_since if one not in now]:
            del self._room_since[track_id]
        self._try_more(shown, free, bits_per_s, now_ns, loss)
        self._full = frozenset(track_id for track_id, layer in self.layers.items() if layer >= (free[track_id] or 0))
        return self.layers != before

    def _try_more(
        self, shown: Sequence[Shown], free: Mapping[str, int | None], bits_per_s: int | None, now_ns: int, loss: float
    ) -> None:
        """Raise one picture by one layer beyond what the estimate says, when it may be the estimate alone that holds it back."""
        steps = {}
        sent = 0
        for one in shown:
            at, top = self.layers.get(one.track_id), free[one.track_id]
            if at is None or top is None:
                continue
            now = next(layer.bits_per_s for layer in one.layers if layer.index == at)
            sent += now
            more = [layer for layer in one.layers if at < layer.index <= top]
            if more:
                steps[one.track_id] = Step(more[0].index, more[0].bits_per_s - now)
        tried = self._probe.look(steps, sent, bits_per_s, loss, now_ns)
        if tried is not None:
            self.layers[tried[0]] = tried[1]
