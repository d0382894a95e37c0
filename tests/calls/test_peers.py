"""The forwarding unit with participants whose ICE, DTLS, encoders and decoders are all somebody else's."""

from __future__ import annotations

import asyncio

import pytest

from calls.adapters.forwarding_unit import forwarding
from calls.domain.limits import ForwarderLimits
from calls.domain.tracks import Source
from calls.ports.forwarding import MediaUp, Place
from tests.calls.peers import Peer, Shade, Signalling, Tone
from tests.calls.scripted import until

pytestmark = pytest.mark.timeout(120)
LIMITS = ForwarderLimits(load_video_max=100.0, load_shed=100.0)
"""The load is that of the whole process: here the peers' encoders are in it, and nobody is to be refused for them."""
GREYS = {"ann": 60, "ben": 120, "eve": 180}


async def test_each_hears_and_sees_the_others_and_nobody_else() -> None:
    signalling = Signalling()
    async with forwarding(signalling.emit, "127.0.0.1", 0, ["127.0.0.1"], LIMITS) as unit:
        delivering = asyncio.ensure_future(signalling.run())
        try:
            for name, grey in GREYS.items():
                sends = {Source.MICROPHONE: Tone(), Source.CAMERA: Shade(grey)}
                peer = signalling.peers[name] = Peer(unit, Place("call", "era", name), sends)
                await peer.join()
            peers = signalling.peers
            others = {name: {grey for other, grey in GREYS.items() if other != name} for name in GREYS}
            await until(lambda: all(_seen(peer) >= others[name] for name, peer in peers.items()), 40)
            await until(lambda: all(peer.frames["audio"] > 50 for peer in peers.values()))
            assert all(_seen(peer) == others[name] for name, peer in peers.items())
            assert {one.place.participant_id for one in signalling.events if isinstance(one, MediaUp)} == set(GREYS)
        finally:
            delivering.cancel()
            for peer in signalling.peers.values():
                await peer.close()


def _seen(peer: Peer) -> set[int]:
    """Whose greys it saw, ten pictures of each at least; what codecs do to a grey is within five."""
    return {grey for grey in GREYS.values() if sum(count for seen, count in peer.greys.items() if abs(seen - grey) <= 5) >= 10}
