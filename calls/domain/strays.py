"""SSRCs that keys keep something of. libsrtp does for each whose packet authenticates, looks through all of them for every packet, and forgets
none by itself: so a participant could make its packets as dear as it likes.
"""

from __future__ import annotations

from collections.abc import Container


class Strays:
    """Of one transport: those that are, or may become, of no stream. The newest `most` are kept, so that a stream that is described late has
    its place still.
    """

    __slots__ = ("_most", "_heard")

    def __init__(self, most: int) -> None:
        self._most = most
        self._heard: dict[int, None] = {}

    def heard(self, ssrc: int) -> None:
        """A packet of it authenticated."""
        self._heard.pop(ssrc, None)
        self._heard[ssrc] = None

    def take(self, known: Container[int]) -> list[int]:
        """Those to forget now. `known`: of streams, which are kept."""
        if len(self._heard) <= self._most:
            return []
        strange = [ssrc for ssrc in self._heard if ssrc not in known]
        gone = strange[: max(0, len(strange) - self._most)]
        for ssrc in gone:
            del self._heard[ssrc]
        return gone
