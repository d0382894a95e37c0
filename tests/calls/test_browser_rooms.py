"""Rooms of a real Chromium: every codec, people who come and go, and a process that dies."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiortc.mediastreams import AudioStreamTrack
from playwright.async_api import expect
from tidewire import Client
from tidewire.calls import CallMedia

from tests.support.browser import Counting
from tests.support.calls_browser import Place

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
CODEC = """async () => {
  const stats = [...(await window.page.current.down.getStats()).values()];
  const video = stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
  return video && stats.find(({ id }) => id === video.codecId)?.mimeType;
}"""


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_pictures_of_every_codec_are_forwarded(place: Place, codec: str) -> None:
    ann, ben = await place.tab(), await place.tab()
    group = await place.group(ann, ben)
    for tab in (ann, ben):
        await tab.page.evaluate("(codec) => { window.page.codec = codec; }", codec)
        await tab.calls(group)
        await tab.says("active")
    for tab in (ann, ben):
        await tab.sees(1, "down")
        assert await tab.page.evaluate(CODEC) == f"video/{codec}"
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
    assert ann.errors == ben.errors == []


async def test_somebody_comes_and_goes_twenty_times_and_sections_are_used_again(place: Place, tmp_path: Path) -> None:
    tab = await place.tab()
    async with Client.open(place.node.address, tmp_path / "sdk.db") as client:
        await client.register_username(f"sdk{time.monotonic_ns()}")
        group = await place.group(tab, client)
        await tab.calls(group)
        await tab.says("active")
        for _ in range(20):
            room = await client.calls.join(group, CallMedia(audio=AudioStreamTrack, video=Counting))
            await tab.sees(1, "down", frames=3)
            await room.leave()
            await expect(tab.page.locator(".tile:not(.own)")).to_have_count(0, timeout=20_000)
        assert await tab.page.evaluate("window.page.current.down.getTransceivers().length") <= 4
        assert tab.errors == []
        await tab.page.click("#hang-up")


async def test_who_speaks_is_marked_and_nobody_else(place: Place) -> None:
    _, (ann, ben, cat) = await place.room(3)
    for speaker, silent in ((cat, ben), (ben, cat)):
        for tab, on in ((speaker, "false"), (silent, "true")):
            if await tab.page.get_attribute("#mute", "aria-pressed") != on:
                await tab.page.click("#mute")
        name = ann.page.locator(".tile.speaks .name")
        # A list is compared with all that there are: of two names a text alone is an error, at once.
        await expect(name).to_contain_text([speaker.account_id], timeout=30_000)
    for tab in (ann, ben, cat):
        await tab.page.click("#hang-up")
        assert tab.errors == []


async def test_pictures_that_are_not_shown_are_not_sent_until_they_are(place: Place) -> None:
    _, (ann, ben) = await place.room(2)
    participant = await ben.page.evaluate("window.page.current.participantId")
    await ann.sees(1, "down")
    for _ in range(2):
        await ann.page.evaluate("(id) => window.page.current.watch(id, 'camera', 0)", participant)
        same = 0
        async with asyncio.timeout(30):
            while same < 10:
                (before,) = await ann.inbound("video", "down")
                await ann.page.wait_for_timeout(200)
                (after,) = await ann.inbound("video", "down")
                same = same + 1 if after["packets"] == before["packets"] else 0
        (silence,) = await ann.inbound("audio", "down")
        assert silence["energy"] > 0
        await ann.page.evaluate("(id) => window.page.current.watch(id, 'camera', 240)", participant)
        await ann.sees(1, "down")
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
        assert tab.errors == []


async def test_tabs_see_one_another_again_when_the_process_of_their_call_was_killed(place: Place) -> None:
    group, (ann, ben) = await place.room(2)
    era = await ann.page.evaluate("window.page.current.eraId")
    await place.stop()
    for tab in (ann, ben):
        await tab.says("connecting again")
    await place.start()
    for tab in (ann, ben):
        async with asyncio.timeout(60):
            while await tab.page.evaluate("window.page.current.eraId") in (era, ""):
                await tab.page.wait_for_timeout(100)
        await tab.sees(1, "down")
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
    assert group
