"""The trial at the start: what a packet costs on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from calls.adapters.compiled_fan_out import NotBuilt
from calls.adapters.self_test import measured, tried
from calls.domain.admission import SCALE_MAX, SCALE_MIN, Costs

ROOT = Path(__file__).parents[2]


def best(**how: Any) -> float:
    """What a copy costs, of three trials: another process may have the machine for one. As tried: costs in use are held within bounds, where
    two of them are equal on a machine that is fast, or slow, enough."""
    return min(tried(**how).out_cost for _ in range(3))


def test_it_says_something_about_this_machine() -> None:
    usual, costs = Costs(), measured()
    for cost, known in ((costs.in_cost, usual.in_cost), (costs.out_cost, usual.out_cost)):
        assert known * SCALE_MIN <= cost <= known * SCALE_MAX


def test_it_leaves_no_socket() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    measured()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_one_datagram_for_each_system_call_costs_more() -> None:
    assert best(batched=False) > best()


@pytest.mark.process
def test_the_fan_out_that_is_set_is_tried() -> None:
    subprocess.run(["make", "-s", "accelerator"], cwd=ROOT, check=True)
    assert best(fan_out="compiled") < best()


def test_a_fan_out_that_cannot_be_used_is_not_tried() -> None:
    with pytest.raises(NotBuilt, match="sendmmsg"):
        measured("compiled", batched=False)
