"""What the workshop makes of good files, in every container and codec that is taken."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Accepted, Reason, Rejected

from media.adapters.ffmpeg import opening, sandbox
from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.ports.workshop import Made, Variant, Wish, WorkshopUnavailable
from tests.media.corpus import SECRET_WORDS, encode

pytestmark = pytest.mark.process

MP4, JPEG, PNG, OGG, M4A = "video/mp4", "image/jpeg", "image/png", "audio/ogg", "audio/mp4"
MIB = 1_048_576
TOLERANCE_MS = 110
"""A frame or a packet of sound at either end."""
VIDEOS = [
    ("h264.mp4", 320, 240, 3_000),
    ("h264.mov", 320, 240, 2_000),
    ("hevc.mp4", 320, 240, 2_000),
    ("hevc10.mov", 320, 240, 1_000),
    ("fragments.mp4", 320, 240, 2_000),
    ("h263.3gp", 176, 144, 2_000),
    ("mpeg4.3gp", 176, 144, 2_000),
    ("vp8.mkv", 320, 240, 2_000),
    ("h264.mkv", 320, 240, 2_000),
    ("mp3.mkv", 320, 240, 2_000),
    ("mpeg2.mkv", 320, 240, 2_000),
    ("odd444.mkv", 320, 240, 2_000),
    ("mpeg4.avi", 320, 240, 2_000),
    ("mjpeg.avi", 320, 240, 2_000),
    ("prores.mov", 320, 240, 1_000),
    ("vp9.webm", 320, 240, 2_000),
    ("live.webm", 320, 240, 2_000),
    ("silent.mp4", 320, 240, 2_000),
    ("wide.mp4", 427, 240, 1_000),
    ("turned.mp4", 240, 320, 3_000),
    ("everything.mkv", 320, 240, 3_000),
]
SOUNDS = [
    ("opus.ogg", Kind.VOICE, OGG),
    ("vorbis.ogg", Kind.VOICE, OGG),
    ("flac.ogg", Kind.VOICE, OGG),
    ("alac.m4a", Kind.VOICE, OGG),
    ("aac.m4a", Kind.VOICE, M4A),
    ("aac.3gp", Kind.VOICE, M4A),
    ("sound.aac", Kind.VOICE, M4A),
    ("sound.amr", Kind.VOICE, OGG),
    ("sound.mp3", Kind.VOICE, OGG),
    ("opus.webm", Kind.AUDIO, OGG),
    ("vorbis.ogg", Kind.AUDIO, M4A),
    ("flac.ogg", Kind.AUDIO, "audio/flac"),
    ("sound.flac", Kind.AUDIO, "audio/flac"),
    ("cover.mp3", Kind.AUDIO, "audio/mpeg"),
    ("aac.m4a", Kind.AUDIO, M4A),
    ("sound.wav", Kind.AUDIO, M4A),
]
PICTURES = [
    ("photo.jpg", JPEG, 320, 240),
    ("turned.jpg", JPEG, 240, 320),
    ("drawing.png", PNG, 320, 240),
    ("alpha.png", PNG, 320, 240),
    ("photo.webp", JPEG, 320, 240),
    ("photo.avif", JPEG, 176, 144),
    ("still.gif", PNG, 320, 240),
]


async def make(workshop: FfmpegWorkshop, source: Path, wish: Wish, out: Path) -> tuple[Made, list[int]]:
    """What becomes of a file, and the progress that was told. None of it holds what its sender does not know of."""
    accepted = await workshop.inspect(source, wish, MediaLimits())
    assert isinstance(accepted, Accepted), accepted
    told: list[int] = []
    made = await workshop.make(source, accepted, wish, out, told.append)
    assert isinstance(made, Made), made
    assert told == sorted(told) and told[-1] == 100
    assert {file.path for file in made.files} == set(out.iterdir())
    for file in made.files:
        stored = file.path.read_bytes()
        assert [word for word in SECRET_WORDS if word in stored] == []
    return made, told


def codecs(path: Path) -> list[str]:
    """What ffprobe finds in a file."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream=codec_name,pix_fmt", str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    return [stream["codec_name"] for stream in found]


def plays_at_once(path: Path) -> bool:
    """The index of an MP4 comes before its samples."""
    data = path.read_bytes()
    return 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("name", "width", "height", "duration_ms"), VIDEOS)
async def test_a_video_becomes_one_that_plays_everywhere_with_poster_and_thumbnail(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, width: int, height: int, duration_ms: int
) -> None:
    made, _ = await make(workshop, files / name, Wish(Kind.VIDEO), tmp_path)
    facts = made.facts
    assert (facts.content_type, facts.width, facts.height) == (MP4, width, height) and facts.blurhash
    assert abs(facts.duration_ms - duration_ms) < TOLERANCE_MS
    assert [file.variant for file in made.files] == [Variant.MAIN, Variant.POSTER, Variant.THUMBNAIL]
    main, poster, thumbnail = made.files
    assert plays_at_once(main.path) and codecs(main.path) in (["h264", "aac"], ["h264"])
    assert (poster.width, poster.height) == (width, height) and codecs(poster.path) == codecs(thumbnail.path) == ["mjpeg"]


@pytest.mark.parametrize(("name", "kind", "content_type"), SOUNDS)
async def test_sound_stays_what_it_is_where_that_plays_everywhere_and_a_voice_note_gets_its_waveform(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, kind: Kind, content_type: str
) -> None:
    made, _ = await make(workshop, files / name, Wish(kind), tmp_path)
    assert made.facts.content_type == content_type and [file.variant for file in made.files] == [Variant.MAIN]
    assert abs(made.facts.duration_ms - 3_000) < TOLERANCE_MS
    assert len(made.facts.waveform) == (64 if kind is Kind.VOICE else 0)
    assert len(codecs(made.files[0].path)) == 1, "no cover, no subtitles"
    if content_type == M4A:
        assert plays_at_once(made.files[0].path)


async def test_a_waveform_has_the_peaks_of_its_64th_parts_the_loudest_255(workshop: FfmpegWorkshop, tmp_path: Path) -> None:
    """Silence, then one step louder after the other, each half as quiet below zero as it is above."""
    source, out = tmp_path / "steps.wav", tmp_path / "out"
    out.mkdir()
    shape = "max(floor(t*8)/64*sin(2*PI*440*t)\\,floor(t*8)/128*sin(2*PI*440*t))"
    encode(source, "-f", "lavfi", "-i", f"aevalsrc={shape}:d=8:s=48000")
    made, _ = await make(workshop, source, Wish(Kind.VOICE), out)
    expected = [round(255 * step / 63) for step in range(64)]
    assert made.facts.waveform[0] == 0 and made.facts.waveform[-1] == 255
    assert max(abs(found - wanted) for found, wanted in zip(made.facts.waveform, expected, strict=True)) <= 10


async def test_the_waveform_of_silence_is_flat_and_of_less_than_64_samples_there_is_one(
    workshop: FfmpegWorkshop, tmp_path: Path
) -> None:
    for name, command, waveform in (
        ("silence.wav", "-f lavfi -i anullsrc=r=48000:cl=mono -t 1", bytes(64)),
        ("short.wav", "-f lavfi -i aevalsrc=0.5:s=8000:d=0.015", None),
    ):
        out = tmp_path / f"{name}.out"
        out.mkdir()
        encode(tmp_path / name, *command.split())
        found = (await make(workshop, tmp_path / name, Wish(Kind.VOICE), out))[0].facts.waveform
        assert found == waveform if waveform else len(found) == 64 and max(found) == 255


@pytest.mark.parametrize(("name", "content_type", "width", "height"), PICTURES)
async def test_a_picture_is_written_anew_as_it_is_seen(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, content_type: str, width: int, height: int
) -> None:
    made, _ = await make(workshop, files / name, Wish(Kind.IMAGE), tmp_path)
    facts = made.facts
    assert (facts.content_type, facts.width, facts.height, facts.duration_ms) == (content_type, width, height, 0)
    assert facts.blurhash and [file.variant for file in made.files] == [Variant.MAIN, Variant.THUMBNAIL]


async def test_a_moving_picture_becomes_a_silent_video(workshop: FfmpegWorkshop, files: Path, tmp_path: Path) -> None:
    made, _ = await make(workshop, files / "moving.gif", Wish(Kind.IMAGE), tmp_path)
    assert (made.facts.content_type, made.facts.duration_ms) == (MP4, 2_000) and codecs(made.files[0].path) == ["h264"]


@pytest.mark.parametrize(("name", "side"), [("photo.jpg", 240), ("turned.jpg", 240), ("alpha.png", 240), ("photo.avif", 144)])
async def test_an_avatar_is_two_squares_never_enlarged(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, side: int
) -> None:
    made, _ = await make(workshop, files / name, Wish(Kind.AVATAR), tmp_path)
    assert [(file.variant, file.width, file.height) for file in made.files] == [
        (Variant.MAIN, side, side),
        (Variant.THUMBNAIL, 96, 96),
    ]


@pytest.fixture(scope="session")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of video over 16 MiB: few pixels of raw noise, so that little is to be decoded."""
    folder = tmp_path_factory.mktemp("heavy")
    noise = folder / "noise.yuv"
    noise.write_bytes(random.Random(1).randbytes(160 * 120 * 3 // 2 * 30))
    raw = f"-stream_loop 19 -f rawvideo -pix_fmt yuv420p -s 160x120 -r 10 -i {noise} -f lavfi -i sine=frequency=440"
    encode(folder / "heavy.mkv", *f"{raw} -t 60 -c:v mjpeg -q:v 1 -pix_fmt yuvj420p -c:a pcm_s16le".split())
    assert (folder / "heavy.mkv").stat().st_size > 16 * MIB
    return folder / "heavy.mkv"


async def test_a_video_over_the_limit_is_made_to_fit_when_its_sender_asks(
    workshop: FfmpegWorkshop, heavy: Path, tmp_path: Path
) -> None:
    size = heavy.stat().st_size
    assert await workshop.inspect(heavy, Wish(Kind.VIDEO), MediaLimits()) == Rejected(Reason.TOO_LARGE, 16 * MIB, size)
    made, told = await make(workshop, heavy, Wish(Kind.VIDEO, fit=True), tmp_path)
    main = made.files[0].path
    assert 0 < main.stat().st_size <= 16 * MIB and plays_at_once(main) and codecs(main) == ["h264", "aac"]
    assert abs(made.facts.duration_ms - 60_000) < TOLERANCE_MS and len(told) > 4, "it tells how far it is"


async def test_a_part_of_a_video_is_cut_out_and_fits(workshop: FfmpegWorkshop, heavy: Path, tmp_path: Path) -> None:
    wish = Wish(Kind.VIDEO, fit=True, trim_start_ms=20_000, trim_end_ms=25_500)
    made, _ = await make(workshop, heavy, wish, tmp_path)
    assert abs(made.facts.duration_ms - 5_500) < TOLERANCE_MS and made.files[0].path.stat().st_size < 16 * MIB


async def test_where_bubblewrap_is_not_limits_are_the_sandbox_unless_the_operator_wants_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("prlimit", "setpriv"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setattr(sandbox, "_PATH", str(tmp_path))
    assert (await opening.opened(MediaLimits())).sandbox == "limits"
    with pytest.raises(WorkshopUnavailable, match="sandbox = bubblewrap"):
        await opening.opened(MediaLimits(), walls_needed=True)
