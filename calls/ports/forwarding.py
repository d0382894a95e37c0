"""The forwarding unit, as signalling sees it: in this process, or in another one.

A participant has two transports: *up*, where the client offers and the unit answers, and *down*, where the unit offers and the client
answers. So offers never cross.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from calls.domain.tracks import Description, Source, Track


@dataclass(frozen=True, slots=True)
class Place:
    """One participant of one life of a call."""

    call_id: str
    era_id: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class TrackAt:
    """A track, and the media section of the down transport that carries it."""

    mid: str
    track: Track


@dataclass(frozen=True, slots=True)
class DownOffered:
    """The client has to answer this offer. One is outstanding at a time."""

    place: Place
    offer: Description
    tracks: tuple[TrackAt, ...]


@dataclass(frozen=True, slots=True)
class MediaUp:
    """The participant's media flows: for the first time, or again after `MediaLost`."""

    place: Place


@dataclass(frozen=True, slots=True)
class MediaLost:
    """Nothing was heard of the participant for 30 s."""

    place: Place


@dataclass(frozen=True, slots=True)
class MediaGone:
    """The participant is out, for `reason`: it never connected (`failed`), or was away for too long (`network`)."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Published:
    """What a participant sends now."""

    place: Place
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who speaks in a call: the loudest first; empty: nobody."""

    call_id: str
    era_id: str
    participant_ids: tuple[str, ...]


ForwardingEvent = DownOffered | MediaUp | MediaLost | MediaGone | Published | Speakers


class Forwarding(Protocol):
    """Forwards media of group calls without decoding it. A call exists from its first `join` to `end`.

    What happens by itself is told as `ForwardingEvent`, in order, to whoever the unit was given at its making.
    """

    async def join(self, place: Place, offer: Description, sources: Mapping[str, Source]) -> Description:
        """Take a participant in, and answer its offer. `sources` says which media section (by mid) is what. Also how one that is in
        offers again: new tracks, an ICE restart.

        Raises:
            Refused: INVALID (this is no offer that can be answered), LIMIT_EXCEEDED (tracks, participants),
                or UNAVAILABLE (admission says no; another unit may do it).
        """
        ...

    async def answered(self, place: Place, answer: Description) -> None:
        """The client's answer to `DownOffered`. One to another revision is ignored.

        Raises:
            Refused: INVALID, NOT_FOUND.
        """
        ...

    async def restart(self, place: Place) -> None:
        """Offer the down transport again with new ICE credentials: the client's network has changed.

        Raises:
            Refused: NOT_FOUND.
        """
        ...

    async def watch(self, place: Place, heights: Mapping[str, int]) -> None:
        """The greatest height in pixels at which each video track (by track id) is shown; 0: not shown. One that was never named gets
        the greatest.

        Raises:
            Refused: NOT_FOUND.
        """
        ...

    async def mute(self, place: Place, source: Source, muted: bool) -> None:
        """Drop what the participant sends of this source, whatever its client says, or let it pass again.

        Raises:
            Refused: NOT_FOUND.
        """
        ...

    async def leave(self, place: Place) -> None:
        """Put a participant out. One that is not in: nothing happens."""
        ...

    async def end(self, call_id: str, era_id: str) -> None:
        """End a life of a call and all its transports. One that is not there: nothing happens."""
        ...
