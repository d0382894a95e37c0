"""What a person sees and hears of packets that came: pictures that stand still, and gaps in the sound.

A receiver plays everything `PLAYOUT_MS` after it could have come at best. A picture is shown when it is whole and the one before it was, or when
it is a keyframe. It stands still when the next one comes more than 183 ms after it: with 30 pictures a second that is how browsers count
freezes (`freezeCount`: longer than three times a picture, and than a picture and 150 ms). Of sound one lost packet is concealed; two or more in a row, 40 ms, are a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PLAYOUT_MS = 300.0
FREEZE_MS = 183.0
GAP_PACKETS = 2
SOUND_MS = 20.0


@dataclass(slots=True)
class _Picture:
    """Packets by their sequence numbers, extended."""

    timestamp: int
    first: int | None = None
    last: int | None = None
    key: bool = False
    have: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        return self.first is not None and self.last is not None and len(self.have) == self.last - self.first + 1


class Screen:
    """Pictures of one flow, from packets in any order."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, float]] = []
        """Media time and the time at which it could be shown, ms."""
        self._pictures: dict[int, _Picture] = {}
        self._next: int | None = None

    def packet(self, sequence: int, timestamp: int, begins: bool, marker: bool, key: bool, at_ms: float) -> None:
        """Take one in: numbers are extended, each comes once."""
        if self._next is not None and sequence < self._next:
            return
        picture = self._pictures.setdefault(timestamp, _Picture(timestamp))
        picture.have.add(sequence)
        if begins:
            picture.first, picture.key = sequence, key
        if marker:
            picture.last = sequence
        self._show(at_ms)

    def _show(self, at_ms: float) -> None:
        while True:
            ready = [one for one in self._pictures.values() if one.whole and (one.key or one.first == self._next)]
            if not ready:
                return
            picture = min(ready, key=lambda one: one.first or 0)
            assert picture.last is not None
            self._next = picture.last + 1
            self.shown.append((picture.timestamp / 90, at_ms))
            self._pictures = {at: one for at, one in self._pictures.items() if at > picture.timestamp}

    @property
    def stuck(self) -> bool:
        """There are pictures that cannot be shown."""
        return bool(self._pictures)


def times(ready: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """When each is played: media time and time, ms; what comes later than its time is played when it comes."""
    if not ready:
        return []
    best = min(at - media for media, at in ready)
    return [(media, max(at, media + best + PLAYOUT_MS)) for media, at in ready]


def freezes(shown: list[tuple[float, float]], from_ms: float, until_ms: float) -> tuple[int, float]:
    """How often a picture stood still, and for how long in all, ms; where there is none, it stood still all the time."""
    played = [at for _, at in times(shown)] or [from_ms]
    waits = [after - before for before, after in zip(played, [*played[1:], until_ms], strict=True)]
    long = [one for one in waits if one > FREEZE_MS]
    return len(long), sum(long)


def gaps(heard: dict[int, float], first: int, last: int) -> tuple[int, int]:
    """Of sound: how many gaps there were, and how many packets were concealed in all.

    Args:
        heard: when each packet came, ms, by its number.
        first, last: the numbers that there were.
    """
    best = min((at - number * SOUND_MS for number, at in heard.items()), default=0.0)
    count = concealed = row = 0
    for number in range(first, last + 1):
        at = heard.get(number)
        if at is None or at > number * SOUND_MS + best + PLAYOUT_MS:
            concealed += 1
            row += 1
            count += row == GAP_PACKETS
        else:
            row = 0
    return count, concealed
