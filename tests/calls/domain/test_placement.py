"""Where a group's call is placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from calls.domain.placement import chosen


def first(some: Sequence[str], count: int) -> Sequence[str]:
    """No chance: the first."""
    return some[:count]


def test_the_process_that_was_asked_takes_it_unless_the_other_one_is_less_loaded() -> None:
    assert chosen({"a": 0.2, "b": 0.2, "c": 0.0}, "b", first) == "b"
    assert chosen({"a": 0.1, "b": 0.2, "c": 0.0}, "b", first) == "a", "of it and the one that chance gave"


def test_a_process_that_takes_none_chooses_among_two_others() -> None:
    assert chosen({"a": 0.5, "b": 0.2, "c": 0.0}, "d", first) == "b"


def test_one_alone_takes_it_and_nobody_none() -> None:
    assert chosen({"a": 0.9}, "a", first) == chosen({"a": 0.9}, "d", first) == "a" and chosen({}, "d", first) == ""


def test_calls_that_begin_at_once_are_spread() -> None:
    loads, chance = {"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.9}, Random(1)
    taken = Counter(chosen(loads, "x", chance.sample) for _ in range(300))
    assert 50 < taken["b"] < taken["a"] < 250 and taken["c"] > 20 and taken["d"] == 0
