"""The rules of a group call, each as a script."""

from __future__ import annotations

import msgspec
import pytest

from calls.domain import group_call as rules
from calls.domain.group_call import (
    Command,
    Ended,
    Event,
    GroupCall,
    Joins,
    Leaves,
    MediaEnded,
    MediaIs,
    Mute,
    Mutes,
    PutOut,
    Ranked,
    Ranks,
    Removes,
    RingAccounts,
    Rings,
    SetsSelf,
    StopRinging,
    TellMuted,
    TellOver,
    TellRoster,
    Tick,
)
from calls.domain.life import life
from calls.domain.messages import End, Outcome, Party
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.tracks import Source
from server.kit.refusal import Reason, Refusal

LIMITS = SignallingLimits(group_audio_max=3, group_video_max=2, group_screens_max=1, group_ring_max=2)
BEGAN = 1_000_000
ANN, BEN, CAT, DAN = (Party(name, "phone") for name in ("ann", "ben", "cat", "dan"))
SOUND, PICTURES = (Source.MICROPHONE,), (Source.MICROPHONE, Source.CAMERA)


def joins(party: Party, sources: tuple[Source, ...] = SOUND, muted: bool = False) -> Joins:
    """Under the account's name."""
    return Joins(party, f"{party.account_id}-{party.device_id}", sources, muted, False)


class Script:
    """A call, and the time."""

    def __init__(self, *events: Event) -> None:
        self.now = BEGAN
        self.call = GroupCall(conversation_id="g:1", era_id="era", starter_id="ann", began_ms=BEGAN, empty_since_ms=BEGAN)
        self.commands: tuple[Command, ...] = ()
        for event in events:
            self.happens(event)

    def happens(self, event: Event, after_ms: int = 0) -> tuple[Command, ...]:
        """What an event commands."""
        self.now += after_ms
        outcome = rules.step(self.call, event, self.now, LIMITS)
        assert not isinstance(outcome, Refusal), outcome
        self.call, self.commands = outcome
        return self.commands

    def refuses(self, event: Event) -> Refusal:
        """Why an event is refused."""
        outcome = rules.step(self.call, event, self.now, LIMITS)
        assert isinstance(outcome, Refusal), outcome
        return outcome

    def went(self) -> tuple[Outcome, int] | None:
        """What the record would say now."""
        told = life(self.call, self.now)
        return None if told is None else (told.outcome, told.talked_ms)

    @property
    def inside(self) -> list[str]:
        """Who is in."""
        return [one.participant_id for one in self.call.participants]


def test_who_joins_is_told_to_all() -> None:
    script = Script()
    assert script.happens(joins(ANN)) == (TellRoster(),)
    assert script.happens(joins(BEN), 1_000) == (TellRoster(),)
    assert script.inside == ["ann-phone", "ben-phone"]
    assert (script.call.talked_since_ms, script.call.empty_since_ms) == (BEGAN + 1_000, 0)


def test_offering_again_changes_what_one_sends() -> None:
    script = Script(joins(ANN), joins(ANN, PICTURES))
    assert (script.inside, script.call.participants[0].sources, script.call.video) == (["ann-phone"], PICTURES, True)


def test_a_second_device_of_an_account_takes_the_place_of_the_first() -> None:
    script = Script(joins(ANN), joins(BEN))
    laptop = Party("ann", "laptop")
    assert script.happens(joins(laptop)) == (PutOut("ann-phone"), TellOver(ANN, End.REPLACED), TellRoster())
    assert script.inside == ["ben-phone", "ann-laptop"]


def test_a_call_has_a_maximum() -> None:
    script = Script(joins(ANN), joins(BEN), joins(CAT))
    refusal = script.refuses(joins(DAN))
    assert (refusal.subject, refusal.limit, refusal.actual) == ("group_audio_max", 3, 4)
    script.happens(joins(Party("cat", "laptop")))  # in the place of her other device


@pytest.mark.parametrize(
    ("source", "others", "subject", "limit"),
    [(Source.CAMERA, (ANN, BEN), "group_video_max", 2), (Source.SCREEN, (ANN,), "group_screens_max", 1)],
)
def test_pictures_have_a_maximum_and_sound_goes_on(source: Source, others: tuple[Party, ...], subject: str, limit: int) -> None:
    script = Script(*(joins(party, (source,)) for party in others))
    refusal = script.refuses(joins(CAT, (source,)))
    assert (refusal.subject, refusal.limit, refusal.actual) == (subject, limit, limit + 1)
    script.happens(joins(CAT))


def test_who_leaves_is_gone_and_the_call_goes_on() -> None:
    script = Script(joins(ANN), joins(BEN))
    assert script.happens(Leaves(ANN)) == (PutOut("ann-phone"), TellRoster())
    assert script.inside == ["ben-phone"]
    assert script.refuses(Leaves(ANN)) is rules.NOT_IN


def test_a_call_ends_some_time_after_the_last_left_with_one_record() -> None:
    script = Script(joins(ANN))
    script.happens(joins(BEN), 1_000)
    script.happens(Leaves(ANN), 5_000)
    script.happens(Leaves(BEN), 1_000)
    assert script.happens(Tick(), LIMITS.group_empty_ms - 1) == ()
    assert script.happens(Tick(), 1) == (Ended(),)
    assert script.went() == (Outcome.ANSWERED, 6_000)


def test_who_comes_back_in_time_goes_on_in_the_same_life() -> None:
    script = Script(joins(ANN), Leaves(ANN))
    script.happens(joins(BEN), LIMITS.group_empty_ms - 1)
    assert script.happens(Tick(), LIMITS.group_empty_ms) == ()


def test_a_call_that_nobody_else_joined_was_missed() -> None:
    script = Script(joins(ANN), Leaves(ANN))
    assert script.happens(Tick(), LIMITS.group_empty_ms) == (Ended(),)
    assert script.went() == (Outcome.MISSED, 0)


def test_a_call_that_nobody_got_into_leaves_no_record() -> None:
    script = Script()
    assert script.happens(Tick(), LIMITS.group_empty_ms) == (Ended(),)
    assert script.went() is None


def test_how_a_call_went_can_be_told_while_it_goes_on() -> None:
    script = Script(joins(ANN))
    assert script.went() == (Outcome.MISSED, 0)
    script.happens(joins(BEN, (Source.CAMERA,)), 1_000)
    script.happens(Leaves(ANN), 2_000)
    assert script.went() == (Outcome.ANSWERED, 2_000)
    told = life(script.call, script.now)
    assert told is not None and (told.starter_id, told.video) == (script.call.starter_id, True)


def test_the_call_of_a_links_own_room_has_no_record() -> None:
    script = Script(joins(ANN), joins(BEN))
    assert life(msgspec.structs.replace(script.call, conversation_id="l:ann:link"), script.now) is None


# -- ringing -----------------------------------------------------------------------------------------------------------


def test_a_call_that_somebody_waits_to_be_let_into_is_not_over() -> None:
    script = Script()
    assert script.happens(Tick(awaited=True), LIMITS.group_empty_ms) == ()
    assert script.happens(Tick(), 0) == (Ended(),)


def test_members_ring_but_not_those_who_are_in() -> None:
    script = Script(joins(ANN))
    assert script.happens(Rings(("ann", "ben", "cat", "ben"), "ann")) == (RingAccounts(("ben", "cat")),)
    assert script.call.ring_until_ms == BEGAN + LIMITS.ring_ms
    assert script.call.rung_by == "ann"
    assert script.happens(Rings(("ann",), "ben")) == () and script.call.rung_by == "ann"


def test_ringing_has_a_maximum() -> None:
    refusal = Script(joins(ANN)).refuses(Rings(("ben", "cat", "dan"), "ann"))
    assert (refusal.subject, refusal.limit, refusal.actual) == ("group_ring_max", 2, 3)
    refusal = Script(joins(ANN), Rings(("ben", "cat"), "ann")).refuses(Rings(("dan",), "ann"))
    assert (refusal.subject, refusal.limit, refusal.actual) == ("group_ring_max", 2, 3), "those who ring already count"


def test_whoever_joins_stops_the_ringing_of_the_other_devices() -> None:
    script = Script(joins(ANN), Rings(("ben", "cat"), "ann"))
    assert script.happens(joins(BEN)) == (StopRinging("ben", "phone", True), TellRoster())
    assert script.call.rung == ("cat",)


def test_declining_does_not_stop_it_for_others() -> None:
    script = Script(joins(ANN), Rings(("ben", "cat"), "ann"))
    assert script.happens(Leaves(BEN)) == (StopRinging("ben", "phone", False),)
    assert script.call.rung == ("cat",)


def test_ringing_ends_by_itself() -> None:
    script = Script(joins(ANN), Rings(("ben",), "ann"))
    assert script.happens(Tick(), LIMITS.ring_ms - 1) == ()
    assert script.happens(Tick(), 1) == (StopRinging("ben", "", False),)
    assert script.happens(Tick()) == ()


def test_nobody_rings_for_a_call_that_is_over() -> None:
    script = Script(joins(ANN), Rings(("ben",), "ann"), Leaves(ANN))
    stop, ended = script.happens(Tick(), LIMITS.group_empty_ms)
    assert stop == StopRinging("ben", "", False) and isinstance(ended, Ended) and script.call.rung == ()


# -- what stands beside a name -----------------------------------------------------------------------------------------


def test_own_mute_is_told_and_kept_by_the_unit() -> None:
    script = Script(joins(ANN))
    assert script.happens(SetsSelf(ANN, True, None, None)) == (Mute("ann-phone", True), TellRoster())
    assert script.happens(SetsSelf(ANN, True, None, None)) == ()
    assert script.happens(SetsSelf(ANN, None, True, True)) == (TellRoster(),)
    (ann,) = script.call.participants
    assert (ann.muted, ann.camera_off, ann.hand_raised) == (True, True, True)
    assert script.refuses(SetsSelf(BEN, True, None, None)) is rules.NOT_IN


def test_whom_an_admin_mutes_stays_mute_until_that_person_unmutes() -> None:
    script = Script(joins(ANN), joins(BEN))
    assert script.happens(Mutes("ben-phone", "ann")) == (Mute("ben-phone", True), TellMuted(BEN, "ann"), TellRoster())
    assert script.happens(Mutes("ben-phone", "ann")) == ()
    assert script.happens(SetsSelf(BEN, False, None, None)) == (Mute("ben-phone", False), TellRoster())
    assert script.refuses(Mutes("nobody", "ann")) is rules.NOBODY


def test_an_admin_puts_somebody_out() -> None:
    script = Script(joins(ANN), joins(BEN))
    assert script.happens(Removes("ben-phone")) == (PutOut("ben-phone"), TellOver(BEN, End.REMOVED), TellRoster())
    assert script.refuses(Removes("ben-phone")).reason is Reason.NOT_FOUND


def test_who_becomes_an_admin_sees_who_waits_and_who_is_one_no_more_does_not() -> None:
    script = Script(joins(ANN))
    assert script.happens(Ranks("ann-phone", True)) == (Ranked(ANN, True),) and script.call.participants[0].admin
    assert script.happens(Ranks("ann-phone", True)) == ()
    assert script.happens(Ranks("ann-phone", False)) == (Ranked(ANN, False),) and not script.call.participants[0].admin
    assert script.happens(Ranks("nobody", True)) == ()


def test_an_admin_is_shown_who_waits_whenever_it_joins_or_offers_again() -> None:
    script = Script()
    admin = joins(ANN)._replace(admin=True)
    assert script.happens(admin) == script.happens(admin) == (Ranked(ANN, True), TellRoster())
    assert script.happens(joins(ANN)) == (Ranked(ANN, False), TellRoster())


def test_who_offers_again_is_what_it_is_now_a_guest_or_a_member() -> None:
    script = Script(joins(ANN), joins(ANN)._replace(guest=True, name="Ann"))
    assert [(one.guest, one.name) for one in script.call.participants] == [(True, "Ann")]
    script.happens(joins(ANN))
    assert [(one.guest, one.name) for one in script.call.participants] == [(False, "")]


# -- what the unit says ------------------------------------------------------------------------------------------------


def test_media_that_is_lost_is_told_and_may_come_back() -> None:
    script = Script(joins(ANN))
    assert script.happens(MediaIs("ann-phone", True)) == (TellRoster(),)
    assert script.happens(MediaIs("ann-phone", True)) == ()
    assert script.happens(MediaIs("ann-phone", False)) == (TellRoster(),)
    assert script.call.participants[0].lost
    assert script.happens(MediaIs("nobody", False)) == ()


@pytest.mark.parametrize(("failed", "end"), [(True, End.FAILED), (False, End.NETWORK)])
def test_whom_the_unit_puts_out_is_told_why(failed: bool, end: End) -> None:
    script = Script(joins(ANN), joins(BEN))
    assert script.happens(MediaEnded("ann-phone", failed)) == (PutOut("ann-phone"), TellOver(ANN, end), TellRoster())
    assert script.happens(MediaEnded("ann-phone", failed)) == ()


def test_a_call_is_stored_and_read_again() -> None:
    call = Script(joins(ANN, PICTURES), Rings(("ben",), "ann")).call
    assert msgspec.json.decode(msgspec.json.encode(call), type=GroupCall) == call
