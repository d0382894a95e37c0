"""The device's outbox and position, played."""

from __future__ import annotations

import sys
import threading

from tidewire.domain import position
from tidewire.domain.outbox import WINDOW, Item, Outbox, State
from tidewire.domain.position import Acks, Position


def box(*names: str, conversation: str = "g:x") -> Outbox:
    outbox = Outbox()
    for name in names:
        outbox.add(Item(conversation, name))
    return outbox


def flown(outbox: Outbox, head: int = 5, now_s: float = 0.0) -> list[str]:
    return [flight.item.envelope_id for flight in outbox.fly({"g:x": head}, now_s)]


def test_known_seq_is_fixed_before_the_first_transmission_and_stays() -> None:
    outbox = box("a")
    assert flown(outbox, head=5) == ["a"]
    outbox.add(Item("g:x", "b", state=State.FAILED))
    outbox.disconnected()
    assert flown(outbox, head=9) == ["a"], "what was refused does not fly again by itself"
    assert (outbox.items["a"].known_seq, outbox.items["a"].transmissions) == (5, 2)


def test_a_window_of_each_conversation_flies_in_order() -> None:
    outbox = box(*(f"{n:03}" for n in range(WINDOW + 3)))
    outbox.add(Item("g:y", "other"))
    assert flown(outbox) == [*(f"{n:03}" for n in range(WINDOW)), "other"]
    assert flown(outbox) == []
    assert outbox.met("000", 7)[0].seq == 7
    assert flown(outbox) == [f"{WINDOW:03}"]


def test_a_retryable_refusal_waits_and_holds_those_behind_it() -> None:
    outbox = box("a")
    flown(outbox)
    assert outbox.refused("a", "RATE_LIMITED", retry_after_s=2.0, head=0, now_s=10.0) == []
    outbox.add(Item("g:x", "b"))
    assert flown(outbox, now_s=11.0) == [] and outbox.next_try_s(11.0) == 1.0
    assert flown(outbox, now_s=12.0) == ["a", "b"] and outbox.next_try_s(12.0) is None


def test_a_refusal_is_provisional() -> None:
    outbox = box("a")
    flown(outbox)
    (failed,) = outbox.refused("a", "NOT_A_MEMBER", retry_after_s=None, head=0, now_s=0.0)
    assert failed.item.state is State.FAILED
    assert outbox.met("a", 3)[0].seq == 3, "its first transmission landed after all"
    assert outbox.met("a", 3) == []


def test_too_old_after_one_transmission_goes_out_afresh_else_it_is_unknown() -> None:
    outbox = box("a", "b")
    flown(outbox)
    assert outbox.refused("a", "TOO_OLD", retry_after_s=None, head=40, now_s=0.0) == []
    assert outbox.items["a"].known_seq == 40 and flown(outbox) == ["a"]
    outbox.disconnected()
    flown(outbox)
    (failed,) = outbox.refused("b", "TOO_OLD", retry_after_s=None, head=40, now_s=0.0)
    assert failed.item.state is State.UNKNOWN and outbox.refused("zzz", "X", retry_after_s=None, head=0, now_s=0.0) == []


def test_the_position_moves_without_holes_whatever_order_things_come_in() -> None:
    at = Position()
    assert at.took(2) and at.seq == 0 and at.head == 2
    assert at.took(1) and at.seq == 2
    assert not at.took(2)
    assert at.took(6) and at.seq == 2
    at.skipped(3, 5)
    assert at.seq == 6
    at.skipped(9, 9)
    assert (at.seq, at.head) == (6, 9)


def test_acks_are_held_back_up_to_a_number() -> None:
    acks = Acks(2)
    assert not acks.stored("g:x", 1) and acks.stored("g:x", 2)
    assert acks.take() == {"g:x": 2} and acks.take() == {}


def test_ticks_add_up() -> None:
    runs = position.union(((1, 3),), ((4, 6), (9, 9)))
    assert runs == ((1, 6), (9, 9)) and position.contains(runs, 9) and not position.contains(runs, 7)
    assert position.from_text(position.to_text(runs)) == runs


def test_b16_a_restored_log_lowers_what_an_item_knew_to_its_head() -> None:
    outbox = box("a", "b")
    flown(outbox, head=9)
    outbox.add(Item("g:y", "c", known_seq=9))
    assert [item.envelope_id for item in outbox.resynced("g:x", 4)] == ["a", "b"]
    assert {item.envelope_id: item.known_seq for item in outbox.items.values()} == {"a": 4, "b": 4, "c": 9}
    assert outbox.resynced("g:x", 4) == []


def test_runs_are_clipped_at_a_seq() -> None:
    assert position.clipped(((1, 3), (5, 9), (11, 12)), 7) == ((1, 3), (5, 7))


def test_items_may_be_settled_on_another_thread_while_one_asks_what_may_fly() -> None:
    outbox, names = box(*(f"{n:04}" for n in range(1_000))), iter(range(1_000))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    settling = threading.Thread(target=lambda: [outbox.met(f"{n:04}", n) for n in names])
    try:
        settling.start()
        while settling.is_alive():
            flown(outbox)
            outbox.next_try_s(0.0)
            outbox.disconnected()
    finally:
        sys.setswitchinterval(before)
        settling.join()
    assert outbox.items == {}
