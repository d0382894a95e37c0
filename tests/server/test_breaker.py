"""The circuit breaker, played."""

from __future__ import annotations

from server.kit.breaker import Breaker, Pass


def opened() -> Breaker:
    breaker = Breaker(failures_max=2, open_ms=100)
    assert [breaker.failed(Pass.NORMAL, 0), breaker.failed(Pass.NORMAL, 0)] == [False, True]
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(failures_max=2, open_ms=100)
    for _ in range(5):
        assert breaker.ask(0) is Pass.NORMAL
        assert not breaker.failed(Pass.NORMAL, 0)
        assert not breaker.succeeded(Pass.NORMAL)
    assert not breaker.is_open
    assert opened().is_open


def test_while_it_is_open_calls_are_refused_at_once() -> None:
    breaker = opened()
    assert breaker.ask(99) is None and breaker.retry_after_ms(60) == 40 and breaker.retry_after_ms(500) == 1


def test_one_probe_alone_is_let_through_and_its_success_closes_it() -> None:
    breaker = opened()
    assert [breaker.ask(100), breaker.ask(100), breaker.ask(10_000)] == [Pass.PROBE, None, None]
    assert breaker.succeeded(Pass.PROBE) and not breaker.is_open
    assert [breaker.ask(101), breaker.ask(101)] == [Pass.NORMAL, Pass.NORMAL]
    assert not breaker.failed(Pass.NORMAL, 102), "it begins to count anew"


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    breaker = opened()
    assert breaker.ask(150) is Pass.PROBE and not breaker.failed(Pass.PROBE, 150)
    assert breaker.is_open and breaker.ask(249) is None and breaker.ask(250) is Pass.PROBE


def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next() -> None:
    breaker = opened()
    assert breaker.ask(100) is Pass.PROBE
    breaker.abandoned(Pass.NORMAL)
    assert breaker.ask(100) is None
    breaker.abandoned(Pass.PROBE)
    assert breaker.is_open and breaker.ask(100) is Pass.PROBE


def test_calls_that_began_before_it_opened_decide_nothing() -> None:
    breaker = opened()
    assert not breaker.succeeded(Pass.NORMAL) and breaker.is_open
    assert not breaker.failed(Pass.NORMAL, 90) and breaker.ask(100) is Pass.PROBE, "a late failure does not make it longer"
