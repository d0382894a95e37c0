"""Calls through a real relay, and credentials that it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aioice
import pytest
from aiortc.mediastreams import AudioStreamTrack
from tidewire import Client
from tidewire.calls import CallMedia, CallState

from calls.app import serving
from calls.domain.messages import Ice
from calls.domain.turn import Relays, credentials
from server.kit.system import SystemClock
from tests.support.calls_world import SCOPES, World
from tests.support.coturn import Coturn
from tests.support.media import service_token
from tests.support.node import Node, free_port

pytestmark = pytest.mark.process
OLD, NEW = "the old secret of the relay", "the new secret of the relay"
SOUND = CallMedia(audio=AudioStreamTrack)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Coturn]:
    made = Coturn(tmp_path / "turn", NEW, OLD)
    await made.start()
    yield made
    await made.close()


async def allocates(relay: Coturn, ice: Ice) -> bool:
    """Whether the relay gives an address for these credentials."""
    (server,) = ice.servers
    connection = aioice.Connection(
        ice_controlling=True,
        turn_server=("127.0.0.1", relay.port),
        turn_username=server.username,
        turn_password=server.credential,
        transport_policy=aioice.TransportPolicy.RELAY,
    )
    try:
        await connection.gather_candidates()
        return any(candidate.type == "relay" for candidate in connection.local_candidates)
    except (aioice.stun.TransactionError, ConnectionError):
        return False
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("secrets", "ttl_s", "given"),
    [((NEW,), 60, True), ((OLD,), 60, True), (("another secret",), 60, False), ((NEW,), -60, False)],
    ids=["newest secret", "secret before it", "wrong secret", "expired"],
)
async def test_the_relay_takes_what_calls_give_out_and_nothing_else(
    relay: Coturn, secrets: tuple[str, ...], ttl_s: int, given: bool
) -> None:
    now_ms = SystemClock().now_ms()
    ice = credentials(Relays((relay.url,), secrets), "call", "device", now_ms, ttl_s, relay_only=True)
    assert await allocates(relay, ice) is given


async def test_strangers_talk_through_the_relay_alone(relay: Coturn, tmp_path: Path) -> None:
    port = free_port()
    node = Node(tmp_path / "node", public_calls=f":{port}")
    token = await service_token(tmp_path / "node", "calls", *SCOPES)
    await node.start()
    settings = replace(
        World(node, token, tmp_path).settings(turn_urls=relay.url, turn_secrets=f"{NEW},{OLD}"), grpc_listen=f"127.0.0.1:{port}"
    )
    async with serving(settings), AsyncExitStack() as stack:
        ann, ben = [
            await stack.enter_async_context(Client.open(node.address, tmp_path / f"{name}.db")) for name in ("ann", "ben")
        ]
        await ann.register_username("ann")
        await ben.register_username("ben")
        ringing = asyncio.ensure_future(anext(ben.calls.incoming()))
        placed = await ann.calls.place(await ann.direct("ben"), SOUND)
        taken = await asyncio.wait_for(ringing, 30)
        await taken.accept(SOUND)
        for call in (placed, taken):
            async with asyncio.timeout(30):
                assert await call.becomes(CallState.ACTIVE) is CallState.ACTIVE
                assert call.roads() == {"relay"}
        async with asyncio.timeout(30):
            while not placed.tracks:
                await asyncio.sleep(0.02)
            await placed.tracks[0].recv()
        await placed.hang_up()
        assert [(one.url, one.why) for one in await ann.calls.try_relays()] == [(relay.url, "")]
        await relay.close()
        ((_, why),) = [(one.url, one.why) for one in await ann.calls.try_relays()]
        assert why
    await node.close()
