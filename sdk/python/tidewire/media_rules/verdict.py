"""Accepted, or rejected with a reason that a person can be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.probe import Probe
from tidewire.media_rules.sniff import Format


class Reason(StrEnum):
    """Why something is not taken. The same bytes are never taken later, so long as the limits stay."""

    EMPTY = "empty"
    """No bytes, or nothing is left after the trim."""
    TOO_LARGE = "too_large"
    """Bytes."""
    TOO_LONG = "too_long"
    """Milliseconds."""
    BAD_CONTAINER = "bad_container"
    """Not a format that is known."""
    BAD_CODEC = "bad_codec"
    """A known container with contents that cannot be decoded here."""
    CORRUPT = "corrupt"
    """Damaged, cut short, or not what it begins like."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """Width times height of one frame."""
    TOO_MANY_FRAMES = "too_many_frames"
    TOO_MANY_STREAMS = "too_many_streams"
    FRAME_RATE = "frame_rate"
    """Frames a second."""
    WRONG_KIND = "wrong_kind"
    """Fine as something else, as a document at least."""
    NOT_AS_DECLARED = "not_as_declared"
    """Other bytes than were declared."""
    TIMEOUT = "timeout"
    """Milliseconds of looking at it or of converting it."""
    TOO_COMPLEX = "too_complex"
    """It took more processor time, memory or room than it may."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not taken. `limit` and `actual` are in the unit of the reason, 0 where it has none; `detail` is for a log."""

    reason: Reason
    limit: int = 0
    actual: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """May be stored once it is made. Sizes are as seen, orientation applied; the duration is that of what is kept."""

    kind: Kind
    probe: Probe
    content_type: str
    """Of the source, by its content."""
    format: Format | None = None
    """None: a document of a format that is not known."""
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    animated: bool = False
    """A picture of several frames."""
