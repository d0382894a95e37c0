"""The rules of a call between two people, each as a script: what happens, and what that makes the process do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from calls.domain import direct_call as rules
from calls.domain import messages
from calls.domain.direct_call_events import (
    Accepted,
    Busy,
    Came,
    Command,
    Declined,
    Deliver,
    Described,
    DirectCall,
    Due,
    Event,
    HungUp,
    Media,
    Reached,
    Record,
    Recorded,
    Ring,
    Shown,
    State,
    StopRinging,
)
from calls.domain.messages import Candidate, End, Outcome, Party, Sdp
from calls.domain.signalling_limits import SignallingLimits
from server.kit.refusal import Reason, Refusal

LIMITS = SignallingLimits()
ANN = Party("ann", "phone")
BEN, BEN_LAPTOP, BEN_TABLET = (Party("ben", name) for name in ("phone", "laptop", "tablet"))
EVE = Party("eve", "phone")
OFFER, ANSWER = Sdp(1, "offer"), Sdp(1, "answer")
SECOND = Sdp(2, "second")
ROAD = Candidate("candidate:1", "0", 0)
BEGAN = 1_000_000


class Script:
    """A call, and the time."""

    def __init__(self, *events: Event, **fields: Any) -> None:
        given: dict[str, Any] = {"offer": OFFER, "devices": ("laptop", "phone")} | fields
        call = DirectCall(call_id="c", conversation_id="d:ann:ben", caller=ANN, callee_id="ben", video=False, **given)
        self.now = BEGAN
        self.call, self.commands = rules.placed(call, self.now, LIMITS)
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


TAKEN = (Accepted(BEN, ANSWER),)
TALKING = (*TAKEN, Media(ANN, True))


# -- while it rings ----------------------------------------------------------------------------------------------------


def test_a_call_rings_on_all_devices_until_its_deadline() -> None:
    script = Script()
    assert script.commands == (Ring(script.call),)
    assert (script.call.state, script.call.due_ms) == (State.RINGING, BEGAN + LIMITS.ring_ms)


def test_a_call_without_an_offer_rings_when_that_comes() -> None:
    script = Script(offer=None)
    assert script.commands == ()
    assert script.refuses(Accepted(BEN, ANSWER)) is rules.OVER
    assert script.happens(Described(ANN, OFFER, False)) == (Ring(script.call),)
    assert script.happens(Described(ANN, OFFER, False)) == ()  # said again
    assert script.refuses(Described(ANN, SECOND, False)).reason is Reason.OUT_OF_PLACE


@pytest.mark.parametrize("event", [Described(BEN, OFFER, False), Described(ANN, OFFER, True)])
def test_only_the_caller_brings_the_first_offer(event: Described) -> None:
    assert Script(offer=None).refuses(event) is rules.NOT_TAKEN


def test_a_first_offer_has_revision_1() -> None:
    assert Script(offer=None).refuses(Described(ANN, SECOND, False)).reason is Reason.OUT_OF_PLACE


def test_who_is_blocked_hears_ringing_and_nothing_is_delivered() -> None:
    script = Script(reachable=False)
    assert script.commands == (Deliver(ANN, messages.Rings("c")),)
    for event in (Shown(BEN), Accepted(BEN, ANSWER), Declined(BEN), Busy(BEN), Came(BEN)):
        assert script.refuses(event) is rules.OVER
    commands = script.happens(Due(), LIMITS.ring_ms)
    assert commands == (Deliver(ANN, messages.Over("c", End.MISSED)), Record(script.call))


def test_the_caller_hears_the_tone_once() -> None:
    script = Script()
    assert script.happens(Shown(BEN)) == (Deliver(ANN, messages.Rings("c")),)
    assert script.happens(Shown(BEN_LAPTOP)) == ()


def test_a_device_that_comes_before_there_is_an_offer_rings_with_the_others() -> None:
    script = Script(Came(BEN_TABLET), offer=None)
    assert script.call.devices == ("laptop", "phone", "tablet")


def test_a_device_that_comes_rings_too() -> None:
    script = Script(Came(BEN_TABLET))
    assert script.call.devices == ("laptop", "phone", "tablet")
    assert script.commands == ()


def test_the_device_that_takes_it_gets_the_road_to_the_caller_and_the_others_stop() -> None:
    script = Script(Reached(ANN, (ROAD,)))
    commands = script.happens(Accepted(BEN, ANSWER))
    assert commands == (
        Deliver(ANN, messages.Accepted("c", ANSWER, "phone")),
        Deliver(BEN, messages.Candidates("c", (ROAD,))),
        StopRinging(script.call, End.ANSWERED_ELSEWHERE, "phone"),
    )
    assert (script.call.state, script.call.due_ms, script.call.candidates) == (State.CONNECTING, BEGAN + LIMITS.connect_ms, ())


def test_an_answer_is_to_the_offer_that_rings() -> None:
    refusal = Script().refuses(Accepted(BEN, SECOND))
    assert (refusal.reason, refusal.limit, refusal.actual) == (Reason.INVALID, 1, 2)


def test_the_second_device_that_takes_it_is_refused_and_the_first_may_say_it_again() -> None:
    script = Script(*TAKEN)
    assert script.refuses(Accepted(BEN_LAPTOP, ANSWER)).reason is Reason.OUT_OF_PLACE
    assert script.happens(Accepted(BEN, ANSWER)) == ()


def test_the_caller_cannot_take_its_own_call() -> None:
    assert Script().refuses(Accepted(ANN, ANSWER)) is rules.NOT_IN
    assert Script().refuses(Accepted(EVE, ANSWER)) is rules.OVER


def test_declining_is_for_all_devices() -> None:
    script = Script()
    commands = script.happens(Declined(BEN))
    assert commands == (
        Deliver(ANN, messages.Over("c", End.DECLINED)),
        StopRinging(script.call, End.DECLINED_ELSEWHERE, "phone"),
        Record(script.call),
    )
    assert script.call.outcome is Outcome.DECLINED


def test_busy_is_heard_when_all_devices_are() -> None:
    script = Script()
    assert script.happens(Busy(BEN)) == ()
    assert script.happens(Busy(BEN)) == ()  # said again
    commands = script.happens(Busy(BEN_LAPTOP))
    assert commands[0] == Deliver(ANN, messages.Over("c", End.BUSY))
    assert script.call.outcome is Outcome.BUSY


def test_a_device_that_came_meanwhile_has_a_say_in_busy() -> None:
    script = Script(Came(BEN_TABLET), Busy(BEN), Busy(BEN_LAPTOP))
    assert script.call.state is State.RINGING


def test_the_caller_gives_up() -> None:
    script = Script()
    commands = script.happens(HungUp(ANN, False))
    assert commands == (StopRinging(script.call, End.CANCELLED, ""), Record(script.call))
    assert script.call.outcome is Outcome.CANCELLED


def test_the_caller_gives_up_before_there_was_an_offer() -> None:
    script = Script(offer=None)
    assert script.happens(HungUp(ANN, False)) == (Record(script.call),)


def test_nobody_takes_it() -> None:
    script = Script()
    assert script.happens(Due(), LIMITS.ring_ms - 1) == ()
    commands = script.happens(Due(), 1)
    assert commands == (
        Deliver(ANN, messages.Over("c", End.MISSED)),
        StopRinging(script.call, End.MISSED, ""),
        Record(script.call),
    )
    assert script.call.outcome is Outcome.MISSED


@pytest.mark.parametrize("event", [Media(ANN, True), Described(BEN, SECOND, False)])
def test_what_belongs_to_a_call_that_was_taken_has_to_wait(event: Event) -> None:
    assert Script().refuses(event) is rules.NOT_TAKEN


# -- candidates --------------------------------------------------------------------------------------------------------


def test_roads_go_to_the_other_side_once_the_call_is_taken() -> None:
    script = Script(*TAKEN)
    assert script.happens(Reached(ANN, (ROAD,))) == (Deliver(BEN, messages.Candidates("c", (ROAD,))),)
    assert script.happens(Reached(BEN, (ROAD,))) == (Deliver(ANN, messages.Candidates("c", (ROAD,))),)


@pytest.mark.parametrize("party", [BEN, EVE])
def test_before_that_only_the_caller_has_any(party: Party) -> None:
    assert Script().refuses(Reached(party, (ROAD,))) is rules.NOT_IN


def test_a_device_that_did_not_take_it_has_none() -> None:
    assert Script(*TAKEN).refuses(Reached(BEN_LAPTOP, (ROAD,))) is rules.NOT_IN


def test_roads_have_a_maximum() -> None:
    refusal = Script().refuses(Reached(ANN, (ROAD,) * 65))
    assert (refusal.subject, refusal.limit, refusal.actual) == ("candidates_max", 64, 65)


# -- while people talk -------------------------------------------------------------------------------------------------


def test_people_talk_as_soon_as_one_side_says_that_media_flows() -> None:
    script = Script(*TAKEN)
    assert script.happens(Media(BEN, True), 500) == ()
    assert (script.call.state, script.call.talked_since_ms) == (State.ACTIVE, BEGAN + 500)
    assert script.call.due_ms == BEGAN + 500 + LIMITS.silence_ms


def test_media_may_come_back() -> None:
    script = Script(*TALKING)
    script.happens(Media(ANN, False), 1_000)
    assert (script.call.state, script.call.due_ms) == (State.RECONNECTING, script.now + LIMITS.reconnect_ms)
    script.happens(Media(BEN, True), 1_000)
    assert (script.call.state, script.call.talked_since_ms) == (State.ACTIVE, BEGAN)


def test_media_that_never_flowed_cannot_be_lost() -> None:
    script = Script(*TAKEN)
    assert script.happens(Media(ANN, False)) == ()
    assert script.call.state is State.CONNECTING


@pytest.mark.parametrize(
    ("events", "after_ms", "end", "outcome"),
    [
        (TAKEN, LIMITS.connect_ms, End.FAILED, Outcome.ANSWERED),
        ((*TALKING, Media(ANN, False)), LIMITS.reconnect_ms, End.NETWORK, Outcome.ANSWERED),
        (TALKING, LIMITS.silence_ms, End.NETWORK, Outcome.ANSWERED),
    ],
    ids=["never connected", "lost for too long", "nobody speaks of it"],
)
def test_a_call_ends_by_itself(events: tuple[Event, ...], after_ms: int, end: End, outcome: Outcome) -> None:
    script = Script(*events)
    assert script.happens(Due(), after_ms - 1) == ()
    commands = script.happens(Due(), 1)
    over = messages.Over("c", end)
    assert commands == (Deliver(ANN, over), Deliver(BEN, over), Record(script.call))
    assert (script.call.end, script.call.outcome) == (end, outcome)


@pytest.mark.parametrize(("failed", "end"), [(False, End.HANGUP), (True, End.FAILED)])
def test_whoever_hangs_up_ends_it_for_the_other(failed: bool, end: End) -> None:
    script = Script(*TALKING)
    assert script.happens(HungUp(BEN, failed), 2_000) == (Deliver(ANN, messages.Over("c", end)), Record(script.call))
    assert (script.call.outcome, script.call.talked_ms) == (Outcome.ANSWERED, 2_000)


def test_a_call_that_was_taken_and_not_talked_in_lasted_nothing() -> None:
    script = Script(*TAKEN)
    script.happens(HungUp(ANN, False), 500)
    assert (script.call.outcome, script.call.talked_ms) == (Outcome.ANSWERED, 0)


@pytest.mark.parametrize("event", [HungUp(BEN_LAPTOP, False), Media(BEN_LAPTOP, True), Described(BEN_LAPTOP, SECOND, False)])
def test_a_device_that_did_not_take_it_has_no_part_in_it(event: Event) -> None:
    assert Script(*TALKING).refuses(event) is rules.NOT_IN


@pytest.mark.parametrize("event", [Shown(BEN), Declined(BEN_LAPTOP), Busy(BEN_LAPTOP)])
def test_it_does_not_ring_any_more(event: Event) -> None:
    assert Script(*TAKEN).refuses(event).reason is Reason.OUT_OF_PLACE


def test_a_device_that_comes_while_people_talk_changes_nothing() -> None:
    script = Script(*TALKING)
    before = script.call
    assert script.happens(Came(BEN_TABLET)) == ()
    assert script.call == before


# -- media described anew ----------------------------------------------------------------------------------------------


def test_an_offer_goes_to_the_other_side_and_its_answer_comes_back() -> None:
    script = Script(*TALKING)
    assert script.happens(Described(BEN, SECOND, False)) == (Deliver(ANN, messages.Described("c", SECOND, False)),)
    answer = Sdp(2, "yes")
    assert script.happens(Described(ANN, answer, True)) == (Deliver(BEN, messages.Described("c", answer, True)),)
    third = Sdp(3, "third")
    assert script.happens(Described(ANN, third, False)) == (Deliver(BEN, messages.Described("c", third, False)),)


def test_of_two_offers_at_once_the_second_is_refused() -> None:
    script = Script(*TALKING, Described(BEN, SECOND, False))
    refusal = script.refuses(Described(ANN, Sdp(2, "mine"), False))
    assert (refusal.reason, refusal.limit, refusal.actual) == (Reason.OUT_OF_PLACE, 3, 2)
    assert script.refuses(Described(ANN, Sdp(3, "mine"), False)).reason is Reason.OUT_OF_PLACE  # the open one comes first


def test_an_offer_may_be_said_again() -> None:
    script = Script(*TALKING, Described(BEN, SECOND, False))
    assert script.happens(Described(BEN, SECOND, False)) == (Deliver(ANN, messages.Described("c", SECOND, False)),)


@pytest.mark.parametrize("event", [Described(BEN, Sdp(2, "own"), True), Described(ANN, Sdp(1, "old"), True)])
def test_an_answer_is_to_the_other_sides_newest_offer(event: Described) -> None:
    script = Script(*TALKING, Described(BEN, SECOND, False))
    assert script.refuses(event).reason is Reason.OUT_OF_PLACE


def test_offers_have_a_maximum() -> None:
    refusal = Script(*TALKING).refuses(Described(ANN, Sdp(1_001, "x"), False))
    assert (refusal.subject, refusal.limit, refusal.actual) == ("revisions_max", 1_000, 1_001)


# -- its end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Accepted(BEN, ANSWER), HungUp(ANN, False), Media(ANN, True), Reached(ANN, (ROAD,))])
def test_what_is_over_stays_over(event: Event) -> None:
    assert Script(HungUp(ANN, False)).refuses(event) is rules.OVER


def test_a_record_is_owed_until_it_is_there() -> None:
    script = Script(HungUp(ANN, False))
    assert script.happens(Due(), rules.RECORD_RETRY_MS) == (Record(msgspec.structs.replace(script.call, due_ms=BEGAN + 5_000)),)
    assert script.happens(Recorded()) == ()
    assert (script.call.recorded, script.call.due_ms) == (True, 0)
    assert script.happens(Due()) == ()


def test_what_a_call_is_has_an_outcome_before_it_ends() -> None:
    assert Script().call.outcome is Outcome.MISSED


def test_the_other_party_is_known_once_it_is_taken() -> None:
    assert Script().call.other(ANN) is None
    taken = Script(*TAKEN).call
    assert (taken.other(ANN), taken.other(BEN), taken.other(EVE)) == (BEN, ANN, None)
    assert (taken.is_in(ANN), taken.is_in(BEN), taken.is_in(BEN_LAPTOP)) == (True, True, False)


def test_a_call_is_stored_and_read_again() -> None:
    call = Script(Reached(ANN, (ROAD,)), *TALKING, Described(BEN, Sdp(2, sealed=b"\x00\xff"), False)).call
    assert msgspec.json.decode(msgspec.json.encode(call), type=DirectCall) == call
