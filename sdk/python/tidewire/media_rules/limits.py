"""Every maximum of media, with its unit in its name and a safe default. All of them are settings."""

from __future__ import annotations

from dataclasses import dataclass

from tidewire.media_rules.kinds import Kind

MIB = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """What this deployment takes. Devices read it in `GetLimits` and check by the same rules before they upload."""

    image_bytes_max: int = 16 * MIB
    video_bytes_max: int = 16 * MIB
    """Also what a fitted video is made to hold."""
    voice_bytes_max: int = 16 * MIB
    audio_bytes_max: int = 16 * MIB
    document_bytes_max: int = 100 * MIB
    avatar_bytes_max: int = 8 * MIB
    video_source_bytes_max: int = 256 * MIB
    """Of a video that the sender asks to have fitted."""
    video_duration_ms_max: int = 180_000
    """Of what is stored: of a fitted video that is what is left after the trim."""
    video_source_duration_ms_max: int = 3_600_000
    """Of a video that the sender asks to have fitted, before the trim."""
    voice_duration_ms_max: int = 3_600_000
    audio_duration_ms_max: int = 7_200_000
    image_pixels_max: int = 40_000_000
    """Width times height, before anything is decoded."""
    video_pixels_max: int = 8_300_000
    """Width times height of one frame: 4K in either direction."""
    frame_rate_max: int = 120
    """Frames a second, on average."""
    frames_max: int = 21_600
    """Frames of a stored video: 180 s at 120 a second."""
    packets_max: int = 1_000_000
    """Packets of all streams that are counted before the file counts as a bomb."""
    streams_max: int = 16
    """Streams of any type, attachments and covers among them."""
    animation_frames_max: int = 1_000
    """Frames of an animated picture."""
    animation_duration_ms_max: int = 60_000
    animation_pixels_max: int = 4_200_000
    """Width times height of one frame of an animated picture."""
    channels_max: int = 8
    """Channels of one audio stream."""

    def bytes_max(self, kind: Kind, *, fit: bool = False) -> int:
        """The greatest upload of `kind`; with `fit` that of a video which is to be made smaller."""
        return {
            Kind.IMAGE: self.image_bytes_max,
            Kind.VIDEO: self.video_source_bytes_max if fit else self.video_bytes_max,
            Kind.VOICE: self.voice_bytes_max,
            Kind.AUDIO: self.audio_bytes_max,
            Kind.DOCUMENT: self.document_bytes_max,
            Kind.AVATAR: self.avatar_bytes_max,
        }[kind]

    def duration_ms_max(self, kind: Kind) -> int:
        """The greatest duration of `kind`; 0 for what has none."""
        return {
            Kind.VIDEO: self.video_duration_ms_max,
            Kind.VOICE: self.voice_duration_ms_max,
            Kind.AUDIO: self.audio_duration_ms_max,
            Kind.IMAGE: self.animation_duration_ms_max,
        }.get(kind, 0)
