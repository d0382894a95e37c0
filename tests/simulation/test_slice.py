"""A few schedules of whole nodes and devices in this process, for `make unit`; `test_whole.py` plays many."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.simulation.schedule import play

FIRST = 5_000


@pytest.fixture(autouse=True)
def no_word_of_what_a_crash_left_behind() -> Iterator[None]:
    """A crashed process of a schedule leaves coroutines that nobody awaits: that is the point of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
        gc.collect()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 20))
def test_a_schedule_breaks_no_promise(seed: int) -> None:
    assert play(seed).violation == ""
