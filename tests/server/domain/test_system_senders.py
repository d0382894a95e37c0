"""System senders, played: they have no log, so that the fold keeps their last 16 ids (log-attacks B4)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.append import Answer, Append, AppendCommand, AppendRound, Renudge, Search, Sent, Ticket
from server.domain.envelope import Entry
from server.domain.fold import SYSTEM_IDS_MAX, Fold
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal
from tests.support.cast import ALICE, BOB, DIRECT, NOW, entry, folded, text, uuid

BOT = Identity(BOB, "")
LIMITS = Limits(ring_entries_max=4)


def system(seq: int, number: int) -> Entry:
    """An envelope of the bot that is in the log."""
    return entry(seq, BOT, number=number, at_ms=NOW + seq)


def loaded(*entries: Entry, floor: int = 0) -> AppendRound:
    """A round that knows these entries; its ring holds the last four."""
    round_ = AppendRound(DIRECT, LIMITS)
    round_.tick(NOW)
    round_.loaded(folded(DIRECT, *entries), [e for e in entries[-4:] if e.seq > floor], floor, 0)
    return round_


def submit(round_: AppendRound, *proposals: Proposal) -> tuple[list[Ticket], list[AppendCommand]]:
    tickets = [Ticket(proposal) for proposal in proposals]
    return tickets, round_.submit(tickets, NOW + 100)


def appended(commands: list[AppendCommand]) -> list[int]:
    return [e.seq for command in commands if isinstance(command, Append) for e in command.entries]


def test_a_system_sender_appends_to_a_long_log_without_a_search() -> None:
    round_ = loaded(*(entry(seq) for seq in range(1, 11)), floor=8)
    _, commands = submit(round_, text(77, BOT))
    assert appended(commands) == [11] and not [c for c in commands if isinstance(c, Search)]


def test_the_same_append_again_is_the_first_one_and_is_nudged_again() -> None:
    round_ = loaded(system(1, 7), entry(2))
    (ticket,), commands = submit(round_, text(7, BOT))
    assert commands == [Answer(ticket, Sent(1, NOW + 1, duplicate=True)), Renudge(system(1, 7))]


def test_the_same_append_is_found_when_its_header_has_long_been_trimmed() -> None:
    round_ = loaded(system(1, 7), *(entry(seq) for seq in range(2, 11)), floor=8)
    (ticket,), commands = submit(round_, text(7, BOT))
    assert commands == [Answer(ticket, Sent(1, NOW + 1, duplicate=True))]


def test_a_twin_that_landed_through_another_node_is_found_after_behind() -> None:
    round_ = loaded(entry(1))
    (ticket,), commands = submit(round_, text(7, BOT))
    assert appended(commands) == [2]
    commands = round_.behind((system(2, 7),))
    assert appended(commands) == []
    assert Answer(ticket, Sent(2, NOW + 2, duplicate=True)) in commands


def test_two_transmissions_in_one_batch_become_one_entry() -> None:
    round_ = loaded(entry(1))
    (first, second), commands = submit(round_, text(7, BOT), text(7, BOT))
    assert appended(commands) == [2]
    answers = [command for command in round_.appended(2) if isinstance(command, Answer)]
    assert answers == [Answer(first, Sent(2, NOW + 100)), Answer(second, Sent(2, NOW + 100, duplicate=True))]


def test_sixteen_may_be_unanswered_at_a_time() -> None:
    round_ = loaded(entry(1), *(system(seq, 10 + seq) for seq in range(2, 2 + SYSTEM_IDS_MAX)))
    tickets, commands = submit(round_, *(text(10 + seq, BOT) for seq in range(2, 2 + SYSTEM_IDS_MAX)))
    assert appended(commands) == []
    sent = [c.outcome for c in commands if isinstance(c, Answer)]
    assert sent == [Sent(seq, NOW + seq, duplicate=True) for seq in range(2, 2 + SYSTEM_IDS_MAX)]


def test_b4_an_id_that_may_have_been_forgotten_is_refused_never_appended_twice() -> None:
    round_ = loaded(*(system(seq, seq) for seq in range(1, 2 + SYSTEM_IDS_MAX)))
    (ticket,), commands = submit(round_, text(1, BOT))
    (answer,) = commands
    assert isinstance(answer, Answer) and isinstance(answer.outcome, Refusal) and answer.ticket is ticket
    assert (answer.outcome.reason, answer.outcome.subject) == (Reason.TOO_OLD, "envelope_id")


def test_a_device_of_the_same_account_does_not_crowd_the_ids() -> None:
    device = Identity(BOB, "bob-phone")
    fold = folded(DIRECT, system(1, 1), *(entry(seq, device) for seq in range(2, 40)))
    assert [kept.envelope_id for kept in fold.systems[BOB]] == [uuid(1)]


def test_each_system_sender_has_ids_of_its_own() -> None:
    fold = folded(DIRECT, system(1, 1), entry(2, Identity(ALICE, ""), number=1))
    first, second = fold.system_entry(BOB, uuid(1)), fold.system_entry(ALICE, uuid(1))
    assert first is not None and second is not None and (first.seq, second.seq) == (1, 2)


def test_the_ids_are_in_the_snapshot_which_an_older_node_refuses_rather_than_forget_them() -> None:
    fold = folded(DIRECT, system(1, 7), entry(2))
    assert b'"rules":2' in fold.dump()
    assert Fold.load(DIRECT, fold.dump()).systems == fold.systems


def test_a_snapshot_without_system_senders_is_what_it_was_and_one_of_before_is_read() -> None:
    fold = folded(DIRECT, entry(1))
    assert b'"rules":1' in fold.dump()
    before = fold.dump().replace(b',"systems":{}', b"")
    assert before != fold.dump() and Fold.load(DIRECT, before).systems == {}


@given(st.permutations(range(24)), st.integers(0, 2**24 - 1))
@pytest.mark.timeout(60)
def test_whatever_the_order_and_however_often_an_id_is_sent_it_is_appended_once(order: list[int], again: int) -> None:
    """Every answer *sent* names the seq of the one entry with that id; all else is refused."""
    round_, log = loaded(entry(1)), {}
    for number in itertools.chain(order, (n for n in order if again >> n & 1)):
        (ticket,), commands = submit(round_, text(number, BOT))
        if seqs := appended(commands):
            assert number not in log
            log[number] = seqs[0]
            commands = round_.appended(seqs[0])
        (outcome,) = [c.outcome for c in commands if isinstance(c, Answer) and c.ticket is ticket]
        if isinstance(outcome, Sent):
            assert outcome.seq == log[number]
        else:
            assert outcome.reason is Reason.TOO_OLD
