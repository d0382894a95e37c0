"""The append round, played: each A-item of the attacks that one node's round can suffer is a script here."""

from __future__ import annotations

from server.domain import append
from server.domain.append import (
    Answer,
    Append,
    AppendRound,
    Load,
    Publish,
    Renudge,
    SaveSnapshot,
    Search,
    Sent,
    State,
    Ticket,
    WriteHints,
)
from server.domain.envelope import DELETED, Entry, Kind, MemberAction, Role
from server.domain.fold import Fold
from server.domain.groups import Add, Create, Leave, Remove
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal, unavailable
from tests.support.cast import (
    ALICE,
    BOB,
    BOBS,
    CAROL,
    CAROLS,
    DIRECT,
    GROUP,
    NOW,
    PHONE,
    change,
    created,
    entry,
    folded,
    membership,
    text,
    uuid,
)


def loaded(conversation_id: str, *entries: Entry, floor: int = 0, limits: Limits | None = None) -> AppendRound:
    """A round that knows these entries (those above the floor)."""
    round_ = AppendRound(conversation_id, limits or Limits())
    assert round_.tick(NOW) == [Load()]
    assert round_.loaded(folded(conversation_id, *entries), [e for e in entries if e.seq > floor], floor, 0) == []
    return round_


def one(commands: list[append.AppendCommand], kind: type) -> list:  # type: ignore[type-arg]
    """The commands of one kind."""
    return [command for command in commands if isinstance(command, kind)]


def submit(round_: AppendRound, proposal: Proposal) -> tuple[Ticket, list[append.AppendCommand]]:
    ticket = Ticket(proposal)
    return ticket, round_.submit([ticket], NOW)


def test_the_first_message_of_two_people_writes_their_hints_then_appends_at_head_0() -> None:
    round_ = AppendRound(DIRECT, Limits())
    ticket, commands = submit(round_, text(1))
    assert commands == [Load()]
    commands = round_.loaded(Fold(DIRECT), [], 0, 0)
    assert commands == [WriteHints((ALICE, BOB), 0)]
    (command,) = round_.hints_written()
    assert isinstance(command, Append) and command.expected_head == 0
    commands = round_.appended(1)
    assert one(commands, Answer) == [Answer(ticket, Sent(1, NOW))]
    assert one(commands, Publish) == [Publish(command.entries, 0, own=True)]


def test_what_gathers_during_an_append_goes_into_the_next() -> None:
    round_ = loaded(DIRECT, entry(1))
    _, commands = submit(round_, text(2, known=1))
    assert len(one(commands, Append)) == 1
    for number in (3, 4, 5):
        assert submit(round_, text(number, known=1))[1] == []
    commands = round_.appended(2)
    (command,) = one(commands, Append)
    assert [e.seq for e in command.entries] == [3, 4, 5] and command.expected_head == 2


def test_a_batch_never_crosses_a_multiple_of_512() -> None:
    fold = Fold(DIRECT)
    fold.seq = 509
    round_ = AppendRound(DIRECT, Limits())
    round_.tick(NOW)
    round_.loaded(fold, [], 0, 509)
    _, commands = submit(round_, text(1, known=509))
    assert [e.seq for e in one(commands, Append)[0].entries] == [510]
    for number in (2, 3, 4):
        submit(round_, text(number, known=509))
    assert [e.seq for e in one(round_.appended(510), Append)[0].entries] == [511]
    commands = round_.appended(511)
    assert [e.seq for e in one(commands, Append)[0].entries] == [512, 513]
    assert one(commands, SaveSnapshot)[0].as_of_seq == 511


def test_a_retry_is_answered_with_the_first_seq_and_nudged_again() -> None:
    round_ = loaded(DIRECT, entry(1), entry(2, number=7))
    ticket, commands = submit(round_, text(7, known=1))
    assert commands == [Answer(ticket, Sent(2, NOW, duplicate=True)), Renudge(entry(2, number=7))]


def test_a2_the_first_attempt_thaws_after_its_twin_landed_elsewhere_and_is_found_after_behind() -> None:
    round_ = loaded(DIRECT, entry(1))
    ticket, commands = submit(round_, text(7, known=1))
    assert one(commands, Append)
    commands = round_.behind((entry(2, number=7),))
    assert one(commands, Append) == []
    assert one(commands, Answer) == [Answer(ticket, Sent(2, NOW, duplicate=True))]


def test_a2_a_stranger_who_saw_an_id_cannot_suppress_it() -> None:
    round_ = loaded(DIRECT, entry(1), entry(2, BOBS, number=7))
    _, commands = submit(round_, text(7, known=1))
    assert len(one(commands, Append)) == 1


def test_two_transmissions_in_one_batch_become_one_entry() -> None:
    round_ = loaded(DIRECT, entry(1))
    submit(round_, text(2, known=1))
    first, _ = submit(round_, text(3, known=1))
    second, _ = submit(round_, text(3, known=1))
    commands = round_.appended(2)
    assert [e.seq for e in one(commands, Append)[0].entries] == [3]
    answers = one(round_.appended(3), Answer)
    assert answers == [Answer(first, Sent(3, NOW)), Answer(second, Sent(3, NOW, duplicate=True))]


def test_an_old_known_seq_is_searched_in_the_store_before_the_append() -> None:
    round_ = AppendRound(DIRECT, Limits())
    round_.tick(NOW)
    round_.loaded(folded(DIRECT, *(entry(n) for n in range(1, 11))), [entry(10)], 2, 0)
    ticket, commands = submit(round_, text(77, known=4))
    assert commands == [Search(ticket, 4, 9)]
    assert round_.state is State.SEARCHING
    assert one(round_.searched(ticket, 9, None, 2), Append)[0].expected_head == 10
    other, commands = submit(round_, text(5, known=4))
    assert commands == []
    commands = round_.appended(11)
    assert commands[-1] == Search(other, 4, 9)
    assert round_.searched(other, 9, entry(5), 0) == [Answer(other, Sent(5, NOW, duplicate=True)), Renudge(entry(5))]


def test_b1_a_known_seq_below_the_floor_that_is_not_found_is_too_old_on_every_attempt() -> None:
    round_ = loaded(DIRECT, *(entry(n) for n in range(1, 7)), floor=3)
    ticket, commands = submit(round_, text(77, known=2))
    assert commands == [Answer(ticket, Refusal(Reason.TOO_OLD, subject="known_seq", limit=3, actual=6))]


def test_b1_a_twin_above_the_floor_is_found_though_known_seq_is_below_it() -> None:
    round_ = loaded(DIRECT, *(entry(n) for n in range(1, 7)), floor=3)
    ticket, commands = submit(round_, text(5, known=0))
    assert commands[0] == Answer(ticket, Sent(5, NOW, duplicate=True))


def test_b7_an_unknown_outcome_proposes_the_same_entries_at_the_same_slot() -> None:
    round_ = loaded(DIRECT, entry(1))
    ticket, commands = submit(round_, text(2, known=1))
    first = one(commands, Append)
    assert round_.unknown() == first
    ticket.gone = True
    assert round_.unknown() == first, "once proposed it goes on, even when its stream is gone"
    commands = round_.behind((entry(2, number=2),))
    assert one(commands, Answer) == [], "nobody waits for it any more"
    assert one(commands, Append) == []


def test_an_unknown_outcome_writes_hints_again_before_the_slot_is_proposed_again() -> None:
    round_ = AppendRound(DIRECT, Limits())
    submit(round_, text(1))
    round_.loaded(Fold(DIRECT), [], 0, 0)
    first = round_.hints_written()
    assert round_.unknown() == [WriteHints((ALICE, BOB), 0)]
    assert round_.hints_written() == first


def test_b7_hints_that_cannot_be_written_again_refuse_nothing_that_may_have_landed() -> None:
    round_ = AppendRound(DIRECT, Limits())
    ticket, _ = submit(round_, text(1))
    round_.loaded(Fold(DIRECT), [], 0, 0)
    first = round_.hints_written()
    round_.unknown()
    assert round_.failed(unavailable("the store is away")) == first, "the same slot again, and no answer"
    assert one(round_.appended(1), Answer) == [Answer(ticket, Sent(1, NOW, duplicate=False))]


def test_a_proposal_whose_stream_is_gone_is_dropped_before_its_first_append() -> None:
    round_ = loaded(DIRECT, entry(1))
    submit(round_, text(2, known=1))
    gone, _ = submit(round_, text(3, known=1))
    gone.gone = True
    commands = round_.appended(2)
    assert one(commands, Append) == [] and one(commands, Answer)[0].outcome == Sent(2, NOW)


def test_rules_are_checked_again_after_behind_so_that_a_removed_member_cannot_land() -> None:
    round_ = loaded(GROUP, created(ALICE, BOB))
    ticket, commands = submit(round_, text(9, BOBS, known=1))
    assert one(commands, Append)
    commands = round_.behind((membership(2, (BOB, MemberAction.REMOVED, Role.NONE)),))
    assert one(commands, Answer) == [Answer(ticket, Refusal(Reason.NOT_A_MEMBER))]
    assert one(commands, Append) == []


def test_two_admins_cannot_both_take_the_last_seat() -> None:
    limits = Limits(group_members_max=3)
    round_ = loaded(GROUP, created(ALICE, BOB), limits=limits)
    submit(round_, text(5, known=1))
    submit(round_, change(6, PHONE, Add((CAROL,)), known=1))
    late, _ = submit(round_, change(7, PHONE, Add(("dave",)), known=1))
    commands = round_.appended(2)
    assert one(commands, Answer)[-1].ticket is late
    assert one(commands, Answer)[-1].outcome.reason is Reason.GROUP_FULL
    assert one(commands, WriteHints) == [WriteHints((CAROL,), 2)]


def test_who_was_removed_gets_his_hint_marked() -> None:
    round_ = loaded(GROUP, created(ALICE, BOB))
    submit(round_, change(5, PHONE, Remove((BOB,)), known=1))
    assert append.MarkLeft((BOB,), 2) in round_.appended(2)


def test_a_group_is_created_with_the_hints_of_all_its_members() -> None:
    round_ = loaded(GROUP)
    _, commands = submit(round_, change(5, PHONE, Create("Crew", "", (BOB,))))
    assert commands == [WriteHints((ALICE, BOB), 0)]


def test_a_head_below_the_floor_is_loaded_anew() -> None:
    round_ = loaded(DIRECT, entry(1))
    ticket, _ = submit(round_, text(50, known=1))
    assert round_.reload() == [Load()]
    fold = folded(DIRECT, *(entry(n) for n in range(1, 9)))
    commands = round_.loaded(fold, [entry(n) for n in range(5, 9)], 4, 0)
    assert one(commands, Publish)[0].entries == tuple(entry(n) for n in range(5, 9))
    assert one(commands, Answer) == [Answer(ticket, Refusal(Reason.TOO_OLD, subject="known_seq", limit=4, actual=8))]


def test_when_the_store_is_away_everything_that_waits_is_refused_as_retryable() -> None:
    round_ = loaded(DIRECT, entry(1))
    first, _ = submit(round_, text(2, known=1))
    second, _ = submit(round_, text(3, known=1))
    refusal = unavailable("disk full")
    assert round_.failed(refusal) == [Answer(first, refusal), Answer(second, refusal)]
    assert one(submit(round_, text(2, known=1))[1], Append), "and the next try goes on as before"


def test_a_failed_load_refuses_and_is_tried_again() -> None:
    round_ = AppendRound(DIRECT, Limits())
    ticket, _ = submit(round_, text(1))
    refusal = unavailable("away")
    assert round_.failed(refusal) == [Answer(ticket, refusal)]
    assert round_.state is State.COLD
    assert submit(round_, text(1))[1] == [Load()]


def test_too_many_waiting_sends_are_refused() -> None:
    round_ = loaded(DIRECT, entry(1), limits=Limits(append_queue_max=1))
    submit(round_, text(2, known=1))
    submit(round_, text(3, known=1))
    ticket, commands = submit(round_, text(4, known=1))
    assert commands == [Answer(ticket, unavailable("too many sends wait for this conversation"))]


def test_the_ring_keeps_the_last_entries_only() -> None:
    round_ = loaded(DIRECT, entry(1), limits=Limits(ring_entries_max=3))
    for seq in range(2, 8):
        submit(round_, text(seq, known=seq - 1))
        round_.appended(seq)
    assert sorted(round_.ring) == [5, 6, 7]


def test_a_snapshot_is_due_after_enough_entries() -> None:
    round_ = loaded(DIRECT, entry(1), limits=Limits(snapshot_entries_max=2))
    submit(round_, text(2, known=1))
    (snapshot,) = one(round_.appended(2), SaveSnapshot)
    assert Fold.load(DIRECT, snapshot.fold).seq == 2 == snapshot.as_of_seq


def test_entries_of_another_node_are_learnt_when_they_follow() -> None:
    round_ = loaded(DIRECT, entry(1))
    assert round_.learn((entry(1), entry(2))) == [Publish((entry(2),), 1)]
    assert round_.learn((entry(2),)) == []
    submit(round_, text(3, known=2))
    assert round_.learn((entry(3, CAROLS),)) == [], "an append is under way and will tell"
    assert round_.fold.seq == 2 and uuid(2) == round_.ring[2].header.envelope_id


def test_a_hole_in_what_another_node_tells_is_loaded() -> None:
    round_ = loaded(DIRECT, entry(1))
    assert round_.learn((entry(4),)) == [Load()]
    entries = [entry(1), entry(2), entry(3), entry(4)]
    assert round_.loaded(folded(DIRECT, *entries), entries, 0, 0) == [Publish(tuple(entries[1:]), 1)]


def test_a_head_that_another_node_has_moved_is_loaded_once_nothing_else_is_under_way() -> None:
    round_ = loaded(DIRECT, entry(1))
    assert round_.told(1) == []
    submit(round_, text(2, known=1))
    assert round_.told(3) == [], "an append is under way"
    assert Load() in round_.appended(2)


def test_who_leaves_and_comes_back_does_so_in_two_batches() -> None:
    round_ = loaded(GROUP, created(ALICE, BOB))
    leaving, coming = Ticket(change(2, BOBS, Leave())), Ticket(change(3, PHONE, Add((BOB,))))
    (first,) = one(round_.submit([leaving, coming], NOW), Append)
    assert [item.seq for item in first.entries] == [2]
    assert one(round_.appended(2), WriteHints) == [WriteHints((BOB,), 2)], "newer than the mark that he left at 2"


def test_a_conversation_that_waits_for_something_is_busy() -> None:
    round_ = loaded(DIRECT, entry(1))
    assert not round_.is_busy()
    submit(round_, text(2, known=1))
    assert round_.is_busy()
    round_.appended(2)
    assert not round_.is_busy()


def test_a_late_load_never_takes_back_what_is_known() -> None:
    round_ = loaded(DIRECT, entry(1), entry(2))
    assert round_.loaded(folded(DIRECT, entry(1)), [entry(1)], 0, 0) == [], "nobody asked for it"
    round_.told(3)
    assert round_.loaded(folded(DIRECT, entry(1)), [entry(1)], 0, 0) == [Load()], "it is behind: once more"
    assert round_.fold.seq == 2 and set(round_.ring) == {1, 2}


def test_what_needs_a_search_waits_for_the_next_batch() -> None:
    round_ = loaded(DIRECT, *(entry(n) for n in range(1, 5)), limits=Limits(ring_entries_max=2))
    fresh, old = Ticket(text(8, known=4)), Ticket(text(9, known=1))
    commands = round_.submit([fresh, old], NOW)
    assert [len(command.entries) for command in one(commands, Append)] == [1]
    assert one(round_.appended(5), Search)[0].ticket is old


def test_a_deletion_empties_the_body_in_memory_and_in_the_store() -> None:
    round_ = loaded(DIRECT, entry(1), entry(2))
    deletion = Proposal(PHONE, uuid(3), 2, int(Kind.DELETION), b"", target_seq=1, target=entry(1).header)
    submit(round_, deletion)
    assert append.DeleteBody(1) in round_.appended(3)
    assert round_.ring[1].body == DELETED and round_.ring[2].body == b"hi"


def test_an_added_member_has_no_hint_marked_as_left() -> None:
    round_ = loaded(GROUP, created(ALICE, BOB))
    submit(round_, change(5, PHONE, Add((CAROL,)), known=1))
    round_.hints_written()
    assert one(round_.appended(2), append.MarkLeft) == []


def test_a_log_that_holds_an_envelope_twice_does_not_stop_the_round() -> None:
    round_ = loaded(DIRECT, entry(1), limits=Limits(ring_entries_max=2))
    round_.learn((entry(2, number=1), entry(3), entry(4)))
    assert set(round_.ring) == {3, 4}


def test_a_load_that_brings_more_than_the_ring_holds_says_from_where_the_log_has_grown() -> None:
    round_ = loaded(GROUP, created(ALICE, BOB), limits=Limits(ring_entries_max=2))
    round_.told(6)
    entries = [created(ALICE, BOB), membership(2, (BOB, MemberAction.REMOVED, Role.NONE)), *(entry(n) for n in range(3, 7))]
    (published,) = round_.loaded(folded(GROUP, *entries), entries, 0, 0)
    assert published == Publish(tuple(entries[1:]), 1), "Bob is still owed his removal"


def test_what_landed_after_all_is_nudged_as_own_though_its_sender_is_gone() -> None:
    round_ = loaded(DIRECT, entry(1))
    ticket, commands = submit(round_, text(2, known=1))
    (command,) = one(commands, Append)
    assert one(round_.unknown(), Append) == [command]
    ticket.gone = True
    assert one(round_.behind(command.entries), Publish) == [Publish(command.entries, 1, own=True)]
    assert round_.learn((entry(3, CAROLS),)) == [Publish((entry(3, CAROLS),), 2)], "once"
