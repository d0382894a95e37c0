"""What may be sent as what: the table of verdicts over probes that nobody had to make a file for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tidewire.media_rules import sniff
from tidewire.media_rules.judge import Window, judge, judge_declared, judge_format, judge_size, kind_of
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Counted, Probe, Stream
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Accepted, Reason, Rejected

LIMITS = MediaLimits()
MIB = 1_048_576
FILM = Stream(type="video", codec="h264", width=320, height=240, counted=Counted(75, 0, 3_000))
TALK = Stream(type="audio", codec="aac", channels=1, counted=Counted(130, 0, 3_010))
COVER = Stream(type="video", codec="mjpeg", width=9_000, height=9_000, is_cover=True, counted=Counted(1, 0, 99_000_000))
STILL = Stream(type="video", codec="mjpeg", width=320, height=240, counted=Counted(1, 0, 40))
LOOP = Stream(type="video", codec="gif", width=320, height=240, counted=Counted(20, 0, 2_000))


def probe(*streams: Stream, duration_ms: int = 3_000, size: int = 1_000, unreadable: str = "") -> Probe:
    return Probe(bytes=size, duration_ms=duration_ms, streams=streams, unreadable=unreadable)


def film(**changes: object) -> Stream:
    return replace(FILM, **changes)  # type: ignore[arg-type]


REFUSED = [
    (Kind.VIDEO, sniff.MP4, probe(FILM, size=0), Reason.EMPTY, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(FILM, size=16 * MIB + 1), Reason.TOO_LARGE, 16 * MIB, 16 * MIB + 1),
    (Kind.DOCUMENT, None, probe(size=100 * MIB + 1), Reason.TOO_LARGE, 100 * MIB, 100 * MIB + 1),
    (Kind.VIDEO, None, probe(FILM), Reason.BAD_CONTAINER, 0, 0),
    (Kind.VIDEO, sniff.JPEG, probe(STILL), Reason.WRONG_KIND, 0, 0),
    (Kind.AUDIO, sniff.AVI, probe(TALK), Reason.WRONG_KIND, 0, 0),
    (Kind.IMAGE, sniff.HEIC, probe(STILL), Reason.BAD_CODEC, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(unreadable="no"), Reason.CORRUPT, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(*[FILM] * 17), Reason.TOO_MANY_STREAMS, 16, 17),
    (Kind.IMAGE, sniff.JPEG, probe(), Reason.CORRUPT, 0, 0),
    (Kind.IMAGE, sniff.JPEG, probe(replace(STILL, codec="tiff")), Reason.BAD_CODEC, 0, 0),
    (Kind.IMAGE, sniff.PNG, probe(replace(STILL, width=10_000, height=4_001)), Reason.TOO_MANY_PIXELS, 40_000_000, 40_010_000),
    (Kind.IMAGE, sniff.GIF, probe(replace(LOOP, width=3_000, height=2_000)), Reason.TOO_MANY_PIXELS, 4_200_000, 6_000_000),
    (Kind.IMAGE, sniff.GIF, probe(replace(LOOP, counted=Counted(1_001, 0, 2_000))), Reason.TOO_MANY_FRAMES, 1_000, 1_001),
    (Kind.IMAGE, sniff.GIF, probe(replace(LOOP, counted=Counted(9, 0, 60_001))), Reason.TOO_LONG, 60_000, 60_001),
    (Kind.VIDEO, sniff.MP4, probe(TALK), Reason.WRONG_KIND, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(COVER), Reason.CORRUPT, 0, 0),
    (Kind.VIDEO, sniff.MKV, probe(film(codec="rawvideo")), Reason.BAD_CODEC, 0, 0),
    (Kind.VIDEO, sniff.MKV, probe(FILM, replace(TALK, codec="wmav2")), Reason.BAD_CODEC, 0, 0),
    (Kind.VIDEO, sniff.MKV, probe(FILM, replace(TALK, channels=0)), Reason.BAD_CODEC, 8, 0),
    (Kind.VIDEO, sniff.MKV, probe(FILM, replace(TALK, channels=9)), Reason.BAD_CODEC, 8, 9),
    (Kind.VIDEO, sniff.MP4, probe(FILM, film(width=0)), Reason.CORRUPT, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(FILM, film(width=4_000, height=4_000)), Reason.TOO_MANY_PIXELS, 8_300_000, 16_000_000),
    (Kind.VIDEO, sniff.MP4, probe(film(counted=Counted(21_601, 0, 180_000))), Reason.TOO_MANY_FRAMES, 21_600, 21_601),
    (Kind.VIDEO, sniff.MP4, probe(film(counted=Counted(363, 0, 3_000))), Reason.FRAME_RATE, 120, 121),
    (Kind.VIDEO, sniff.MP4, probe(FILM, duration_ms=180_001), Reason.TOO_LONG, 180_000, 180_001),
    (Kind.VIDEO, sniff.MP4, probe(film(duration_ms=180_001)), Reason.TOO_LONG, 180_000, 180_001),
    (Kind.VIDEO, sniff.MP4, probe(film(counted=Counted(75, 0, 180_001)), duration_ms=5), Reason.TOO_LONG, 180_000, 180_001),
    (Kind.VIDEO, sniff.MP4, probe(film(counted=Counted())), Reason.CORRUPT, 0, 0),
    (Kind.VIDEO, sniff.MP4, probe(FILM, duration_ms=4_001), Reason.CORRUPT, 4_001, 3_000),
    (Kind.VOICE, sniff.MP4, probe(FILM, TALK), Reason.WRONG_KIND, 0, 0),
    (Kind.VOICE, sniff.M4A, probe(), Reason.CORRUPT, 0, 0),
    (Kind.VOICE, sniff.M4A, probe(replace(TALK, codec="sipr")), Reason.BAD_CODEC, 0, 0),
    (Kind.VOICE, sniff.M4A, probe(TALK, duration_ms=3_600_001), Reason.TOO_LONG, 3_600_000, 3_600_001),
    (Kind.AUDIO, sniff.MP3, probe(TALK, duration_ms=7_200_001), Reason.TOO_LONG, 7_200_000, 7_200_001),
    (Kind.AUDIO, sniff.M4A, probe(TALK, duration_ms=9_000), Reason.CORRUPT, 9_000, 3_010),
]


@pytest.mark.parametrize(("kind", "format", "seen", "reason", "limit", "actual"), REFUSED)
def test_it_is_refused(kind: Kind, format: Format | None, seen: Probe, reason: Reason, limit: int, actual: int) -> None:
    verdict = judge(kind, format, seen, LIMITS)
    assert isinstance(verdict, Rejected), verdict
    assert (verdict.reason, verdict.limit, verdict.actual) == (reason, limit, actual)


TAKEN = [
    (Kind.VIDEO, sniff.MP4, probe(FILM, TALK), "video/mp4", 320, 240, 3_010, False),
    (Kind.VIDEO, sniff.MP4, probe(FILM, COVER, size=16 * MIB), "video/mp4", 320, 240, 3_000, False),
    (Kind.VIDEO, sniff.MOV, probe(film(rotation=90, pixel_aspect=2.0)), "video/quicktime", 240, 640, 3_000, False),
    (Kind.VIDEO, sniff.MP4, probe(FILM, duration_ms=4_000), "video/mp4", 320, 240, 3_000, False),
    (Kind.IMAGE, sniff.JPEG, probe(STILL), "image/jpeg", 320, 240, 0, False),
    (Kind.IMAGE, sniff.GIF, probe(LOOP), "image/gif", 320, 240, 2_000, True),
    (Kind.AVATAR, sniff.GIF, probe(LOOP), "image/gif", 320, 240, 0, False),
    (Kind.VOICE, sniff.OPUS, probe(TALK), "audio/ogg", 0, 0, 3_010, False),
    (Kind.AUDIO, sniff.MP3, probe(TALK, COVER, duration_ms=9_000), "audio/mpeg", 0, 0, 3_010, False),
    (Kind.DOCUMENT, sniff.PDF, probe(), "application/pdf", 0, 0, 0, False),
    (Kind.DOCUMENT, None, probe(size=100 * MIB), "application/octet-stream", 0, 0, 0, False),
]


@pytest.mark.parametrize(("kind", "format", "seen", "content_type", "width", "height", "duration_ms", "animated"), TAKEN)
def test_it_is_taken(
    kind: Kind, format: Format | None, seen: Probe, content_type: str, width: int, height: int, duration_ms: int, animated: bool
) -> None:
    assert judge(kind, format, seen, LIMITS) == Accepted(
        kind=kind,
        probe=seen,
        format=format,
        content_type=content_type,
        width=width,
        height=height,
        duration_ms=duration_ms,
        animated=animated,
    )


LONG = probe(film(counted=Counted(15_000, 0, 600_000)), duration_ms=600_000, size=200 * MIB)


@pytest.mark.parametrize(
    ("seen", "window", "verdict"),
    [
        (LONG, None, (Reason.TOO_LONG, 180_000, 600_000)),
        (LONG, Window(1_000, 200_000), (Reason.TOO_LONG, 180_000, 199_000)),
        (LONG, Window(420_000, 0), 180_000),
        (LONG, Window(590_000, 700_000), 10_000),
        (LONG, Window(600_000, 0), (Reason.EMPTY, 0, 0)),
        (LONG, Window(5_000, 4_000), (Reason.EMPTY, 0, 0)),
        (replace(LONG, bytes=256 * MIB + 1), None, (Reason.TOO_LARGE, 256 * MIB, 256 * MIB + 1)),
        (replace(LONG, duration_ms=3_600_001), Window(0, 9), (Reason.TOO_LONG, 3_600_000, 3_600_001)),
        (probe(FILM, size=200 * MIB), None, 3_000),
    ],
)
def test_a_video_that_is_to_be_fitted_may_be_larger_but_what_is_left_of_it_not_longer(
    seen: Probe, window: Window | None, verdict: tuple[Reason, int, int] | int
) -> None:
    said = judge(Kind.VIDEO, sniff.MP4, seen, LIMITS, fit=True, window=window)
    if isinstance(said, Accepted):
        assert said.duration_ms == verdict
    else:
        assert (said.reason, said.limit, said.actual) == verdict


def test_a_trim_alone_may_take_a_short_part_of_a_long_video() -> None:
    said = judge(Kind.VIDEO, sniff.MP4, replace(LONG, bytes=9), LIMITS, window=Window(0, 5_000))
    assert isinstance(said, Accepted) and said.duration_ms == 5_000


def test_what_is_declared_is_judged_before_a_byte_travels() -> None:
    assert judge_size(Kind.AVATAR, 8 * MIB, LIMITS) is None
    assert judge_size(Kind.AVATAR, 8 * MIB + 1, LIMITS) == Rejected(Reason.TOO_LARGE, 8 * MIB, 8 * MIB + 1)
    assert judge_size(Kind.VIDEO, 17 * MIB, LIMITS, fit=True) is None
    assert judge_size(Kind.IMAGE, -1, LIMITS) == Rejected(Reason.EMPTY)
    assert judge_format(Kind.DOCUMENT, None) is None and judge_format(Kind.VOICE, sniff.WEBM) is None


def test_other_bytes_than_declared_are_refused() -> None:
    assert judge_declared(5, 5, True) is None
    more, other = judge_declared(5, 6, True), judge_declared(5, 5, False)
    assert more and (more.reason, more.limit, more.actual) == (Reason.NOT_AS_DECLARED, 5, 6)
    assert other and (other.reason, other.detail) == (Reason.NOT_AS_DECLARED, "another hash")


def test_each_kind_has_its_greatest_size_and_duration() -> None:
    assert {kind: LIMITS.bytes_max(kind) // MIB for kind in Kind} == {
        Kind.IMAGE: 16, Kind.VIDEO: 16, Kind.VOICE: 16, Kind.AUDIO: 16, Kind.DOCUMENT: 100, Kind.AVATAR: 8,
    }  # fmt: skip
    assert LIMITS.duration_ms_max(Kind.VIDEO) == 180_000 and LIMITS.duration_ms_max(Kind.DOCUMENT) == 0


@pytest.mark.parametrize(
    ("format", "kind"),
    [
        (sniff.JPEG, Kind.IMAGE),
        (sniff.WEBM, Kind.VIDEO),
        (sniff.MKV, Kind.VIDEO),
        (sniff.M4A, Kind.AUDIO),
        (sniff.OPUS, Kind.AUDIO),
        (sniff.HEIC, Kind.DOCUMENT),
        (sniff.PDF, Kind.DOCUMENT),
        (None, Kind.DOCUMENT),
    ],
)
def test_a_file_is_sent_as_what_it_looks_like(format: sniff.Format | None, kind: Kind) -> None:
    assert kind_of(format) is kind
