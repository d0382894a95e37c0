"""What ffprobe said about a file, made safe: every number that is missing, negative, not a number or absurd is 0."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECONDS_MAX = 2.0**53
"""Nothing that a file says is taken to be as much: seconds, and any other number."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the packets of one stream add up to, whatever the header claims."""

    packets: int = 0
    start_ms: int = 0
    end_ms: int = 0

    @property
    def duration_ms(self) -> int:
        """From the first packet to the end of the last."""
        return max(0, self.end_ms - self.start_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of a container. Sizes are as stored, before `rotation` (degrees: 0, 90, 180 or 270) is applied."""

    type: str
    codec: str
    profile: str = ""
    pixel_format: str = ""
    width: int = 0
    height: int = 0
    pixel_aspect: float = 1.0
    """Width of a pixel over its height."""
    rotation: int = 0
    frame_rate: float = 0.0
    level: int = 0
    channels: int = 0
    sample_rate: int = 0
    duration_ms: int = 0
    """As the header says."""
    is_cover: bool = False
    """A picture that belongs to a piece of music."""
    counted: Counted = field(default_factory=Counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One file. `bytes` is its size, `unreadable` why ffprobe gave nothing ("": it did)."""

    bytes: int
    duration_ms: int = 0
    """As the header says."""
    streams: tuple[Stream, ...] = ()
    unreadable: str = ""

    @property
    def video(self) -> Stream | None:
        """The first stream of moving or still pictures that is no cover."""
        return next((s for s in self.streams if s.type == "video" and not s.is_cover), None)

    @property
    def audio(self) -> Stream | None:
        """The first stream of sound."""
        return next((s for s in self.streams if s.type == "audio"), None)

    @property
    def counted_ms(self) -> int:
        """How long pictures and sound last by their packets: the longest of the streams."""
        return max((s.counted.duration_ms for s in self.streams if s.type in ("video", "audio") and not s.is_cover), default=0)

    @property
    def longest_ms(self) -> int:
        """The longest duration that anything in the file claims or has: what a limit is held against."""
        return max([self.duration_ms, self.counted_ms, *(s.duration_ms for s in self.streams)])


def from_ffprobe(text: str, counted: Mapping[int, Counted], size: int) -> Probe:
    """What `ffprobe -of json -show_format -show_streams` said. Text that is not that JSON is an unreadable file."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Probe(bytes=size, unreadable="ffprobe said nothing that can be read")
    streams = [s for s in _list(said.get("streams")) if isinstance(s, dict)]
    return Probe(
        bytes=size,
        duration_ms=_ms(_dict(said.get("format")).get("duration")),
        streams=tuple(_stream(s, counted) for s in streams),
    )


def _stream(said: dict[str, Any], counted: Mapping[int, Counted]) -> Stream:
    return Stream(
        type=_text(said.get("codec_type")),
        codec=_text(said.get("codec_name")),
        profile=_text(said.get("profile")),
        pixel_format=_text(said.get("pix_fmt")),
        width=whole(said.get("width")),
        height=whole(said.get("height")),
        pixel_aspect=_aspect(said.get("sample_aspect_ratio")),
        rotation=_rotation(said),
        frame_rate=_ratio(said.get("avg_frame_rate")),
        level=whole(said.get("level")),
        channels=whole(said.get("channels")),
        sample_rate=whole(said.get("sample_rate")),
        duration_ms=_ms(said.get("duration")),
        is_cover=bool(whole(_dict(said.get("disposition")).get("attached_pic"))),
        counted=counted.get(whole(said.get("index")), Counted()),
    )


def seconds(value: object) -> float | None:
    """A number of seconds, which may be negative; None for what is no number."""
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < SECONDS_MAX else None


def whole(value: object) -> int:
    """A number that is at least 0; 0 for what is none."""
    return int(max(0.0, seconds(value) or 0.0))


def _ms(value: object) -> int:
    return round(max(0.0, seconds(value) or 0.0) * 1_000)


def _aspect(value: object) -> float:
    """`64:45`, as a number; 1 for what nobody would film."""
    ratio = _ratio(_text(value).replace(":", "/"))
    return ratio if 0.1 <= ratio <= 10 else 1.0


def _ratio(value: object) -> float:
    """`30000/1001`, as a number."""
    above, _, below = _text(value).partition("/")
    divisor = seconds(below) or 0.0
    return max(0.0, (seconds(above) or 0.0) / divisor) if divisor > 0 else 0.0


def _rotation(said: dict[str, Any]) -> int:
    """Degrees clockwise, in quarter turns; ffprobe counts the other way round."""
    for data in _list(said.get("side_data_list")):
        turned = seconds(_dict(data).get("rotation"))
        if turned is not None:
            return round(-turned / 90) * 90 % 360
    return 0


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:64] if isinstance(value, str) else ""
