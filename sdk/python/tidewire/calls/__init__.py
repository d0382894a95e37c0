"""Voice and video calls. Media needs the extra `calls` (aiortc); signalling does not."""

from tidewire.calls.call import Call, CallMedia, Rung, TrackCame
from tidewire.calls.calls import Calls
from tidewire.calls.followed import CallState, StateChanged
from tidewire.calls.group import GroupCall
from tidewire.calls.group_events import (
    GroupRing,
    MutedByAdmin,
    Participant,
    RosterChanged,
    SpeakersChanged,
    TracksChanged,
    WaitingChanged,
    WaitingGuest,
)
from tidewire.calls.links import CallLink, CallLinks

__all__ = [
    "Call",
    "CallLink",
    "CallLinks",
    "CallMedia",
    "CallState",
    "Calls",
    "GroupCall",
    "GroupRing",
    "MutedByAdmin",
    "Participant",
    "RosterChanged",
    "Rung",
    "SpeakersChanged",
    "StateChanged",
    "TrackCame",
    "TracksChanged",
    "WaitingChanged",
    "WaitingGuest",
]
