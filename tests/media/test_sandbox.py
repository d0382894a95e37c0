"""What a program may do to the worker: in bubblewrap, and with limits alone where that is not there."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from media.adapters.ffmpeg import sandbox
from media.adapters.ffmpeg.sandbox import Ended, Job, Outcome, RunLimits, Sandbox
from media.ports.workshop import WorkshopUnavailable
from tests.support.processes import children, there

pytestmark = pytest.mark.process

MIB = 1_048_576
PYTHON = "/usr/bin/python3"
LIMITS = RunLimits(wall_ms=20_000, cpu_s=10, memory_bytes=512 * MIB, file_bytes=MIB)


@pytest.fixture(params=["bubblewrap", "limits alone"])
def box(request: pytest.FixtureRequest) -> Sandbox:
    """Each of the two sandboxes."""
    return Sandbox([PYTHON], shutil.which("bwrap") or "missing" if request.param == "bubblewrap" else "")


@pytest.fixture
def job_of(tmp_path: Path) -> Job:
    """Paths of a job outside; a sandbox gives them its own names."""
    (tmp_path / "in").write_bytes(b"input")
    (tmp_path / "out").mkdir()
    return Job(tmp_path / "in", tmp_path / "out", "", "")


async def run(box: Sandbox, outer: Job, code: str, limits: RunLimits = LIMITS) -> Outcome:
    job, others = box.job(outer.source, outer.out), there()
    outcome = await box.run([PYTHON, "-c", code, job.inside_source, job.inside_out], job, limits)
    assert children(*others) == []
    return outcome


async def test_a_program_reads_its_input_and_writes_its_output_and_has_nothing_else(box: Sandbox, job_of: Job) -> None:
    code = (
        "import os,sys; open(sys.argv[2]+'/made','w').write(open(sys.argv[1]).read());print(sorted(os.environ), sys.stdin.read())"
    )
    outcome = await run(box, job_of, code)
    assert outcome.ended is Ended.WELL, outcome
    assert job_of.out and (job_of.out / "made").read_bytes() == b"input"
    names = set(outcome.stdout.decode().replace("'", "").strip(" \n[]").split(", "))
    assert names <= {"LC_ALL", "LC_CTYPE", "PATH", "PWD"}


LISTENING = "import socket; socket.create_connection(('127.0.0.1', {port}), 5).send(b'x')"


async def test_the_network_cannot_be_reached_from_bubblewrap_and_can_with_limits_alone(box: Sandbox, job_of: Job) -> None:
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()
        writer.close()
        await came.put(said)

    server = await asyncio.start_server(taken, "127.0.0.1", 0)
    async with server, asyncio.timeout(60):
        port = server.sockets[0].getsockname()[1]
        outcome = await run(box, job_of, LISTENING.format(port=port))
        if not box.is_walled:
            assert await came.get() == b"x"
        _, mine = await asyncio.open_connection("127.0.0.1", port)
        mine.write(b"mine")
        mine.close()
        assert await came.get() == b"mine", "nobody else came"
    assert (outcome.ended is Ended.WELL) == (not box.is_walled)


async def test_other_files_cannot_be_read_from_bubblewrap_and_can_with_limits_alone(box: Sandbox, job_of: Job) -> None:
    for path in ("/etc/passwd", str(Path(__file__).resolve())):
        outcome = await run(box, job_of, f"print(open({path!r}).read()[:9])")
        assert (outcome.ended is Ended.WELL) == (not box.is_walled), path


async def test_bubblewrap_shows_no_other_process_and_an_input_that_cannot_be_changed(job_of: Job) -> None:
    box = Sandbox([PYTHON], shutil.which("bwrap") or "missing")
    outcome = await run(box, job_of, "import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]), os.getuid())")
    assert outcome.stdout.split() == [b"2", b"65534"]
    assert (await run(box, job_of, "import sys; open(sys.argv[1], 'w')")).ended is Ended.FAILED
    assert job_of.source.read_bytes() == b"input"


@pytest.mark.parametrize(
    ("code", "limits", "ended"),
    [
        ("import time; time.sleep(60)", RunLimits(wall_ms=300), Ended.TIMEOUT),
        ("import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)", RunLimits(wall_ms=600), Ended.TIMEOUT),
        ("while True: pass", RunLimits(wall_ms=20_000, cpu_s=1), Ended.OVER_LIMIT),
        ("import os; os.kill(os.getpid(), 9)", LIMITS, Ended.OVER_LIMIT),
        ("import os; os.kill(os.getpid(), 11)", LIMITS, Ended.CRASHED),
        ("import os; os.write(2, b'Cannot allocate memory'); bytearray(1 << 30)", LIMITS, Ended.OVER_LIMIT),
        (
            "import signal,sys; signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
            "open(sys.argv[2] + '/full', 'wb', 0).write(bytes(1 << 21)); open(sys.argv[2] + '/full', 'ab', 0).write(b'x')",
            LIMITS,
            Ended.OVER_LIMIT,
        ),
        ("while True: print('x' * 1000)", LIMITS, Ended.OVER_LIMIT),
        ("raise SystemExit(3)", LIMITS, Ended.FAILED),
    ],
    ids=["hangs", "ignores", "spins", "killed", "crashes", "eats memory", "fills the disk", "talks", "fails"],
)
async def test_whatever_it_does_it_ends_and_nothing_is_left(
    box: Sandbox, job_of: Job, code: str, limits: RunLimits, ended: Ended
) -> None:
    outcome = await run(box, job_of, code, limits)
    assert outcome.ended is ended, outcome
    assert job_of.out and all(file.stat().st_size <= MIB for file in job_of.out.iterdir())


async def test_children_of_a_program_end_with_it(box: Sandbox, job_of: Job) -> None:
    code = "import os,time; os.fork() and os.fork(); print('forked', flush=True); time.sleep(60)"
    outcome = await run(box, job_of, code, RunLimits(wall_ms=700))
    assert outcome.ended is Ended.TIMEOUT


async def test_cancelling_kills_the_program(box: Sandbox, job_of: Job) -> None:
    begun, others = asyncio.Event(), there()
    job = box.job(job_of.source, job_of.out)
    code = "import time; print('begun', flush=True); time.sleep(60)"

    def lines(_: bytes) -> bool:
        begun.set()
        return True

    async with asyncio.TaskGroup() as group:
        task = group.create_task(box.run([PYTHON, "-c", code], job, LIMITS, lines))
        await begun.wait()
        assert children(*others) != []
        task.cancel()
    assert children(*others) == []


async def test_a_reader_gets_whole_lines_and_may_stop_the_run_and_a_line_without_end_stops_it(box: Sandbox, job_of: Job) -> None:
    job = box.job(job_of.source, job_of.out)
    said: list[bytes] = []

    def three(lines: bytes) -> bool:
        assert lines.endswith(b"\n")
        said.append(lines)
        return len(said) < 3

    endless = [PYTHON, "-c", "n = 0\nwhile True: print(n); n += 1"]
    assert (await box.run(endless, job, LIMITS, three)).ended is Ended.STOPPED and len(said) == 3
    assert [int(line) for line in b"".join(said).split()] == list(range(b"".join(said).count(b"\n")))
    said.clear()
    unended = [PYTHON, "-c", "print('a\\nb', end='')"]
    assert (await box.run(unended, job, LIMITS, lambda lines: bool(said.append(lines)) or True)).ended is Ended.WELL
    assert b"".join(said) == b"a\nb"
    noise = [PYTHON, "-c", "while True: print('x' * 9999, end='')"]
    assert (await box.run(noise, job, LIMITS, lambda _: True)).ended is Ended.OVER_LIMIT


async def test_standard_error_is_kept_to_its_last_part(box: Sandbox, job_of: Job) -> None:
    outcome = await run(box, job_of, "import sys; sys.stderr.write('x' * 1000000 + 'the end')")
    assert len(outcome.stderr) == sandbox.STDERR_BYTES_MAX and outcome.stderr.endswith("the end")


async def test_a_full_disk_and_a_missing_program_are_the_deployments_fault(box: Sandbox, job_of: Job) -> None:
    with pytest.raises(WorkshopUnavailable, match="disk is full"):
        await run(box, job_of, "import sys; sys.exit('No space left on device')")
    job = box.job(job_of.source)
    with pytest.raises(WorkshopUnavailable):
        await box.run(["/usr/bin/no-such-program"], job, LIMITS)


async def test_the_sandbox_is_chosen_by_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = await sandbox.opened(["/usr/bin/ffprobe"], tmp_path)
    assert best.is_walled and "no network" in best.describe()
    with pytest.raises(WorkshopUnavailable):
        await sandbox.opened([str(tmp_path / "missing")], tmp_path)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (broken / "bwrap").chmod(0o755)
    monkeypatch.setattr(sandbox, "_PATH", f"{broken}:/usr/bin:/bin")
    weak = await sandbox.opened(["/usr/bin/ffprobe"], tmp_path)
    assert not weak.is_walled and "could reach the network" in weak.describe()
    assert sys.executable and list(tmp_path.iterdir()) == [broken]
