"""What is made of a file that was accepted.

Rules that live here and nowhere else:
- A document stays the very bytes. Everything else is written anew, so that nothing hides in a corner of a container.
- A video that plays everywhere is copied into a fresh MP4; any other becomes H.264 and AAC of even size, 8 bits, faststart.
- Whatever is encoded has a rate that cannot exceed the greatest size: of good quality, and capped.
- An animated picture becomes a silent MP4 that a player repeats: a tenth of the size, and every device plays it.
- A picture with transparency, or a drawing, stays PNG while it is small; a photo is a JPEG.
- A voice note that is Opus in Ogg or AAC stays what it is; any other becomes Opus in Ogg.
- Fitting cuts nothing by itself: the sender chooses the part that is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidewire.media_rules import sniff
from tidewire.media_rules.judge import Window
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Stream
from tidewire.media_rules.verdict import Accepted

PICTURE_SIDE_PX_MAX = 4_096
LOOP_SIDE_PX_MAX = 640
AVATAR_SIDES_PX = (640, 96)
DRAWING_PIXELS_MAX = 4_200_000
"""A drawing of at most as many pixels stays PNG: 16 MiB at the worst."""
AUDIO_BITS_PER_S = 128_000
VOICE_BITS_PER_S = 24_000
VIDEO_BITS_PER_S_MAX = 4_000_000
VIDEO_BITS_PER_S_MIN = 80_000
_BITS_PER_PIXEL = 0.09
"""What H.264 of the quality that is asked for takes on average: for estimates alone."""
_CONTAINER_SHARE = 0.03
_PLAYED_PROFILES = frozenset({"Constrained Baseline", "Baseline", "Main", "High"})
_LEVEL_MAX = 52
_SIDES_PX = ((1_500_000, 1_280), (550_000, 854), (250_000, 640), (0, 426))
"""From how many bits a second on a fitted picture may have how long a side."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The very bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePlan:
    """A still picture: `codec` is "mjpeg" or "png"."""

    codec: str
    side_px_max: int = PICTURE_SIDE_PX_MAX


@dataclass(frozen=True, slots=True)
class SquarePlan:
    """Square crops from the middle, the first of them MAIN."""

    sides_px: tuple[int, int] = AVATAR_SIDES_PX


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlan:
    """An MP4. Rates are in bits a second; 0 for a stream that is copied or not there."""

    length_ms: int
    start_ms: int = 0
    is_cut: bool = False
    """Only `length_ms` from `start_ms` on are kept."""
    has_audio: bool = False
    copies_video: bool = False
    copies_audio: bool = False
    video_bits_per_s: int = 0
    audio_bits_per_s: int = 0
    side_px_max: int = 1_920
    frame_rate_max: int = 60
    estimated_bytes: int = 0
    bytes_max: int = 0
    """What comes out larger is not stored."""

    def smaller(self) -> VideoPlan:
        """The next try, when what came out was too large all the same."""
        return replace(self, video_bits_per_s=self.video_bits_per_s * 8 // 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPlan:
    """Sound alone: `muxer` is ffmpeg's name of the container, `bits_per_s` 0 for what is copied."""

    muxer: str
    content_type: str
    codec: str = "copy"
    bits_per_s: int = 0
    channels: int = 0
    """0: as many as there are."""
    has_waveform: bool = False


Plan = Keep | PicturePlan | SquarePlan | VideoPlan | SoundPlan


def plan(accepted: Accepted, limits: MediaLimits, *, fit: bool = False, window: Window | None = None) -> Plan:
    """What to make of a file of this verdict and wish."""
    if accepted.kind is Kind.DOCUMENT:
        return Keep()
    if accepted.kind is Kind.AVATAR:
        return SquarePlan()
    if accepted.kind is Kind.IMAGE:
        return _loop(accepted, limits) if accepted.animated else _picture(accepted)
    if accepted.kind is Kind.VIDEO:
        return _video(accepted, limits, fit, window)
    return _sound(accepted)


def transcoded(accepted: Accepted, limits: MediaLimits, window: Window | None = None) -> VideoPlan:
    """A video encoded anew: what stands in when copying it did not work."""
    length_ms, video, audio = accepted.duration_ms, accepted.probe.video, accepted.probe.audio
    sound = AUDIO_BITS_PER_S if audio else 0
    room = _bits_per_s(limits.video_bytes_max, length_ms)
    if sound and room < 4 * sound:
        sound = sound // 2
    rate = max(VIDEO_BITS_PER_S_MIN, min(VIDEO_BITS_PER_S_MAX, room - sound))
    made = VideoPlan(
        length_ms=length_ms,
        start_ms=max(0, window.start_ms) if window else 0,
        is_cut=window is not None,
        has_audio=audio is not None,
        video_bits_per_s=rate,
        audio_bits_per_s=sound,
        side_px_max=next(side for least, side in _SIDES_PX if rate >= least),
        bytes_max=limits.video_bytes_max,
    )
    return replace(made, estimated_bytes=_estimate(made, accepted, video))


def plays_everywhere(accepted: Accepted) -> bool:
    """Whether phones, browsers and desktops all play the video's pictures as they are."""
    video, format = accepted.probe.video, accepted.format
    return (
        video is not None
        and format is not None
        and format.demuxer in ("mov", "matroska")
        and video.codec == "h264"
        and video.profile in _PLAYED_PROFILES
        and video.pixel_format in ("yuv420p", "yuvj420p")
        and 0 < video.level <= _LEVEL_MAX
        and video.width % 2 == 0
        and video.height % 2 == 0
    )


def _video(accepted: Accepted, limits: MediaLimits, fit: bool, window: Window | None) -> VideoPlan:
    size = accepted.probe.bytes
    if window or not plays_everywhere(accepted) or (fit and size > limits.video_bytes_max):
        return transcoded(accepted, limits, window)
    audio = accepted.probe.audio
    copies_audio = audio is not None and audio.codec == "aac" and audio.profile == "LC" and audio.channels <= 2
    return VideoPlan(
        length_ms=accepted.duration_ms,
        has_audio=audio is not None,
        copies_video=True,
        copies_audio=copies_audio,
        audio_bits_per_s=0 if audio is None or copies_audio else AUDIO_BITS_PER_S,
        estimated_bytes=size,
        bytes_max=limits.video_bytes_max,
    )


def _loop(accepted: Accepted, limits: MediaLimits) -> VideoPlan:
    rate = min(VIDEO_BITS_PER_S_MAX, _bits_per_s(limits.image_bytes_max, accepted.duration_ms))
    made = VideoPlan(
        length_ms=accepted.duration_ms,
        video_bits_per_s=rate,
        side_px_max=LOOP_SIDE_PX_MAX,
        frame_rate_max=30,
        bytes_max=limits.image_bytes_max,
    )
    return replace(made, estimated_bytes=_estimate(made, accepted, accepted.probe.video))


def _picture(accepted: Accepted) -> PicturePlan:
    picture = accepted.probe.video
    drawn = accepted.format in (sniff.PNG, sniff.GIF) or (picture is not None and _has_alpha(picture))
    return PicturePlan(codec="png" if drawn and accepted.width * accepted.height <= DRAWING_PIXELS_MAX else "mjpeg")


def _has_alpha(picture: Stream) -> bool:
    name = picture.pixel_format
    return name.startswith(("rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16"))


def _sound(accepted: Accepted) -> SoundPlan:
    audio = accepted.probe.audio
    codec = audio.codec if audio else ""
    is_voice = accepted.kind is Kind.VOICE
    if codec == "opus":
        return SoundPlan(muxer="ogg", content_type="audio/ogg", has_waveform=is_voice)
    if codec == "aac":
        return SoundPlan(muxer="ipod", content_type="audio/mp4", has_waveform=is_voice)
    if is_voice:
        return SoundPlan(
            muxer="ogg", content_type="audio/ogg", codec="libopus", bits_per_s=VOICE_BITS_PER_S, channels=1, has_waveform=True
        )
    if codec in ("mp3", "flac"):
        return SoundPlan(muxer=codec, content_type="audio/mpeg" if codec == "mp3" else "audio/flac")
    return SoundPlan(muxer="ipod", content_type="audio/mp4", codec="aac", bits_per_s=AUDIO_BITS_PER_S, channels=2)


def _bits_per_s(size: int, length_ms: int) -> int:
    """The rate at which `size` bytes last `length_ms` and the second by which an encoder may be ahead."""
    return int(size * 8 * (1 - _CONTAINER_SHARE) / (length_ms / 1_000 + 1))


def _estimate(made: VideoPlan, accepted: Accepted, video: Stream | None) -> int:
    shrunk = min(1.0, made.side_px_max / max(1, accepted.width, accepted.height))
    frames = video.counted.packets * 1_000 / max(1, video.counted.duration_ms) if video else 0
    pixels_per_s = accepted.width * accepted.height * shrunk**2 * min(frames, made.frame_rate_max)
    rate = min(made.video_bits_per_s, int(pixels_per_s * _BITS_PER_PIXEL)) + made.audio_bits_per_s
    return min(made.bytes_max, max(1, int(rate * made.length_ms / 8_000 * (1 + _CONTAINER_SHARE))))
