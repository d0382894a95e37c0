"""Calls by link, by the wire alone: who comes in, who waits, and who lets them in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from tidewire.v1 import call_link_pb2, call_pb2, refusal_pb2

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_processes import Two, joins, two_processes
from tests.support.calls_world import SCOPES, Calls, Device, World
from tests.support.media import service_token
from tests.support.node import Node
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
ADMIT, DENY, BLOCK = call_pb2.WAITING_ANSWER_ADMIT, call_pb2.WAITING_ANSWER_DENY, call_pb2.WAITING_ANSWER_BLOCK


async def people(calls: Calls, count: int) -> list[Device]:
    """A device each of so many people who do not know one another."""
    return [(await calls.person())[0] for _ in range(count)]


def reason(answer: call_pb2.SignalResponse) -> str:
    """Of a refusal; "": it is none."""
    refused = answer.WhichOneof("event") == "refusal"
    return refusal_pb2.RefusalReason.Name(answer.refusal.reason).removeprefix("REFUSAL_REASON_") if refused else ""


async def answers(device: Device, room: str, answer: Any, *waiting_ids: str) -> call_pb2.SignalResponse:
    """Let some in, or do not."""
    return await device.say(answer_waiting=call_pb2.AnswerWaiting(conversation_id=room, waiting_ids=waiting_ids, answer=answer))


async def waits_at(ann: Device, ben: Device) -> tuple[str, str, call_pb2.WaitingGuest]:
    """Ann is in a room of her link, and ben waits: its token, the room, and what ann sees."""
    made = await ann.link(approval=True)
    room = (await joins(ann, link_token=made.token)).joined.call_id
    waiting = (await joins(ben, link_token=made.token)).waiting
    assert waiting.conversation_id == room == made.link.room_id and waiting.until_ms
    (guest,) = (await ann.hears("waiting_room", lambda told: told.waiting)).waiting
    return made.token, room, guest


async def test_who_has_a_link_comes_in_and_everybody_sees_a_guest_by_name(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    made = await ann.link()
    own = (await joins(ann, link_token=made.token)).joined
    assert own.call_id == made.link.room_id and own.call_id.startswith("l:")
    came = (await joins(ben, link_token=made.token)).joined
    assert (came.call_id, came.era_id) == (own.call_id, own.era_id)
    told = await ann.hears("roster", lambda told: len(told.participants) == 2)
    assert [(one.account_id, one.guest) for one in told.participants] == [(ann.account_id, False), (ben.account_id, True)]
    assert told.participants[1].display_name.startswith("caller") and not told.participants[0].display_name
    for device in (ann, ben):
        assert (await device.say(leave=call_pb2.LeaveGroupCall(conversation_id=own.call_id))).WhichOneof("event") == "done"


async def test_strangers_come_to_a_groups_call_by_link_and_its_members_need_no_approval(calls: Calls) -> None:
    ann, ben, eve = await people(calls, 3)
    group = await ann.group(ben)
    made = await ann.link(group, approval=True)
    assert made.link.room_id == group
    assert (await joins(ben, link_token=made.token)).joined.call_id == group
    assert (await joins(eve, link_token=made.token)).waiting.conversation_id == group
    assert reason(await joins(eve, group)) == "NOT_A_MEMBER"
    assert reason(await answers(ben, group, ADMIT)) == "NOT_ALLOWED", "he is no admin"
    await joins(ann, group)
    (guest,) = (await ann.hears("waiting_room", lambda told: told.waiting)).waiting
    await answers(ann, group, ADMIT, guest.waiting_id)
    await eve.hears("admitted")
    assert (await joins(eve, link_token=made.token)).joined.call_id == group
    assert reason(await eve.say(moderate=call_pb2.Moderate(conversation_id=group, participant_id="x"))) == "NOT_A_MEMBER"


async def test_who_waits_learns_nothing_until_it_is_let_in(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    token, room, guest = await waits_at(ann, ben)
    assert (guest.account_id, guest.display_name[:6]) == (ben.account_id, "caller")
    assert reason(await ben.say(peek=call_pb2.PeekGroupCall(conversation_id=room, follow=True))) == "NOT_A_MEMBER"
    assert reason(await ben.say(watch=call_pb2.WatchTracks(conversation_id=room))) == "NOT_FOUND"
    assert reason(await ben.say(restart_down=call_pb2.RestartDown(conversation_id=room))) == "NOT_FOUND"
    assert reason(await ben.say(refresh_ice=call_pb2.RefreshIce(call_id=room))) == "NOT_FOUND", "no relay either"
    assert {told.WhichOneof("event") for told in ben.told} == set()
    assert (await answers(ann, room, ADMIT, guest.waiting_id)).WhichOneof("event") == "done"
    assert (await ben.hears("admitted")).conversation_id == room
    assert list((await ann.hears("waiting_room")).waiting) == []
    joined = (await joins(ben, link_token=token)).joined
    assert len(joined.roster.participants) == 2
    await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=room))
    assert (await joins(ben, link_token=token)).WhichOneof("event") == "joined", "once let in, it comes back as it likes"


async def test_who_is_denied_may_ask_again_and_who_is_blocked_may_not(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    token, room, guest = await waits_at(ann, ben)
    await answers(ann, room, DENY, guest.waiting_id)
    assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_DENIED
    assert (await joins(ben, link_token=token)).WhichOneof("event") == "waiting"
    await answers(ann, room, BLOCK)
    assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_DENIED
    assert reason(await joins(ben, link_token=token)) == "NOT_ALLOWED"


async def test_a_guest_is_put_out_for_good(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    made = await ann.link()
    room = (await joins(ann, link_token=made.token)).joined.call_id
    guest = (await joins(ben, link_token=made.token)).joined.participant_id
    out = call_pb2.Moderate(conversation_id=room, participant_id=guest, remove=True, block=True)
    assert (await ann.say(moderate=out)).WhichOneof("event") == "done"
    assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_REMOVED
    assert reason(await joins(ben, link_token=made.token)) == "NOT_ALLOWED"


async def test_a_guest_follows_the_call_no_longer_than_it_is_in(calls: Calls) -> None:
    ann, ben, dan = await people(calls, 3)
    group = await ann.group(dan)
    made = await ann.link(group)
    await joins(ann, group)
    guest = (await joins(ben, link_token=made.token)).joined.participant_id
    follow = call_pb2.PeekGroupCall(conversation_id=group, follow=True)
    assert [len((await device.say(peek=follow)).roster.participants) for device in (ben, dan)] == [2, 2]
    await ann.say(moderate=call_pb2.Moderate(conversation_id=group, participant_id=guest, remove=True, block=True))
    await ben.hears("group_over")
    await ann.say(set_self=call_pb2.SetSelf(conversation_id=group, hand_raised=True))
    await dan.hears("roster", lambda told: any(one.hand_raised for one in told.participants))
    assert reason(await ben.say(peek=follow)) == "NOT_A_MEMBER"
    assert "roster" not in {told.WhichOneof("event") for told in ben.told}


async def test_who_waits_before_anybody_is_there_is_seen_by_the_admin_who_comes(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    made = await ann.link(approval=True)
    assert (await joins(ben, link_token=made.token)).WhichOneof("event") == "waiting"
    await joins(ann, link_token=made.token)
    assert [one.account_id for one in (await ann.hears("waiting_room")).waiting] == [ben.account_id]
    assert (await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=made.link.room_id))).WhichOneof("event") == "done"
    assert list((await ann.hears("waiting_room")).waiting) == []


async def test_wrong_and_revoked_links_look_alike_and_those_who_are_in_stay(calls: Calls) -> None:
    ann, ben, eve = await people(calls, 3)
    made = await ann.link()
    room = (await joins(ann, link_token=made.token)).joined.call_id
    await joins(ben, link_token=made.token)
    await ann.revoke(made.link.link_id)
    wrong, revoked = await joins(eve, link_token="wrong"), await joins(eve, link_token=made.token)
    assert reason(wrong) == reason(revoked) == "NOT_FOUND" and wrong.refusal == revoked.refusal
    roster = (await ben.say(peek=call_pb2.PeekGroupCall(conversation_id=room))).roster
    assert len(roster.participants) == 2
    assert not (await ann.links.ListCallLinks(call_link_pb2.ListCallLinksRequest(), metadata=ann.metadata)).links


async def test_who_is_no_admin_any_more_lets_nobody_in_by_an_old_link(calls: Calls) -> None:
    ann, ben, eve = await people(calls, 3)
    group = await ann.group(ben)
    with pytest.raises(grpc.aio.AioRpcError, match="only owners and admins"):
        await ben.link(group)
    with pytest.raises(grpc.aio.AioRpcError, match="not a member"):
        await eve.link(group)
    with pytest.raises(grpc.aio.AioRpcError, match="not a member"):
        await ann.link(await ann.direct(ben))
    made = await ann.link(group)
    await ann.leave_group(group)
    assert reason(await joins(eve, link_token=made.token)) == "NOT_FOUND"


async def test_a_link_is_changed_by_its_maker_alone(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    made = await ann.link(approval=True)
    change = call_link_pb2.UpdateCallLinkRequest(link_id=made.link.link_id, approval=False)
    with pytest.raises(grpc.aio.AioRpcError, match="no such link"):
        await ben.links.UpdateCallLink(change, metadata=ben.metadata)
    assert not (await ann.links.UpdateCallLink(change, metadata=ann.metadata)).link.approval
    assert (await joins(ben, link_token=made.token)).WhichOneof("event") == "joined"


async def test_nobody_waits_for_ever(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(calls_burst=1_000, waiting_ms=700))) as calls:
        ann, ben = await people(calls, 2)
        await waits_at(ann, ben)
        assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_MISSED


async def test_not_too_many_wait_and_nobody_tries_too_many_links(world: World) -> None:
    limits = SignallingLimits(calls_burst=1_000, waiting_max=1, links_burst=3, links_per_hour=1)
    async with world.calls(world.settings(limits=limits)) as calls:
        ann, ben, eve = await people(calls, 3)
        token, room, guest = await waits_at(ann, ben)
        refused = (await joins(eve, link_token=token)).refusal
        assert (refused.subject, refused.limit, refused.actual) == ("waiting_max", 1, 2), refused
        await answers(ann, room, DENY, guest.waiting_id)
        assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_DENIED
        assert (await joins(eve, link_token=token)).WhichOneof("event") == "waiting"
        for _ in range(2):
            answer = await joins(eve, link_token="guess")
        assert reason(answer) == "RATE_LIMITED" and answer.refusal.retry_after_ms


async def test_who_waits_is_told_that_the_link_was_revoked_and_who_came_by_another_waits_on(world: World) -> None:
    async with world.calls(world.settings(limits=SignallingLimits(calls_burst=1_000, links_checked_ms=100))) as calls:
        ann, ben, eve, joe = await people(calls, 4)
        group = await ann.group(joe)
        first, second = [await ann.link(group, approval=True) for _ in range(2)]
        await joins(ann, group)
        for device, made in ((ben, first), (eve, second)):
            assert (await joins(device, link_token=made.token)).WhichOneof("event") == "waiting"
        await ann.hears("waiting_room", lambda told: len(told.waiting) == 2)
        await ann.revoke(first.link.link_id)
        assert (await ben.hears("group_over")).reason == call_pb2.CALL_END_REVOKED
        told = await ann.hears("waiting_room")
        assert [one.account_id for one in told.waiting] == [eve.account_id]
        assert reason(await joins(ben, link_token=first.token)) == "NOT_FOUND"
        assert (await joins(ben, link_token=second.token)).WhichOneof("event") == "waiting"


async def stays_in_by_a_revoked_link(ann: Device, ben: Device, eve: Device) -> None:
    """Ben is in a call by ann's link, and eve is not."""
    group = await ann.group()
    made, other = await ann.link(group), await ann.link(group, approval=True)
    room = (await joins(ann, link_token=made.token)).joined.call_id
    participant_id = (await joins(ben, link_token=made.token)).joined.participant_id
    await ann.revoke(made.link.link_id)
    assert (await joins(ben, room, made.token)).joined.participant_id == participant_id, "the same stay"
    assert reason(await joins(ben, link_token=made.token)) == "NOT_FOUND", "it does not say that it is in"
    assert reason(await joins(ben, room)) == "NOT_A_MEMBER"
    assert (await joins(ann, room, made.token)).WhichOneof("event") == "joined", "a member needs no link"
    assert reason(await joins(eve, room, made.token)) == "NOT_A_MEMBER", "it is not in"
    await ben.say(leave=call_pb2.LeaveGroupCall(conversation_id=room))
    assert reason(await joins(ben, room, made.token)) == "NOT_A_MEMBER", "it is in no more"
    assert (await joins(eve, link_token=other.token)).WhichOneof("event") == "waiting"
    told = await ann.hears("waiting_room", lambda told: told.waiting)
    assert [one.account_id for one in told.waiting] == [eve.account_id], "ann is an admin as before"


async def test_a_guest_who_is_in_offers_again_although_its_link_was_revoked(calls: Calls) -> None:
    await stays_in_by_a_revoked_link(*await people(calls, 3))


async def test_a_guest_stays_in_whichever_process_it_asks(two: Two) -> None:
    await stays_in_by_a_revoked_link(await two.device(0), await two.device(1), await two.device(1))


async def test_links_are_tried_by_one_address_so_often_whoever_tries(world: World) -> None:
    limits = SignallingLimits(calls_burst=1_000, address_links_burst=3, address_links_per_hour=1)
    async with world.calls(world.settings(limits=limits)) as calls:
        answers = [await joins(one, link_token="guess") for one in await people(calls, 4)]
        assert [reason(one) for one in answers] == ["NOT_FOUND"] * 3 + ["RATE_LIMITED"]
        refused = answers[3].refusal
        assert refused.subject == "address_links_per_hour" and refused.retry_after_ms
        (ann,) = await people(calls, 1)
        room_id = (await ann.link()).link.room_id
        assert reason(await joins(ann, room_id)) == "", "others than joins by link are not counted"


async def test_each_join_by_link_counts_once_where_there_are_several_processes(world: World, redis: RedisServer) -> None:
    async with two_processes(world, redis, links_burst=3, links_per_hour=1) as two:
        ann, ben = await two.device(0), await two.device(1)
        made = await ann.link()
        for device in (ann, ben):
            answers = [await joins(device, link_token=made.token) for _ in range(4)]
            assert [reason(one) for one in answers] == ["", "", "", "RATE_LIMITED"]
            assert answers[3].refusal.subject == "links_per_hour"


async def test_relays_of_a_groups_call_come_with_each_answer_to_join_and_by_no_other_way(world: World) -> None:
    async with world.calls(world.settings(turn_urls="turn:127.0.0.1:3478", turn_secrets="a secret of the relay")) as calls:
        ann, ben = await people(calls, 2)
        group = await ann.group(ben)
        ways = [(await joins(ann, group)).joined for _ in range(2)]
        assert [one.ice.servers[0].urls for one in ways] == [["turn:127.0.0.1:3478"]] * 2
        assert 0 < ways[0].ice.expires_at_ms <= ways[1].ice.expires_at_ms and not ways[0].ice.relay_only
        for call_id in (group, ways[1].era_id):
            assert reason(await ann.say(refresh_ice=call_pb2.RefreshIce(call_id=call_id))) == "NOT_FOUND"


async def test_a_join_names_a_conversation_or_a_link(calls: Calls) -> None:
    ann, ben = await people(calls, 2)
    room = (await ann.link()).link.room_id
    assert reason(await joins(ann)) == "INVALID"
    assert reason(await joins(ann, room)) == "", "the maker of a room needs no token"
    assert reason(await joins(ben, room)) == "NOT_A_MEMBER"


async def opens_no_room(ann: Device, ben: Device) -> None:
    """Ann makes links, and calls of her own name that no link leads to."""
    group_link = (await ann.link(await ann.group())).link.link_id
    for link_id in ("none", group_link):
        assert reason(await joins(ann, f"l:{ann.account_id}:{link_id}")) == "NOT_FOUND"
    made = await ann.link()
    room = made.link.room_id
    participant_id = (await joins(ann, room)).joined.participant_id
    assert (await joins(ben, link_token=made.token)).WhichOneof("event") == "joined"
    await ann.revoke(made.link.link_id)
    assert (await joins(ann, room)).joined.participant_id == participant_id, "who is in stays, and offers again"
    out = call_pb2.Moderate(conversation_id=room, participant_id=participant_id)
    assert (await ann.say(moderate=out)).WhichOneof("event") == "done", "and is the admin as before"
    await ann.say(leave=call_pb2.LeaveGroupCall(conversation_id=room))
    assert reason(await joins(ann, room)) == "NOT_FOUND", "the call goes on, and nobody comes in"
    assert len((await ben.hears("roster", lambda told: len(told.participants) == 1)).participants) == 1


async def test_a_room_is_open_as_long_as_its_link_even_for_its_maker(calls: Calls) -> None:
    await opens_no_room(*await people(calls, 2))


async def test_a_room_is_shut_whichever_process_is_asked(two: Two) -> None:
    await opens_no_room(await two.device(0), await two.device(1))


async def test_a_room_whose_link_nobody_used_for_too_long_is_shut(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", address_commands_burst=1_000_000, call_link_idle_s=1)
    token = await service_token(tmp_path / "node", "calls", *SCOPES)
    await node.start()
    try:
        world = World(node, token, tmp_path)
        async with world.calls(world.settings(limits=SignallingLimits(commands_burst=1_000_000))) as calls:
            (ann,) = await people(calls, 1)
            room = (await ann.link()).link.room_id
            async with asyncio.timeout(30):
                while (why := reason(await joins(ann, room))) != "NOT_FOUND":
                    assert not why
                    await ann.say(leave=call_pb2.LeaveGroupCall(conversation_id=room))
    finally:
        await node.close()


async def test_a_link_leads_to_one_call_whichever_process_is_asked(two: Two) -> None:
    ann, ben = await two.device(0), await two.device(1)
    token, room, guest = await waits_at(ann, ben)
    await answers(ann, room, ADMIT, guest.waiting_id)
    await ben.hears("admitted")
    assert len((await joins(ben, link_token=token)).joined.roster.participants) == 2
