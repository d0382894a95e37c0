"""The table of verdicts: every file that is made to hurt, and what its sender is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Accepted, Reason, Rejected

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.ports.workshop import Made, Wish
from tests.media.corpus import SECRET_WORDS
from tests.support.processes import children, there

pytestmark = pytest.mark.process

VIDEO, IMAGE, VOICE, AUDIO, DOCUMENT = Kind.VIDEO, Kind.IMAGE, Kind.VOICE, Kind.AUDIO, Kind.DOCUMENT
MIB = 1_048_576
PIXELS = 40_000_000

REFUSED = [
    # text by the name of a video, which would make a demuxer open something else
    ("hls_http.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("hls_file.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("hls_concat.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("dash.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("sdp.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("concat_absolute.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("concat_relative.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("vobsub.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("svg.png", IMAGE, Reason.BAD_CONTAINER, 0, 0),
    ("page.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("program.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("archive.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    ("noise.mp4", VIDEO, Reason.BAD_CONTAINER, 0, 0),
    # small files that become large ones
    ("bomb14000.png", IMAGE, Reason.TOO_MANY_PIXELS, PIXELS, 196_000_000),
    ("bomb60000.png", IMAGE, Reason.TOO_MANY_PIXELS, PIXELS, 3_600_000_000),
    ("bomb.jpg", IMAGE, Reason.TOO_MANY_PIXELS, PIXELS, 65_500 * 65_500),
    ("bomb.gif", IMAGE, Reason.TOO_MANY_PIXELS, PIXELS, 65_535 * 65_535),
    ("bomb.webp", IMAGE, Reason.TOO_MANY_PIXELS, PIXELS, 16_383 * 16_383),
    ("big.mp4", VIDEO, Reason.TOO_MANY_PIXELS, 8_300_000, 4_096 * 4_096),
    ("frames.gif", IMAGE, Reason.TOO_MANY_FRAMES, 1_000, 10_000),
    ("fast.mp4", VIDEO, Reason.FRAME_RATE, 120, 1_000),
    # an index that lies or is enormous
    ("century.mp4", VIDEO, Reason.TOO_LONG, 180_000, 2_147_483_647),
    ("five_seconds.mp4", VIDEO, Reason.TOO_LONG, 180_000, 600_000),
    ("long.mkv", VIDEO, Reason.TOO_LONG, 180_000, 600_000),
    ("hours.ogg", VOICE, Reason.TOO_LONG, 3_600_000, 3_903_034),
    ("streams.mkv", VIDEO, Reason.TOO_MANY_STREAMS, 16, 17),
    ("moov_traks.mp4", VIDEO, Reason.TOO_MANY_STREAMS, 16, 17),
    ("stsz.mp4", VIDEO, Reason.CORRUPT, 0, 0),
    ("nested.mp4", VIDEO, Reason.CORRUPT, 0, 0),
    ("nested.mkv", VIDEO, Reason.CORRUPT, 0, 0),
    ("header.wav", AUDIO, Reason.CORRUPT, 0, 0),
    ("header.flac", AUDIO, Reason.CORRUPT, 0, 0),
    # damaged
    ("empty.mp4", VIDEO, Reason.EMPTY, 0, 0),
    ("empty.mp4", DOCUMENT, Reason.EMPTY, 0, 0),
    ("no_index.mp4", VIDEO, Reason.CORRUPT, 0, 0),
    ("only_index.mp4", VIDEO, Reason.CORRUPT, 3_000, 40),
    ("cut.mkv", VIDEO, Reason.CORRUPT, 2_023, None),
    ("cut.jpg", IMAGE, Reason.CORRUPT, 0, 0),
    ("cut.gif", IMAGE, Reason.CORRUPT, 0, 0),
    ("noise_inside.mp4", VIDEO, Reason.CORRUPT, 0, 0),
    ("noise_inside.mkv", VIDEO, Reason.CORRUPT, 0, 0),
    ("noise_inside.mp3", AUDIO, Reason.CORRUPT, 0, 0),
    # too large
    ("heavy.mp4", VIDEO, Reason.TOO_LARGE, 16 * MIB, None),
    ("hundred_and_one.bin", DOCUMENT, Reason.TOO_LARGE, 100 * MIB, 100 * MIB + 1),
    # sent as something else, or nothing that can be decoded here
    ("photo.jpg", VIDEO, Reason.WRONG_KIND, 0, 0),
    ("h264.mp4", IMAGE, Reason.WRONG_KIND, 0, 0),
    ("h264.mp4", VOICE, Reason.WRONG_KIND, 0, 0),
    ("aac.3gp", VIDEO, Reason.WRONG_KIND, 0, 0),
    ("sound.mp3", VIDEO, Reason.WRONG_KIND, 0, 0),
    ("photo.heic", IMAGE, Reason.BAD_CODEC, 0, 0),
    ("moving.webp", IMAGE, Reason.BAD_CODEC, 0, 0),
]


@pytest.mark.parametrize(("name", "kind", "reason", "limit", "actual"), REFUSED, ids=lambda value: str(value))
async def test_what_hurts_is_refused_with_its_reason(
    workshop: FfmpegWorkshop,
    files: Path,
    tmp_path: Path,
    name: str,
    kind: Kind,
    reason: Reason,
    limit: int,
    actual: int | None,
) -> None:
    wish, others = Wish(kind, declared_type="video/mp4"), there()
    verdict: Accepted | Rejected | Made = await workshop.inspect(files / name, wish, MediaLimits())
    if isinstance(verdict, Accepted):
        verdict = await workshop.make(files / name, verdict, wish, tmp_path, lambda _: None)
    assert isinstance(verdict, Rejected), verdict
    assert (verdict.reason, verdict.limit) == (reason, limit), verdict
    assert verdict.actual == actual if actual is not None else verdict.actual
    assert verdict.detail.isprintable()
    assert list(tmp_path.iterdir()) == [] and children(*others) == []


HARMLESS = [
    ("tail.mp4", VIDEO),
    ("zip.mp4", VIDEO),
    ("script.gif", IMAGE),
    ("title.mp4", VIDEO),
    ("moov_udta.mp4", VIDEO),
    ("moov_tables.mp4", VIDEO),
    ("edit_list.mp4", VIDEO),
]


@pytest.mark.parametrize(("name", "kind"), HARMLESS)
async def test_what_is_good_media_and_something_else_loses_the_something_else(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, kind: Kind
) -> None:
    wish = Wish(kind)
    verdict = await workshop.inspect(files / name, wish, MediaLimits())
    assert isinstance(verdict, Accepted), verdict
    made = await workshop.make(files / name, verdict, wish, tmp_path, lambda _: None)
    assert isinstance(made, Made), made
    for file in made.files:
        stored = file.path.read_bytes()
        assert [word for word in (*SECRET_WORDS, b"alert(1)", b"\x1b[31m", b"PK\x05\x06") if word in stored] == []
        assert len(stored) < 200_000, "the enormous index is not in it"
    assert made.facts.duration_ms <= MediaLimits().video_duration_ms_max


async def test_a_document_is_the_very_bytes_whatever_they_are(workshop: FfmpegWorkshop, files: Path, tmp_path: Path) -> None:
    for name, content_type in (
        ("hls_file.mp4", "application/octet-stream"),
        ("svg.png", "application/octet-stream"),
        ("h264.mp4", "video/mp4"),
        ("hundred.bin", "application/pdf"),
    ):
        out = tmp_path / name
        out.mkdir()
        wish = Wish(DOCUMENT, declared_type="text/html")
        accepted = await workshop.inspect(files / name, wish, MediaLimits())
        assert isinstance(accepted, Accepted)
        made = await workshop.make(files / name, accepted, wish, out, lambda _: None)
        assert isinstance(made, Made) and made.facts.content_type == content_type
        (main,) = made.files
        assert main.path.parent == out and main.path.stat().st_size == (files / name).stat().st_size
        assert main.path.stat().st_size > MIB or main.path.read_bytes() == (files / name).read_bytes()
