"""Whether a file may be sent as what its sender says it is.

Rules that live here and nowhere else:
- Content decides. A format that does not belong to the kind is WRONG_KIND, so that it can be offered as a document.
- A duration counts as the longest that the header or the packets say: a header may lie in either direction.
- A header that promises more than the packets hold is a file that was cut short.
- Frames are counted, not computed from a rate.
- A video that is to be fitted may be larger and longer than what is stored, within limits of its own; what its trim leaves may not be longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidewire.media_rules import sniff
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Probe, Stream
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Accepted, Reason, Rejected

OCTETS = "application/octet-stream"

_PICTURES = frozenset({sniff.JPEG, sniff.PNG, sniff.GIF, sniff.WEBP, sniff.ANIMATED_WEBP, sniff.HEIC, sniff.AVIF})
_VIDEOS = frozenset({sniff.MP4, sniff.MOV, sniff.THREE_GP, sniff.MKV, sniff.WEBM, sniff.AVI})
_SOUNDS = frozenset(
    {sniff.M4A, sniff.WAV, sniff.OPUS, sniff.VORBIS, sniff.OGG_FLAC, sniff.MP3, sniff.AAC, sniff.AMR, sniff.FLAC}
    | (_VIDEOS - {sniff.AVI})
)
_FORMATS = {
    Kind.IMAGE: _PICTURES,
    Kind.AVATAR: _PICTURES,
    Kind.VIDEO: _VIDEOS,
    Kind.VOICE: _SOUNDS,
    Kind.AUDIO: _SOUNDS,
}
_PICTURE_CODECS = frozenset({"mjpeg", "png", "gif", "webp", "av1"})
_VIDEO_CODECS = frozenset(
    {"h264", "hevc", "mpeg4", "h263", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "mpeg1video", "mpeg2video"}
    | {"vp8", "vp9", "av1", "mjpeg", "prores", "theora"}
)
_AUDIO_CODECS = frozenset(
    {"aac", "mp3", "mp2", "ac3", "eac3", "opus", "vorbis", "flac", "alac", "amr_nb", "amr_wb"}
    | {"pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw"}
    | {"adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt"}
)
_DEMUXERS_WITH_DURATION = frozenset({"mov", "matroska", "avi"})
"""Their headers say how long they are; the others' durations are estimates."""
_CUT_SHORT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a video that is kept, in milliseconds of it; an end of 0 is its end."""

    start_ms: int = 0
    end_ms: int = 0

    def length_ms(self, whole_ms: int) -> int:
        """How long the part is; 0 or less: nothing is left."""
        end = min(self.end_ms, whole_ms) if self.end_ms else whole_ms
        return end - max(0, self.start_ms)


def judge_size(kind: Kind, size: int, limits: MediaLimits, *, fit: bool = False) -> Rejected | None:
    """The verdict on `size` bytes, declared or real, before anything else is known; None: go on."""
    if size <= 0:
        return Rejected(Reason.EMPTY)
    most = limits.bytes_max(kind, fit=fit)
    return Rejected(Reason.TOO_LARGE, most, size) if size > most else None


def judge_declared(declared: int, size: int, same_hash: bool) -> Rejected | None:
    """The verdict on `size` bytes that came where `declared` were announced; None: they are the ones."""
    if size != declared:
        return Rejected(Reason.NOT_AS_DECLARED, declared, size, "another number of bytes")
    return None if same_hash else Rejected(Reason.NOT_AS_DECLARED, declared, size, "another hash")


def judge_format(kind: Kind, format: Format | None) -> Rejected | None:
    """The verdict on a format, before a demuxer has touched the file; None: go on."""
    if kind is Kind.DOCUMENT:
        return None
    if format is None:
        return Rejected(Reason.BAD_CONTAINER)
    if format not in _FORMATS[kind]:
        return Rejected(Reason.WRONG_KIND, detail=f"{format.name} as {kind}")
    return None if format.demuxer else Rejected(Reason.BAD_CODEC, detail=format.name)


def kind_of(format: Format | None) -> Kind:
    """What a file of this format is sent as, unless the sender says otherwise: a document where nothing else takes it."""
    return next((kind for kind in (Kind.IMAGE, Kind.VIDEO, Kind.AUDIO) if judge_format(kind, format) is None), Kind.DOCUMENT)


def judge(
    kind: Kind, format: Format | None, probe: Probe, limits: MediaLimits, *, fit: bool = False, window: Window | None = None
) -> Accepted | Rejected:
    """The verdict on one file. `fit`: it is to be made smaller; `window`: only this part of a video is to be kept."""
    refused = judge_size(kind, probe.bytes, limits, fit=fit and kind is Kind.VIDEO) or judge_format(kind, format)
    if refused:
        return refused
    if kind is Kind.DOCUMENT:
        return Accepted(kind=kind, probe=probe, format=format, content_type=format.content_type if format else OCTETS)
    assert format is not None
    if probe.unreadable:
        return Rejected(Reason.CORRUPT, detail=probe.unreadable)
    if len(probe.streams) > limits.streams_max:
        return Rejected(Reason.TOO_MANY_STREAMS, limits.streams_max, len(probe.streams))
    if kind in (Kind.IMAGE, Kind.AVATAR):
        return _picture(kind, format, probe, limits)
    if kind is Kind.VIDEO:
        return _video(format, probe, limits, fit, window)
    return _sound(kind, format, probe, limits)


def _picture(kind: Kind, format: Format, probe: Probe, limits: MediaLimits) -> Accepted | Rejected:
    picture = probe.video
    if picture is None:
        return Rejected(Reason.CORRUPT, detail="no picture")
    animated = format is sniff.GIF and picture.counted.packets > 1 and kind is Kind.IMAGE
    refused = (
        _codec(picture, _PICTURE_CODECS)
        or _pixels(picture, limits.animation_pixels_max if animated else limits.image_pixels_max)
        or (_animation(picture, limits) if animated else None)
    )
    if refused:
        return refused
    duration_ms = picture.counted.duration_ms if animated else 0
    return _accepted(kind, format, probe, duration_ms, animated)


def _animation(picture: Stream, limits: MediaLimits) -> Rejected | None:
    frames, duration_ms = picture.counted.packets, picture.counted.duration_ms
    if frames > limits.animation_frames_max:
        return Rejected(Reason.TOO_MANY_FRAMES, limits.animation_frames_max, frames)
    if duration_ms > limits.animation_duration_ms_max:
        return Rejected(Reason.TOO_LONG, limits.animation_duration_ms_max, duration_ms)
    return None


def _video(format: Format, probe: Probe, limits: MediaLimits, fit: bool, window: Window | None) -> Accepted | Rejected:
    video, audio = probe.video, probe.audio
    if video is None:
        return Rejected(Reason.WRONG_KIND if audio else Reason.CORRUPT, detail="no video in it")
    refused = (
        _codec(video, _VIDEO_CODECS)
        or (_sound_stream(audio, limits) if audio else None)
        or next(
            (no for s in probe.streams if s.type == "video" and not s.is_cover if (no := _pixels(s, limits.video_pixels_max))),
            None,
        )
        or _video_frames(video, limits, fit or window is not None)
    )
    if refused:
        return refused
    return _video_duration(format, probe, limits, fit, window)


def _video_frames(video: Stream, limits: MediaLimits, is_source: bool) -> Rejected | None:
    frames, duration_ms = video.counted.packets, video.counted.duration_ms
    most = limits.packets_max if is_source else limits.frames_max
    if frames > most:
        return Rejected(Reason.TOO_MANY_FRAMES, most, frames)
    rate = frames * 1_000 // max(1_000, duration_ms)
    return Rejected(Reason.FRAME_RATE, limits.frame_rate_max, rate) if rate > limits.frame_rate_max else None


def _video_duration(format: Format, probe: Probe, limits: MediaLimits, fit: bool, window: Window | None) -> Accepted | Rejected:
    longest, kept_ms = probe.longest_ms, probe.counted_ms
    if fit or window:
        if longest > limits.video_source_duration_ms_max:
            return Rejected(Reason.TOO_LONG, limits.video_source_duration_ms_max, longest)
        longest = kept_ms = (window or Window()).length_ms(kept_ms)
        if kept_ms <= 0:
            return Rejected(Reason.EMPTY, detail="nothing is left after the trim")
    if longest > limits.video_duration_ms_max:
        return Rejected(Reason.TOO_LONG, limits.video_duration_ms_max, longest)
    return _cut_short(format, probe) or _accepted(Kind.VIDEO, format, probe, kept_ms)


def _sound(kind: Kind, format: Format, probe: Probe, limits: MediaLimits) -> Accepted | Rejected:
    if probe.video is not None:
        return Rejected(Reason.WRONG_KIND, detail=f"a video as {kind}")
    if probe.audio is None:
        return Rejected(Reason.CORRUPT, detail="no sound in it")
    refused = _sound_stream(probe.audio, limits)
    if refused:
        return refused
    most, longest = limits.duration_ms_max(kind), probe.longest_ms
    if longest > most:
        return Rejected(Reason.TOO_LONG, most, longest)
    return _cut_short(format, probe) or _accepted(kind, format, probe, probe.counted_ms)


def _sound_stream(audio: Stream, limits: MediaLimits) -> Rejected | None:
    if audio.codec not in _AUDIO_CODECS:
        return Rejected(Reason.BAD_CODEC, detail=audio.codec)
    if not 0 < audio.channels <= limits.channels_max:
        return Rejected(Reason.BAD_CODEC, limits.channels_max, audio.channels, "channels")
    return None


def _cut_short(format: Format, probe: Probe) -> Rejected | None:
    """Nothing in it, or far less than its header says."""
    held = max((s.counted.end_ms for s in probe.streams), default=0)
    if probe.counted_ms <= 0:
        return Rejected(Reason.CORRUPT, detail="no packets")
    if format.demuxer in _DEMUXERS_WITH_DURATION and probe.duration_ms > held + max(_CUT_SHORT_MS, held // 10):
        return Rejected(Reason.CORRUPT, probe.duration_ms, held, "ends before its header says")
    return None


def _codec(stream: Stream, known: frozenset[str]) -> Rejected | None:
    return None if stream.codec in known else Rejected(Reason.BAD_CODEC, detail=stream.codec)


def _pixels(stream: Stream, most: int) -> Rejected | None:
    pixels = stream.width * stream.height
    if pixels <= 0:
        return Rejected(Reason.CORRUPT, detail="no size")
    return Rejected(Reason.TOO_MANY_PIXELS, most, pixels) if pixels > most else None


def _accepted(kind: Kind, format: Format, probe: Probe, duration_ms: int, animated: bool = False) -> Accepted:
    seen = probe.video
    width, height = (round(seen.width * seen.pixel_aspect), seen.height) if seen else (0, 0)
    if seen and seen.rotation in (90, 270):
        width, height = height, width
    return Accepted(
        kind=kind,
        probe=probe,
        format=format,
        content_type=format.content_type,
        width=width,
        height=height,
        duration_ms=duration_ms,
        animated=animated,
    )
