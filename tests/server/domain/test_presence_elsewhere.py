"""Presence over several nodes, played."""

from __future__ import annotations

from server.domain.limits import Limits
from server.domain.presence import PresenceBook, SaveLastSeen, Share, Tell
from tests.support.cast import ALICE, BOB, LAPTOP, NOW, PHONE

LIMITS = Limits()
GONE = NOW + LIMITS.offline_delay_ms
TOLD_ONLINE, TOLD_OFFLINE = [Tell(ALICE, ("bob",), True, 0)], [Tell(ALICE, ("bob",), False, 0)]


def watched() -> PresenceBook:
    """Bob watches Alice; the nodes n1 and n2 are live."""
    book = PresenceBook(LIMITS)
    book.watch("bob", [ALICE])
    book.nodes({"n1", "n2"}, NOW)
    return book


def test_who_comes_and_goes_on_another_node_is_told_at_once_since_that_node_has_waited_already() -> None:
    book = watched()
    assert book.learned(ALICE, "n1", True, NOW, NOW) == TOLD_ONLINE and book.is_online(ALICE)
    assert book.learned(ALICE, "n1", True, NOW, NOW) == []
    assert book.learned(ALICE, "n1", False, NOW + 7, NOW + 8) == [Tell(ALICE, ("bob",), False, NOW + 7)]
    assert book.learned(ALICE, "n1", False, NOW + 7, NOW + 8) == []
    assert not book.is_online(ALICE)


def test_somebody_is_online_as_long_as_he_is_so_on_any_node() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    assert book.learned(ALICE, "n2", True, NOW, NOW) == [] == book.learned(ALICE, "n1", False, NOW, NOW)
    assert book.connected(PHONE, "a", True, NOW) == [SaveLastSeen(ALICE, NOW), Share(ALICE, True, NOW)]
    assert book.learned(ALICE, "n2", False, NOW, NOW) == [] and book.is_online(ALICE)
    book.learned(ALICE, "n2", True, NOW, NOW)
    book.disconnected("a", NOW)
    assert book.tick(GONE) == [Share(ALICE, False, NOW)], "his part here is over; the other is not"
    assert book.learned(ALICE, "n2", False, NOW + 9, GONE) == [Tell(ALICE, ("bob",), False, NOW + 9)]


def test_who_is_not_watched_here_is_not_kept() -> None:
    book = watched()
    assert book.learned(BOB, "n1", True, NOW, NOW) == [] and not book.is_online(BOB)
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.watch("bob", [])
    assert not book.is_online(ALICE) and book.watched() == []
    assert book.looked_up({ALICE: {"n1"}}, book.turn(), NOW) == [] and not book.is_online(ALICE)


def test_a_node_that_died_takes_its_people_along_after_the_delay() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.nodes({"n2"}, NOW)
    assert book.tick(GONE - 1) == [] and book.is_online(ALICE)
    assert book.tick(GONE) == TOLD_OFFLINE and not book.is_online(ALICE)
    assert book.tick(GONE + 10**6) == []


def test_a_node_that_is_back_within_the_delay_does_not_blink() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.nodes({"n2"}, NOW)
    book.nodes({"n2"}, NOW + 5)
    book.nodes({"n1", "n2"}, GONE - 1)
    assert book.tick(GONE + 10**6) == [] and book.is_online(ALICE) and book.live == {"n1", "n2"}


def test_who_moved_from_the_dead_node_to_another_does_not_blink() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.nodes({"n2"}, NOW)
    book.learned(ALICE, "n2", True, NOW + 1, NOW + 1)
    assert book.tick(GONE) == [] and book.is_online(ALICE)


def test_what_a_node_that_is_not_live_says_counts_for_the_delay_alone() -> None:
    book = watched()
    assert book.learned(ALICE, "new", True, NOW, NOW) == TOLD_ONLINE
    assert book.learned(ALICE, "new", True, NOW, GONE - 1) == []
    assert book.tick(GONE) == TOLD_OFFLINE, "saying it again does not make it longer"
    book.learned(ALICE, "new", True, NOW, GONE)
    book.nodes({"new"}, GONE + 1)
    assert book.tick(GONE + 10**6) == []


def test_a_place_that_left_after_nobody_watched_is_told_to_nobody() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.nodes({"n2"}, NOW)
    book.watch("bob", [])
    assert book.tick(GONE) == []


def test_the_board_tells_who_is_where_but_not_of_dead_nodes() -> None:
    book = watched()
    assert book.looked_up({ALICE: {"dead"}}, book.turn(), NOW) == [] and not book.is_online(ALICE)
    assert book.looked_up({ALICE: {"n1", "dead"}}, book.turn(), NOW) == TOLD_ONLINE
    assert book.looked_up({ALICE: {"n2"}}, book.turn(), NOW) == []
    assert book.looked_up({ALICE: set()}, book.turn(), NOW) == TOLD_OFFLINE
    book.nodes({"n1"}, NOW)
    assert book.looked_up({ALICE: {"n2"}}, book.turn(), NOW) == []


def test_the_board_does_not_cut_the_delay_of_a_node_that_died() -> None:
    book = watched()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.nodes({"n2"}, NOW)
    assert book.looked_up({ALICE: set()}, book.turn(), NOW) == [] and book.is_online(ALICE)
    assert book.tick(GONE) == TOLD_OFFLINE


def test_what_was_learned_while_the_board_was_asked_is_newer_than_its_answer() -> None:
    book = watched()
    turn = book.turn()
    book.learned(ALICE, "n1", True, NOW, NOW)
    book.learned(ALICE, "n1", False, NOW, NOW)
    assert book.looked_up({ALICE: {"n1"}}, turn, NOW) == [] and not book.is_online(ALICE)
    turn = book.turn()
    book.learned(ALICE, "n1", True, NOW, NOW)
    assert book.looked_up({ALICE: set()}, turn, NOW) == [] and book.is_online(ALICE)


def test_all_that_this_node_has_to_say_is_known_for_a_store_that_was_wiped() -> None:
    book = PresenceBook(LIMITS)
    book.connected(PHONE, "a", True, NOW)
    book.connected(LAPTOP, "b", False, NOW)
    assert book.own(NOW + 5) == [Share(ALICE, True, NOW + 5)]
    book.disconnected("a", NOW + 6)
    assert book.own(NOW + 7) == [Share(ALICE, True, NOW + 6)], "in the delay he is still told to be there"
    book.tick(NOW + 10**6)
    assert book.own(NOW + 10**6) == []
