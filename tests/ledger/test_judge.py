"""The judge can fail: each lie that it exists for, told to it."""

from __future__ import annotations

from tests.support.ledger import Ledger, Shown

A, B, C = Shown(1, "a", "x"), Shown(2, "b", "x"), Shown(3, "c", "x")


def judged(phone: list[Shown], laptop: list[Shown]) -> list[str]:
    ledger = Ledger()
    for line in (A, B, C):
        ledger.sent("g", line.envelope_id, line.seq)
    ledger.shows("phone", "g", phone)
    ledger.shows("laptop", "g", laptop)
    return ledger.judge()


def test_the_truth_passes() -> None:
    assert judged([A, B, C], [A, B, C]) == []


def test_an_ack_before_the_commit_shows_as_something_sent_that_is_missing() -> None:
    assert "laptop does not show g/3, which was sent" in judged([A, B, C], [A, B])


def test_an_accepted_hole_shows() -> None:
    assert "laptop has a hole in g" in judged([A, B, C], [A, C])


def test_a_missing_search_for_twins_shows_as_a_double() -> None:
    assert "laptop shows an envelope of g twice" in judged([A, B, C], [A, B, C, Shown(4, "b", "x")])


def test_two_orders_show() -> None:
    faults = judged([A, B, C], [A, Shown(2, "c", "x"), Shown(3, "b", "x")])
    assert "laptop shows another envelope at g/2 than others" in faults


def test_a_tick_that_goes_back_and_two_answers_for_one_envelope_show() -> None:
    ledger = Ledger()
    ledger.tick("phone", "a", "read")
    ledger.tick("phone", "a", "delivered")
    ledger.sent("g", "a", 1)
    ledger.sent("g", "a", 2)
    assert len(ledger.judge()) == 2
