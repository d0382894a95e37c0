"""Calls of a real Chromium over bad networks: packets that are lost, and people who are reached through a relay alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.browser import Tab
from tests.support.calls_browser import Place, browsing
from tests.support.coturn import Coturn
from tests.support.node import free_port
from tests.support.udp_proxy import Impairment, UdpProxy

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
HOST = "127.0.0.1"
SECRET = "a secret of calls and the relay"
BY_PROXIES = """(() => {
  const ports = %s;
  const take = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return take.call(this, { type, sdp: sdp.replaceAll(/^(a=candidate:.* 127\\.0\\.0\\.1) \\d+ /gm, `$1 ${ports[type]} `) });
  };
})();"""
"""The unit is reached through one proxy for what it answers, and another one for what it offers."""
FRAMES = 150
"""That are watched under loss: fifteen seconds."""
FROZEN_MAX = 0.2
"""The share of that time in which pictures may stand."""
CONCEALED_MAX = 0.15
"""The share of sound that may be made up."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Coturn]:
    made = Coturn(tmp_path_factory.mktemp("turn"), SECRET)
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory, relay: Coturn) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("networks")
    async with browsing(folder, turn_urls=relay.url, turn_secrets=SECRET, media_listen=f"{HOST}:{free_port()}") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def proxies(place: Place) -> AsyncIterator[tuple[UdpProxy, UdpProxy]]:
    """For what somebody sends to the unit, and for what it gets."""
    unit = (HOST, int(place.settings.media_listen.rpartition(":")[2]))
    made = UdpProxy(HOST, unit, seed=1), UdpProxy(HOST, unit, seed=2)
    yield made
    for proxy in made:
        proxy.close()


async def relayed(place: Place) -> Tab:
    """Somebody new who wants relays alone."""
    tab = await place.tab()
    await tab.page.check("#relay-only")
    return tab


class Watched:
    """What comes to a tab, from now on."""

    def __init__(self, tab: Tab, video: dict[str, float], audio: dict[str, float]) -> None:
        self.tab = tab
        self._video, self._audio = video, audio

    @classmethod
    async def begin(cls, tab: Tab) -> Watched:
        (video,), (audio,) = await tab.inbound("video", "down"), await tab.inbound("audio", "down")
        return cls(tab, video, audio)

    async def flows(self) -> None:
        """Pictures go on, and stand for a bounded time; sound goes on, and is mostly what was said."""
        begun = asyncio.get_running_loop().time()
        await self.tab.sees(1, "down", FRAMES)
        lasted_s = asyncio.get_running_loop().time() - begun
        (video,), (audio,) = await self.tab.inbound("video", "down"), await self.tab.inbound("audio", "down")
        assert video["frozen_s"] - self._video["frozen_s"] <= FROZEN_MAX * lasted_s, (self._video, video, lasted_s)
        samples = audio["samples"] - self._audio["samples"]
        assert samples >= 0.9 * 48_000 * lasted_s and audio["energy"] > self._audio["energy"], (self._audio, audio, lasted_s)
        assert audio["concealed"] - self._audio["concealed"] <= CONCEALED_MAX * samples, (self._audio, audio)


async def test_of_twenty_packets_one_is_lost_each_way_and_pictures_and_sound_go_on(
    place: Place, proxies: tuple[UdpProxy, UdpProxy]
) -> None:
    up, down = proxies
    ports = json.dumps({"answer": up.address[1], "offer": down.address[1]})
    ann, ben = await place.tab(BY_PROXIES % ports), await place.tab()
    await place.meet(ann, ben)
    for tab in (ann, ben):
        await tab.sees(1, "down")
    watched = [await Watched.begin(tab) for tab in (ann, ben)]
    up.impairment = down.impairment = Impairment(loss=0.05)
    await asyncio.gather(*(one.flows() for one in watched))
    assert min(proxy.lost for proxy in proxies) > 20
    async with asyncio.timeout(60):  # The smallest layer is a packet a picture: chance may spare it for long.
        while not sum(layer["again"] for layer in await ann.inbound("sent video", "up")):  # The unit asks for what it lacks,
            await ann.sees(1, "down", 10)
        while not sum(layer["again"] for layer in await ann.inbound("video", "down")):  # and sends again what the tab lacks.
            await ann.sees(1, "down", 10)
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
        assert tab.errors == []


async def test_strangers_in_tabs_talk_through_the_relay_alone(place: Place) -> None:
    ann, ben = await place.tab(), await place.tab()
    await ann.calls(ben.account_id)
    await ben.accepts()
    for tab in (ann, ben):
        await tab.says("active")
        await tab.sees(1)
        transport = await tab.transport()
        assert (transport["local"], transport["remote"]) == ("relay", "relay")
    await ann.page.click("#hang-up")
    await ben.says("over")


async def test_one_side_wants_relays_alone_and_the_other_learns_no_address_of_it(place: Place) -> None:
    ann, ben = await relayed(place), await place.tab()
    await place.knows(ben, ann)
    await ann.calls(ben.account_id)
    await ben.accepts()
    for tab in (ann, ben):
        await tab.says("active")
        await tab.sees(1)
    mine, theirs = await ann.transport(), await ben.transport()
    assert mine["local"] == "relay" and mine["remote"] != "relay"
    assert theirs["local"] != "relay" and theirs["remote"] in ("relay", "prflx")
    kinds = await ben.page.evaluate(
        "[...window.page.current.pc.remoteDescription.sdp.matchAll(/ typ (\\w+)/g)].map(([, type]) => type)"
    )
    assert set(kinds) == {"relay"}
    await ann.page.click("#hang-up")
    await ben.says("over")


async def test_somebody_is_in_the_call_of_a_group_through_a_relay_alone(place: Place) -> None:
    ann, ben = await relayed(place), await place.tab()
    await place.meet(ann, ben)
    for tab in (ann, ben):
        await tab.sees(1, "down")
        await tab.hears(1, "down")
    assert [(await ann.transport(one))["local"] for one in ("up", "down")] == ["relay", "relay"]
    assert "relay" not in [(await ben.transport(one))["local"] for one in ("up", "down")]
    await ann.page.evaluate("window.page.current.restartDown()")
    await ann.sees(1, "down", 20)
    for tab in (ann, ben):
        await tab.page.click("#hang-up")
        assert tab.errors == []
