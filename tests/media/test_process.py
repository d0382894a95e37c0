"""Programs that the worker starts: read, ended, and waited for without a thread."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter

import pytest

from media.adapters.ffmpeg.process import Process

pytestmark = pytest.mark.process
PATH = {"PATH": "/usr/bin:/bin"}


async def test_its_outputs_are_read_and_its_code_is_told() -> None:
    process = await Process.started(["sh", "-c", "echo out; echo err >&2; pwd; exit 7"], PATH)
    assert (await process.stdout.read(), await process.stderr.read()) == (b"out\n/\n", b"err\n")
    await process.wait()
    assert process.returncode == 7
    process.close()


async def test_it_has_this_environment_alone_and_a_group_of_its_own() -> None:
    process = await Process.started(["sh", "-c", "env; sleep 60"], PATH)
    lines = [await process.stdout.readline() for _ in range(2)]
    assert all(line.split(b"=")[0] in (b"PATH", b"PWD") for line in lines)
    assert os.getpgid(process.pid) == process.pid
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    assert process.returncode == -signal.SIGKILL
    process.close()


def held() -> Counter[str]:
    """Pipes and processes that this one has descriptors of. The other kinds are not of programs: threads of other tests may open some."""
    found = Counter[str]()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            what = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:  # it is closed meanwhile
            continue
        if what.startswith("pipe:") or "pidfd" in what:
            found[what] += 1
    return found


async def test_many_are_waited_for_without_a_thread_each_and_leave_nothing() -> None:
    before, threads = held(), threading.active_count()
    processes = [await Process.started(["sleep", "60"], PATH) for _ in range(20)]
    waits = [asyncio.ensure_future(process.wait()) for process in processes]
    await asyncio.sleep(0)
    assert threading.active_count() < threads + len(processes)
    for process in processes:
        process.close()
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.gather(*waits)
    await asyncio.sleep(0)
    assert held() <= before  # what tests before this one left may be closed meanwhile


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_given_up_leaves_no_program_and_no_pipe(turns: int) -> None:
    before = held()
    starting = asyncio.ensure_future(Process.started(["sleep", "60"], PATH))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    (given_up,) = await asyncio.gather(starting, return_exceptions=True)
    if isinstance(given_up, Process):  # it was faster
        os.killpg(given_up.pid, signal.SIGKILL)
        await given_up.wait()
        given_up.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert held() <= before


async def test_what_cannot_be_started_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await Process.started(["/nowhere/at-all"], PATH)
