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
from tests.bench.forwarders.medians import lines, shapes
from tests.bench.forwarders.page import picture, table
from tests.bench.forwarders.playout import PLAYOUT_MS, SOUND_MS, Screen, freezes, gaps
from tests.bench.forwarders.soak import Look, verdict
from tests.support.udp_proxy import Impairment, UdpProxy

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
    arguments = "--servers tidewire --shapes 1x3 --seconds 2 --warm 0.2 --repetitions 1 --tries 1 --address 127.0.0.1"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.forwarders", *arguments.split(), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 100)

    row = json.loads(said.splitlines()[0])
    assert process.returncode == 0
    assert (row["flows"], row["flows_wanted"], row["lost"], row["wrong"]) == (12, 12, 0, 0)
    assert row["proved"] > 5, "a sample was decrypted, and held what was sent"
    # What is on its way at either end of the window counts on one side alone; where this machine stands still, that is much.
    assert row["delivered"] > 0.5 and row["cpu_us_per_packet"] > 0 and row["join_cpu_ms"] > 0


def run_of(server: str, us: float, other: float = 0.0, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(("core", "packets_out_per_s", "join_cpu_ms", "resident_mb", "resident_kb_per_party", "threads"), 10)
    row |= {"server": server, "rooms": 1, "parties": 8, "cpu_us_per_packet": us, "other_on_core": other}
    return GOOD | row | {"disturbed": ["others"] if other > 0.15 else [], "faults": []} | more


def test_figures_are_medians_of_the_runs_that_nothing_disturbed() -> None:
    rows = [run_of("tidewire", us, other) for us, other in ((10, 0.0), (12, 0.1), (14, 0.0), (50, 0.9))]
    ours, theirs = shapes([*rows, run_of("janus", 30, 0.5)])

    assert (ours.figures["cpu_us_per_packet"], ours.runs, ours.undisturbed, ours.other) == (12, 3, True, (0.0, 0.1))
    assert (theirs.figures["cpu_us_per_packet"], theirs.undisturbed) == (30, False), "where there is no other run"
    assert {"tidewire": 12, "janus": 30, "ratio": 0.4}.items() <= lines([ours, theirs])[0].items()
    assert "| a call of 8 * | 10 | 12.0 / 30.0 | **0.40** |" in table([ours, theirs])
    (compiled,) = shapes([run_of("tidewire-compiled", 6, 0.0)])
    assert "| a call of 8 * | 10 | 12.0 / 6.0 / 30.0 | **0.40** / **0.20** |" in table([ours, compiled, theirs])
    assert "| a call of 8 | 10 | 12.0 | – |" in table([ours])
    assert picture([ours, theirs]).count("<rect") == 1 + 2 + 2


def test_a_picture_is_shown_when_it_and_those_before_it_are_whole() -> None:
    screen = Screen()
    screen.packet(1, 0, True, True, True, 0.0)
    screen.packet(3, 6_000, True, True, False, 66.0)
    assert [media for media, _ in screen.shown] == [0.0] and screen.stuck
    screen.packet(2, 3_000, True, True, False, 90.0)
    assert screen.shown == [(0.0, 0.0), (3_000 / 90, 90.0), (6_000 / 90, 90.0)] and not screen.stuck


def test_a_keyframe_goes_on_where_something_is_lost_for_good() -> None:
    screen = Screen()
    screen.packet(1, 0, True, True, True, 0.0)
    screen.packet(5, 9_000, True, True, True, 100.0)
    screen.packet(2, 3_000, True, True, False, 110.0)

    assert [media for media, _ in screen.shown] == [0.0, 100.0]


def test_what_comes_within_the_time_of_playing_is_no_freeze_and_what_comes_later_is() -> None:
    steady = [(n * 33.0, n * 33.0) for n in range(100)]
    late = [(media, at if n != 50 else at + PLAYOUT_MS) for n, (media, at) in enumerate(steady)]
    missing = [one for n, one in enumerate(steady) if not 40 <= n < 50]

    assert freezes(steady, 0, 3_300 + PLAYOUT_MS) == (0, 0) == freezes(late, 0, 3_300 + PLAYOUT_MS)
    assert freezes(missing, 0, 3_300 + PLAYOUT_MS) == (1, 363.0)
    assert freezes([], 1_000, 5_000) == (1, 4_000)


def test_one_packet_of_sound_is_concealed_and_two_in_a_row_are_a_gap() -> None:
    heard = {n: n * SOUND_MS for n in range(100) if n not in (10, 20, 21, 22)}
    heard[50] += PLAYOUT_MS + 1

    assert gaps(heard, 0, 99) == (1, 5)
    assert gaps({}, 0, 9) == (1, 10)


async def test_a_bad_network_loses_its_share_and_lets_none_overtake_another() -> None:
    got: list[int] = []
    done = asyncio.Event()

    class Server(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, address: object) -> None:
            got.append(int(data)) if data != b"end" else done.set()

    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    proxy = UdpProxy("127.0.0.1", server.get_extra_info("sockname"), seed=1)
    client, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=proxy.address)
    proxy.impairment = Impairment(loss=0.2, jitter_s=0.01)
    for number in range(200):
        client.sendto(b"%d" % number)
    async with asyncio.timeout(20):
        while proxy.passed + proxy.lost < 200:
            await asyncio.sleep(0)
        proxy.impairment = Impairment(jitter_s=0.01)
        client.sendto(b"end")
        await done.wait()
    for one in (client, server, proxy):
        one.close()

    assert got == sorted(got) and len(got) == 200 - proxy.lost
    assert 20 < proxy.lost < 60


def look(number: int, resident_mb: float = 100.0, descriptors: int = 20, missing: int = 0) -> Look:
    return Look(number, number, descriptors, 12, resident_mb, missing)


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ([look(n, 100 if n else 80) for n in range(16)], []),
        ([look(n, 100 + n) for n in range(16)], ["resident memory: 105.5 MB, then 113.5 MB"]),
        ([look(n, descriptors=20 + 2 * n) for n in range(16)], ["descriptors: 31, then 47"]),
        ([look(n, missing=n == 3) for n in range(16)], ["1 flows never came"]),
    ],
)
def test_a_soak_says_what_grows(looks: list[Look], said: list[str]) -> None:
    assert verdict(looks) == said


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (
            "loss --servers tidewire --parties 2 --seconds 1 --networks good --address 127.0.0.1",
            {"pictures": 2, "sounds": 2, "lost": 0},
        ),
        ("soak 0.01 127.0.0.1", {"joins": 12, "flows_missing": 0}),
    ],
)
async def test_small_ones_of_the_other_loads_run_over_it_too(arguments: str, wanted: dict[str, int]) -> None:
    module, *more = arguments.split()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.bench.forwarders.{module}", *more), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 100)

    assert process.returncode == 0
    assert wanted.items() <= json.loads(said.splitlines()[0]).items()
