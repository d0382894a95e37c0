"""Processes that play schedules: one a core, each with a fixed order of sets, so that a seed means the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Done(NamedTuple):
    """What one process has played."""

    schedules: int
    steps: int
    failed: list[tuple[int, str]]


def begin(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """A process of `tests.simulation.run`."""
    command = [sys.executable, "-m", "tests.simulation.run", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, stdout=subprocess.PIPE, text=True)


def work(shares: Sequence[Sequence[str]], timeout_s: float) -> list[Done]:
    """Play every share, at most one a core at a time."""
    waiting, running, done = list(shares), [], []
    cores = os.cpu_count() or 1
    try:
        while waiting or running:
            while waiting and len(running) < cores:
                running.append(begin(waiting.pop(0)))
            process = running[0]
            told, _ = process.communicate(timeout=timeout_s)
            running.remove(process)
            assert process.returncode == 0, f"the simulation itself failed: {process.args}"
            done.append(Done(**json.loads(told)))
    finally:
        for process in running:
            process.kill()
            process.wait()
    return done
