"""Tabs that offer again, or have to join again: what they were is what they are then."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.support.browser import Tab
from tests.support.calls_browser import Place

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
OTHERS = ".tile:not(.own)"
LIVE = "[...window.page.stream.getTracks(), window.page.screen].filter(({ readyState }) => readyState === 'live').length"
COUNTED = """window.opened = 0;
const get = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function (...given) { window.opened++; return get.apply(this, given); };"""


async def by_link(place: Place) -> tuple[Tab, Tab, str]:
    """Ann in a room of her link, and ben whom she has let in; the link."""
    ann, ben = await place.tab(), await place.tab()
    link = await place.link(ann)
    await ann.calls(link)
    await ann.says("active")
    await ben.calls(link)
    await ann.page.locator("#door .admit").click(timeout=30_000)
    for tab in (ann, ben):
        await tab.says("active")
        await tab.sees(1, "down")
    return ann, ben, link


async def restart(place: Place, *tabs: Tab) -> list[str]:
    """Another process at the same address; the life of the call that each tab was in."""
    eras = [await tab.page.evaluate("window.page.current.eraId") for tab in tabs]
    await place.stop()
    for tab in tabs:
        await tab.says("connecting again")
    await place.start()
    return eras


async def another_life(tab: Tab, era: str) -> None:
    """Wait until the tab is in another life of its call."""
    async with asyncio.timeout(60):
        while await tab.page.evaluate("window.page.current.eraId") in (era, ""):
            await tab.page.wait_for_timeout(100)


async def test_a_guest_whose_link_was_revoked_stays_in_when_it_shares_its_screen(place: Place) -> None:
    ann, ben, link = await by_link(place)
    await place.revoke(ann, link)
    await ben.page.click("#screen")
    await expect(ann.page.locator(OTHERS)).to_have_count(2, timeout=30_000)
    await ann.sees(2, "down", frames=3)
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
        await tab.says("over: hangup")
        assert tab.errors == []


async def test_after_its_process_everybody_is_out_of_the_room_of_a_revoked_link(place: Place) -> None:
    ann, ben, link = await by_link(place)
    await place.revoke(ann, link)
    await restart(place, ann, ben)
    for tab in (ann, ben):
        await tab.says("over: revoked")
        await expect(tab.page.locator("#stage")).to_be_hidden()
        assert tab.errors == []


async def test_who_waits_at_a_link_that_was_revoked_while_the_process_was_away_is_told_so(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    link = await place.link(ann)
    await ben.calls(link)
    await ben.says("waiting to be let in")
    await place.revoke(ann, link)
    await place.stop()
    await place.start()
    await ben.says("over: revoked")
    assert ben.errors == []


async def test_who_was_muted_and_dark_is_so_when_it_offers_again_and_when_it_has_joined_again(place: Place) -> None:
    ann, ben = await place.tab(COUNTED), await place.tab(COUNTED)
    await place.meet(ann, ben)
    await ann.page.click("#mute")
    await ann.page.click("#camera")
    name = ben.page.locator(f"{OTHERS} .name").first
    await expect(name).to_contain_text("muted")
    await ann.page.click("#screen")
    await expect(ben.page.locator(OTHERS)).to_have_count(2, timeout=30_000)
    await expect(name).to_contain_text("muted")
    (era, _) = await restart(place, ann, ben)
    for tab in (ann, ben):
        await another_life(tab, era)
        await tab.says("active")
    await expect(name).to_contain_text("muted", timeout=30_000)
    await expect(ben.page.locator(OTHERS)).to_have_count(2, timeout=30_000)
    roster = "window.page.current.roster.participants.map(({ muted = false, cameraOff = false }) => [muted, cameraOff]).sort()"
    assert await ben.page.evaluate(roster) == [[False, False], [True, True]]
    sending = "window.page.current.up.getSenders().map(({ track }) => track && track.enabled)"
    assert await ann.page.evaluate(sending) == [False, False, True], "microphone, camera, and the screen"
    assert [await tab.page.evaluate("window.opened") for tab in (ann, ben)] == [1, 1], "they stay those that they were"
    await ann.page.click("#hang-up")
    await ann.says("over: hangup")
    assert await ann.page.evaluate(LIVE) == 0
    await ben.page.click("#hang-up")
    assert ann.errors == ben.errors == []
