"""The down transport's offers: changes are gathered, one offer is outstanding, sections are used again and never go away (RFC 9429 §5.2.2).

A section that became free is used again only once an answer has seen it inactive, so that no client takes two tracks for one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from calls.domain.tracks import Track


@dataclass(slots=True)
class Line:
    """One media section: its mid, its kind for ever, and the track that it carries; None: it is inactive.

    Attributes:
        resting: it became free with the outstanding offer.
    """

    mid: str
    video: bool
    track: Track | None = None
    resting: bool = False


class Negotiation:
    """Of one participant."""

    def __init__(self, gather_ns: int, sections_max: int) -> None:
        self.lines: list[Line] = []
        self.revision = 0
        self.outstanding = False
        self._gather_ns = gather_ns
        self._sections_max = sections_max
        self._wanted: dict[str, Track] = {}
        self._due_ns: int | None = None

    def put(self, track: Track, now_ns: int) -> None:
        """The participant is to get this track."""
        if self._wanted.setdefault(track.track_id, track) is track:
            self._changed(now_ns)

    def remove(self, track: Track, now_ns: int) -> None:
        """The track is no more."""
        if self._wanted.pop(track.track_id, None) is not None:
            self._changed(now_ns)

    def restart(self, now_ns: int) -> None:
        """Offer anew, whatever is outstanding: the answer to it will be ignored."""
        self.outstanding = False
        self._due_ns = now_ns

    def _changed(self, now_ns: int) -> None:
        if self._due_ns is None:
            self._due_ns = now_ns + self._gather_ns

    def offer(self, now_ns: int) -> bool:
        """Is it time? True: `lines` and `revision` are those of a new offer."""
        if self.outstanding or self._due_ns is None or now_ns < self._due_ns:
            return False
        self._due_ns = None
        self._place()
        if not self.lines:
            return False
        self.outstanding = True
        self.revision += 1
        return True

    def _place(self) -> None:
        """Bring the wanted tracks into the lines."""
        for line in self.lines:
            if line.track is not None and line.track.track_id not in self._wanted:
                line.track, line.resting = None, True
        carried = {line.track.track_id for line in self.lines if line.track is not None}
        for track_id, track in self._wanted.items():
            if track_id in carried:
                continue
            free = self._free(track.source.video)
            if free is not None:
                free.track = track

    def _free(self, video: bool) -> Line | None:
        for line in self.lines:
            if line.track is None and not line.resting and line.video == video:
                return line
        if len(self.lines) >= self._sections_max:
            return None
        line = Line(str(len(self.lines)), video)
        self.lines.append(line)
        return line

    def answered(self, revision: int, now_ns: int) -> bool:
        """An answer came. False: it is not to the outstanding offer."""
        if not self.outstanding or revision != self.revision:
            return False
        self.outstanding = False
        rested = [line for line in self.lines if line.resting]
        for line in rested:
            line.resting = False
        if rested and self.missing():
            self._changed(now_ns)
        return True

    def missing(self) -> Collection[str]:
        """Track ids that no line carries yet."""
        return set(self._wanted) - {line.track.track_id for line in self.lines if line.track is not None}
