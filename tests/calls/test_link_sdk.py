"""Calls by link through the SDK: real media, and people who are let in or not."""

from __future__ import annotations

import pytest
from aiortc.mediastreams import AudioStreamTrack
from tidewire.calls import CallMedia, CallState, GroupCall
from tidewire.errors import Refused
from tidewire.v1 import call_pb2

from tests.calls.test_group_sdk import frame, until
from tests.support.calls_sdk import Deployment

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
SOUND = CallMedia(audio=AudioStreamTrack)


class Microphone:
    """Sound, and how often it was opened."""

    def __init__(self) -> None:
        self.opened = 0

    def __call__(self) -> AudioStreamTrack:
        self.opened += 1
        return AudioStreamTrack()


async def at_the_door(deployment: Deployment, microphone: Microphone) -> tuple[GroupCall, GroupCall]:
    """Ann in a call of her link, and ben who waits."""
    ann, ben = await deployment.people("ann", "ben")
    link = await ann.calls.links.create(approval=True)
    host = await ann.calls.join_link(link.text, SOUND)
    guest = await ben.calls.join_link(link.text, CallMedia(audio=microphone))
    assert guest.state is CallState.WAITING
    await until(host, lambda: bool(host.waiting))
    return host, guest


async def test_a_guest_is_let_in_and_both_hear_one_another(deployment: Deployment) -> None:
    async with deployment.calls():
        microphone = Microphone()
        host, guest = await at_the_door(deployment, microphone)
        (waiting,) = host.waiting
        assert waiting.name == deployment.name("ben") and microphone.opened == 0, "nothing is opened before"
        await host.admit(waiting.waiting_id)
        assert await guest.becomes(CallState.ACTIVE) is CallState.ACTIVE
        assert microphone.opened == 1
        await frame(host, guest.participant_id, "microphone")
        await frame(guest, host.participant_id, "microphone")
        (seen,) = [one for one in host.participants if one.guest]
        assert (seen.participant_id, seen.name) == (guest.participant_id, deployment.name("ben"))
        await until(host, lambda: not host.waiting)
        await deployment.stack.aclose()


async def test_a_guest_who_is_not_let_in_is_told_so(deployment: Deployment) -> None:
    async with deployment.calls():
        microphone = Microphone()
        host, guest = await at_the_door(deployment, microphone)
        await host.deny(block=True)
        assert await guest.becomes(CallState.ENDED) is CallState.ENDED
        assert (guest.reason, microphone.opened) == ("denied", 0)
        await deployment.stack.aclose()


async def test_a_guest_comes_back_by_its_link_when_the_process_is_started_again(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.people("ann", "ben")
        link = await ann.calls.links.create()
        rooms = [await client.calls.join_link(link.text, SOUND) for client in (ann, ben)]
        await frame(rooms[0], rooms[1].participant_id, "microphone")
        era = rooms[0].era_id
    async with deployment.calls():
        for room in rooms:
            await until(room, lambda room=room: room.era_id != era and len(room.participants) == 2)
        await frame(rooms[0], rooms[1].participant_id, "microphone")
        await deployment.stack.aclose()


async def test_who_waits_is_let_in_although_the_process_is_started_again_meanwhile(deployment: Deployment) -> None:
    async with deployment.calls():
        host, guest = await at_the_door(deployment, Microphone())
        era = host.era_id
    async with deployment.calls():
        await until(host, lambda: host.era_id != era and bool(host.waiting))
        await host.admit()
        assert await guest.becomes(CallState.ACTIVE) is CallState.ACTIVE
        await deployment.stack.aclose()


async def test_a_guest_enters_anew_while_it_is_in_although_the_link_was_revoked(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.people("ann", "ben")
        link = await ann.calls.links.create()
        host, guest = [await client.calls.join_link(link.text, SOUND) for client in (ann, ben)]
        await frame(guest, host.participant_id, "microphone")
        participant_id, before = guest.participant_id, guest.tracks
        await ann.calls.links.revoke(link.link_id)
        await guest.take(call_pb2.SignalResponse(move=call_pb2.GroupCallMove(conversation_id=guest.conversation_id)))
        await until(guest, lambda: bool(guest.tracks) and guest.tracks[0].track is not before[0].track)
        await frame(guest, host.participant_id, "microphone")
        assert (guest.participant_id, guest.reason) == (participant_id, "")
        await deployment.stack.aclose()


async def test_after_its_process_everybody_is_out_of_the_room_of_a_revoked_link(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.people("ann", "ben")
        link = await ann.calls.links.create()
        host, guest = [await client.calls.join_link(link.text, SOUND) for client in (ann, ben)]
        await frame(guest, host.participant_id, "microphone")
        await ann.calls.links.revoke(link.link_id)
    async with deployment.calls():
        for one in (guest, host):
            await until(one, lambda one=one: one.state is CallState.ENDED)
            assert one.reason == "revoked"
        await deployment.stack.aclose()


async def test_a_link_that_was_revoked_opens_nothing(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.people("ann", "ben")
        link = await ann.calls.links.create()
        assert [one.link_id for one in await ann.calls.links.list()] == [link.link_id]
        assert (await ann.calls.links.set_approval(link.link_id, True)).approval
        await ann.calls.links.revoke(link.link_id)
        assert await ann.calls.links.list() == []
        with pytest.raises(Refused) as refused:
            await ben.calls.join_link(link.text, SOUND)
        assert refused.value.reason == "NOT_FOUND"
        await deployment.stack.aclose()
