"""Playbook of a drain: which devices of a stopping node go when."""

from __future__ import annotations

import pytest

from server.domain.draining import GONE_MS, Drain, staying
from server.domain.identity import Identity
from server.domain.limits import Limits

LIMITS = Limits(drain_spread_ms=3_000, drain_returns_per_s=25)


def drain(devices: int, others: int = 2, workers: int = 1, grace_s: float = 20.0) -> Drain:
    """Of a node with so many devices, that begins at 0."""
    found = [Identity(f"account-{n}", f"device-{n}") for n in range(devices)]
    return Drain(found, others=others, workers=workers, grace_s=grace_s, limits=LIMITS, now_ms=0)


@pytest.mark.parametrize(
    ("devices", "others", "ms"),
    [
        (0, 2, 3_000),
        (100, 2, 3_000),  # 50 a second for two
        (400, 2, 8_000),
        (400, 1, 16_000),
        (400, 9, 3_000),
        (10_000, 99, 4_040),
        (10_000, 9, 16_000),  # 44 s in turn: the grace lets nobody wait for longer than four fifths of it
    ],
)
def test_devices_go_as_fast_as_the_nodes_that_stay_can_take_them(devices: int, others: int, ms: int) -> None:
    assert drain(devices, others).spread_ms == ms


def test_workers_of_one_machine_go_together_and_share_what_the_others_take() -> None:
    assert staying(5, 4) == 2
    assert drain(100, others=5, workers=4).spread_ms == 8_000, "four times 100 devices, for two nodes"
    assert staying(3, 4) == 0 == staying(1, 4), "a worker that nobody has heard of yet does not make it less than none"
    assert drain(100, others=3, workers=4).alone


def test_the_last_to_go_have_a_fifth_of_the_grace_for_it() -> None:
    assert drain(100_000, grace_s=60.0).spread_ms == 48_000
    assert drain(1, grace_s=1.0).spread_ms == 800, "even of the shortest spread"


@pytest.mark.parametrize(("others", "grace_s"), [(0, 20.0), (2, 0.0)])
def test_where_no_node_stays_or_nobody_waits_all_go_at_once(others: int, grace_s: float) -> None:
    going = drain(400, others, grace_s=grace_s)
    assert len(going.turn(0, ())) == 400 and going.over()


def test_devices_that_come_back_make_room_for_the_next_evenly() -> None:
    going = drain(400, grace_s=60.0)
    assert [len(going.turn(now_ms, ())) for now_ms in (0, 100, 200, 1_000)] == [0, 5, 5, 40]
    assert len(going.turn(8_000, ())) == 50, "not the 350 that are late: they would come back at once"
    while not going.over():
        assert len(going.turn(8_000, ())) == 50
    assert going.turn(9_000, ()) == []


def test_no_more_are_away_than_come_back_in_a_second() -> None:
    going = drain(400)
    assert len(going.turn(900, ())) == 45
    assert len(going.turn(1_900, going.on_their_way())) == 5, "50 are away, whatever the spread says"
    assert going.turn(2_000, going.on_their_way()) == []
    assert len(going.turn(2_100, going.on_their_way()[7:])) == 7, "as many as have come back"


def test_one_that_does_not_come_back_holds_up_nobody_for_long() -> None:
    going = drain(400, grace_s=60.0)
    first = going.turn(1_000, ())
    assert len(first) == 50 and going.turn(1_000 + GONE_MS - 1, first) == []
    assert len(going.turn(1_000 + GONE_MS, first)) == 50


def test_when_the_grace_runs_out_they_go_though_nobody_has_come_back() -> None:
    going = drain(400)
    gone = 0
    for now_ms in range(0, 16_001, 100):
        gone += len(going.turn(now_ms, going.on_their_way()))
        assert gone >= 400 * now_ms // 16_000
    assert gone == 400 and going.over()


def test_what_was_let_go_twice_would_be_seen() -> None:
    going, seen = drain(120), set[Identity]()
    for now_ms in range(0, 3_001, 100):
        for device in going.turn(now_ms, ()):
            assert device not in seen
            seen.add(device)
    assert len(seen) == 120 and going.over()


def test_a_slow_drain_of_one_device_ends() -> None:
    going = drain(1)
    assert going.turn(2_999, ()) == [] and len(going.turn(3_000, ())) == 1 and going.over()
