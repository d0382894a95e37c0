"""The device's stream against a node that says exactly what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from tidewire import Client, Disconnected, Unreachable
from tidewire.transport import Transport
from tidewire.v1 import account_pb2, account_pb2_grpc, chat_pb2, chat_pb2_grpc

from tests.sdk.conftest import World
from tests.support.proxy import Line, Way


class Accounts(account_pb2_grpc.AccountServiceServicer):
    """Lets anybody in."""

    async def RegisterUsername(self, request: Any, context: Any) -> account_pb2.RegisterUsernameResponse:
        credentials = account_pb2.Credentials(account_id="ann", device_id="phone", access_token="a", refresh_token="r")
        return account_pb2.RegisterUsernameResponse(credentials=credentials, recovery_code="code")


class Draining(chat_pb2_grpc.ChatServiceServicer):
    """Welcomes a device, then drains once the device has more to say than goes through, and hangs up."""

    def __init__(self) -> None:
        self.connects = 0
        self.drain = asyncio.Event()

    async def Connect(self, requests: Any, context: Any) -> AsyncIterator[chat_pb2.ConnectResponse]:
        self.connects += 1
        yield chat_pb2.ConnectResponse(events=[chat_pb2.Event(welcome=chat_pb2.Welcome(epoch="e"))])
        await self.drain.wait()
        closing = chat_pb2.Closing(reason=chat_pb2.CLOSING_REASON_DRAIN, retry_after_ms=1, detail="draining")
        yield chat_pb2.ConnectResponse(events=[chat_pb2.Event(closing=closing)])


async def test_a_drain_in_the_middle_of_a_write_is_a_drain(tmp_path: Path) -> None:
    chat, server = Draining(), grpc.aio.server()
    chat_pb2_grpc.add_ChatServiceServicer_to_server(chat, server)
    account_pb2_grpc.add_AccountServiceServicer_to_server(Accounts(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with Client.open(f"127.0.0.1:{port}", tmp_path / "ann.db", retry_max_s=0.1) as ann:
            events = ann.listen()
            await ann.register_username("ann")
            for _ in range(20):  # the node reads none of it, so that the stream's window is full
                await ann.send("d:ann:ben", "x" * 40_000)
            chat.drain.set()
            async with asyncio.timeout(30):
                while not isinstance(event := await events.get(), Disconnected):
                    pass
                assert (event.reason, event.retry_in_s) == ("draining", 0.001)
                while chat.connects < 3:
                    await asyncio.sleep(0.01)
    finally:
        await server.stop(None)


async def test_a_client_closes_whatever_its_stream_is_about(tmp_path: Path) -> None:
    """Also while the stream is just breaking, which is at another moment in each round."""
    chat, server = Draining(), grpc.aio.server()
    chat_pb2_grpc.add_ChatServiceServicer_to_server(chat, server)
    account_pb2_grpc.add_AccountServiceServicer_to_server(Accounts(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with Client.open(f"127.0.0.1:{port}", tmp_path / "ann.db") as ann:
        await ann.register_username("ann")
    await server.stop(None)
    async with asyncio.timeout(60):
        for tenth_ms in range(150):
            async with Client.open("127.0.0.1:1", tmp_path / "ann.db", retry_max_s=0.001):
                await asyncio.sleep(tenth_ms / 10_000)


async def test_a_call_goes_to_the_server_that_is_connected_when_it_begins(world: World) -> None:
    transport = Transport(world.address)
    ask = transport.chat.GetLimits
    await transport.call(ask, chat_pb2.GetLimitsRequest())
    transport.move()
    await transport.call(transport.chat.GetEndpoints, chat_pb2.GetEndpointsRequest())  # by now the old connection takes no calls
    assert (await transport.call(ask, chat_pb2.GetLimitsRequest())).limits.frame_bytes_max
    await transport.close()


async def test_a_server_that_takes_connections_and_says_nothing_is_given_up(world: World, tmp_path: Path) -> None:
    """As a frozen node does: it is the kernel that takes them."""
    line = Line(int(world.address.rpartition(":")[2]))
    await line.start()
    async with Client.open(world.address, tmp_path / "ann.db") as ann:
        await ann.register_username("ann_silence")
    line.hold(*Way)
    async with Client.open(f"127.0.0.1:{line.port}", tmp_path / "ann.db", retry_max_s=0.1) as ann, asyncio.timeout(30):
        while line.connections < 2:
            await asyncio.sleep(0.01)
        line.release()
        await ann.caught_up()
    await line.close()


async def test_who_lose_one_server_do_not_all_go_to_the_same_other_one() -> None:
    went: dict[str, set[str]] = {}
    for _ in range(200):
        transport = Transport("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3")
        first = transport.address
        transport.move()
        went.setdefault(first, set()).add(transport.address)
        await transport.close()
    assert len(went) == 3 and all(others == set(went) - {first} for first, others in went.items())


async def test_who_is_not_signed_in_asks_the_next_server_when_one_is_away(world: World) -> None:
    for _ in range(12):  # it begins with either
        transport = Transport(f"127.0.0.1:1,{world.address}")
        tries = 0
        while True:
            tries += 1
            try:
                await transport.call(transport.chat.GetLimits, chat_pb2.GetLimitsRequest())
                break
            except Unreachable:
                assert tries == 1
        await transport.close()
