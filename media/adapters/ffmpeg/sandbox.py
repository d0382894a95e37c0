"""Runs one program on one hostile file.

Two sandboxes: bubblewrap (no network, a file system of its own with the program's libraries, one input and one output
folder) where it really works, else the same limits without walls. Both run argv alone, never a shell, with limits of
processor time, memory, file size and open files, without core dumps, stdin or environment, as a process group that is
killed whole, and also when the worker dies.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from media.adapters.ffmpeg.process import Process
from media.ports.workshop import WorkshopUnavailable

STDOUT_BYTES_MAX = 262_144
STDERR_BYTES_MAX = 16_384
LINE_BYTES_MAX = 65_536
_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """What one process may take."""

    wall_ms: int = 60_000
    cpu_s: int = 30
    memory_bytes: int = 2_147_483_648
    """Address space."""
    file_bytes: int = 67_108_864
    """Of each file that it writes."""
    open_files: int = 64
    stdout_bytes: int = STDOUT_BYTES_MAX


class Ended(Enum):
    """How a run ended."""

    WELL = "well"
    FAILED = "failed"
    """By its own decision, with an exit code."""
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    OVER_LIMIT = "over limit"
    """Processor time, memory, file size or output."""
    STOPPED = "stopped"
    """By whoever reads its lines."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of a run. `stderr` is its last part."""

    ended: Ended
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class Job:
    """One input and one output folder, and their names as the program sees them."""

    source: Path
    out: Path | None
    inside_source: str
    inside_out: str

    @property
    def input(self) -> str:
        """The input for ffmpeg: with its protocol, so that no part of the name can be another."""
        return f"file:{self.inside_source}"

    def output(self, name: str) -> str:
        """A file in the output folder, for ffmpeg."""
        return f"file:{self.inside_out}/{name}"


class Sandbox:
    """Runs programs within limits. `wrapper` is the path of bubblewrap, "" for none."""

    def __init__(self, programs: Sequence[str], wrapper: str = "") -> None:
        self._wrapper = wrapper
        self._prlimit = _needed("prlimit")
        self._setpriv = _needed("setpriv")
        self._system = _system(programs) if wrapper else []

    @property
    def is_walled(self) -> bool:
        """The program sees no network and no file but its own."""
        return bool(self._wrapper)

    @property
    def name(self) -> str:
        """bubblewrap, or limits."""
        return "bubblewrap" if self._wrapper else "limits"

    def describe(self) -> str:
        """One sentence for the operator: what is in force, and what is not."""
        if self._wrapper:
            return f"bubblewrap ({self._wrapper}): no network, no files but the job's own, limits of time, memory and size"
        return (
            "limits of time, memory and size alone: ffmpeg could reach the network and whatever this user can read; "
            "install bubblewrap, or run the worker in a container without network"
        )

    def job(self, source: Path, out: Path | None = None) -> Job:
        """The names under which a program in this sandbox finds `source` and `out`."""
        if self._wrapper:
            return Job(source, out, "/in/x", "/out")
        return Job(source, out, str(source.resolve()), str(out.resolve()) if out else "/nonexistent")

    async def run(
        self, argv: Sequence[str], job: Job, limits: RunLimits, on_lines: Callable[[bytes], bool] | None = None
    ) -> Outcome:
        """Run `argv` on `job` to its end. `on_lines` takes what stdout says instead of keeping it, whole lines together; False stops the run.

        Raises WorkshopUnavailable when the program or the sandbox cannot be started. Cancelling kills the whole group.
        """
        try:
            process = await Process.started(self._command(argv, job, limits), {"PATH": _PATH, "LC_ALL": "C"})
        except OSError as error:
            raise WorkshopUnavailable(f"{argv[0]} cannot be started: {error}") from error
        reader = _Reader(process, limits, on_lines)
        try:
            async with asyncio.timeout(limits.wall_ms / 1_000):
                await reader.read()
        except TimeoutError:
            reader.ended = Ended.TIMEOUT
        finally:
            await _end(process)
        return _outcome(process, reader)

    def _command(self, argv: Sequence[str], job: Job, limits: RunLimits) -> list[str]:
        limited = [
            self._setpriv,
            "--pdeathsig=KILL",
            self._prlimit,
            f"--cpu={limits.cpu_s}:{limits.cpu_s + 1}",
            f"--as={limits.memory_bytes}",
            f"--fsize={limits.file_bytes}",
            f"--nofile={limits.open_files}",
            "--core=0",
            "--",
        ]
        return [*limited, *(self._walls(job) if self._wrapper else []), *argv]

    def _walls(self, job: Job) -> list[str]:
        walls = [self._wrapper, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        walls += ["--uid", "65534", "--gid", "65534", "--clearenv", "--setenv", "PATH", _PATH, "--setenv", "LC_ALL", "C"]
        walls += self._system
        walls += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", str(job.source.resolve()), job.inside_source]
        if job.out:
            walls += ["--bind", str(job.out.resolve()), job.inside_out]
        return [*walls, "--chdir", "/", "--"]


async def opened(programs: Sequence[str], scratch: Path) -> Sandbox:
    """The best sandbox that works here: found by running the first of `programs` in it, on a file in `scratch`."""
    wrapper = shutil.which("bwrap", path=_PATH) or ""
    trial = scratch / "trial"
    trial.write_bytes(b"")
    try:
        for candidate in [wrapper, ""] if wrapper else [""]:
            sandbox = Sandbox(programs, candidate)
            try:
                outcome = await sandbox.run([programs[0], "-version"], sandbox.job(trial), RunLimits(wall_ms=10_000))
            except WorkshopUnavailable:
                if candidate:
                    continue
                raise
            if outcome.ended is Ended.WELL:
                return sandbox
        raise WorkshopUnavailable(f"{programs[0]} does not run: {outcome.stderr.strip()[-200:]}")
    finally:
        trial.unlink()


class _Reader:
    """Both outputs of a process, capped."""

    def __init__(self, process: Process, limits: RunLimits, on_lines: Callable[[bytes], bool] | None) -> None:
        self._process = process
        self._limits = limits
        self._on_lines = on_lines
        self.stdout = b""
        self.stderr = b""
        self.ended: Ended | None = None

    async def read(self) -> None:
        """Until the process has ended, or has to be ended."""
        async with asyncio.TaskGroup() as group:
            errors = group.create_task(self._errors())
            await (self._lines() if self._on_lines else self._output())
            if self.ended:
                errors.cancel()
            else:
                await self._process.wait()

    async def _output(self) -> None:
        while chunk := await self._process.stdout.read(65_536):
            self.stdout += chunk
            if len(self.stdout) > self._limits.stdout_bytes:
                self.ended = Ended.OVER_LIMIT
                return

    async def _lines(self) -> None:
        assert self._on_lines
        begun = b""
        while chunk := await self._process.stdout.read(65_536):
            lines, ended, begun = (begun + chunk).rpartition(b"\n")
            if ended and not self._on_lines(lines + ended):
                self.ended = Ended.STOPPED
                return
            if len(begun) > LINE_BYTES_MAX:
                self.ended = Ended.OVER_LIMIT
                return
        if begun:
            self._on_lines(begun)

    async def _errors(self) -> None:
        while chunk := await self._process.stderr.read(65_536):
            self.stderr = (self.stderr + chunk)[-STDERR_BYTES_MAX:]


async def _end(process: Process) -> None:
    """Kill what is left of the group, and wait for it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.close()
    await asyncio.shield(process.wait())


def _outcome(process: Process, reader: _Reader) -> Outcome:
    errors = reader.stderr.decode("utf-8", "replace")
    code = process.returncode or 0
    if reader.ended is None and errors.startswith(("bwrap:", "prlimit:", "setpriv:")):
        raise WorkshopUnavailable(f"the sandbox cannot be made: {errors.strip()[-200:]}")
    if reader.ended is None and "error while loading shared libraries" in errors:
        raise WorkshopUnavailable(errors.strip()[-200:])
    if "No space left on device" in errors:
        raise WorkshopUnavailable("the disk is full")
    return Outcome(reader.ended or _how(code, errors), reader.stdout, errors)


def _how(code: int, errors: str) -> Ended:
    number = -code if code < 0 else code - 128 if code > 128 else 0  # bubblewrap says 128 + signal
    if number in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL):
        return Ended.OVER_LIMIT
    if code and ("Cannot allocate memory" in errors or "File too large" in errors):
        return Ended.OVER_LIMIT
    if 0 < number < 64:
        return Ended.CRASHED
    return Ended.FAILED if code else Ended.WELL


def _system(programs: Sequence[str]) -> list[str]:
    """Which part of this system a program sees, read-only: itself and its libraries. They are looked for once, since each look costs a call."""
    walls = ["--ro-bind", "/usr", "/usr"]
    for folder in ("lib", "lib64", "lib32", "bin"):
        path = Path("/", folder)
        if path.is_symlink():
            walls += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            walls += ["--ro-bind", str(path), str(path)]
    for file in ("/etc/ld.so.cache", "/etc/alternatives"):
        walls += ["--ro-bind-try", file, file]
    for program in programs:
        if not program.startswith("/usr/"):
            walls += ["--ro-bind", program, program]
    return walls


def _needed(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if not found:
        raise WorkshopUnavailable(f"{name} is missing (Debian: util-linux)")
    return found
