"""The bench runs and prints every figure; how high they are is not a test's business."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

pytestmark = pytest.mark.process
WANTED = ("resident memory", "group of", "window 16", "window 1", "latency", "catch-up")


async def test_a_short_bench_prints_every_figure_beside_the_bare_streams() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.chat", "--scale", "0.02", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 110)
    assert process.returncode == 0
    note, *figures = [json.loads(line) for line in said.splitlines()]
    assert "raised" in note["note"], "a bench that raises limits says so"
    names = [figure["figure"] for figure in figures]
    assert len(names) == len(WANTED) and all(any(wanted in name for name in names) for wanted in WANTED)
    assert [figure["rows_per_message"] for figure in figures if "rows_per_message" in figure] == [1.0]
