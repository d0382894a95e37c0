"""The feed of a node: what passes a filter, and a queue that counts what it drops. Each rule by its sentence."""

from __future__ import annotations

from copy import deepcopy

import pytest

from server.domain.envelope import Header, Kind
from server.domain.feed import (
    AccountChange,
    AccountChanged,
    EnvelopeAppended,
    FeedKind,
    Filter,
    FollowerQueue,
    Gap,
    PositionMoved,
    check,
)
from server.kit.refusal import Reason, Refusal

ENVELOPE, ACCOUNT, RECEIPT = FeedKind.ENVELOPE, FeedKind.ACCOUNT, FeedKind.RECEIPT


def envelope(seq: int) -> EnvelopeAppended:
    return EnvelopeAppended("d:a:b", seq, Header(f"e{seq}", "a", "phone", Kind.TEXT, seq))


def moved(acked: int, device_id: str = "phone", conversation_id: str = "d:a:b") -> PositionMoved:
    return PositionMoved(conversation_id, "a", device_id, acked, 0)


def queue(places: int, *happenings: EnvelopeAppended | AccountChanged | PositionMoved) -> FollowerQueue:
    made = FollowerQueue(places)
    for happening in happenings:
        made.put(happening)
    return made


@pytest.mark.parametrize(
    "wanted, passing",
    [
        (Filter(), {"envelope", "account", "receipt"}),
        (Filter(kinds=frozenset({ACCOUNT, RECEIPT})), {"account", "receipt"}),
        (Filter(account_ids=frozenset({"a"})), {"envelope", "account"}),
        (Filter(conversation_ids=frozenset({"c"})), {"envelope", "receipt"}),
        (Filter(account_ids=frozenset({"b", "x"}), conversation_ids=frozenset({"c"})), {"receipt"}),
        (Filter(frozenset({ENVELOPE}), frozenset({"b"})), set()),
    ],
)
def test_what_passes_passes_each_part_of_the_filter_that_is_not_empty(wanted: Filter, passing: set[str]) -> None:
    happened = {"envelope": (ENVELOPE, "a", "c"), "account": (ACCOUNT, "a", ""), "receipt": (RECEIPT, "b", "c")}
    assert {name for name, what in happened.items() if wanted.passes(*what)} == passing


def test_a_filter_is_what_was_asked_for() -> None:
    assert check([1, 3, 1], ["a", "a"], ["c"]) == Filter(frozenset({ENVELOPE, RECEIPT}), frozenset({"a"}), frozenset({"c"}))
    assert check([], [], []) == Filter()


@pytest.mark.parametrize("kinds", [[0], [1, 4], [99]])
def test_a_kind_that_nobody_knows_is_refused(kinds: list[int]) -> None:
    refusal = check(kinds, [], [])
    assert isinstance(refusal, Refusal) and (refusal.reason, refusal.subject) == (Reason.INVALID, "kinds")
    assert str(kinds[-1]) in refusal.sentence()


def test_what_waits_is_taken_in_order_and_once() -> None:
    changed = AccountChanged("a", AccountChange.PROFILE)
    waiting = queue(4, envelope(1), changed, envelope(2))
    assert waiting.take(2) == [envelope(1), changed]
    assert waiting.take(2) == [envelope(2)] and waiting.take(2) == []


@pytest.mark.parametrize("put", range(7))
@pytest.mark.parametrize("taken", range(1, 5))
def test_it_is_full_when_what_comes_next_is_dropped(put: int, taken: int) -> None:
    waiting = queue(3, *(envelope(seq) for seq in range(1, put + 1)))
    for full_after in (0, taken):
        if full_after:
            waiting.take(taken)
        full = waiting.is_full
        seq = 90 + full_after
        waiting.put(envelope(seq))
        left = [each for each in deepcopy(waiting).take(100) if each == envelope(seq)]
        assert full == (not left)


def test_what_does_not_fit_is_counted_where_it_would_have_stood() -> None:
    waiting = queue(3, *(envelope(seq) for seq in range(1, 8)))
    assert waiting.take(10) == [envelope(1), envelope(2), envelope(3), Gap(4)]
    waiting.put(envelope(8))
    assert waiting.take(10) == [envelope(8)]


def test_after_a_gap_the_feed_goes_on_once_there_is_room_for_both() -> None:
    waiting = queue(3, *(envelope(seq) for seq in range(1, 6)))
    assert waiting.take(1) == [envelope(1)]
    waiting.put(envelope(6))  # the gap alone would fit
    assert waiting.take(1) == [envelope(2)]
    waiting.put(envelope(7))
    waiting.put(envelope(8))
    assert waiting.take(10) == [envelope(3), Gap(3), envelope(7), Gap(1)]


def test_a_gap_is_told_also_when_nothing_follows() -> None:
    waiting = queue(2, *(envelope(seq) for seq in range(1, 4)))
    assert waiting.take(2) == [envelope(1), envelope(2)]
    assert waiting.take(2) == [Gap(1)] and waiting.take(2) == []


def test_of_a_devices_moves_only_the_latest_waits_at_its_own_place() -> None:
    waiting = queue(4, moved(1), envelope(2), moved(1, "laptop"), moved(2))
    waiting.put(moved(7, conversation_id="g:x"))
    assert waiting.take(10) == [envelope(2), moved(1, "laptop"), moved(2), moved(7, conversation_id="g:x")]


def test_a_later_move_fits_into_a_full_queue_and_is_dropped_behind_a_gap() -> None:
    waiting = queue(2, moved(1), envelope(2), moved(2))
    assert waiting.take(10) == [envelope(2), moved(2)]
    waiting = queue(2, moved(1), envelope(2), envelope(3), moved(3))
    assert waiting.take(10) == [moved(1), envelope(2), Gap(2)]
    waiting = queue(3, moved(1), envelope(2), envelope(3), envelope(4))
    assert waiting.take(2) == [moved(1), envelope(2)]
    waiting.put(moved(4))
    waiting.put(moved(5))
    assert waiting.take(10) == [envelope(3), Gap(1), moved(5)]
