"""Calls between two people, by the wire, over a real node."""

from __future__ import annotations

import asyncio

import pytest
from tidewire.transport import new_envelope_id
from tidewire.v1 import call_pb2, refusal_pb2

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_world import Calls, Device, World, record

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


def reason(response: call_pb2.SignalResponse) -> str:
    """Why it was refused."""
    assert response.WhichOneof("event") == "refusal", response
    return refusal_pb2.RefusalReason.Name(response.refusal.reason).removeprefix("REFUSAL_REASON_")


def end(over: call_pb2.CallOver) -> str:
    """Why it is over."""
    return call_pb2.CallEnd.Name(over.reason).removeprefix("CALL_END_")


def description(revision: int, sdp: str) -> call_pb2.CallDescription:
    return call_pb2.CallDescription(revision=revision, sdp=sdp)


async def pair(calls: Calls, devices: int = 1) -> tuple[Device, list[Device]]:
    """Somebody who calls, and the devices of whoever is called."""
    return (await calls.person())[0], await calls.person(devices)


async def test_a_call_rings_is_taken_and_ends_and_both_read_one_record(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    placed = (await ann.place(ben, offer="ann's offer", video=True)).placed
    ringing = await ben.hears("incoming")
    assert (ringing.caller_account_id, ringing.video, ringing.offer.sdp) == (ann.account_id, True, "ann's offer")
    assert ringing.rings_until_ms == placed.rings_until_ms
    await ben.say(show_ringing=call_pb2.ShowRinging(call_id=ringing.call_id))
    assert (await ann.hears("rings")).call_id == placed.call_id

    accepted = await ben.accept(placed.call_id, "ben's answer")
    assert accepted.accepted.device_id == ben.device_id
    told = await ann.hears("accepted")
    assert (told.answer.sdp, told.answer.revision, told.device_id) == ("ben's answer", 1, ben.device_id)
    for device in (ann, ben):
        await device.say(media=call_pb2.ReportMedia(call_id=placed.call_id, flows=True))
    await ben.say(hang_up=call_pb2.HangUp(call_id=placed.call_id))
    assert end(await ann.hears("over")) == "HANGUP"
    how, sender, _ = await record(ann, ben)
    assert (how, sender) == ("ANSWERED", ann.account_id)
    assert await ben.records(ann) == await ann.records(ben)


async def test_candidates_before_the_call_is_taken_wait_for_the_device_that_takes_it(calls: Calls) -> None:
    ann, bens = await pair(calls, 2)
    call_id = (await ann.place(bens[0])).placed.call_id
    early = call_pb2.IceCandidate(candidate="candidate:1", mid="0")
    await ann.say(candidates=call_pb2.SendCandidates(call_id=call_id, candidates=[early]))
    for ben in bens:
        await ben.hears("incoming")
    await bens[1].accept(call_id)
    assert (await bens[1].hears("candidates")).candidates[0].candidate == "candidate:1"
    late = call_pb2.IceCandidate(candidate="candidate:2", mid="0", line=1)
    await bens[1].say(candidates=call_pb2.SendCandidates(call_id=call_id, candidates=[late]))
    assert (await ann.hears("candidates")).candidates[0] == late
    assert end(await bens[0].hears("over")) == "ANSWERED_ELSEWHERE"
    refused = await bens[0].say(candidates=call_pb2.SendCandidates(call_id=call_id, candidates=[late]))
    assert reason(refused) == "NOT_ALLOWED"


async def test_two_devices_take_a_call_at_once_200_times_and_one_has_it(calls: Calls) -> None:
    ann, bens = await pair(calls, 3)
    for _ in range(200):
        call_id = (await ann.place(bens[0])).placed.call_id
        for ben in bens:
            await ben.hears("incoming", lambda told, call_id=call_id: told.call_id == call_id)
        answers = await asyncio.gather(*(ben.accept(call_id, f"by {n}") for n, ben in enumerate(bens[:2])))
        kinds = sorted(str(answer.WhichOneof("event")) for answer in answers)
        assert kinds == ["accepted", "refusal"]
        winner = next(n for n, answer in enumerate(answers) if answer.WhichOneof("event") == "accepted")
        assert (await ann.hears("accepted")).answer.sdp == f"by {winner}"
        assert reason(answers[1 - winner]) == "OUT_OF_PLACE"
        await ann.say(hang_up=call_pb2.HangUp(call_id=call_id))
        assert end(await bens[winner].hears("over", lambda told, call_id=call_id: told.call_id == call_id)) == "HANGUP"


async def test_giving_up_and_taking_at_once_end_alike_for_both(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    seen = set()
    for n in range(100):
        call_id = (await ann.place(ben)).placed.call_id
        await ben.hears("incoming", lambda told, call_id=call_id: told.call_id == call_id)
        hang_up = ann.say(hang_up=call_pb2.HangUp(call_id=call_id))
        first, second = (hang_up, ben.accept(call_id)) if n % 2 else (ben.accept(call_id), hang_up)
        # The first two are one after the other: whoever is faster else, either has been seen.
        answers = [await first, await second] if n < 2 else await asyncio.gather(first, second)
        accepted = answers[1] if n % 2 else answers[0]
        over = end(await ben.hears("over", lambda told, call_id=call_id: told.call_id == call_id))
        taken = accepted.WhichOneof("event") == "accepted"
        seen.add(taken)
        assert over == ("HANGUP" if taken else "CANCELLED")
    assert seen == {True, False}


async def test_declining_is_for_all_devices(calls: Calls) -> None:
    ann, bens = await pair(calls, 2)
    call_id = (await ann.place(bens[0])).placed.call_id
    for ben in bens:
        await ben.hears("incoming")
    await bens[0].say(decline=call_pb2.DeclineCall(call_id=call_id))
    assert end(await ann.hears("over")) == "DECLINED"
    assert end(await bens[1].hears("over")) == "DECLINED_ELSEWHERE"
    assert (await record(ann, bens[0]))[0] == "DECLINED"


async def test_busy_is_heard_when_all_devices_that_ring_are(calls: Calls) -> None:
    ann, bens = await pair(calls, 2)
    call_id = (await ann.place(bens[0])).placed.call_id
    for ben in bens:
        await ben.hears("incoming")
    busy = call_pb2.SayBusy(call_id=call_id)
    await bens[0].say(busy=busy)
    assert reason(await ann.say(media=call_pb2.ReportMedia(call_id=call_id, flows=True))) == "OUT_OF_PLACE"  # it still rings
    await bens[1].say(busy=busy)
    assert end(await ann.hears("over")) == "BUSY"
    assert (await record(ann, bens[0]))[0] == "BUSY"


async def test_a_call_that_nobody_takes_is_missed(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(ring_ms=300))) as calls:
        ann, (ben,) = await pair(calls)
        await ann.place(ben)
        await ben.hears("incoming")
        assert end(await ann.hears("over")) == "MISSED"
        assert end(await ben.hears("over")) == "MISSED"
        assert (await record(ann, ben))[0] == "MISSED"


async def test_who_is_blocked_hears_ringing_and_nothing_reaches_the_other(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(ring_ms=500))) as calls:
        ann, (ben,) = await pair(calls)
        await ben.block(ann)
        call_id = (await ann.place(ben)).placed.call_id
        assert (await ann.hears("rings")).call_id == call_id
        assert reason(await ben.accept(call_id)) == "NOT_FOUND"
        assert end(await ann.hears("over")) == "MISSED"
        assert (await record(ann, ben))[0] == "MISSED"
        assert [told for told in ben.told if told.WhichOneof("event") == "incoming"] == []
        assert await ben.records(ann) == []


async def test_strangers_make_no_sound_where_that_is_wanted_and_are_reached_by_relays_alone(world: World) -> None:
    relays = {"turn_urls": "turn:127.0.0.1:3478?transport=udp", "turn_secrets": "a secret of the relay"}
    async with world.calls(world.settings(**relays)) as calls:
        ann, (ben,) = await pair(calls)
        await ben.silence_strangers()
        placed = (await ann.place(ben)).placed
        ringing = await ben.hears("incoming")
        assert (ringing.silent, ringing.ice.relay_only, placed.ice.relay_only) == (True, True, True)
        assert ringing.ice.servers[0].username.endswith(f":{placed.call_id}.{ben.device_id}")
        await ann.say(hang_up=call_pb2.HangUp(call_id=placed.call_id))


async def test_who_is_known_is_heard_and_reached_directly(world: World) -> None:
    relays = {"turn_urls": "turn:127.0.0.1:3478?transport=udp", "turn_secrets": "a secret of the relay"}
    async with world.calls(world.settings(**relays)) as calls:
        ann, (ben,) = await pair(calls)
        await ben.silence_strangers()
        await ben.knows(ann)
        await ann.place(ben)
        ringing = await ben.hears("incoming")
        assert (ringing.silent, ringing.ice.relay_only) == (False, False)


async def test_who_calls_while_being_called_is_told_of_that_call(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    call_id = (await ann.place(ben)).placed.call_id
    answer = (await ben.place(ann)).placed
    assert (answer.calling_you_call_id, answer.ticket) == (call_id, b"")
    await ben.accept(answer.calling_you_call_id)
    assert (await ann.hears("accepted")).call_id == call_id


async def test_a_repeated_command_has_the_same_answer(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    call_id = new_envelope_id()
    first, second = [(await ann.place(ben, call_id=call_id)).placed for _ in range(2)]
    assert (first.rings_until_ms, first.ticket) == (second.rings_until_ms, second.ticket)
    await ben.hears("incoming")
    answers = [await ben.accept(call_id) for _ in range(2)]
    assert [answer.WhichOneof("event") for answer in answers] == ["accepted", "accepted"]


async def test_a_device_that_comes_while_it_rings_is_told_in_its_welcome(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    await ben.close_stream()
    call_id = (await ann.place(ben, offer="hello")).placed.call_id
    (snapshot,) = (await ben.connect()).calls
    assert (snapshot.state, snapshot.call.call_id, snapshot.call.offer.sdp) == (call_pb2.CALL_STATE_RINGING, call_id, "hello")
    await ben.accept(call_id)
    await ann.hears("accepted")


async def test_a_caller_whose_stream_broke_finds_the_answer_in_its_welcome(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    call_id = (await ann.place(ben)).placed.call_id
    await ben.hears("incoming")
    await ann.close_stream()
    await ben.accept(call_id, "while you were away")
    (snapshot,) = (await ann.connect()).calls
    assert (snapshot.state, snapshot.outgoing) == (call_pb2.CALL_STATE_CONNECTING, True)
    assert snapshot.answer.sdp == "while you were away"


async def test_media_is_described_anew_by_one_side_at_a_time(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    call_id = (await ann.place(ben)).placed.call_id
    await ben.hears("incoming")
    await ben.accept(call_id)

    def describe(revision: int, sdp: str, answers: bool = False) -> call_pb2.DescribeCall:
        return call_pb2.DescribeCall(call_id=call_id, description=description(revision, sdp), answers=answers)

    both = await asyncio.gather(ann.say(describe=describe(2, "of ann")), ben.say(describe=describe(2, "of ben")))
    assert sorted(str(answer.WhichOneof("event")) for answer in both) == ["done", "refusal"]
    first, second = (ann, ben) if both[0].WhichOneof("event") == "done" else (ben, ann)
    assert (await second.hears("described")).answers is False
    assert reason(await first.say(describe=describe(2, "own", answers=True))) == "OUT_OF_PLACE"
    await second.say(describe=describe(2, "yes", answers=True))
    told = await first.hears("described")
    assert (told.answers, told.description.sdp) == (True, "yes")
    assert (await second.say(describe=describe(3, "mine"))).WhichOneof("event") == "done"


async def test_a_call_placed_without_an_offer_rings_when_it_has_one(calls: Calls) -> None:
    ann, (ben,) = await pair(calls)
    call_id = (await ann.place(ben, offer="")).placed.call_id
    assert reason(await ben.accept(call_id)) == "NOT_FOUND"
    await ben.close_stream()
    assert list((await ben.connect()).calls) == []
    await ann.say(describe=call_pb2.DescribeCall(call_id=call_id, description=description(1, "now")))
    assert (await ben.hears("incoming")).offer.sdp == "now"


async def test_lost_media_may_come_back_or_ends_the_call(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(reconnect_ms=400))) as calls:
        ann, (ben,) = await pair(calls)
        call_id = (await ann.place(ben)).placed.call_id
        await ben.hears("incoming")
        await ben.accept(call_id)
        for flows in (True, False, True, False):
            await ann.say(media=call_pb2.ReportMedia(call_id=call_id, flows=flows))
        assert end(await ben.hears("over")) == "NETWORK"
        assert (await record(ann, ben))[0] == "ANSWERED"


async def test_a_call_that_never_connects_fails(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(connect_ms=300))) as calls:
        ann, (ben,) = await pair(calls)
        call_id = (await ann.place(ben)).placed.call_id
        await ben.hears("incoming")
        await ben.accept(call_id)
        assert end(await ann.hears("over")) == "FAILED"


async def test_a_second_stream_of_a_device_ends_the_first(calls: Calls) -> None:
    (ann,) = await calls.person()
    again = Device(calls.world.node.address, calls.address, ann.token, ann.account_id, ann.device_id)
    await again.connect()
    assert (await ann.hears("closing")).replaced
    await again.close()


async def test_a_call_that_the_process_forgot_gets_its_record_by_its_ticket(world: World) -> None:
    settings = world.settings(ticket_secret="a secret of all processes, long enough")
    async with world.calls(settings) as calls:
        ann, (ben,) = await pair(calls)
        placed = (await ann.place(ben)).placed
        ticket = (await ben.hears("incoming")).ticket
        await ben.accept(placed.call_id)
        tokens = [(one.token, one.account_id, one.device_id) for one in (ann, ben)]
    async with world.calls(settings) as calls:
        ann, ben = [Device(world.node.address, calls.address, *one) for one in tokens]
        for device, proof in ((ann, placed.ticket), (ben, ticket)):
            await device.connect()
            forged = call_pb2.HangUp(call_id=placed.call_id, ticket=proof[:-1] + b"x", talked_ms=5)
            assert reason(await device.say(hang_up=forged)) == "NOT_FOUND"
            said = await device.say(hang_up=call_pb2.HangUp(call_id=placed.call_id, ticket=proof, talked_ms=1))
            assert said.WhichOneof("event") == "done"
        assert await ann.records(ben) == [("ANSWERED", ann.account_id, 1)]
        for device in (ann, ben):
            await device.close()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ({"place": call_pb2.PlaceCall(call_id="not a uuid", conversation_id="d:a:b")}, "INVALID"),
        ({"place": call_pb2.PlaceCall(call_id=new_envelope_id(), conversation_id="d:a:b")}, "NOT_A_MEMBER"),
        ({"place": call_pb2.PlaceCall(call_id=new_envelope_id(), conversation_id="g:nothing")}, "NOT_A_MEMBER"),
        ({"accept": call_pb2.AcceptCall(call_id=new_envelope_id())}, "INVALID"),
        ({"accept": call_pb2.AcceptCall(call_id=new_envelope_id(), answer=description(1, "x"))}, "NOT_FOUND"),
        ({"hang_up": call_pb2.HangUp(call_id=new_envelope_id())}, "NOT_FOUND"),
        ({"hang_up": call_pb2.HangUp(call_id=new_envelope_id(), ticket=b"forged")}, "NOT_FOUND"),
        ({"refresh_ice": call_pb2.RefreshIce(call_id="nothing")}, "NOT_FOUND"),
        ({"hello": call_pb2.CallHello()}, "OUT_OF_PLACE"),
        ({}, "OUT_OF_PLACE"),
    ],
    ids=lambda value: next(iter(value), "nothing") if isinstance(value, dict) else value,
)
async def test_what_makes_no_sense_is_refused_and_the_stream_lives(calls: Calls, command: dict[str, object], why: str) -> None:
    (ann,) = await calls.person()
    assert reason(await ann.say(**command)) == why
    assert reason(await ann.say()) == "OUT_OF_PLACE"


async def test_candidates_have_a_maximum(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(candidates_max=2))) as calls:
        ann, (ben,) = await pair(calls)
        call_id = (await ann.place(ben)).placed.call_id
        three = [call_pb2.IceCandidate(candidate=f"candidate:{n}") for n in range(3)]
        refused = (await ann.say(candidates=call_pb2.SendCandidates(call_id=call_id, candidates=three))).refusal
        assert (refused.subject, refused.limit, refused.actual) == ("candidates_max", 2, 3)


async def test_calls_have_a_rate(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(calls_burst=1, calls_per_hour=1))) as calls:
        ann, (ben,) = await pair(calls)
        call_id = (await ann.place(ben)).placed.call_id
        await ann.say(hang_up=call_pb2.HangUp(call_id=call_id))
        refused = await ann.place(ben)
        assert reason(refused) == "RATE_LIMITED" and refused.refusal.retry_after_ms > 3_000_000


async def test_everybody_reads_the_limits(calls: Calls) -> None:
    (ann,) = await calls.person()
    limits = (await ann.stub.GetCallLimits(call_pb2.GetCallLimitsRequest())).limits
    assert (limits["ring_ms"], limits["candidates_max"]) == (45_000, 64)
    assert (limits["participants_max"], limits["audio_last_n"]) == (32, 5), "those of the unit, too"
