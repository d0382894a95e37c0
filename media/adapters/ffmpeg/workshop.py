"""The workshop on ffmpeg: looks, judges, makes, looks again."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidewire.media_rules.judge import OCTETS, Window, judge, judge_format, judge_size
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Probe
from tidewire.media_rules.sniff import HEAD_BYTES, Format, sniff
from tidewire.media_rules.verdict import Accepted, Rejected

from media.adapters.ffmpeg.commands import Commands
from media.adapters.ffmpeg.making import Bench, making, small
from media.adapters.ffmpeg.prober import Prober
from media.adapters.ffmpeg.sandbox import RunLimits, Sandbox
from media.domain.plan import Keep, plan
from media.ports.workshop import Facts, Made, MadeFile, Variant, Wish

DOCUMENT_NAME = "main.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """What looking at one file, and making one, may take."""

    probing: RunLimits = field(default_factory=lambda: RunLimits(wall_ms=30_000, cpu_s=20, memory_bytes=1_610_612_736))
    making: RunLimits = field(
        default_factory=lambda: RunLimits(wall_ms=900_000, cpu_s=900, memory_bytes=2_147_483_648, file_bytes=134_217_728)
    )


class FfmpegWorkshop:
    """Implements the port Workshop with the programs `ffmpeg` and `ffprobe`, both inside `sandbox`."""

    def __init__(
        self, ffmpeg: str, ffprobe: str, sandbox: Sandbox, limits: MediaLimits, work_limits: WorkLimits | None = None
    ) -> None:
        work = work_limits or WorkLimits()
        self._sandbox = sandbox
        self._limits = limits
        self._probing = work.probing
        self._prober = Prober(ffprobe, sandbox, work.probing)
        self._bench = Bench(Commands(ffmpeg, limits), self._prober, sandbox, limits, work.making)

    @property
    def sandbox(self) -> str:
        """See the port."""
        return self._sandbox.name

    def describe(self) -> str:
        """Which sandbox is in force, for the operator."""
        return self._sandbox.describe()

    async def inspect(self, source: Path, wish: Wish, limits: MediaLimits) -> Accepted | Rejected:
        """See the port."""
        size, format = await asyncio.to_thread(_begin, source)
        fit = wish.fit and wish.kind is Kind.VIDEO
        refused = judge_size(wish.kind, size, limits, fit=fit) or judge_format(wish.kind, format)
        if refused:
            return refused
        if wish.kind is Kind.DOCUMENT or format is None:
            return judge(wish.kind, format, Probe(bytes=size), limits)
        probe = await self._prober.probe(source, format, limits)
        if isinstance(probe, Rejected):
            return probe
        return judge(wish.kind, format, probe, limits, fit=fit, window=window(wish))

    async def make(
        self, source: Path, accepted: Accepted, wish: Wish, out: Path, progress: Callable[[int], None]
    ) -> Made | Rejected:
        """See the port."""
        planned = plan(accepted, self._limits, fit=wish.fit, window=window(wish))
        if isinstance(planned, Keep):
            return await asyncio.to_thread(_keep, source, accepted, out, progress)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=out))
        try:
            made = await making(self._bench, source, accepted, planned, work, _rising(progress))
            if isinstance(made, Rejected):
                return made
            files = []
            for file in made.files:
                files.append(replace(file, path=file.path.rename(out / file.path.name)))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        progress(100)
        return Made(made.facts, tuple(files))

    async def thumbnail(self, picture: bytes, bytes_max: int) -> bytes:
        """See the port."""
        place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="tidewire-picture-"))
        try:
            source, out = place / "source", place / "out"
            await asyncio.to_thread(_written, source, picture)
            out.mkdir()
            accepted = await self.inspect(source, Wish(Kind.IMAGE), self._limits)
            if isinstance(accepted, Rejected):
                return b""
            bench = replace(self._bench, run_limits=self._probing)
            return await small(bench, source, accepted, out, bytes_max)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _written(source: Path, data: bytes) -> None:
    source.write_bytes(data)


def window(wish: Wish) -> Window | None:
    """The part of a video that is kept; None: all of it."""
    if wish.kind is not Kind.VIDEO or not (wish.trim_start_ms > 0 or wish.trim_end_ms > 0):
        return None
    return Window(max(0, wish.trim_start_ms), max(0, wish.trim_end_ms))


def _begin(source: Path) -> tuple[int, Format | None]:
    with source.open("rb") as file:
        return os.fstat(file.fileno()).st_size, sniff(file.read(HEAD_BYTES))


def _keep(source: Path, accepted: Accepted, out: Path, progress: Callable[[int], None]) -> Made:
    target = out / DOCUMENT_NAME
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
    progress(100)
    content_type = accepted.content_type or OCTETS
    return Made(Facts(content_type), (MadeFile(Variant.MAIN, target, content_type),))


def _rising(progress: Callable[[int], None]) -> Callable[[int], None]:
    told = -1

    def tell(per_cent: int) -> None:
        nonlocal told
        if per_cent > told:
            told = per_cent
            progress(per_cent)

    return tell
