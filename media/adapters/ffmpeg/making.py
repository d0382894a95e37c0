"""One file after the other: what each plan is carried out with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tidewire.media_rules.judge import judge
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Probe
from tidewire.media_rules.sniff import HEAD_BYTES, sniff
from tidewire.media_rules.verdict import Accepted, Reason, Rejected

from media.adapters.ffmpeg import commands, drawing
from media.adapters.ffmpeg.commands import Commands
from media.adapters.ffmpeg.prober import Prober, printable, refused
from media.adapters.ffmpeg.sandbox import Ended, RunLimits, Sandbox
from media.domain.plan import PicturePlan, SoundPlan, SquarePlan, VideoPlan, transcoded
from media.ports.workshop import Facts, Made, MadeFile, Variant, WorkshopUnavailable

Progress = Callable[[int], None]
JPEG_QUALITIES = (3, 8, 20)
"""ffmpeg's, 2 the best: the next one when the picture came out too large."""
SMALL = ((commands.THUMBNAIL_SIDE_PX, 5), (commands.THUMBNAIL_SIDE_PX, 12), (160, 20))
"""Sides in pixels, and ffmpeg's quality: the next when the picture has too many bytes."""
_SOUND_NAMES = {"ogg": "main.ogg", "ipod": "main.m4a", "mp3": "main.mp3", "flac": "main.flac"}
_POSTER_AT_MS_MAX = 1_000
_OUT_TIME_US = re.compile(rb"^out_time_us= *([0-9]{1,19})\s*$", re.M)
_MAIN_SHARE = 92
"""Per cent of the progress that MAIN takes."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What making needs."""

    commands: Commands
    prober: Prober
    sandbox: Sandbox
    limits: MediaLimits
    run_limits: RunLimits

    async def run(self, argv: list[str], source: Path, work: Path, progress: Progress, length_ms: int = 0) -> Rejected | None:
        """Run one command; None: it ended well. `length_ms` of output are all of its progress."""

        def lines(said: bytes) -> bool:
            if length_ms and (times := _OUT_TIME_US.findall(said)):
                progress(min(_MAIN_SHARE, int(times[-1]) * _MAIN_SHARE // (length_ms * 1_000)))
            return True

        outcome = await self.sandbox.run(argv, self.sandbox.job(source, work), self.run_limits, lines)
        if outcome.ended is Ended.WELL:
            return None
        if "Unknown encoder" in outcome.stderr or "No such filter" in outcome.stderr:
            raise WorkshopUnavailable(f"this ffmpeg cannot do what is needed: {printable(outcome.stderr)}")
        return refused(outcome, self.run_limits, self.limits)


async def making(
    bench: Bench,
    source: Path,
    accepted: Accepted,
    plan: PicturePlan | SquarePlan | VideoPlan | SoundPlan,
    work: Path,
    progress: Progress,
) -> Made | Rejected:
    """Carry out `plan`; the files of the answer lie in `work`."""
    progress(0)
    if isinstance(plan, PicturePlan):
        return await _picture(bench, source, accepted, plan, work, progress)
    if isinstance(plan, SquarePlan):
        return await _squares(bench, source, accepted, plan, work, progress)
    if isinstance(plan, SoundPlan):
        return await _sound(bench, source, accepted, plan, work, progress)
    return await _video(bench, source, accepted, plan, work, progress)


async def small(bench: Bench, source: Path, accepted: Accepted, work: Path, bytes_max: int) -> bytes:
    """A small JPEG of at most so many bytes; b"": none can be made."""
    for side, quality in SMALL:
        argv = bench.commands.thumbnail(bench.sandbox.job(source, work), _demuxer(accepted), side, quality)
        if await bench.run(argv, source, work, lambda per_cent: None):
            return b""
        if 0 < _size(made := work / commands.THUMBNAIL_NAME) <= bytes_max:
            return made.read_bytes()
    return b""


async def _picture(
    bench: Bench, source: Path, accepted: Accepted, plan: PicturePlan, work: Path, progress: Progress
) -> Made | Rejected:
    job = bench.sandbox.job(source, work)
    for quality in JPEG_QUALITIES:
        argv = bench.commands.picture(job, _demuxer(accepted), plan, quality)
        if no := await bench.run(argv, source, work, progress):
            return no
        name = commands.PNG_NAME if plan.codec == "png" else commands.JPEG_NAME
        main = work / name
        size = _size(main)
        if 0 < size <= bench.limits.image_bytes_max:
            break
        plan = replace(plan, codec="mjpeg")
    else:
        return _bad_size(size, bench.limits.image_bytes_max)
    content_type = "image/png" if name == commands.PNG_NAME else "image/jpeg"
    return await asyncio.to_thread(_picture_made, main, content_type, work, False)


async def _squares(
    bench: Bench, source: Path, accepted: Accepted, plan: SquarePlan, work: Path, progress: Progress
) -> Made | Rejected:
    argv = bench.commands.squares(bench.sandbox.job(source, work), _demuxer(accepted), plan)
    if no := await bench.run(argv, source, work, progress):
        return no
    main = work / commands.JPEG_NAME
    return await asyncio.to_thread(_picture_made, main, "image/jpeg", work, False)


async def _video(
    bench: Bench, source: Path, accepted: Accepted, plan: VideoPlan, work: Path, progress: Progress
) -> Made | Rejected:
    main = work / commands.MP4_NAME
    probe = await _video_main(bench, source, accepted, plan, work, progress)
    if isinstance(probe, Rejected):
        return probe
    progress(_MAIN_SHARE)
    if no := await _stills(bench, main, probe, work, progress):
        return no
    drawn = await asyncio.to_thread(_picture_made, main, "video/mp4", work, True)
    if isinstance(drawn, Rejected):
        return drawn
    again = judge(Kind.VIDEO, sniff(_head(main)), probe, bench.limits)
    if isinstance(again, Rejected):
        return again
    facts = replace(drawn.facts, width=again.width, height=again.height, duration_ms=again.duration_ms)
    first = replace(drawn.files[0], width=again.width, height=again.height)
    return Made(facts, (first, *drawn.files[1:]))


async def _video_main(
    bench: Bench, source: Path, accepted: Accepted, plan: VideoPlan, work: Path, progress: Progress
) -> Probe | Rejected:
    """MAIN as planned; copied streams that do not become a good file are encoded, and what is too large is made smaller."""
    main = work / commands.MP4_NAME
    tries = [plan, plan.smaller()]
    if plan.copies_video:
        encoded = transcoded(accepted, bench.limits)
        tries = [plan, encoded, encoded.smaller()]
    no = Rejected(Reason.CORRUPT)
    for attempt in tries:
        argv = bench.commands.video(bench.sandbox.job(source, work), _demuxer(accepted), attempt)
        if failed := await bench.run(argv, source, work, progress, attempt.length_ms):
            no = failed
            if not attempt.copies_video:
                return no
            continue
        size = _size(main)
        if not 0 < size <= attempt.bytes_max:
            no = _bad_size(size, attempt.bytes_max)
            continue
        return await _look_again(bench, main)
    return no


async def _stills(bench: Bench, main: Path, probe: Probe, work: Path, progress: Progress) -> Rejected | None:
    at_ms = min(_POSTER_AT_MS_MAX, probe.counted_ms // 3)
    for moment in (at_ms, 0):
        argv = bench.commands.stills(bench.sandbox.job(main, work), moment)
        if no := await bench.run(argv, main, work, progress):
            return no
        if _size(work / commands.TINY_NAME):
            return None
    return Rejected(Reason.CORRUPT, detail="no frame can be decoded")


async def _sound(
    bench: Bench, source: Path, accepted: Accepted, plan: SoundPlan, work: Path, progress: Progress
) -> Made | Rejected:
    name = _SOUND_NAMES[plan.muxer]
    main = work / name
    argv = bench.commands.sound(bench.sandbox.job(source, work), _demuxer(accepted), plan, name)
    if no := await bench.run(argv, source, work, progress, accepted.duration_ms):
        return no
    size, most = _size(main), bench.limits.bytes_max(accepted.kind)
    if not 0 < size <= most:
        return _bad_size(size, most)
    probe = await _look_again(bench, main)
    if isinstance(probe, Rejected):
        return probe
    again = judge(accepted.kind, sniff(_head(main)), probe, bench.limits)
    if isinstance(again, Rejected):
        return again
    wave = b""
    if plan.has_waveform:
        wave = await asyncio.to_thread(lambda: drawing.waveform((work / commands.WAVE_NAME).read_bytes()))
        if not wave:
            return Rejected(Reason.CORRUPT, detail="no sound can be decoded")
    facts = Facts(plan.content_type, duration_ms=again.duration_ms, waveform=wave)
    return Made(facts, (MadeFile(Variant.MAIN, main, plan.content_type),))


async def _look_again(bench: Bench, main: Path) -> Probe | Rejected:
    """What is stored is looked at as closely as what came."""
    format = sniff(_head(main))
    if format is None:
        return Rejected(Reason.CORRUPT, detail="what was made is nothing")
    return await bench.prober.probe(main, format, bench.limits)


def _picture_made(main: Path, content_type: str, work: Path, has_poster: bool) -> Made | Rejected:
    tiny, thumbnail = work / commands.TINY_NAME, work / commands.THUMBNAIL_NAME
    hash = drawing.blurhash(tiny.read_bytes()) if _size(tiny) else ""
    if not hash or not _size(thumbnail):
        return Rejected(Reason.CORRUPT, detail="no picture can be decoded")
    width, height = (0, 0) if has_poster else drawing.picture_size(main)
    files = [MadeFile(Variant.MAIN, main, content_type, width, height)]
    if has_poster:
        poster = work / commands.POSTER_NAME
        files.append(MadeFile(Variant.POSTER, poster, "image/jpeg", *drawing.picture_size(poster)))
    files.append(MadeFile(Variant.THUMBNAIL, thumbnail, "image/jpeg", *drawing.picture_size(thumbnail)))
    return Made(Facts(content_type, width, height, blurhash=hash), tuple(files))


def _demuxer(accepted: Accepted) -> str:
    return accepted.format.demuxer if accepted.format else ""


def _size(path: Path) -> int:
    """Bytes of a file; 0: it is not there."""
    return path.stat().st_size if path.exists() else 0


def _bad_size(size: int, most: int) -> Rejected:
    return Rejected(Reason.TOO_LARGE, most, size) if size else Rejected(Reason.CORRUPT, detail="nothing can be decoded")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
