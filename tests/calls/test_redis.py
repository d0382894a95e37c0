"""Calls over a real Redis that is wiped and killed while people are called and talk."""

from __future__ import annotations

from typing import Any

import pytest
from tidewire.transport import new_envelope_id
from tidewire.v1 import call_pb2, refusal_pb2

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_world import Calls, Device, World, record
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
SECRET = "a secret of all processes, long enough"


def settings(world: World, redis: RedisServer, **limits: int) -> Any:
    return world.settings(
        rings="redis",
        redis_url=redis.url,
        redis_prefix=f"tw{new_envelope_id()}",
        ticket_secret=SECRET,
        peer_token=SECRET,
        limits=SignallingLimits(**limits),
    )


async def pair(calls: Calls) -> tuple[Device, Device]:
    return (await calls.person())[0], (await calls.person())[0]


async def test_a_call_is_placed_taken_and_ended_by_what_redis_keeps(world: World, redis: RedisServer) -> None:
    async with world.calls(settings(world, redis)) as calls:
        ann, ben = await pair(calls)
        call_id = (await ann.place(ben)).placed.call_id
        await ben.hears("incoming")
        await ben.accept(call_id)
        await ann.hears("accepted")
        await ann.say(media=call_pb2.ReportMedia(call_id=call_id, flows=True))
        await ann.say(hang_up=call_pb2.HangUp(call_id=call_id))
        await ben.hears("over")
        assert (await record(ann, ben))[0] == "ANSWERED"


async def test_a_call_that_nobody_takes_ends_by_its_due_time(world: World, redis: RedisServer) -> None:
    async with world.calls(settings(world, redis, ring_ms=400)) as calls:
        ann, ben = await pair(calls)
        await ann.place(ben)
        await ann.hears("over")
        assert (await record(ann, ben))[0] == "MISSED"


async def test_what_rings_while_redis_is_wiped_ends_as_missed(world: World, redis: RedisServer) -> None:
    async with world.calls(settings(world, redis)) as calls:
        ann, ben = await pair(calls)
        placed = (await ann.place(ben)).placed
        await ben.hears("incoming")
        await redis.wipe()
        refused = (await ben.accept(placed.call_id)).refusal
        assert refused.reason == refusal_pb2.REFUSAL_REASON_NOT_FOUND
        said = await ann.say(hang_up=call_pb2.HangUp(call_id=placed.call_id, ticket=placed.ticket))
        assert said.WhichOneof("event") == "done"
        assert (await record(ann, ben))[0] == "MISSED"
        await ben.hears("over")


async def test_people_talk_on_while_redis_is_dead_and_have_one_record(world: World, redis: RedisServer) -> None:
    async with world.calls(settings(world, redis)) as calls:
        ann, ben = await pair(calls)
        placed = (await ann.place(ben)).placed
        ticket = (await ben.hears("incoming")).ticket
        await ben.accept(placed.call_id)
        await ann.say(media=call_pb2.ReportMedia(call_id=placed.call_id, flows=True))
        await redis.kill()
        refused = (await ann.place(ben)).refusal
        assert refused.reason == refusal_pb2.REFUSAL_REASON_UNAVAILABLE and refused.retry_after_ms
        for device, proof in ((ann, placed.ticket), (ben, ticket)):
            said = await device.say(hang_up=call_pb2.HangUp(call_id=placed.call_id, ticket=proof, talked_ms=1))
            assert said.WhichOneof("event") == "done"
        assert await ann.records(ben) == [("ANSWERED", ann.account_id, 1)]
