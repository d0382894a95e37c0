"""The trial at the start: what a packet costs on this machine."""

from __future__ import annotations

from pathlib import Path

from calls.adapters.self_test import measured
from calls.domain.admission import SCALE_MAX, SCALE_MIN, Costs


def test_it_says_something_about_this_machine() -> None:
    usual, costs = Costs(), measured()
    for tried, known in ((costs.in_cost, usual.in_cost), (costs.out_cost, usual.out_cost)):
        assert known * SCALE_MIN <= tried <= known * SCALE_MAX


def test_it_leaves_no_socket() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    measured()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_one_datagram_for_each_system_call_costs_more() -> None:
    assert measured(batched=False).out_cost > measured().out_cost
