"""The append round of a log that other nodes write to, too: its refusals are true of the log, not of what this node knows of it."""

from __future__ import annotations

from server.domain.append import Answer, Append, AppendRound, Load, Search, State, Ticket
from server.domain.envelope import Entry, MemberAction, Role
from server.domain.groups import Remove
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal
from tests.server.domain.test_append import one, submit
from tests.support.cast import ALICE, BOB, BOBS, GROUP, NOW, PHONE, change, created, folded, membership, text, uuid


def shared(*entries: Entry) -> AppendRound:
    """A round of a group that other nodes write to, too; it knows these entries."""
    round_ = AppendRound(GROUP, Limits(), shared=True)
    round_.tick(NOW)
    round_.loaded(folded(GROUP, *entries), list(entries), 0, 0)
    return round_


def test_who_was_added_on_another_node_is_not_refused_by_one_that_has_not_heard_of_it() -> None:
    round_ = shared(created(ALICE))
    ticket, commands = submit(round_, text(2, BOBS, known=1))
    assert commands == [Search(ticket, 1, 1)], "the head is read before a rule refuses"
    assert round_.searched(ticket, 1, None, 0, head=2) == [Load()]
    added = membership(2, (BOB, MemberAction.ADDED, Role.MEMBER))
    (command,) = one(round_.loaded(folded(GROUP, created(ALICE), added), [created(ALICE), added], 0, 0), Append)
    assert command.expected_head == 2


def test_what_the_rules_refuse_at_the_head_is_refused() -> None:
    round_ = shared(created(ALICE))
    ticket, _ = submit(round_, text(2, BOBS, known=1))
    assert round_.searched(ticket, 1, None, 0, head=1) == [Answer(ticket, Refusal(Reason.NOT_A_MEMBER))]
    assert round_.state is State.IDLE


def test_a_refusal_waits_for_what_it_follows_from() -> None:
    round_ = shared(created(ALICE, BOB))
    gone, late = Ticket(change(3, PHONE, Remove((BOB,)), known=1)), Ticket(text(4, BOBS, known=1))
    (command,) = one(round_.submit([gone, late], NOW), Append)
    assert [each.header.envelope_id for each in command.entries] == [uuid(3)]
    other = membership(2, (ALICE, MemberAction.LEFT, Role.NONE), (BOB, MemberAction.ROLE_CHANGED, Role.OWNER))
    assert one(round_.behind((other,)), Search) == [Search(gone, 2, 2)]
    commands = round_.searched(gone, 2, None, 0, head=2)
    assert one(commands, Answer) == [Answer(gone, Refusal(Reason.NOT_A_MEMBER))], "he had left on another node"
    assert [each.header.envelope_id for each in one(commands, Append)[0].entries] == [uuid(4)], "so bob was never removed"
