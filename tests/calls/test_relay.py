"""Calls through a real relay, and credentials that it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aioice
import pytest
from aiortc.mediastreams import AudioStreamTrack
from tidewire import Client
from tidewire.calls import CallMedia, CallState, GroupCall
from tidewire.errors import TidewireError

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


@asynccontextmanager
async def people(folder: Path, *names: str, **settings: str) -> AsyncIterator[list[Client]]:
    """New accounts, and calls with these settings."""
    port = free_port()
    node = Node(folder / "node", public_calls=f":{port}")
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    made = replace(World(node, token, folder).settings(**settings), grpc_listen=f"127.0.0.1:{port}")
    async with serving(made), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client.open(node.address, folder / f"{name}.db")) for name in names]
        for client, name in zip(clients, names):
            await client.register_username(name)
        yield clients
    await node.close()


async def hears(room: GroupCall, participant_id: str) -> bool:
    """Wait for sound of somebody."""
    async with asyncio.timeout(30):
        while not (tracks := [one.track for one in room.tracks if one.participant_id == participant_id]):
            await asyncio.sleep(0.02)
        return (await tracks[0].recv()).sample_rate == 48_000


async def test_strangers_talk_through_the_relay_alone(relay: Coturn, tmp_path: Path) -> None:
    async with people(tmp_path, "ann", "ben", turn_urls=relay.url, turn_secrets=f"{NEW},{OLD}") as (ann, ben):
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


async def test_a_device_that_uses_relays_alone_is_in_the_call_of_a_group_and_is_heard(relay: Coturn, tmp_path: Path) -> None:
    async with people(tmp_path, "ann", "ben", turn_urls=relay.url, turn_secrets=NEW) as (ann, ben):
        conversation_id = await ann.create_group("all", ["ben"])
        ann.calls.relay_only = True
        hers, his = [await client.calls.join(conversation_id, SOUND) for client in (ann, ben)]
        assert await hears(his, hers.participant_id) and await hears(hers, his.participant_id)
        assert hers.roads() == {"relay"} and "host" in his.roads()


async def test_who_has_no_udp_is_in_the_call_of_a_group_through_a_relay_by_tcp(
    relay: Coturn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [])
    urls = f"turn:127.0.0.1:{free_port()}?transport=udp,{relay.tcp_url}"
    async with people(tmp_path, "ann", "ben", turn_urls=urls, turn_secrets=NEW) as (ann, ben):
        conversation_id = await ann.create_group("all", ["ben"])
        hers, his = [await client.calls.join(conversation_id, SOUND) for client in (ann, ben)]
        assert await hears(his, hers.participant_id) and await hears(hers, his.participant_id)
        assert hers.roads() == {"relay"}


async def test_who_uses_relays_alone_where_there_are_none_is_in_no_call(tmp_path: Path) -> None:
    async with people(tmp_path, "ann") as (ann,):
        conversation_id = await ann.create_group("alone", [])
        ann.calls.relay_only = True
        with pytest.raises(TidewireError, match="relays alone, and the deployment has none"):
            await ann.calls.join(conversation_id, SOUND)
        async with asyncio.timeout(30):
            while await ann.calls.peek(conversation_id):
                await asyncio.sleep(0.02)
