"""Group calls through the SDK: real media of aiortc by way of the forwarding unit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from tidewire import Client
from tidewire.calls import CallMedia, CallState, GroupCall
from tidewire.errors import Refused, TidewireError

from calls.domain.signalling_limits import SignallingLimits
from tests.support.calls_sdk import Deployment, connections

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
SOUND = CallMedia(audio=AudioStreamTrack)
PICTURES = CallMedia(audio=AudioStreamTrack, video=VideoStreamTrack)


async def until(room: GroupCall, true: Callable[[], bool]) -> None:
    """Wait until something is true of a call."""
    async with asyncio.timeout(30):
        events = room.events()
        waiting = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)  # it listens before the first look: what happens in between is not told
        try:
            while not true():
                await waiting
                waiting = asyncio.ensure_future(anext(events, None))
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await events.aclose()  # type: ignore[attr-defined]


async def frame(room: GroupCall, participant_id: str, source: str) -> Any:
    """A decoded frame of somebody."""

    def there() -> bool:
        return any((one.participant_id, one.source) == (participant_id, source) for one in room.tracks)

    await until(room, there)
    track = next(one.track for one in room.tracks if (one.participant_id, one.source) == (participant_id, source))
    async with asyncio.timeout(30):
        return await track.recv()


async def group(deployment: Deployment, *names: str) -> tuple[list[Client], str]:
    """A group of new people."""
    clients = await deployment.people(*names)
    made = await clients[0].create_group("all", [deployment.name(name) for name in names[1:]])
    return clients, made


async def test_three_people_see_and_hear_one_another_and_read_the_record(deployment: Deployment) -> None:
    async with deployment.calls(limits=SignallingLimits(group_empty_ms=200)):
        clients, conversation_id = await group(deployment, "ann", "ben", "cat")
        rings = [asyncio.ensure_future(anext(client.calls.group_rings())) for client in clients[1:]]
        await asyncio.gather(*(client.calls.peek(conversation_id) for client in clients[1:]))
        rooms = [await clients[0].calls.join(conversation_id, PICTURES, ring=True)]
        await rooms[0].ring(str(clients[1].account_id))  # once more
        for ring in rings:
            assert (await asyncio.wait_for(ring, 30)).caller_id == clients[0].account_id
        rooms += [await client.calls.join(conversation_id, PICTURES) for client in clients[1:]]
        for room in rooms:
            await until(room, lambda room=room: len(room.participants) == 3)
            for other in rooms:
                if other is not room:
                    assert (await frame(room, other.participant_id, "camera")).width == 640
                    assert (await frame(room, other.participant_id, "microphone")).sample_rate == 48_000
        for room in rooms:
            await room.leave()
        async with asyncio.timeout(30):
            while not (lines := [m.text for m in await clients[2].log(conversation_id) if m.kind == "call_record"]):
                await asyncio.sleep(0.05)
        assert len(lines) == 1 and lines[0].startswith("📞 video call, 0:")
        assert await clients[0].calls.peek(conversation_id) == []
        await deployment.stack.aclose()


async def test_who_is_no_member_is_refused(deployment: Deployment) -> None:
    async with deployment.calls():
        _, conversation_id = await group(deployment, "ann", "ben")
        (eve,) = await deployment.people("eve")
        with pytest.raises(Refused) as refused:
            await eve.calls.join(conversation_id, SOUND)
        assert refused.value.reason == "NOT_A_MEMBER"
        with pytest.raises(Refused):
            await eve.calls.peek(conversation_id)
        await deployment.stack.aclose()


async def test_an_admin_mutes_and_puts_out(deployment: Deployment) -> None:
    async with deployment.calls():
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        first, second = await ann.calls.join(conversation_id, SOUND), await ben.calls.join(conversation_id, SOUND)
        await until(first, lambda: len(first.participants) == 2)
        with pytest.raises(Refused) as refused:
            await second.mute(first.participant_id)
        assert refused.value.reason == "NOT_ALLOWED"
        await first.mute(second.participant_id)
        await until(first, lambda: first.participants[1].muted)
        await second.set(muted=False, hand_raised=True)
        await until(first, lambda: not first.participants[1].muted and first.participants[1].hand_raised)
        await first.remove(second.participant_id)
        async with asyncio.timeout(30):
            await second.becomes(CallState.ENDED)
        assert second.reason == "removed"
        await deployment.stack.aclose()


async def test_a_call_has_a_maximum_that_names_itself(deployment: Deployment) -> None:
    async with deployment.calls(limits=SignallingLimits(group_audio_max=1)):
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        await ann.calls.join(conversation_id, SOUND)
        with pytest.raises(Refused) as refused:
            await ben.calls.join(conversation_id, SOUND)
        assert (refused.value.reason, refused.value.limit, refused.value.actual) == ("LIMIT_EXCEEDED", 1, 2)
        await deployment.stack.aclose()


async def test_a_second_device_takes_the_place_of_the_first(deployment: Deployment) -> None:
    async with deployment.calls():
        ann = await deployment.client("ann")
        code = await ann.register_username(deployment.name("ann"))
        other = await deployment.client("ann", login=code)
        conversation_id = await ann.create_group("alone", [])
        first = await ann.calls.join(conversation_id, SOUND)
        second = await other.calls.join(conversation_id, SOUND)
        async with asyncio.timeout(30):
            await first.becomes(CallState.ENDED)
        assert first.reason == "replaced"
        assert [one.participant_id for one in second.participants] == [second.participant_id]
        await deployment.stack.aclose()


async def test_a_microphone_that_cannot_be_opened_fails_the_join_and_nothing_else(deployment: Deployment) -> None:
    def broken() -> AudioStreamTrack:
        raise OSError("no such device")

    async with deployment.calls():
        (ann, _), conversation_id = await group(deployment, "ann", "ben")
        with pytest.raises(TidewireError, match="the audio cannot be opened: no such device"):
            await ann.calls.join(conversation_id, CallMedia(audio=broken))
        room = await ann.calls.join(conversation_id, SOUND)
        assert await room.becomes(CallState.ACTIVE) is CallState.ACTIVE
        await deployment.stack.aclose()


async def test_a_client_that_looks_for_its_call_in_vain_is_closed_all_the_same(deployment: Deployment) -> None:
    async with deployment.calls():
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        rooms = [await client.calls.join(conversation_id, SOUND) for client in (ann, ben)]
        await frame(rooms[0], rooms[1].participant_id, "microphone")
    for room in rooms:
        assert await room.becomes(CallState.RECONNECTING) is CallState.RECONNECTING
    async with asyncio.timeout(30):
        await deployment.stack.aclose()
    assert {room.state for room in rooms} == {CallState.ENDED}


@pytest.mark.parametrize("asked", [False, True], ids=["before it asks", "while it asks"])
async def test_a_join_that_is_given_up_leaves_no_connection_and_nobody_in_the_call(deployment: Deployment, asked: bool) -> None:
    async with deployment.calls():
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        room = await ann.calls.join(conversation_id, SOUND)
        before = connections()
        async with asyncio.timeout(60):
            while True:
                joining = asyncio.ensure_future(ben.calls.join(conversation_id, SOUND))
                while not joining.done() and (connections() == before or (asked and len(room.participants) < 2)):
                    await asyncio.sleep(0)
                if joining.cancel():
                    break
                await (await joining).leave()  # it was in before that could be seen
                await until(room, lambda: len(room.participants) == 1)
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert connections() == before
        await until(room, lambda: len(room.participants) == 1)
        await deployment.stack.aclose()


async def test_who_is_no_member_any_more_learns_why_its_call_is_over_when_its_stream_was_lost(deployment: Deployment) -> None:
    async with deployment.calls():
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        for client in (ann, ben):
            await client.calls.join(conversation_id, SOUND)
        room = await ben.calls.join(conversation_id, SOUND)
        assert await room.becomes(CallState.ACTIVE) is CallState.ACTIVE
        await ben.leave_group(conversation_id)
        await room.resume()
        async with asyncio.timeout(10):  # before the process looks by itself
            assert await room.becomes() is CallState.ENDED
        assert room.reason == "removed"
        await deployment.stack.aclose()


async def test_when_the_process_is_started_again_everybody_comes_back(deployment: Deployment) -> None:
    async with deployment.calls():
        (ann, ben), conversation_id = await group(deployment, "ann", "ben")
        rooms = [await client.calls.join(conversation_id, PICTURES) for client in (ann, ben)]
        await frame(rooms[0], rooms[1].participant_id, "camera")
        era = rooms[0].era_id
    async with deployment.calls():
        for room in rooms:
            await until(room, lambda room=room: room.era_id != era and len(room.participants) == 2)
        await frame(rooms[0], rooms[1].participant_id, "camera")
        await frame(rooms[1], rooms[0].participant_id, "microphone")
        await deployment.stack.aclose()
