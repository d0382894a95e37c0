"""The waiting room of a call that people come to by a link."""

from __future__ import annotations

from calls.domain import waiting_room as rules
from calls.domain.messages import End, Party
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.waiting_room import (
    Answer,
    Answers,
    Blocks,
    Command,
    Event,
    GivesUp,
    Knocks,
    Revoked,
    TellAdmins,
    TellAdmitted,
    TellOver,
    Tick,
    WaitingRoom,
)
from server.kit.refusal import Reason, Refusal

LIMITS = SignallingLimits(waiting_max=2, waiting_ms=1_000)
ANN, BEN, EVE = (Party(name, "phone") for name in ("ann", "ben", "eve"))
TABLET = Party("ann", "tablet")
NOW = 1_000_000


def after(*events: Event, room: WaitingRoom = WaitingRoom(), now_ms: int = NOW) -> tuple[WaitingRoom, tuple[Command, ...]]:  # noqa: B008
    """The room after some events, and the commands of the last."""
    commands: tuple[Command, ...] = ()
    for event in events:
        outcome = rules.step(room, event, now_ms, LIMITS)
        assert not isinstance(outcome, Refusal), outcome
        room, commands = outcome
    return room, commands


def knocks(party: Party) -> Knocks:
    """Called as the device's account."""
    return Knocks(party, f"w-{party.account_id}-{party.device_id}", party.account_id.title())


def test_who_comes_waits_and_the_admins_see_it() -> None:
    room, commands = after(knocks(ANN), knocks(BEN))
    assert [(one.party, one.name) for one in room.waiting] == [(ANN, "Ann"), (BEN, "Ben")]
    assert commands == (TellAdmins(),)


def test_who_knocks_again_waits_on_since_before() -> None:
    room, _ = after(knocks(ANN))
    again, commands = after(knocks(ANN), room=room, now_ms=NOW + 500)
    assert again == room and commands == ()


def test_a_second_device_takes_the_place_of_the_first_even_in_a_full_room() -> None:
    room, commands = after(knocks(ANN), knocks(BEN), knocks(TABLET))
    assert [one.party for one in room.waiting] == [BEN, TABLET]
    assert commands == (TellOver(ANN, End.REPLACED), TellAdmins())


def test_a_full_room_takes_nobody() -> None:
    room, _ = after(knocks(ANN), knocks(BEN))
    refused = rules.step(room, knocks(EVE), NOW, LIMITS)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.subject, refused.limit, refused.actual) == (Reason.LIMIT_EXCEEDED, "waiting_max", 2, 3)


def test_one_is_let_in_and_the_others_wait_on() -> None:
    room, commands = after(knocks(ANN), knocks(BEN), Answers(("w-ann-phone",), Answer.ADMIT))
    assert commands == (TellAdmitted(ANN), TellAdmins())
    assert [one.party for one in room.waiting] == [BEN] and room.admitted == {"ann"}


def test_all_are_let_in() -> None:
    room, commands = after(knocks(ANN), knocks(BEN), Answers((), Answer.ADMIT))
    assert commands == (TellAdmitted(ANN), TellAdmitted(BEN), TellAdmins())
    assert room.waiting == () and room.admitted == {"ann", "ben"}


def test_all_of_nobody_is_nothing() -> None:
    assert after(Answers((), Answer.DENY)) == (WaitingRoom(), ())


def test_who_is_denied_may_knock_again_and_who_is_blocked_may_not() -> None:
    denied, commands = after(knocks(ANN), Answers(("w-ann-phone",), Answer.DENY))
    assert commands == (TellOver(ANN, End.DENIED), TellAdmins())
    assert after(knocks(ANN), room=denied)[0].waiting
    blocked, commands = after(knocks(ANN), Answers(("w-ann-phone",), Answer.BLOCK))
    assert commands == (TellOver(ANN, End.DENIED), TellAdmins())
    assert rules.step(blocked, knocks(TABLET), NOW, LIMITS) == rules.BLOCKED


def test_about_somebody_who_waits_no_more_nothing_can_be_said() -> None:
    room, _ = after(knocks(ANN), GivesUp(ANN))
    assert rules.step(room, Answers(("w-ann-phone",), Answer.ADMIT), NOW, LIMITS) == rules.NOBODY


def test_who_gives_up_is_gone_and_who_does_not_wait_changes_nothing() -> None:
    room, commands = after(knocks(ANN), GivesUp(ANN))
    assert room == WaitingRoom() and commands == (TellAdmins(),)
    assert after(GivesUp(BEN)) == (WaitingRoom(), ())


def test_who_was_put_out_for_good_is_let_in_no_more() -> None:
    room, _ = after(knocks(ANN), Answers((), Answer.ADMIT))
    blocked, commands = after(Blocks("ann"), room=room)
    assert (blocked.admitted, commands) == (frozenset(), ())
    assert rules.step(blocked, knocks(ANN), NOW, LIMITS) == rules.BLOCKED


def test_those_whose_link_was_revoked_wait_no_more_and_may_come_by_another() -> None:
    room, commands = after(knocks(ANN), knocks(BEN), Revoked((ANN,)))
    assert [one.party for one in room.waiting] == [BEN]
    assert commands == (TellOver(ANN, End.REVOKED), TellAdmins())
    assert after(Revoked((ANN,)), room=room) == (room, ()), "it waits no more"
    assert [one.party for one in after(knocks(ANN), room=room)[0].waiting] == [BEN, ANN]


def test_nobody_waits_for_ever() -> None:
    room, _ = after(knocks(ANN))
    room, _ = after(knocks(BEN), room=room, now_ms=NOW + 1)
    assert after(Tick(), room=room, now_ms=NOW + 999) == (room, ())
    later, commands = after(Tick(), room=room, now_ms=NOW + 1_000)
    assert [one.party for one in later.waiting] == [BEN]
    assert commands == (TellOver(ANN, End.MISSED), TellAdmins())
