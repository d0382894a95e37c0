"""What is made of what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tidewire.media_rules import sniff
from tidewire.media_rules.judge import Window
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Counted, Probe, Stream
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Accepted

from media.domain.plan import Keep, PicturePlan, Plan, SoundPlan, SquarePlan, VideoPlan, plan, transcoded

LIMITS = MediaLimits()
MIB = 1_048_576
FILM = Stream(
    type="video", codec="h264", profile="High", pixel_format="yuv420p", level=31, width=1_280, height=720,
    counted=Counted(1_800, 0, 60_000),
)  # fmt: skip
TALK = Stream(type="audio", codec="aac", profile="LC", channels=2, counted=Counted(2_800, 0, 60_000))


def accepted(kind: Kind, format: Format | None, *streams: Stream, size: int = MIB, ms: int = 60_000) -> Accepted:
    seen = streams[0] if streams and streams[0].type == "video" else Stream(type="", codec="")
    probe = Probe(bytes=size, duration_ms=ms, streams=streams)
    return Accepted(kind=kind, probe=probe, format=format, content_type="", width=seen.width, height=seen.height, duration_ms=ms)


def film(**changes: object) -> Stream:
    return replace(FILM, **changes)  # type: ignore[arg-type]


def test_a_document_stays_and_an_avatar_becomes_squares() -> None:
    assert plan(accepted(Kind.DOCUMENT, None), LIMITS) == Keep()
    assert plan(accepted(Kind.AVATAR, sniff.JPEG, FILM), LIMITS) == SquarePlan((640, 96))


@pytest.mark.parametrize(
    ("format", "streams", "copies"),
    [
        (sniff.MP4, (FILM, TALK), (True, True)),
        (sniff.MKV, (FILM, TALK), (True, True)),
        (sniff.MOV, (FILM,), (True, False)),
        (sniff.MP4, (FILM, replace(TALK, codec="mp3")), (True, False)),
        (sniff.MP4, (FILM, replace(TALK, profile="HE-AAC")), (True, False)),
        (sniff.MP4, (FILM, replace(TALK, channels=6)), (True, False)),
        (sniff.AVI, (FILM, TALK), (False, False)),
        (sniff.MP4, (film(codec="hevc"), TALK), (False, False)),
        (sniff.MP4, (film(profile="High 10"), TALK), (False, False)),
        (sniff.MP4, (film(pixel_format="yuv444p"), TALK), (False, False)),
        (sniff.MP4, (film(level=62), TALK), (False, False)),
        (sniff.MP4, (film(level=0), TALK), (False, False)),
        (sniff.MP4, (film(width=321), TALK), (False, False)),
        (sniff.MP4, (film(height=241), TALK), (False, False)),
    ],
)
def test_what_plays_everywhere_is_copied_and_the_rest_encoded(
    format: Format, streams: tuple[Stream, ...], copies: tuple[bool, bool]
) -> None:
    made = plan(accepted(Kind.VIDEO, format, *streams), LIMITS)
    assert isinstance(made, VideoPlan) and (made.copies_video, made.copies_audio) == copies
    assert made.has_audio == (len(streams) > 1) and bool(made.video_bits_per_s) != made.copies_video
    assert bool(made.audio_bits_per_s) == (made.has_audio and not made.copies_audio)


@pytest.mark.parametrize("seconds", [1, 10, 60, 120, 180])
def test_whatever_is_encoded_fits_by_its_rate_and_its_estimate(seconds: int) -> None:
    video = film(codec="hevc", width=3_840, height=2_160, counted=Counted(seconds * 60, 0, seconds * 1_000))
    made = plan(accepted(Kind.VIDEO, sniff.MOV, video, TALK, size=200 * MIB, ms=seconds * 1_000), LIMITS, fit=True)
    assert isinstance(made, VideoPlan)
    assert (made.video_bits_per_s + made.audio_bits_per_s) * (seconds + 1) / 8 <= 16 * MIB * 0.98
    assert 0 < made.estimated_bytes <= made.bytes_max == 16 * MIB
    assert made.side_px_max == (854 if seconds >= 120 else 1_280)
    assert made.smaller().video_bits_per_s == made.video_bits_per_s * 8 // 10


def test_a_good_video_is_encoded_only_when_it_must_fit_or_is_cut() -> None:
    large = accepted(Kind.VIDEO, sniff.MP4, FILM, TALK, size=17 * MIB)
    assert not _video(plan(large, LIMITS, fit=True)).copies_video
    assert _video(plan(accepted(Kind.VIDEO, sniff.MP4, FILM, TALK), LIMITS, fit=True)).copies_video
    cut = _video(plan(accepted(Kind.VIDEO, sniff.MP4, FILM, TALK, ms=2_000), LIMITS, window=Window(5_000, 7_000)))
    assert (cut.is_cut, cut.start_ms, cut.length_ms, cut.copies_video) == (True, 5_000, 2_000, False)


def test_where_there_is_little_room_the_sound_takes_less_of_it() -> None:
    small = replace(LIMITS, video_bytes_max=MIB)
    made = transcoded(accepted(Kind.VIDEO, sniff.AVI, FILM, TALK, ms=60_000), small)
    assert made.audio_bits_per_s == 64_000 and made.side_px_max == 426
    assert transcoded(accepted(Kind.VIDEO, sniff.AVI, FILM, ms=600_000), small).video_bits_per_s == 80_000


def test_an_animated_picture_becomes_a_silent_loop() -> None:
    moving = Stream(type="video", codec="gif", width=320, height=240, counted=Counted(20, 0, 2_000))
    made = _video(plan(replace(accepted(Kind.IMAGE, sniff.GIF, moving, ms=2_000), animated=True), LIMITS))
    assert not made.has_audio and made.video_bits_per_s and made.side_px_max == 640 and made.estimated_bytes > 0
    unseen = replace(accepted(Kind.IMAGE, sniff.GIF, ms=2_000), animated=True)
    assert _video(plan(unseen, LIMITS)).estimated_bytes == 1


@pytest.mark.parametrize(
    ("format", "pixels", "width", "codec"),
    [
        (sniff.JPEG, "yuvj420p", 640, "mjpeg"),
        (sniff.WEBP, "yuv420p", 640, "mjpeg"),
        (sniff.WEBP, "yuva420p", 640, "png"),
        (sniff.PNG, "rgb24", 640, "png"),
        (sniff.GIF, "bgra", 640, "png"),
        (sniff.PNG, "rgba", 9_000, "mjpeg"),
    ],
)
def test_a_drawing_stays_png_while_it_is_small(format: Format, pixels: str, width: int, codec: str) -> None:
    picture = Stream(type="video", codec="", pixel_format=pixels, width=width, height=480)
    assert plan(accepted(Kind.IMAGE, format, picture), LIMITS) == PicturePlan(codec=codec)


@pytest.mark.parametrize(
    ("kind", "codec", "muxer", "encoder"),
    [
        (Kind.VOICE, "opus", "ogg", "copy"),
        (Kind.VOICE, "aac", "ipod", "copy"),
        (Kind.VOICE, "amr_nb", "ogg", "libopus"),
        (Kind.VOICE, "mp3", "ogg", "libopus"),
        (Kind.AUDIO, "mp3", "mp3", "copy"),
        (Kind.AUDIO, "flac", "flac", "copy"),
        (Kind.AUDIO, "opus", "ogg", "copy"),
        (Kind.AUDIO, "pcm_s16le", "ipod", "aac"),
    ],
)
def test_sound_that_plays_stays_what_it_is(kind: Kind, codec: str, muxer: str, encoder: str) -> None:
    made = plan(accepted(kind, sniff.WAV, replace(TALK, codec=codec)), LIMITS)
    assert isinstance(made, SoundPlan) and (made.muxer, made.codec) == (muxer, encoder)
    assert made.has_waveform == (kind is Kind.VOICE) and bool(made.bits_per_s) == (encoder != "copy")


def test_a_verdict_without_streams_has_a_plan_all_the_same() -> None:
    assert isinstance(plan(accepted(Kind.AUDIO, sniff.WAV), LIMITS), SoundPlan)
    assert plan(accepted(Kind.IMAGE, sniff.JPEG), LIMITS) == PicturePlan(codec="mjpeg")


def _video(made: Plan) -> VideoPlan:
    assert isinstance(made, VideoPlan)
    return made
