"""What devices are told of calls: values that are stored, sent between processes, and put on the wire by the adapters."""

from __future__ import annotations

from enum import Enum

import msgspec

from calls.domain.tracks import Source


class Party(msgspec.Struct, frozen=True, array_like=True):
    """A device, and whose it is."""

    account_id: str
    device_id: str


class Sdp(msgspec.Struct, frozen=True):
    """An offer or an answer (RFC 9429). One of `sdp` and `sealed`; the process reads neither."""

    revision: int
    sdp: str = ""
    sealed: bytes = b""


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """A way to reach a device (RFC 8839)."""

    line: str
    mid: str
    place: int


class End(Enum):
    """Why a call is over on a device; the names are those of `tidewire.v1.CallEnd`."""

    HANGUP = "hangup"
    DECLINED = "declined"
    BUSY = "busy"
    MISSED = "missed"
    CANCELLED = "cancelled"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    DECLINED_ELSEWHERE = "declined_elsewhere"
    NETWORK = "network"
    FAILED = "failed"
    REPLACED = "replaced"
    REMOVED = "removed"
    DENIED = "denied"
    REVOKED = "revoked"


class Outcome(Enum):
    """How a call went, as its record says; the names are those of `tidewire.v1.CallOutcome`."""

    ANSWERED = "answered"
    MISSED = "missed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    BUSY = "busy"


class IceServer(msgspec.Struct, frozen=True):
    """A relay or reflector."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class Ice(msgspec.Struct, frozen=True):
    """How to get through. `expires_at_ms`: Unix ms; 0: never."""

    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    expires_at_ms: int = 0


class Incoming(msgspec.Struct, frozen=True, tag=True):
    """Somebody calls."""

    call_id: str
    conversation_id: str
    caller_account_id: str
    video: bool
    offer: Sdp
    rings_until_ms: int
    ice: Ice
    ticket: bytes
    silent: bool


class Rings(msgspec.Struct, frozen=True, tag=True):
    """The other side's device shows the call."""

    call_id: str


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """The call was taken."""

    call_id: str
    answer: Sdp | None
    device_id: str


class Candidates(msgspec.Struct, frozen=True, tag=True):
    """Ways to reach the other side."""

    call_id: str
    candidates: tuple[Candidate, ...]


class Described(msgspec.Struct, frozen=True, tag=True):
    """The other side describes the media anew."""

    call_id: str
    description: Sdp
    answers: bool


class Over(msgspec.Struct, frozen=True, tag=True):
    """The call is over, or does not ring here any more."""

    call_id: str
    reason: End


class Replaced(msgspec.Struct, frozen=True, tag=True):
    """Another stream of this device took this one's place."""

    stream_id: str
    """That of the new one."""


class Section(msgspec.Struct, frozen=True, array_like=True):
    """What a media section of the unit's offer carries."""

    mid: str
    participant_id: str
    source: Source


class DownOffer(msgspec.Struct, frozen=True, tag=True):
    """The unit's offer."""

    conversation_id: str
    revision: int
    sdp: str
    sections: tuple[Section, ...]


class Seen(msgspec.Struct, frozen=True):
    """Somebody in a group call, as the others see it."""

    participant_id: str
    account_id: str
    muted: bool
    camera_off: bool
    hand_raised: bool
    sources: tuple[Source, ...]
    reconnecting: bool
    joined_ms: int
    guest: bool = False
    name: str = ""
    """Of guests."""


class Roster(msgspec.Struct, frozen=True, tag=True):
    """Who is in a group call. `era_id` "": there is none."""

    conversation_id: str
    era_id: str = ""
    participants: tuple[Seen, ...] = ()
    began_ms: int = 0


class Speakers(msgspec.Struct, frozen=True, tag=True):
    """Who speaks, the loudest first."""

    conversation_id: str
    participant_ids: tuple[str, ...]


class Muted(msgspec.Struct, frozen=True, tag=True):
    """An admin muted this device."""

    conversation_id: str
    account_id: str


class Move(msgspec.Struct, frozen=True, tag=True):
    """The unit goes away: join again."""

    conversation_id: str
    after_ms: int


class GroupOver(msgspec.Struct, frozen=True, tag=True):
    """The device is out of a group call, or that does not ring any more."""

    conversation_id: str
    reason: End


class GroupRings(msgspec.Struct, frozen=True, tag=True):
    """A group call rings."""

    conversation_id: str
    era_id: str
    caller_account_id: str
    video: bool
    rings_until_ms: int


class WaitingSeen(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who waits to be let in."""

    waiting_id: str
    account_id: str
    name: str
    since_ms: int


class WaitingList(msgspec.Struct, frozen=True, tag=True):
    """Who waits to be let in, for those who may."""

    conversation_id: str
    waiting: tuple[WaitingSeen, ...]


class Admitted(msgspec.Struct, frozen=True, tag=True):
    """The device was let in."""

    conversation_id: str


GroupMessage = DownOffer | Roster | Speakers | Muted | Move | GroupOver | GroupRings | WaitingList | Admitted
Message = Incoming | Rings | Accepted | Candidates | Described | Over | Replaced | GroupMessage
