"""The checker can fail: histories with one lie each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.races.history import ADMIN, MEMBER, NEVER, OWNER, Ask, Checker, Operation, Record

TEXT = Ask("text")


class Story:
    """ann makes a group of two seats with ben; he writes, is removed, and is refused; cat takes the seat, and dan finds none."""

    def __init__(self) -> None:
        self.log = {
            1: Record("ann", "made", (("ann", OWNER), ("ben", MEMBER))),
            2: Record("ben", "b1"),
            3: Record("ann", "a1", (("ben", 0),)),
            4: Record("ann", "a2", (("cat", MEMBER),)),
            5: Record("ann", "a3", (("cat", ADMIN),)),
        }
        self.operations = {
            "b1": Operation("ben", "b1", TEXT, 10, 20, seq=2),
            "a1": Operation("ann", "a1", Ask("remove", "ben"), 15, 30, seq=3),
            "b2": Operation("ben", "b2", TEXT, 25, 45, refused="NOT_A_MEMBER"),
            "a2": Operation("ann", "a2", Ask("add", "cat"), 40, 50, seq=4),
            "a4": Operation("ann", "a4", Ask("add", "dan"), 41, 60, refused="GROUP_FULL"),
            "a3": Operation("ann", "a3", Ask("role", "cat", ADMIN), 70, 80, seq=5),
        }

    def faults(self) -> list[str]:
        return Checker(2, self.log, list(self.operations.values())).faults()


def test_the_truth_passes() -> None:
    assert Story().faults() == []


def test_what_overlaps_may_come_in_either_order() -> None:
    story = Story()
    story.operations["b1"].called, story.operations["b1"].answered = 15, 35
    story.operations["a1"].called, story.operations["a1"].answered = 10, 20
    assert story.faults() == []


def test_an_envelope_sent_twice_is_one_and_one_without_an_answer_may_have_landed_or_not() -> None:
    story = Story()
    story.operations["again"] = Operation("ben", "b1", TEXT, 90, 95, seq=2)
    story.operations["a3"].answered, story.operations["a3"].seq = NEVER, 0
    story.operations["lost"] = Operation("ann", "a9", TEXT, 12)
    assert story.faults() == []


def a_hole(story: Story) -> None:
    del story.log[4]


def told_another_seq(story: Story) -> None:
    story.operations["b1"].seq = 3


def told_what_is_not_there(story: Story) -> None:
    story.operations["a9"] = Operation("ann", "a9", TEXT, 81, 90, seq=6)


def in_the_log_twice(story: Story) -> None:
    story.log[6] = Record("ben", "b1")


def asked_for_by_nobody(story: Story) -> None:
    story.log[6] = Record("ann", "a9")


def lands_after_the_removal(story: Story) -> None:
    story.log[6] = Record("ben", "b2")


def more_than_the_seats(story: Story) -> None:
    story.log[6] = Record("ann", "a4", (("dan", MEMBER),))


def another_effect(story: Story) -> None:
    story.log[4] = Record("ann", "a2", (("cat", ADMIN),))


def against_time(story: Story) -> None:
    story.operations["a1"].called, story.operations["a1"].answered = 1, 5


def refused_before_it_was_true(story: Story) -> None:
    story.operations["b2"].called, story.operations["b2"].answered = 11, 14


def refused_when_it_was_true_no_more(story: Story) -> None:
    story.log[6] = Record("ann", "a5", (("cat", 0),))
    story.operations["a5"] = Operation("ann", "a5", Ask("remove", "cat"), 90, 95, seq=6)
    story.operations["a4"].called, story.operations["a4"].answered = 96, 99


def refused_out_of_turn(story: Story) -> None:
    """dan finds no seat, and hears so before ann is told that cat is no member."""
    story.operations["a4"].answered = 42
    story.operations["a9"] = Operation("ann", "a9", Ask("role", "cat", ADMIN), 43, 46, refused="NOT_FOUND")


def refused_after_it_had_landed(story: Story) -> None:
    story.operations["again"] = Operation("ben", "b1", TEXT, 85, 90, refused="NOT_A_MEMBER")


LIES: list[tuple[Callable[[Story], None], str]] = [
    (a_hole, "the seqs are"),
    (told_another_seq, "b1 was told 3, and is at 2"),
    (told_what_is_not_there, "a9 was told 6, and is at nowhere"),
    (in_the_log_twice, "an envelope is in the log twice"),
    (asked_for_by_nobody, "6 a9 was asked for by nobody"),
    (lands_after_the_removal, "6 b2 of ben is in the log, but NOT_A_MEMBER"),
    (more_than_the_seats, "6 a4 of ann is in the log, but GROUP_FULL"),
    (another_effect, "4 a2 changes"),
    (against_time, "a1 was told before b1 was asked for, and comes after it"),
    (refused_before_it_was_true, "b2 (text ) of ben was refused as NOT_A_MEMBER, which is true nowhere from 1 to 2"),
    (refused_when_it_was_true_no_more, "a4 (add dan) of ann was refused as GROUP_FULL, which is true nowhere from 6 to 6"),
    (refused_out_of_turn, "a9 (role cat) of ann was refused as NOT_FOUND, which is true nowhere"),
    (refused_after_it_had_landed, "b1 (text ) of ben was refused as NOT_A_MEMBER, which is true nowhere"),
]


@pytest.mark.parametrize(("lie", "says"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_is_found(lie: Callable[[Story], None], says: str) -> None:
    story = Story()
    lie(story)
    assert any(fault.startswith(says) for fault in story.faults()), story.faults()
