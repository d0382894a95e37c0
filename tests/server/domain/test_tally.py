"""The tally of what happened lately."""

from __future__ import annotations

from server.domain.tally import MINUTE_MS, MINUTES_MAX, Tallied, Tally
from tests.support.cast import NOW


def test_what_happened_lately_the_most_frequent_first() -> None:
    tally = Tally()
    assert tally.lately(60, NOW) == []
    for at_ms, name in [(NOW, "INVALID"), (NOW + 1, "TOO_OLD"), (NOW + 2, "TOO_OLD")]:
        tally.count(name, at_ms)
    assert tally.lately(1, NOW + 3) == [Tallied("TOO_OLD", 2, 2, NOW + 2), Tallied("INVALID", 1, 1, NOW)]


def test_what_is_older_than_asked_for_is_in_the_total_only() -> None:
    tally = Tally()
    tally.count("INVALID", NOW)
    later = NOW + 5 * MINUTE_MS
    tally.count("INVALID", later)
    assert tally.lately(5, later) == [Tallied("INVALID", 1, 2, later)]
    assert tally.lately(6, later) == [Tallied("INVALID", 2, 2, later)]


def test_an_hour_is_kept_however_long_it_counts() -> None:
    tally = Tally()
    for minute in range(3 * MINUTES_MAX):
        tally.count("INVALID", NOW + minute * MINUTE_MS)
    last = NOW + (3 * MINUTES_MAX - 1) * MINUTE_MS
    assert tally.lately(MINUTES_MAX, last) == [Tallied("INVALID", MINUTES_MAX, 3 * MINUTES_MAX, last)]


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    tally = Tally()
    tally.count("INVALID", NOW)
    tally.count("INVALID", NOW - 5 * MINUTE_MS)
    assert [tallied.times for tallied in tally.lately(1, NOW)] == [2]
