"""Calls of a real Chromium: with another one, with the SDK, and three tabs in a room."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiortc.mediastreams import AudioStreamTrack
from playwright.async_api import expect
from tidewire import Client
from tidewire.calls import CallMedia, CallState

from tests.support.browser import Counting, chromium, clip, counted
from tests.support.calls_browser import Place

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


def in_order(numbers: list[int], length: int) -> bool:
    """Whether a counter that begins anew after `length` never goes back otherwise."""
    return all((after - before) % length < length // 2 for before, after in zip(numbers, numbers[1:]))


async def test_two_people_in_browsers_see_and_hear_one_another(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    await ann.calls(ben.account_id)
    await ben.accepts()
    for tab in (ann, ben):
        await tab.says("active")
        await tab.sees(1)
        await tab.hears()
    ends = [await tab.transport() for tab in (ann, ben)]
    assert {end["role"] for end in ends} == {"client", "server"} and {end["dtls"] for end in ends} == {"connected"}
    assert ends[0]["srtp"] == ends[1]["srtp"] == "SRTP_AES128_CM_HMAC_SHA1_80"
    numbers = await ann.counter("[data-key=other] video", 20)
    assert len(set(numbers)) >= 10 and in_order(numbers, 120)
    await ben.page.click("#hang-up")
    await ann.says("over: hangup")
    assert ann.errors == ben.errors == []


async def test_another_network_is_looked_for_while_people_talk(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    await ann.calls(ben.account_id)
    await ben.accepts()
    await ann.says("active")
    before = await ann.page.evaluate("window.page.current.pc.localDescription.sdp.match(/ice-ufrag:(.*)/)[1]")
    await ann.page.evaluate("window.page.current.restart()")
    await expect(ann.page.locator("#status")).to_have_text("active")
    await ann.sees(1)
    assert await ann.page.evaluate("window.page.current.pc.localDescription.sdp.match(/ice-ufrag:(.*)/)[1]") != before
    await ann.page.click("#hang-up")
    await ben.says("over")


async def test_who_talks_is_busy_for_a_third(place: Place) -> None:
    ann, ben, cat = await place.tab(), await place.tab(), await place.tab()
    await ann.calls(ben.account_id)
    await ben.accepts()
    await ann.says("active")
    for somebody in (ann, ben):
        await cat.calls(somebody.account_id)
        await cat.says("over: busy")
        await expect(somebody.page.locator("#ringing")).to_be_hidden()
        await expect(somebody.page.locator("#status")).to_have_text("active")
    await ann.page.click("#hang-up")
    await ben.says("over")
    await cat.calls(ben.account_id)
    await expect(ben.page.locator("#ringing")).to_be_visible(timeout=30_000)
    await cat.page.click("#hang-up")
    assert ann.errors == ben.errors == cat.errors == []


async def test_a_call_is_declined_in_a_browser(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    await ann.calls(ben.account_id)
    await ben.page.locator("#decline").click(timeout=30_000)
    await ann.says("over: declined")


async def test_a_browser_and_the_sdk_see_one_anothers_frames_in_order(place: Place, tmp_path: Path) -> None:
    tab = await place.tab()
    async with Client.open(place.node.address, tmp_path / "sdk.db") as client:
        await client.register_username(f"sdk{time.monotonic_ns()}")
        ringing = asyncio.ensure_future(anext(client.calls.incoming()))
        await tab.calls(client.account_id)
        call = await asyncio.wait_for(ringing, 30)
        await call.accept(CallMedia(audio=AudioStreamTrack, video=Counting))
        await tab.says("active")
        async with asyncio.timeout(30):
            assert await call.becomes(CallState.ACTIVE) is CallState.ACTIVE
        track = next(track for track in call.tracks if track.kind == "video")
        seen: list[int] = []
        async with asyncio.timeout(60):
            while len(seen) < 20:
                frame = await track.recv()
                if frame.width == 320:
                    seen.append(counted(bytes(frame.planes[0]), frame.planes[0].line_size))
        assert len(set(seen)) >= 10 and in_order(seen, 120)
        numbers = await tab.counter("[data-key=other] video", 20)
        assert len(set(numbers)) >= 10 and in_order(numbers, 120)
        await call.hang_up()
        await tab.says("over: hangup")


async def test_three_tabs_in_a_room(place: Place) -> None:
    _, tabs = await place.room(3)
    for tab in tabs:
        await tab.sees(2, "down")
        for connection in ("up", "down"):
            transport = await tab.transport(connection)
            assert (transport["dtls"], transport["role"], transport["srtp"]) == ("connected", "client", "SRTP_AEAD_AES_256_GCM")
        await tab.hears(2, "down")
        sounds = await tab.inbound("audio", "down")
        assert all(one["concealed"] < 0.3 * one["samples"] for one in sounds)
        assert all(one["frozen_s"] < 2 for one in await tab.inbound("video", "down"))
        numbers = await tab.counter(".tile:not(.own) video", 15)
        assert len(set(numbers)) >= 8 and in_order(numbers, 120)
    for tab in tabs:
        await tab.page.click("#hang-up")
        await tab.says("over")
        assert tab.errors == []


async def test_who_comes_late_sees_all_and_who_leaves_and_comes_back_is_seen_again(place: Place) -> None:
    group, (ann, ben) = await place.room(2)
    for _ in range(3):
        await ben.page.click("#hang-up")
        await ben.says("over")
        await expect(ann.page.locator(".tile:not(.own)")).to_have_count(0, timeout=20_000)
        await ben.calls(group)
        await ben.says("active")
        await expect(ann.page.locator(".tile:not(.own)")).to_have_count(1, timeout=20_000)
        await ann.sees(1, "down")
        await ben.sees(1, "down")
    sections = await ann.page.evaluate("window.page.current.down.getTransceivers().length")
    assert sections <= 4  # those of who left are used again
    for tab in (ann, ben):
        await tab.page.click("#hang-up")


async def test_an_admin_mutes_and_only_the_person_unmutes(place: Place) -> None:
    _, (ann, ben) = await place.room(2)
    participant = await ben.page.evaluate("window.page.current.participantId")
    await ben.page.evaluate(
        "(id) => window.page.current.moderate(id).catch((e) => window.refusal = e.reason)",
        await ann.page.evaluate("window.page.current.participantId"),
    )
    assert await ben.page.evaluate("window.refusal") == "NOT_ALLOWED"
    await ann.page.evaluate("(id) => window.page.current.moderate(id)", participant)
    await ben.says("an admin muted you")
    await expect(ann.page.locator(".tile:not(.own) .name")).to_contain_text("muted")
    await ben.page.click("#mute")
    await expect(ann.page.locator(".tile:not(.own) .name")).not_to_contain_text("muted")
    await ben.page.click("#hand")
    await expect(ann.page.locator(".tile:not(.own) .name")).to_contain_text("✋")
    for tab in (ann, ben):
        await tab.page.click("#hang-up")


async def test_the_height_asked_for_arrives(place: Place, tmp_path: Path) -> None:
    """Down at once; up although the browser's estimate of its downlink has little room left for more than it gets."""
    camera = await asyncio.to_thread(clip, tmp_path / "camera.y4m", 20, 2)
    async with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
        _, (ann, ben) = await place.by(browser).room(2)
        participant = await ben.page.evaluate("window.page.current.participantId")
        await ann.sees(1, "down")
        for height, expected in ((480, 240), (60, 120), (480, 240)):
            await ann.page.evaluate("([id, h]) => window.page.current.watch(id, 'camera', h)", [participant, height])
            await ann.shows(expected)
            await ann.sees(1, "down")
        for tab in (ann, ben):
            await tab.page.click("#hang-up")


async def test_pictures_are_added_to_a_call_that_began_without(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    await ann.page.uncheck("#with-video")
    await ann.calls(ben.account_id)
    await ben.accepts()
    for tab in (ann, ben):
        await tab.says("active")
    assert await ben.inbound("video") == []
    await ann.page.evaluate(
        """async () => {
          const [track] = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks();
          await window.page.current.add(track);
        }"""
    )
    await ben.sees(1)
    await ann.page.click("#hang-up")
    await ben.says("over")


async def test_a_screen_is_shared_and_seen_beside_the_camera(place: Place) -> None:
    _, (ann, ben) = await place.room(2)
    await ann.page.click("#screen")
    await expect(ben.page.locator(".tile:not(.own)")).to_have_count(2, timeout=30_000)
    await ben.sees(2, "down", frames=3)
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
        await tab.says("over")


async def test_a_tab_that_is_gone_leaves_the_room(place: Place) -> None:
    _, (ann, ben) = await place.room(2)
    await ben.page.context.close()
    await expect(ann.page.locator(".tile:not(.own)")).to_have_count(0, timeout=60_000)
    await ann.page.click("#hang-up")


async def test_a_guest_in_a_tab_comes_by_a_link_and_is_let_in_by_another_tab(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    link = await place.link(ann)
    await ben.calls(link)
    await ben.says("waiting to be let in")
    assert await ben.page.locator(".tile:not(.own)").count() == 0
    await ann.calls(link)
    await ann.page.locator("#door .admit").click(timeout=30_000)
    for tab in (ann, ben):
        await tab.says("active")
        await tab.sees(1, "down")
    await expect(ann.page.locator(".tile:not(.own) .name")).to_contain_text("(guest)")
    await expect(ann.page.locator("#door li")).to_have_count(0)
    assert ann.errors == ben.errors == []


async def test_a_guest_in_a_tab_who_is_not_let_in_is_told_so(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    link = await place.link(ann)
    await ann.calls(link)
    await ann.says("active")
    await ben.calls(link)
    await ann.page.locator("#door .block").click(timeout=30_000)
    await ben.says("over: denied")
    await ben.calls(link)
    await ben.says("an admin of this call has blocked the account")
