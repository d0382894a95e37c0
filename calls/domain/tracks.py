"""What participants send, and what they see of one another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """Where a track comes from."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"

    @property
    def video(self) -> bool:
        """It is a track of pictures."""
        return self is not Source.MICROPHONE


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a participant. Its id is `participant/source`: a participant sends each source once."""

    participant_id: str
    source: Source

    @property
    def track_id(self) -> str:
        """As clients name it."""
        return f"{self.participant_id}/{self.source.value}"


@dataclass(frozen=True, slots=True)
class Description:
    """An offer or an answer (RFC 9429).

    Attributes:
        revision: of the transport it is about, from 1; an answer carries that of its offer.
        sdp: the session description (RFC 8866).
    """

    revision: int
    sdp: str
