"""What a group call tells an app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidewire.v1 import call_pb2

if TYPE_CHECKING:
    from tidewire.calls.peer import Track

SOURCES = {
    call_pb2.TRACK_SOURCE_MICROPHONE: "microphone",
    call_pb2.TRACK_SOURCE_CAMERA: "camera",
    call_pb2.TRACK_SOURCE_SCREEN: "screen",
}
NUMBERS = {name: number for number, name in SOURCES.items()}


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a group call."""

    participant_id: str
    account_id: str
    muted: bool
    camera_off: bool
    hand_raised: bool
    reconnecting: bool
    sources: tuple[str, ...]
    """What it sends: microphone, camera, screen."""
    joined_at_ms: int
    guest: bool = False
    """It came by a link and is no member of the group."""
    name: str = ""
    """Of guests: how it is shown."""


@dataclass(frozen=True, slots=True)
class WaitingGuest:
    """Somebody who waits to be let in."""

    waiting_id: str
    account_id: str
    name: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class GroupRing:
    """The call of a group rings here."""

    conversation_id: str
    caller_id: str
    video: bool
    rings_until_ms: int


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Who is in, or what stands beside a name, has changed."""


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Who speaks: the loudest first, by participant; empty: nobody."""

    participant_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A track of a participant."""

    participant_id: str
    source: str
    track: Track


@dataclass(frozen=True, slots=True)
class TracksChanged:
    """What is received has changed: see `GroupCall.tracks`."""


@dataclass(frozen=True, slots=True)
class MutedByAdmin:
    """An admin muted this side; only `set(muted=False)` ends it."""

    account_id: str


@dataclass(frozen=True, slots=True)
class WaitingChanged:
    """Who waits to be let in has changed: see `GroupCall.waiting`. Told to those who may let them in."""


GroupEvent = RosterChanged | SpeakersChanged | TracksChanged | MutedByAdmin | WaitingChanged


def participants(roster: call_pb2.GroupCallRoster) -> list[Participant]:
    """Those of a roster, in the order in which they came."""
    return [
        Participant(
            one.participant_id,
            one.account_id,
            one.muted,
            one.camera_off,
            one.hand_raised,
            one.reconnecting,
            tuple(SOURCES[source] for source in one.sources if source in SOURCES),
            one.joined_at_ms,
            one.guest,
            one.display_name,
        )
        for one in roster.participants
    ]


def waiting_guests(told: call_pb2.WaitingRoom) -> list[WaitingGuest]:
    """Who waits, in the order in which they came."""
    return [WaitingGuest(one.waiting_id, one.account_id, one.display_name, one.since_ms) for one in told.waiting]
