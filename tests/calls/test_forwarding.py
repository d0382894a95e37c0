"""The forwarding unit over a real socket, with real peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from calls.adapters.forwarding_unit import forwarding
from calls.domain.tracks import Source
from calls.ports.forwarding import Place
from calls.services.forward import Forwarder
from tests.calls.peers import Peer, Shade, Signalling, Tone


async def until(what: Callable[[], bool], limit_s: float = 20) -> None:
    """Wait for it."""
    async with asyncio.timeout(limit_s):
        while not what():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_unit(batched: bool = True) -> AsyncIterator[tuple[Forwarder, Signalling]]:
    signalling = Signalling()
    async with forwarding(signalling.emit, "127.0.0.1", 0, ["127.0.0.1"], batched=batched) as unit:
        delivering = asyncio.ensure_future(signalling.run())
        try:
            yield unit, signalling
        finally:
            delivering.cancel()
            for peer in signalling.peers.values():
                await peer.close()


def a_peer(unit: Forwarder, signalling: Signalling, name: str, grey: int) -> Peer:
    sends = {Source.MICROPHONE: Tone(), Source.CAMERA: Shade(grey)}
    peer = signalling.peers[name] = Peer(unit, Place("call", "era", name), sends)
    return peer


async def test_two_hear_and_see_one_another() -> None:
    async with a_unit() as (unit, signalling):
        alice, bob = a_peer(unit, signalling, "alice", 60), a_peer(unit, signalling, "bob", 180)

        await alice.join()
        await bob.join()

        await until(
            lambda: min(alice.frames["video"], bob.frames["video"]) > 20 and min(alice.frames["audio"], bob.frames["audio"]) > 50
        )
        print(alice.greys, bob.greys, unit.drops, signalling.events[:4])
