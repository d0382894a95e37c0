"""A call between two people as it is stored, what happens to it, and what that makes the process do."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from calls.domain import messages
from calls.domain.messages import Candidate, End, Outcome, Party, Sdp


class State(Enum):
    """Where a call is."""

    RINGING = "ringing"
    CONNECTING = "connecting"
    ACTIVE = "active"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class DirectCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it is stored. Times are Unix ms, 0: not yet."""

    call_id: str
    conversation_id: str
    caller: Party
    callee_id: str
    video: bool
    state: State = State.RINGING
    reachable: bool = True
    """False: nothing of it may reach the callee."""
    silent: bool = False
    relay_only: bool = False
    devices: tuple[str, ...] = ()
    """The callee's devices that ring: those that were connected, and those that came since."""
    busy: tuple[str, ...] = ()
    shown: bool = False
    """A device of the callee has shown it."""
    offer: Sdp | None = None
    offerer: Party | None = None
    """Who made the newest offer."""
    answer: Sdp | None = None
    """To the newest offer."""
    candidates: tuple[Candidate, ...] = ()
    """The caller's, until the call is taken."""
    taken_by: str = ""
    began_ms: int = 0
    talked_since_ms: int = 0
    talked_until_ms: int = 0
    due_ms: int = 0
    """When `Due` has to come; 0: never."""
    end: End | None = None
    recorded: bool = False

    def other(self, party: Party) -> Party | None:
        """The party at the other end, once the call is taken."""
        if not self.taken_by:
            return None
        callee = Party(self.callee_id, self.taken_by)
        return callee if party == self.caller else self.caller if party == callee else None

    def is_in(self, party: Party) -> bool:
        """Whether the device called, or took the call."""
        return party == self.caller or (bool(self.taken_by) and party == Party(self.callee_id, self.taken_by))

    @property
    def outcome(self) -> Outcome:
        """As its record says it."""
        if self.talked_since_ms or self.taken_by:
            return Outcome.ANSWERED
        by_end = {End.DECLINED: Outcome.DECLINED, End.BUSY: Outcome.BUSY, End.CANCELLED: Outcome.CANCELLED}
        return Outcome.MISSED if self.end is None else by_end.get(self.end, Outcome.MISSED)

    @property
    def talked_ms(self) -> int:
        """How long people talked."""
        return max(0, self.talked_until_ms - self.talked_since_ms) if self.talked_since_ms else 0


# -- events ------------------------------------------------------------------------------------------------------------


class Came(NamedTuple):
    """A device of the callee connected while it rings, and was told so."""

    party: Party


class Shown(NamedTuple):
    """A device of the callee shows it."""

    party: Party


class Accepted(NamedTuple):
    """A device takes it."""

    party: Party
    answer: Sdp


class Declined(NamedTuple):
    """A device turns it down."""

    party: Party


class Busy(NamedTuple):
    """A device is in another call."""

    party: Party


class Reached(NamedTuple):
    """Ways to reach a device."""

    party: Party
    candidates: tuple[Candidate, ...]


class Described(NamedTuple):
    """A device describes its media anew; or the caller for the first time, where the call was placed without an offer."""

    party: Party
    description: Sdp
    answers: bool


class HungUp(NamedTuple):
    """A device ends it."""

    party: Party
    failed: bool


class Media(NamedTuple):
    """A device says whether media flows."""

    party: Party
    flows: bool


class Due(NamedTuple):
    """The moment `due_ms` has come."""


class Recorded(NamedTuple):
    """The record is in the log, or was refused for good."""


Event = Came | Shown | Accepted | Declined | Busy | Reached | Described | HungUp | Media | Due | Recorded


# -- commands ----------------------------------------------------------------------------------------------------------


class Ring(NamedTuple):
    """Ring the callee's devices, and wake those that are away."""

    call: DirectCall


class StopRinging(NamedTuple):
    """Tell the callee's devices, but not this one, that it does not ring any more."""

    call: DirectCall
    reason: End
    except_device_id: str


class Deliver(NamedTuple):
    """Tell a device."""

    party: Party
    message: messages.Message


class Record(NamedTuple):
    """Append the record, then say `Recorded`."""

    call: DirectCall


Command = Ring | StopRinging | Deliver | Record
Step = tuple[DirectCall, tuple[Command, ...]]
