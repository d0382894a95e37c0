"""One node waits until others have heard of a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from tidewire.internal.v1 import relay_pb2, relay_pb2_grpc

from server.adapters.grpc.links import Links
from server.domain.limits import Limits
from server.domain.relayed import AccountChanged
from server.kit.system import SystemRandom
from server.ports.cluster import Peer

TOLD = AccountChanged("ann")


class Other(relay_pb2_grpc.RelayServiceServicer):
    """Another node, which acknowledges when the test says so."""

    def __init__(self) -> None:
        self.took = asyncio.Event()
        self.acknowledge = asyncio.Event()
        self.leave = asyncio.Event()

    async def Link(self, requests: Any, context: Any) -> None:
        """See the contract."""
        await context.read()
        await context.write(relay_pb2.LinkResponse(hello=relay_pb2.LinkHello(node_id="b", incarnation="1")))
        number = (await context.read()).batch.number
        self.took.set()
        wait = [asyncio.ensure_future(event.wait()) for event in (self.acknowledge, self.leave)]
        await asyncio.wait(wait, return_when=asyncio.FIRST_COMPLETED)
        if not self.leave.is_set():
            await context.write(relay_pb2.LinkResponse(ack=relay_pb2.BatchAck(number=number)))
        await self.leave.wait()


@asynccontextmanager
async def linked(other: Other, told_wait_ms: int = 60_000) -> AsyncIterator[Links]:
    """The links of a node that has one to `other`, which is up."""
    server = grpc.aio.server()
    relay_pb2_grpc.add_RelayServiceServicer_to_server(other, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with asyncio.TaskGroup() as tasks:
        links = Links("a", "1", "token", None, Limits(told_wait_ms=told_wait_ms), tasks, SystemRandom().uniform)
        links.follow([Peer("b", "1", f"127.0.0.1:{port}")])
        async with asyncio.timeout(30):
            while not links.up():
                await asyncio.sleep(0.01)
        try:
            yield links
        finally:
            other.leave.set()
            links.close()
    await server.stop(None)


async def test_it_waits_until_they_have_taken_in_what_they_were_told() -> None:
    other = Other()
    async with linked(other) as links:
        await links.taken(["b"])
        links.send(["b"], TOLD)
        waiting = asyncio.ensure_future(links.taken(["b"]))
        await other.took.wait()
        assert not waiting.done()
        other.acknowledge.set()
        await waiting
        await links.taken(["b", "a node that is not there"])


async def test_a_node_that_says_nothing_is_waited_for_no_longer_than_is_set(caplog: pytest.LogCaptureFixture) -> None:
    other = Other()
    async with linked(other, told_wait_ms=100) as links:
        links.send(["b"], TOLD)
        await links.taken(["b"])
        assert [record.message for record in caplog.records if record.name.endswith("links")] == [
            "other nodes are slow to hear of a change"
        ]


async def test_a_node_whose_link_breaks_is_not_waited_for() -> None:
    other = Other()
    async with linked(other) as links:
        links.send(["b"], TOLD)
        waiting = asyncio.ensure_future(links.taken(["b"]))
        await other.took.wait()
        other.leave.set()
        await waiting
        assert not links.up()
        await links.taken(["b"])
