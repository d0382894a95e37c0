"""Playbooks of what nodes have between them: a link's queue, and a node's tenure."""

from __future__ import annotations

from server.domain.limits import Limits
from server.domain.link import LinkQueue, Parcel
from server.domain.relayed import AccountChanged
from server.domain.tenure import Compare, Nodes, Register, Tenure


def parcel(name: str, size: int = 1) -> Parcel:
    return Parcel(AccountChanged(name), b"x" * size)


def names(batch: tuple[int, list[Parcel]] | None) -> tuple[int, str] | None:
    if batch is None:
        return None
    number, parcels = batch
    return number, "".join(p.relayed.account_id for p in parcels if isinstance(p.relayed, AccountChanged))


def test_what_gathers_while_batches_fly_goes_into_the_next_one() -> None:
    queue = LinkQueue(Limits(link_batches_max=1))
    assert queue.batch() is None
    queue.put(parcel("a"))
    assert names(queue.batch()) == (1, "a")
    queue.put(parcel("b"))
    queue.put(parcel("c"))
    assert queue.batch() is None and queue.flying() == 1
    queue.acked(1)
    assert names(queue.batch()) == (2, "bc")


def test_a_batch_has_a_greatest_count_and_size_and_at_least_one() -> None:
    queue = LinkQueue(Limits(link_batch_max=2, link_batch_bytes_max=10))
    for name, size in (("a", 1), ("b", 1), ("c", 1), ("d", 10), ("e", 11)):
        queue.put(parcel(name, size))
    assert [names(queue.batch()) for _ in range(5)] == [(1, "ab"), (2, "c"), (3, "d"), (4, "e"), None]


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    queue = LinkQueue(Limits(link_queue_max=2, link_queue_bytes_max=10))
    assert queue.put(parcel("a", 6)) and not queue.put(parcel("b", 5)) and queue.put(parcel("c", 4))
    assert not queue.put(parcel("d", 0)) and queue.dropped == 2
    queue.batch()
    assert queue.put(parcel("e", 10)), "what flies takes no room"


def test_a_link_that_broke_begins_again_with_what_was_not_acknowledged() -> None:
    queue = LinkQueue(Limits(link_batch_max=1))
    for name in "abcd":
        queue.put(parcel(name))
    assert [names(queue.batch()) for _ in range(3)] == [(1, "a"), (2, "b"), (3, "c")]
    queue.acked(1)
    queue.broken()
    assert queue.flying() == 0 and names(queue.batch()) == (1, "b")
    assert list(queue.empty()) == [AccountChanged("b"), AccountChanged("c"), AccountChanged("d")]
    assert queue.batch() is None and list(queue.empty()) == []


def test_how_much_was_taken_in_is_counted_from_the_first() -> None:
    queue = LinkQueue(Limits(link_batch_max=2))
    for name in "abcde":
        queue.put(parcel(name))
    assert (queue.placed, queue.taken) == (5, 0)
    queue.batch()
    queue.batch()
    queue.acked(1)
    assert (queue.placed, queue.taken) == (5, 2)
    queue.broken()
    assert (queue.placed, queue.taken) == (5, 2), "what was not acknowledged is sent again"
    queue.empty()
    assert (queue.placed, queue.taken) == (5, 5), "for who is gone nobody waits"


def test_a_lease_that_is_held_wants_nothing() -> None:
    tenure = Tenure("me", 15_000, now_ms=0)
    assert tenure.renewed(False, "one", 100) == [], "the first: there is nothing to register again"
    assert tenure.renewed(True, "one", 5_100) == []


def test_a_lapsed_lease_a_new_store_or_a_long_pause_register_everything_again() -> None:
    for held, epoch, at_ms in ((False, "one", 5_000), (True, "two", 5_000), (True, "one", 15_001)):
        tenure = Tenure("me", 15_000, now_ms=0)
        tenure.renewed(False, "one", 0)
        assert tenure.renewed(held, epoch, at_ms) == [Register()]
        assert tenure.renewed(True, epoch, at_ms + 5_000) == [], "once"


def test_a_node_that_is_gone_is_compared_for_and_one_that_comes_is_not() -> None:
    tenure = Tenure("me", 15_000, now_ms=0)
    assert tenure.seen(["me"]) == []
    assert tenure.seen(["me", "a", "b"]) == [Nodes(frozenset("ab"))]
    assert tenure.seen(["b", "a", "me"]) == []
    assert tenure.seen(["me", "b"]) == [Nodes(frozenset("b")), Compare()]


def test_a_link_made_anew_is_compared_for() -> None:
    tenure = Tenure("me", 15_000, now_ms=0)
    assert tenure.linked(first=True) == [] and tenure.linked(first=False) == [Compare()]
