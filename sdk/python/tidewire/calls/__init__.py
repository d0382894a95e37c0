"""Voice and video calls. Media needs the extra `calls` (aiortc); signalling does not."""

from tidewire.calls.call import Call, CallMedia, CallState, Rung, StateChanged, TrackCame
from tidewire.calls.calls import Calls

__all__ = ["Call", "CallMedia", "CallState", "Calls", "Rung", "StateChanged", "TrackCame"]
