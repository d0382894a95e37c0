"""Voice and video calls. Media needs the extra `calls` (aiortc); signalling does not."""

from tidewire.calls.call import Call, CallMedia, Rung, TrackCame
from tidewire.calls.calls import Calls
from tidewire.calls.followed import CallState, StateChanged
from tidewire.calls.group import GroupCall, GroupRing, MutedByAdmin, Participant, RosterChanged, SpeakersChanged, TracksChanged

__all__ = [
    "Call",
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
]
