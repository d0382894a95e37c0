"""Who of a large call looks anew at what it gets, tick after tick."""

from __future__ import annotations

from calls.domain.turns import CHOICES_MAX, Turns

MANY = [f"p{number}" for number in range(2 * CHOICES_MAX + 3)]


def test_a_small_call_looks_at_once_when_something_has_changed() -> None:
    turns = Turns()
    few = MANY[:CHOICES_MAX]
    turns.all(few)
    assert turns.take([], few) == few
    assert turns.take([], few) == []


def test_of_a_large_call_so_many_look_in_a_tick_until_all_have() -> None:
    turns = Turns()
    turns.all(MANY)
    ticks = [turns.take([], MANY) for _ in range(4)]
    assert [len(one) for one in ticks] == [CHOICES_MAX, CHOICES_MAX, 3, 0]
    assert [name for one in ticks for name in one] == MANY


def test_whose_second_is_over_looks_in_any_case_and_once() -> None:
    turns = Turns()
    turns.all(MANY)
    assert turns.take(MANY[-1:], MANY) == [MANY[-1], *MANY[:CHOICES_MAX]]
    assert turns.take([], MANY) == MANY[CHOICES_MAX : 2 * CHOICES_MAX]
    assert turns.take([], MANY) == MANY[2 * CHOICES_MAX : -1]
    assert turns.take(MANY[:2], MANY) == MANY[:2]


def test_nobody_waits_for_ever_in_a_call_that_changes_all_the_time() -> None:
    turns = Turns()
    looked: set[str] = set()
    for _ in range(3):
        turns.all(MANY)
        looked |= set(turns.take([], MANY))
    assert looked == set(MANY)


def test_who_has_left_looks_no_more() -> None:
    turns = Turns()
    turns.all(MANY[:3])
    assert turns.take([], MANY[1:2]) == MANY[1:2]
    assert turns.take([], MANY) == []
