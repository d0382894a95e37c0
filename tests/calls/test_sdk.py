"""Calls through the SDK: real media of aiortc between two clients, over a real node."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from tidewire import Client
from tidewire.calls import Call, CallMedia, CallState
from tidewire.errors import Refused, TidewireError

from tests.support.calls_sdk import Deployment, connections
from tests.support.node import Node

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
SOUND = CallMedia(audio=AudioStreamTrack)
PICTURES = CallMedia(audio=AudioStreamTrack, video=VideoStreamTrack)


async def first_call(client: Client) -> Call:
    """The next call that rings."""
    async for call in client.calls.incoming():
        return call
    raise AssertionError("the client was closed")


async def frame(call: Call, kind: str) -> Any:
    """A decoded frame of what the other side sends."""
    async with asyncio.timeout(30):
        while not (tracks := [track for track in call.tracks if track.kind == kind]):
            await asyncio.sleep(0.02)
        return await tracks[-1].recv()


async def becomes(call: Call, state: CallState) -> None:
    async with asyncio.timeout(30):
        assert await call.becomes(state) is state


async def two(deployment: Deployment) -> tuple[Client, Client, str]:
    """Two people, and their conversation."""
    ann, ben = await deployment.people("ann", "ben")
    return ann, ben, await ann.direct(deployment.name("ben"))


async def talking(deployment: Deployment, media: CallMedia) -> tuple[Call, Call]:
    """Two people in a call."""
    ann, ben, conversation_id = await two(deployment)
    ringing = asyncio.ensure_future(first_call(ben))
    placed = await ann.calls.place(conversation_id, media)
    taken = await asyncio.wait_for(ringing, 30)
    await taken.accept(media)
    await becomes(placed, CallState.ACTIVE)
    await becomes(taken, CallState.ACTIVE)
    return placed, taken


async def test_two_people_hear_and_see_one_another_and_both_read_the_record(deployment: Deployment) -> None:
    async with deployment.calls():
        placed, taken = await talking(deployment, PICTURES)
        for call in (placed, taken):
            assert (await frame(call, "video")).width == 640
            assert (await frame(call, "audio")).sample_rate == 48_000
        figures = await placed.figures()
        assert figures is not None and figures.received_packets > 0
        await taken.hang_up()
        await becomes(placed, CallState.ENDED)
        assert (placed.reason, taken.reason) == ("hangup", "hangup")
        assert placed.talked_s > 0
        await deployment.stack.aclose()


async def test_pictures_are_added_while_people_talk(deployment: Deployment) -> None:
    async with deployment.calls():
        placed, taken = await talking(deployment, SOUND)
        await taken.add_video(VideoStreamTrack)
        assert (await frame(placed, "video")).width == 640
        assert (taken.video, placed.state) == (True, CallState.ACTIVE)
        await deployment.stack.aclose()


async def test_a_call_goes_on_without_the_process_and_its_record_comes_later(deployment: Deployment) -> None:
    """As facts/calls §4.1: direct media needs nobody, and either side's hanging up writes the record."""
    async with deployment.calls():
        placed, taken = await talking(deployment, SOUND)
    await frame(placed, "audio")
    assert (placed.state, taken.state) == (CallState.ACTIVE, CallState.ACTIVE)
    async with deployment.calls():
        await placed.hang_up()
        await becomes(taken, CallState.ENDED)
    await deployment.stack.aclose()


async def test_a_call_goes_on_while_the_node_is_killed(deployment: Deployment) -> None:
    async with deployment.calls():
        placed, taken = await talking(deployment, SOUND)
        await deployment.world.node.kill()
        await frame(placed, "audio")
        await deployment.world.node.start()
        await frame(taken, "audio")
        assert (placed.state, taken.state) == (CallState.ACTIVE, CallState.ACTIVE)
        await placed.hang_up()
        await becomes(taken, CallState.ENDED)
        await deployment.stack.aclose()


async def test_a_call_that_rings_is_taken_while_the_node_is_killed_and_has_its_record_afterwards(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.people("ann", "ben")
        conversation_id = await ann.direct(deployment.name("ben"))
        ringing = asyncio.ensure_future(first_call(ben))
        placed = await ann.calls.place(conversation_id, SOUND)
        taken = await asyncio.wait_for(ringing, 30)
        await deployment.world.node.kill()
        await taken.accept(SOUND)
        await frame(placed, "audio")
        await placed.hang_up()
        await becomes(taken, CallState.ENDED)
        await deployment.world.node.start()
        async with asyncio.timeout(30):
            while not (records := [each for each in await ben.log(conversation_id) if each.kind == "call_record"]):
                await asyncio.sleep(0.05)
        assert len(records) == 1
        await deployment.stack.aclose()


async def test_a_callers_microphone_that_cannot_be_opened_ends_the_call_and_not_the_client(deployment: Deployment) -> None:
    def broken() -> AudioStreamTrack:
        raise OSError("no such device")

    async with deployment.calls():
        ann, ben, conversation_id = await two(deployment)
        ringing = asyncio.ensure_future(first_call(ben))
        placed = await ann.calls.place(conversation_id, CallMedia(audio=broken))
        taken = await asyncio.wait_for(ringing, 30)
        with suppress(TidewireError):  # it may be over before it is taken altogether
            await taken.accept(SOUND)
        for call in (placed, taken):
            await becomes(call, CallState.ENDED)
        assert placed.reason == "failed"
        await ann.send(conversation_id, "still here")
        await deployment.stack.aclose()


async def test_two_devices_ring_and_the_second_is_told_before_it_opens_anything(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben = await deployment.client("ann"), await deployment.client("ben")
        await ann.register_username(deployment.name("ann"))
        code = await ben.register_username(deployment.name("ben"))
        other = await deployment.client("ben", login=code)
        conversation_id = await ann.direct(deployment.name("ben"))
        ringing = [asyncio.ensure_future(first_call(device)) for device in (ben, other)]
        placed = await ann.calls.place(conversation_id, SOUND)
        calls = await asyncio.wait_for(asyncio.gather(*ringing), 30)
        await calls[1].accept(SOUND)
        opened: list[str] = []

        def microphone() -> Any:
            opened.append("microphone")
            return AudioStreamTrack()

        with pytest.raises(TidewireError):  # refused, or it hears before it asks that the call is over
            await calls[0].accept(CallMedia(audio=microphone))
        assert opened == []
        await becomes(placed, CallState.ACTIVE)
        await becomes(calls[0], CallState.ENDED)
        assert calls[0].reason == "answered_elsewhere"
        await deployment.stack.aclose()


async def test_who_call_one_another_at_once_are_in_one_call(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben, conversation_id = await two(deployment)
        first, second = await asyncio.wait_for(
            asyncio.gather(ann.calls.place(conversation_id, SOUND), ben.calls.place(conversation_id, SOUND)), 20
        )
        await becomes(first, CallState.ACTIVE)
        await becomes(second, CallState.ACTIVE)
        assert first.call_id == second.call_id
        await deployment.stack.aclose()


async def test_a_call_is_declined(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben, conversation_id = await two(deployment)
        ringing = asyncio.ensure_future(first_call(ben))
        placed = await ann.calls.place(conversation_id, SOUND)
        await (await asyncio.wait_for(ringing, 30)).decline()
        await becomes(placed, CallState.ENDED)
        assert placed.reason == "declined"
        await deployment.stack.aclose()


async def given_up(beginning: asyncio.Future[Any]) -> None:
    """As soon as it has opened a connection."""
    before = connections()
    async with asyncio.timeout(30):
        while connections() == before:
            await asyncio.sleep(0)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning


async def test_a_call_that_is_given_up_while_it_is_placed_is_over_and_leaves_no_connection(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben, conversation_id = await two(deployment)
        ringing = asyncio.ensure_future(first_call(ben))
        await given_up(asyncio.ensure_future(ann.calls.place(conversation_id, SOUND)))
        async with asyncio.timeout(30):
            while connections() or ann.calls.live or ben.calls.live:
                await asyncio.sleep(0.02)
        ringing.cancel()
        await deployment.stack.aclose()


async def test_who_gives_up_taking_a_call_may_take_it_later(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben, conversation_id = await two(deployment)
        ringing = asyncio.ensure_future(first_call(ben))
        placed = await ann.calls.place(conversation_id, SOUND)
        taken = await asyncio.wait_for(ringing, 30)
        before = connections()
        await given_up(asyncio.ensure_future(taken.accept(SOUND)))
        assert connections() == before and taken.state is CallState.RINGING
        await taken.accept(SOUND)
        await becomes(placed, CallState.ACTIVE)
        await deployment.stack.aclose()


async def test_who_is_in_a_call_is_busy_for_others_unless_calls_may_wait(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, ben, eve = await deployment.people("ann", "ben", "eve")
        to_ben = [await one.direct(deployment.name("ben")) for one in (ann, eve)]
        ringing = asyncio.ensure_future(first_call(ben))
        first = await ann.calls.place(to_ben[0], SOUND)
        taken = await asyncio.wait_for(ringing, 30)
        await taken.accept(SOUND)
        await becomes(first, CallState.ACTIVE)

        refused = await eve.calls.place(to_ben[1], SOUND)
        await becomes(refused, CallState.ENDED)
        assert refused.reason == "busy" and first.state is CallState.ACTIVE

        ben.calls.call_waiting = True
        ringing = asyncio.ensure_future(first_call(ben))
        second = await eve.calls.place(to_ben[1], SOUND)
        waits = await asyncio.wait_for(ringing, 30)
        assert waits.call_id == second.call_id
        await second.hang_up()
        await becomes(waits, CallState.ENDED)
        assert first.state is CallState.ACTIVE
        await first.hang_up()
        await becomes(taken, CallState.ENDED)

        ben.calls.call_waiting = False
        ringing = asyncio.ensure_future(first_call(ben))
        third = await eve.calls.place(to_ben[1], SOUND)
        assert (await asyncio.wait_for(ringing, 30)).call_id == third.call_id, "whose call is over is not busy"
        await third.hang_up()
        await deployment.stack.aclose()


async def test_one_device_that_is_in_a_call_leaves_the_others_ringing(deployment: Deployment) -> None:
    async with deployment.calls():
        ann, eve, ben = await deployment.client("ann"), await deployment.client("eve"), await deployment.client("ben")
        await ann.register_username(deployment.name("ann"))
        await eve.register_username(deployment.name("eve"))
        code = await ben.register_username(deployment.name("ben"))
        other = await deployment.client("ben", login=code)
        ringing = [asyncio.ensure_future(first_call(device)) for device in (ben, other)]
        first = await ann.calls.place(await ann.direct(deployment.name("ben")), SOUND)
        taken, elsewhere = await asyncio.wait_for(asyncio.gather(*ringing), 30)
        await taken.accept(SOUND)
        await becomes(first, CallState.ACTIVE)
        await becomes(elsewhere, CallState.ENDED)

        second = await eve.calls.place(await eve.direct(deployment.name("ben")), SOUND)
        rings = await asyncio.wait_for(first_call(other), 30)
        assert rings.call_id == second.call_id
        await rings.accept(SOUND)
        await becomes(second, CallState.ACTIVE)
        assert first.state is CallState.ACTIVE
        await deployment.stack.aclose()


async def test_where_there_are_no_calls_a_sentence_says_so(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    await node.start()
    async with Client.open(node.address, tmp_path / "ann.db") as ann:
        await ann.register_username("ann")
        with pytest.raises(Refused, match="has no calls"):
            await ann.calls.place(await ann.direct("ann"), SOUND)
    await node.close()
