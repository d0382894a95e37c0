"""The connection, played: what a device gets, in which order, and what its acks mean."""

from __future__ import annotations

from collections.abc import Iterable

from server.domain import ids
from server.domain.connection import (
    Connection,
    Deliver,
    Item,
    Moved,
    OpenFeed,
    OwnSent,
    ReadLog,
    SendCaughtUp,
    SendGap,
    SendState,
    StoreSkipped,
)
from server.domain.envelope import DELETED, Entry, Header, Kind, MemberAction, Role
from server.domain.fold import Fold
from server.domain.limits import Limits
from tests.support.cast import ALICE, BOB, BOBS, DIRECT, GROUP, LAPTOP, NOW, PHONE, created, entry, folded, membership, uuid


class Shelf:
    """A view with these entries in its ring."""

    def __init__(
        self, conversation_id: str, entries: Iterable[Entry], *, ring_from: int = 1, floor: int = 0, size: int = 10
    ) -> None:
        self.entries = {e.seq: e for e in entries}
        self.fold = folded(conversation_id, *self.entries.values())
        self.floor = floor
        self.ring_from = ring_from
        self.size = size

    def item(self, seq: int) -> Item | None:
        if seq < self.ring_from or seq not in self.entries:
            return None
        return self.made(seq)

    def made(self, seq: int) -> Item:
        return Item(self.entries[seq], self.size, b"event")

    def grow(self, *entries: Entry) -> None:
        for e in entries:
            self.entries[e.seq] = e
            self.fold.apply(e)


def test_b16_a_device_whose_log_was_restored_is_told_that_its_position_is_void() -> None:
    connection = Connection(PHONE, Limits())
    connection.hello()
    shelf = log_of(2)
    told = connection.opened(DIRECT, shelf, 2, acked=0, read=0, skipped=(), fresh=True, resync=True)
    assert told[0] == SendState(DIRECT, 0, resync=True)
    shelf.grow(entry(3, BOBS))
    assert not [command for command in connection.raised(DIRECT, 3) if isinstance(command, SendState)], "once"


def log_of(count: int, **extra: int) -> Shelf:
    return Shelf(DIRECT, [entry(n, BOBS) for n in range(1, count + 1)], **extra)


def opened(
    shelf: Shelf,
    *,
    acked: int = 0,
    limits: Limits | None = None,
    skipped: tuple[tuple[int, int], ...] = (),
    fresh: bool = False,
    identity=PHONE,
) -> tuple[Connection, list]:  # type: ignore[type-arg,no-untyped-def]
    connection = Connection(identity, limits or Limits())
    connection.now_ms = NOW
    connection.hello()
    commands = connection.opened(
        shelf.fold.conversation_id, shelf, shelf.fold.seq, acked=acked, read=0, skipped=skipped, fresh=fresh
    )
    return connection, [*commands, *connection.hello_done()]


def seqs(commands: list) -> list[int]:  # type: ignore[type-arg]
    return [c.item.entry.seq for c in commands if isinstance(c, Deliver)]


def test_a_device_gets_what_it_lacks_oldest_first_then_caught_up() -> None:
    _, commands = opened(log_of(4), acked=2)
    assert seqs(commands) == [3, 4]
    assert commands[-1] == SendCaughtUp()


def test_caught_up_waits_for_the_conversations_that_are_still_being_opened() -> None:
    connection = Connection(PHONE, Limits())
    connection.hello()
    first, second = log_of(2), Shelf(GROUP, [created(ALICE, BOB)])
    assert SendCaughtUp() not in connection.opened(DIRECT, first, 2, acked=0, read=0, skipped=(), fresh=True)
    assert SendCaughtUp() not in connection.opened(GROUP, second, 1, acked=0, read=0, skipped=(), fresh=True)
    assert connection.hello_done() == [SendCaughtUp()]


def test_caught_up_waits_for_a_gap_that_is_not_stored_yet() -> None:
    shelf = Shelf(DIRECT, [entry(1, BOBS, body=None)])
    connection, commands = opened(shelf)
    (store,) = commands
    assert isinstance(store, StoreSkipped)
    assert connection.skipped_stored(DIRECT, store.gap) == [store.gap, SendCaughtUp()]


def test_a_device_whose_log_begins_with_a_gap_learns_first_where_it_begins() -> None:
    withheld = Entry(3, Header(uuid(3), BOB, BOBS.device_id, int(Kind.TEXT), NOW, withheld_from=ALICE), b"hi")
    shelf = Shelf(DIRECT, [entry(1, BOBS), entry(2, BOBS), withheld])
    _, commands = opened(shelf, acked=2, fresh=True)
    assert commands == [SendState(DIRECT, 2), SendGap(DIRECT, 3, 3, ()), SendCaughtUp()]


def test_caught_up_counts_what_hello_saw_when_a_nudge_opened_the_conversation_first() -> None:
    shelf = log_of(1)
    connection = Connection(PHONE, Limits(window_envelopes_max=2))
    connection.hello()
    assert seqs(connection.opened(DIRECT, shelf, 1, acked=0, read=0, skipped=(), fresh=False)) == [1]
    shelf.grow(entry(2, BOBS))
    assert connection.opened(DIRECT, shelf, 2, acked=0, read=0, skipped=(), fresh=False) == []
    assert connection.hello_done() == [], "the window is full"
    assert connection.acked(DIRECT, 1)[-1] == SendCaughtUp()


def test_an_own_envelope_from_the_log_asks_for_its_ticks_again() -> None:
    _, commands = opened(Shelf(DIRECT, [entry(1, BOBS), entry(2, LAPTOP)]))
    assert OwnSent(DIRECT, 2) in commands and OwnSent(DIRECT, 1) not in commands


def test_nothing_missing_is_caught_up_at_once() -> None:
    _, commands = opened(log_of(4), acked=4)
    assert commands == [SendCaughtUp()]


def test_a_nudge_delivers_and_a_lost_one_is_healed_by_the_next() -> None:
    shelf = log_of(1)
    connection, _ = opened(shelf, acked=1)
    shelf.grow(entry(2, BOBS), entry(3, BOBS))
    assert seqs(connection.raised(DIRECT, 3)) == [2, 3]
    assert connection.raised(DIRECT, 2) == []


def test_a_full_window_sends_nothing_until_an_ack_makes_room() -> None:
    shelf = log_of(9)
    connection, commands = opened(shelf, limits=Limits(window_envelopes_max=4))
    assert seqs(commands) == [1, 2], "one conversation gets half of the window"
    assert SendCaughtUp() not in commands
    commands = connection.acked(DIRECT, 1)
    assert seqs(commands) == [3]
    assert commands[0] == Moved(DIRECT, 1, 0, (), False)


def test_the_window_counts_bytes_too_and_always_lets_one_through() -> None:
    shelf = log_of(3, size=900)
    connection, commands = opened(shelf, limits=Limits(window_bytes_max=1000))
    assert seqs(commands) == [1]
    assert seqs(connection.acked(DIRECT, 1)) == [2]


def test_room_made_in_one_conversation_serves_the_others() -> None:
    connection, _ = opened(log_of(4), limits=Limits(window_envelopes_max=2))
    group = Shelf(GROUP, [created(ALICE, BOB), entry(2, BOBS), entry(3, BOBS)])
    assert seqs(connection.opened(GROUP, group, 3, acked=1, read=0, skipped=(), fresh=False)) == [2]
    assert seqs(connection.acked(GROUP, 2)) == [2, 3] or seqs(connection.acked(GROUP, 2)) == []
    assert connection.feeds[DIRECT].next + connection.feeds[GROUP].next > 4


def test_an_own_envelope_that_was_answered_here_is_not_sent_again() -> None:
    shelf = log_of(1)
    connection, _ = opened(shelf, acked=1)
    shelf.grow(entry(2, PHONE), entry(3, BOBS))
    connection.given(DIRECT, 2)
    assert seqs(connection.raised(DIRECT, 3)) == [3]
    assert connection.acked(DIRECT, 3) == [Moved(DIRECT, 3, 0, (), False)]


def test_an_own_envelope_comes_to_the_other_devices_of_the_account() -> None:
    shelf = log_of(1)
    connection, _ = opened(shelf, acked=1, identity=LAPTOP)
    shelf.grow(entry(2, PHONE))
    assert seqs(connection.raised(DIRECT, 2)) == [2]


def test_what_is_not_in_the_ring_is_read_from_the_log() -> None:
    shelf = log_of(5, ring_from=4)
    connection, commands = opened(shelf)
    assert [c for c in commands if isinstance(c, ReadLog)] == [ReadLog(DIRECT, 0, 128)]
    assert connection.raised(DIRECT, 5) == [], "a read is under way"
    commands = connection.fetched(DIRECT, [shelf.made(n) for n in (1, 2, 3)], 0)
    assert seqs(commands) == [1, 2, 3, 4, 5] and commands[-1] == SendCaughtUp()


def test_a_row_that_is_missing_above_the_floor_is_read_again_never_skipped() -> None:
    shelf = log_of(3, ring_from=9)
    connection, _ = opened(shelf)
    commands = connection.fetched(DIRECT, [shelf.made(1)], 0)
    assert seqs(commands) == [1]
    assert commands[-1] == ReadLog(DIRECT, 1, 128)


def test_below_the_floor_is_a_gap_that_is_stored_before_it_is_sent_and_followed_by_state() -> None:
    shelf = log_of(5, ring_from=4, floor=3)
    connection, commands = opened(shelf)
    gap = SendGap(DIRECT, 1, 3, ())
    assert commands == [StoreSkipped(DIRECT, ((1, 3),), gap)]
    commands = connection.skipped_stored(DIRECT, gap)
    assert commands[0] == gap
    assert commands[1] == SendState(DIRECT, 3)
    assert seqs(commands) == [4, 5]
    assert connection.acked(DIRECT, 5) == [Moved(DIRECT, 5, 0, ((1, 3),), False)]


def test_a_gap_names_the_accounts_own_envelopes_inside_it() -> None:
    shelf = Shelf(DIRECT, [entry(1, PHONE, body=None), entry(2, BOBS, body=None), entry(3, BOBS)])
    _, commands = opened(shelf)
    (stored,) = [c for c in commands if isinstance(c, StoreSkipped)]
    assert stored.gap == SendGap(DIRECT, 1, 2, ((1, uuid(1)),))


def test_an_expired_envelope_is_a_gap() -> None:
    old = entry(1, BOBS)
    old = old._replace(header=old.header._replace(expires_at_ms=NOW))
    _, commands = opened(Shelf(DIRECT, [old, entry(2, BOBS)]))
    assert commands[0] == StoreSkipped(DIRECT, ((1, 1),), SendGap(DIRECT, 1, 1, ()))


def test_a_withheld_envelope_is_a_gap_that_is_not_stored_as_skipped() -> None:
    hidden = entry(1, BOBS)
    hidden = hidden._replace(header=hidden.header._replace(withheld_from=ALICE))
    _, commands = opened(Shelf(DIRECT, [hidden, entry(2, BOBS)]))
    assert commands[0] == SendGap(DIRECT, 1, 1, ())
    assert seqs(commands) == [2]


def test_a_deleted_envelope_still_comes_as_a_tombstone() -> None:
    _, commands = opened(Shelf(DIRECT, [entry(1, BOBS, body=DELETED)]))
    assert seqs(commands) == [1]


def test_what_was_skipped_and_is_deleted_for_everyone_only_then_stays_a_gap() -> None:
    shelf = Shelf(DIRECT, [entry(1, BOBS, body=DELETED), entry(2, BOBS, body=DELETED), entry(3, BOBS)])
    connection, commands = opened(shelf, skipped=((1, 1),))
    gap = SendGap(DIRECT, 1, 1, ())
    assert commands == [StoreSkipped(DIRECT, ((1, 1),), gap)]
    assert seqs(connection.skipped_stored(DIRECT, gap)) == [2, 3]


def test_a_body_that_is_there_comes_whatever_the_row_says() -> None:
    _, commands = opened(log_of(2), skipped=((1, 2),))
    assert seqs(commands) == [1, 2]


def test_nothing_leaks_between_two_intervals_and_the_second_begins_with_state() -> None:
    log = [
        created(BOB, ALICE),
        entry(2, BOBS),
        membership(3, (ALICE, MemberAction.REMOVED, Role.NONE)),
        entry(4, BOBS),
        membership(5, (ALICE, MemberAction.ADDED, Role.MEMBER)),
        entry(6, BOBS),
    ]
    _, commands = opened(Shelf(GROUP, log))
    assert seqs(commands) == [1, 2, 3, 5, 6]
    assert SendState(GROUP, 4) in commands


def test_a_removed_member_gets_his_tail_and_his_own_removal_and_nothing_after() -> None:
    log = [created(BOB, ALICE), entry(2, BOBS), membership(3, (ALICE, MemberAction.REMOVED, Role.NONE)), entry(4, BOBS)]
    _, commands = opened(Shelf(GROUP, log), acked=1)
    assert seqs(commands) == [2, 3] and commands[-1] == SendCaughtUp()


def test_a_joiner_gets_state_at_his_joining_first() -> None:
    log = [created(BOB), entry(2, BOBS), membership(3, (ALICE, MemberAction.ADDED, Role.MEMBER))]
    _, commands = opened(Shelf(GROUP, log), fresh=True)
    assert commands[0] == SendState(GROUP, 2) and seqs(commands) == [3]


def test_a_conversation_that_the_device_does_not_know_begins_with_state() -> None:
    _, commands = opened(log_of(2), acked=2, fresh=True)
    assert commands == [SendState(DIRECT, 2), SendCaughtUp()]


def test_the_self_conversation_always_begins_with_state() -> None:
    mine = ids.self_id(ALICE)
    header = Header(uuid(1), ALICE, PHONE.device_id, int(Kind.TEXT), NOW)
    _, commands = opened(Shelf(mine, [Entry(1, header, b"note")]), acked=1)
    assert commands == [SendState(mine, 1), SendCaughtUp()]


def test_a_nudge_of_an_unknown_conversation_opens_it_once_and_is_not_lost() -> None:
    connection, _ = opened(log_of(0))
    assert connection.raised(GROUP, 1) == [OpenFeed(GROUP)]
    assert connection.raised(GROUP, 2) == []
    shelf = Shelf(GROUP, [created(BOB, ALICE), entry(2, BOBS)])
    assert seqs(connection.opened(GROUP, shelf, 0, acked=0, read=0, skipped=(), fresh=True)) == [1, 2]
    assert connection.opened(GROUP, shelf, 2, acked=0, read=0, skipped=(), fresh=True) == []


def test_acks_are_clamped_to_what_was_sent_and_never_go_back() -> None:
    connection, _ = opened(log_of(3))
    assert connection.acked(DIRECT, 2**62) == [Moved(DIRECT, 3, 0, (), False)]
    assert connection.acked(DIRECT, 2) == []
    assert connection.acked("d:x:y", 1) == []


def test_read_marks_are_clamped_to_the_head_and_never_go_back() -> None:
    connection, _ = opened(log_of(3))
    assert connection.read(DIRECT, 2**62) == [Moved(DIRECT, 0, 3, (), True)]
    assert connection.read(DIRECT, 1) == []
    assert connection.read("d:x:y", 1) == []


def test_what_was_answered_for_a_place_that_is_passed_is_forgotten() -> None:
    connection, _ = opened(log_of(3))
    connection.given(DIRECT, 2)
    connection.given("d:x:y", 2)
    assert connection.feeds[DIRECT].given == set()


def test_a_view_that_is_behind_the_nudge_waits_for_what_it_knows() -> None:
    shelf = log_of(2)
    connection, _ = opened(shelf, acked=2)
    assert connection.raised(DIRECT, 9) == []
    shelf.grow(entry(3, BOBS))
    assert seqs(connection.raised(DIRECT, 3)) == [3]


def test_a_stranger_of_the_conversation_gets_nothing() -> None:
    shelf = Shelf(GROUP, [created(BOB), entry(2, BOBS)])
    _, commands = opened(shelf)
    assert seqs(commands) == []
    assert isinstance(shelf.fold, Fold)


def test_a_conversation_that_is_opened_after_hello_owes_no_caught_up() -> None:
    connection = Connection(PHONE, Limits())
    shelf = log_of(2)
    told = connection.opened(DIRECT, shelf, 2, acked=0, read=0, skipped=(), fresh=False)
    assert [type(command) for command in told] == [Deliver, Deliver]


def test_a_gap_ends_where_the_log_has_to_be_read() -> None:
    shelf = log_of(6, ring_from=5, floor=2)
    connection, commands = opened(shelf)
    (stored,) = [command for command in commands if isinstance(command, StoreSkipped)]
    assert (stored.gap.first, stored.gap.last) == (1, 2), "below the floor nothing is left; 3 and 4 may be read"
    assert ReadLog(DIRECT, 2, 128) in connection.skipped_stored(DIRECT, stored.gap)


def test_a_read_mark_for_a_conversation_that_is_being_opened_waits_for_it() -> None:
    connection = Connection(PHONE, Limits())
    assert connection.raised(DIRECT, 3) == [OpenFeed(DIRECT)]
    assert connection.read(DIRECT, 2) == connection.read(DIRECT, 9) == connection.read("g:unheard", 1) == []
    told = connection.opened(DIRECT, log_of(3), 3, acked=3, read=0, skipped=(), fresh=False)
    assert told == [Moved(DIRECT, 3, 3, (), True)], "the greatest mark, clamped to the head"
