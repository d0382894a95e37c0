"""The load for servers that forward media counts right, and a small one runs over the real process of calls."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
import pytest

from tests.bench.forwarders.drain import ROW
from tests.bench.forwarders.figures import faults, flows

GOOD: dict[str, Any] = {
    "lost": 0,
    "flows": 4,
    "flows_wanted": 4,
    "delivered": 1.0,
    "fps_median": 30.0,
    "fps_min": 29.9,
    "audio_ms": [0.2, 1.0],
    "video_ms": [0.2, 1.0],
    "wrong": 0,
}


def rows(ssrc: int, numbers: list[int], size: int = 100, who: int = 0) -> Any:
    made = np.zeros(len(numbers), ROW)
    made["ssrc"], made["sequence"], made["size"], made["who"] = ssrc, numbers, size, who
    made["marker"] = size > 400
    return made


def test_loss_is_what_is_missing_between_the_first_and_the_last_number_of_a_flow() -> None:
    seen = flows(np.concatenate([rows(1, [10, 11, 13]), rows(1, [10, 12], who=1), rows(2, [7])]), 1.0)

    assert (seen.seen, seen.packets, seen.lost) == (3, 6, 2)


def test_a_number_that_came_twice_counts_once_and_one_that_wraps_is_no_loss() -> None:
    seen = flows(rows(1, [65_534, 65_535, 0, 0, 1]), 1.0)

    assert (seen.packets, seen.lost) == (4, 0)


def test_pictures_a_second_are_counted_by_their_last_packets() -> None:
    seen = flows(np.concatenate([rows(1, list(range(60)), 900), rows(2, list(range(20)), 900), rows(3, [1])]), 2.0)

    assert (seen.fps_median, seen.fps_min) == (20.0, 10.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"lost": 3}, ["3 lost"]),
        ({"flows": 3}, ["3 flows of 4"]),
        ({"delivered": 0.99}, ["99.00% delivered"]),
        ({"fps_min": 27.5}, ["27.5 fps"]),
        ({"video_ms": [1.0, 450.0]}, ["p99 450 ms"]),
        ({"wrong": 1}, ["1 wrong"]),
    ],
)
def test_a_run_without_loss_is_one_that_hides_none_in_queues_either(change: dict[str, Any], said: list[str]) -> None:
    assert faults(GOOD | change) == said


@pytest.mark.process
async def test_a_small_load_of_real_transports_gets_everything_through_the_process_of_calls() -> None:
    arguments = "--servers tidewire --shapes 1x3 --seconds 1 --warm 0.2 --repetitions 1 --tries 1 --address 127.0.0.1"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.forwarders", *arguments.split(), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 100)

    row = json.loads(said.splitlines()[0])
    assert process.returncode == 0
    assert (row["flows"], row["flows_wanted"], row["lost"], row["wrong"]) == (12, 12, 0, 0)
    assert row["proved"] > 5, "a sample was decrypted, and held what was sent"
    assert row["delivered"] > 0.9 and row["cpu_us_per_packet"] > 0 and row["join_cpu_ms"] > 0
