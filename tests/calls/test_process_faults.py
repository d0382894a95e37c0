"""Several processes of calls, while Redis is wiped or away, and while what they show one another is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tidewire.v1 import call_pb2, refusal_pb2

from calls.adapters.peers import Channels, Peer, Silent
from server.kit import mutual_tls
from tests.support.calls_processes import SECRET, Two, joins, two_processes
from tests.support.calls_world import SCOPES, Device, World, record
from tests.support.certificates import Authority
from tests.support.media import service_token
from tests.support.node import Node
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
UNAVAILABLE = refusal_pb2.REFUSAL_REASON_UNAVAILABLE


async def joins_in_the_end(device: Device, group: str) -> call_pb2.GroupCallJoined:
    """Join, again whenever the refusal says so."""
    async with asyncio.timeout(30):
        while (answer := await joins(device, group)).WhichOneof("event") == "refusal":
            assert answer.refusal.reason == UNAVAILABLE and answer.refusal.retry_after_ms, answer.refusal
            await asyncio.sleep(answer.refusal.retry_after_ms / 1000)
    return answer.joined


def certificates(authority: Authority) -> dict[str, str]:
    """The settings of a process that has one of this authority's."""
    certificate, key = authority.issue("process")
    return {"cluster_ca": str(authority.ca), "cluster_cert": str(certificate), "cluster_key": str(key)}


async def both_in(two: Two) -> tuple[Device, Device, str, str]:
    """Ann on the process that has the call, ben on the other; the group, and the call's era."""
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    first, second = (await joins(ann, group)).joined, (await joins(ben, group)).joined
    assert first.era_id == second.era_id != ""
    await ann.hears("roster", lambda told: len(told.participants) == 2)
    return ann, ben, group, first.era_id


def moved(device: Device) -> list[call_pb2.SignalResponse]:
    """What told the device to join again."""
    return [told for told in device.told if told.WhichOneof("event") == "move"]


async def keys(redis: RedisServer, name: str) -> int:
    """How many keys of this name there are."""
    client = redis.client()
    try:
        return len(await client.keys(f"*:{name}"))
    finally:
        await client.aclose()


async def restored(redis: RedisServer) -> None:
    """Wait until both processes have put back what they have in Redis."""
    async with asyncio.timeout(30):
        while await keys(redis, "calls-process") < 2 or not await keys(redis, "calls-place"):
            await asyncio.sleep(0.05)


async def test_a_groups_call_goes_on_when_redis_is_wiped_and_whoever_joins_then_is_in_it(two: Two, redis: RedisServer) -> None:
    ann, ben, group, era_id = await both_in(two)
    await redis.wipe()
    assert (await joins_in_the_end(ben, group)).era_id == era_id
    await restored(redis)
    eve = await two.device(1)
    stranger = (await eve.say(peek=call_pb2.PeekGroupCall(conversation_id=group))).refusal
    assert stranger.reason == refusal_pb2.REFUSAL_REASON_NOT_A_MEMBER
    roster = (await ben.say(peek=call_pb2.PeekGroupCall(conversation_id=group))).roster
    assert roster.era_id == era_id and len(roster.participants) == 2
    assert moved(ann) == moved(ben) == []


async def test_who_joins_by_a_process_that_has_not_noticed_the_wipe_does_not_begin_a_second_call(
    two: Two, redis: RedisServer
) -> None:
    ann, ben = await two.device(0), await two.device(1)
    group = await ann.group(ben)
    era_id = (await joins(ann, group)).joined.era_id
    await redis.wipe()
    assert (await joins_in_the_end(ben, group)).era_id == era_id
    assert moved(ann) == []


async def test_devices_are_found_again_when_redis_was_wiped(two: Two, redis: RedisServer) -> None:
    ann, ben = await two.device(0), await two.device(1)
    await redis.wipe()
    async with asyncio.timeout(30):
        while await keys(redis, "calls-streams") < 2:
            await asyncio.sleep(0.05)
    await ann.place(ben)
    await ben.hears("incoming")


async def test_people_of_a_groups_call_are_told_all_and_do_all_while_redis_is_dead(two: Two, redis: RedisServer) -> None:
    ann, ben, group, _ = await both_in(two)
    await redis.kill()
    for device, other, muted in ((ben, ann, True), (ann, ben, True), (ben, ann, False)):
        said = await device.say(set_self=call_pb2.SetSelf(conversation_id=group, muted=muted))
        assert said.WhichOneof("event") == "done", said
        heard = await other.hears("roster", lambda told, d=device, m=muted: (d.account_id, m) in flags(told))
        assert len(heard.participants) == 2
    assert (await joins(ben, group)).WhichOneof("event") == "joined"
    assert (await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=group))).WhichOneof("event") == "done"
    await ann.hears("roster", lambda told: len(told.participants) == 1)
    assert moved(ann) == moved(ben) == []


def flags(told: Any) -> set[tuple[str, bool]]:
    """Who is muted, and who is not."""
    return {(one.account_id, one.muted) for one in told.participants}


async def test_nobody_begins_a_groups_call_while_redis_is_dead(two: Two, redis: RedisServer) -> None:
    ann = await two.device(0)
    group = await ann.group(await two.device(1))
    await redis.kill()
    refused = (await joins(ann, group)).refusal
    assert refused.reason == UNAVAILABLE and refused.retry_after_ms


async def test_when_the_process_that_placed_a_call_is_killed_while_people_talk_the_other_one_ends_it(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    call_id = (await ann.place(ben)).placed.call_id
    await ben.hears("incoming")
    await ben.accept(call_id)
    for device in (ann, ben):
        await device.say(media=call_pb2.ReportMedia(call_id=call_id, flows=True))
    await two.processes[0].end(9)
    assert (await ben.say(hang_up=call_pb2.HangUp(call_id=call_id))).WhichOneof("event") == "done"
    assert (await record(ben, ann))[:2] == ("ANSWERED", ann.account_id)


async def test_processes_with_certificates_of_one_authority_need_no_token(redis: RedisServer, tmp_path: Path) -> None:
    ours, others = (Authority(tmp_path / name) for name in ("ours", "others"))
    files = certificates(ours)
    node = Node(tmp_path / "node", address_commands_burst=1_000_000, **files)
    token = await service_token(tmp_path / "node", "calls", *SCOPES)
    await node.start()
    try:
        async with two_processes(World(node, token, tmp_path), redis, peer_token="", **files) as two:
            await both_in(two)
            strangers = Channels("", mutual_tls.calling(SimpleNamespace(**certificates(others))))
            for peer in (Peer("", process.internal) for process in two.processes):
                with pytest.raises(Silent):
                    await strangers.held(peer, ())
            await strangers.close()
    finally:
        await node.close()


async def test_a_process_that_shows_another_token_is_passed_nothing(world: World, redis: RedisServer) -> None:
    async with two_processes(world, redis, second={"peer_token": SECRET[::-1]}) as two:
        ann, ben = await two.device(0), await two.device(1)
        group = await ann.group(ben)
        assert (await joins(ann, group)).WhichOneof("event") == "joined"
        assert (await joins(ben, group)).refusal.reason == UNAVAILABLE
        roster = (await ann.say(peek=call_pb2.PeekGroupCall(conversation_id=group))).roster
        assert [one.account_id for one in roster.participants] == [ann.account_id]
