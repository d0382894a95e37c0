"""Signals: the first drains within its grace, a second one stops at once."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import grpc
import pytest
from tidewire import Client, Disconnected

from tests.support.node import Node
from tests.support.raw import World, text

pytestmark = pytest.mark.process


async def test_a_first_signal_tells_the_devices_and_ends_cleanly(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    await node.start()
    async with Client.open(node.address, tmp_path / "ann.db") as ann:
        await ann.register_username("ann")
        notes = f"s:{ann.account_id}"
        sent = await (await ann.send(notes, "before"))
        await ann.mark_read(notes, sent.seq)
        news = ann.listen()
        assert await node.stop() == 0
        while not isinstance(event := await asyncio.wait_for(news.get(), 30), Disconnected):
            pass
        assert event.retry_in_s is not None, "it comes back by itself"
        await node.start()
        assert (await (await ann.send(notes, "after"))).seq == 2
    await node.close()


async def test_a_second_signal_does_not_wait_for_a_device_that_takes_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", drain_grace_s=60, slow_timeout_ms=600_000, commands_burst=10_000)
    await node.start()
    async with grpc.aio.insecure_channel(node.address) as channel, aiohttp.ClientSession() as session:
        world = World(channel, node.address, node.http_port)
        ann, ben = await world.person("ann"), await world.person("ben")
        sender = await world.stream(ann.access_token)
        await world.stream(ben.access_token, narrow=True)  # and never reads again
        both = ":".join(["d", *sorted((ann.account_id, ben.account_id))])
        for _ in range(120):
            await sender.write(text(both, "x" * 8_000))
            await sender.until(lambda event: event.HasField("send_result"))
        stopped = asyncio.ensure_future(node.stop())
        await sender.until(lambda event: event.HasField("closing"))
        ready = f"http://127.0.0.1:{node.http_port}/readyz"
        assert (await session.get(ready)).status == 503 and not stopped.done(), "it waits for the other device"
        os.kill(node.pid, signal.SIGTERM)
        assert await asyncio.wait_for(stopped, 30) == 1
