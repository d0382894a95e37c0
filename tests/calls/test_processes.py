"""Several processes of calls over one Redis: devices of one call are on different ones, and any of them dies."""

from __future__ import annotations

import asyncio
import signal

import grpc
import pytest
from tidewire.v1 import call_pb2, refusal_pb2

from tests.support.calls_processes import Two, joins, two_processes
from tests.support.calls_world import Device, World, people, record
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


async def test_people_on_different_processes_call_one_another(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    call_id = (await ann.place(ben, offer="hello")).placed.call_id
    assert (await ben.hears("incoming")).offer.sdp == "hello"
    await ben.say(show_ringing=call_pb2.ShowRinging(call_id=call_id))
    await ann.hears("rings")
    await ben.accept(call_id, "yes")
    assert (await ann.hears("accepted")).answer.sdp == "yes"
    road = call_pb2.IceCandidate(candidate="candidate:1", mid="0")
    for device, other in ((ann, ben), (ben, ann)):
        await device.say(candidates=call_pb2.SendCandidates(call_id=call_id, candidates=[road]))
        assert list((await other.hears("candidates")).candidates) == [road]
    await ben.say(hang_up=call_pb2.HangUp(call_id=call_id))
    assert (await ann.hears("over")).reason == call_pb2.CALL_END_HANGUP


async def test_two_devices_on_different_processes_take_a_call_at_once_and_one_has_it(two: Two) -> None:
    ann, who = await two.device(0), await people(two.world.node, 2)
    bens = [await two.device(at, one) for at, one in enumerate(who)]
    for _ in range(50):
        call_id = (await ann.place(bens[0])).placed.call_id
        for ben in bens:
            await ben.hears("incoming", lambda told, call_id=call_id: told.call_id == call_id)
        answers = await asyncio.gather(*(ben.accept(call_id, f"by {n}") for n, ben in enumerate(bens)))
        kinds = [str(answer.WhichOneof("event")) for answer in answers]
        assert sorted(kinds) == ["accepted", "refusal"]
        winner = kinds.index("accepted")
        assert (await ann.hears("accepted")).answer.sdp == f"by {winner}"
        await ann.say(hang_up=call_pb2.HangUp(call_id=call_id))
        await bens[winner].hears("over", lambda told, call_id=call_id: told.call_id == call_id)


async def test_a_device_that_moves_to_another_process_ends_its_stream_on_the_first(two: Two) -> None:
    (who,) = await people(two.world.node, 1)
    first, _ = await two.device(0, who), await two.device(1, who)
    assert (await first.hears("closing")).replaced


@pytest.mark.limits(ring_ms=3_000)
async def test_when_the_process_that_placed_a_call_is_killed_another_one_ends_it_and_writes_its_record(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    await ann.place(ben)
    await ben.hears("incoming")
    await two.processes[0].end(signal.SIGKILL)
    assert (await ben.hears("over")).reason == call_pb2.CALL_END_MISSED
    assert (await record(ben, ann))[0] == "MISSED"


async def test_who_placed_a_call_on_a_process_that_was_killed_finds_the_answer_on_another(two: Two) -> None:
    (who,) = await people(two.world.node, 1)
    ann, ben = await two.device(0, who), await two.device(1)
    call_id = (await ann.place(ben)).placed.call_id
    await ben.hears("incoming")
    await two.processes[0].end(signal.SIGKILL)
    await ben.accept(call_id, "still here")
    again = Device(two.world.node.address, two.processes[1].address, *who)
    (snapshot,) = (await again.connect()).calls
    assert snapshot.answer.sdp == "still here"
    await again.say(hang_up=call_pb2.HangUp(call_id=call_id))
    await ben.hears("over")
    await again.close()


async def test_a_groups_call_is_in_one_place_whichever_process_is_asked(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    answers = [await joins(device, group) for device in (ann, ben)]
    assert {answer.WhichOneof("event") for answer in answers} == {"joined"}
    eras = {(await device.say(peek=call_pb2.PeekGroupCall(conversation_id=group))).roster.era_id for device in (ann, ben)}
    assert len(eras) == 1 and eras != {""}


async def test_when_the_process_that_has_a_groups_call_is_killed_its_people_are_told_and_join_another(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    await two.begins(group, 0)
    first, second = (await joins(ann, group)).joined, (await joins(ben, group)).joined
    assert first.era_id == second.era_id
    assert [one.account_id for one in second.roster.participants] == [ann.account_id, ben.account_id]
    assert [one.account_id for one in (await ann.hears("roster", lambda told: len(told.participants) == 2)).participants][1] == (
        ben.account_id
    )
    await two.processes[0].end(signal.SIGKILL)
    assert (await ben.hears("move")).conversation_id == group
    again = (await joins(ben, group)).joined
    assert again.era_id not in ("", first.era_id)
    assert [one.account_id for one in again.roster.participants] == [ben.account_id]


async def test_a_process_that_stops_sends_its_groups_elsewhere(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    await two.begins(group, 0)
    await joins(ann, group)
    await joins(ben, group)
    ending = asyncio.ensure_future(two.processes[0].end(signal.SIGTERM))
    assert (await ben.hears("move")).conversation_id == group
    await ending
    assert (await joins(ben, group)).WhichOneof("event") == "joined"


async def test_devices_of_one_process_meet_in_another_that_forwards_alone(world: World, redis: RedisServer) -> None:
    async with two_processes(world, redis, role="signalling", second={"role": "forwarder"}) as two:
        ann, ben = await two.device(0), await two.device(0)
        group = await ann.group(ben)
        eras = {(await joins(device, group)).joined.era_id for device in (ann, ben)}
        assert len(eras) == 1 and eras != {""}
        await ann.hears("roster", lambda told: len(told.participants) == 2)
        assert (await ann.place(ben)).WhichOneof("event") == "placed"
        with pytest.raises(grpc.aio.AioRpcError):
            await two.device(1)
        await two.processes[1].end(signal.SIGKILL)
        assert (await ann.hears("move")).conversation_id == group
        refused = (await joins(ann, group)).refusal
        assert refused.reason == refusal_pb2.REFUSAL_REASON_UNAVAILABLE and refused.retry_after_ms


async def test_a_call_begins_in_the_less_loaded_process(world: World, redis: RedisServer) -> None:
    async with two_processes(world, redis) as two:
        ann, ben = await two.device(0), await two.device(0)
        first, second = await ann.group(ben), await ann.group(ben)
        await joins(ann, first)
        await joins(ben, first)
        await until_told(redis)
        assert (await joins(ann, second)).WhichOneof("event") == "joined"
        await two.processes[1].end(signal.SIGKILL)
        assert (await ann.hears("move")).conversation_id == second, "it is the one that is not in the first"


async def until_told(redis: RedisServer) -> None:
    """Wait until a process has said that it is loaded."""
    async with asyncio.timeout(30), redis.client() as client:
        while True:
            (key,) = [*await client.keys("*:calls"), ""][:1]
            loads = [float(value.split()[0]) for value in (await client.hgetall(key)).values()] if key else []
            if len(loads) == 2 and max(loads) > 0:
                return
            await asyncio.sleep(0.05)
