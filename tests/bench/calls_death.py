"""How soon media is back when the process that has a group's call is killed under its participants.

`python -m tests.bench.calls_death [people] [deaths]`: two processes of calls over one Redis, people of the SDK by way of a balancer that
sends new connections to the one that lives. Prints, for each death, when each of them received somebody's sound again; then p50 and p95.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles
from typing import Any

import aioice.ice
from aiortc.mediastreams import AudioStreamTrack
from tidewire import Client
from tidewire.calls import CallMedia, GroupCall
from tidewire.transport import new_envelope_id

from tests.support.calls_processes import Process
from tests.support.calls_world import SCOPES, World
from tests.support.media import service_token
from tests.support.node import Node, free_port
from tests.support.redis import RedisServer


class Balancer:
    """TCP to whichever process is the target now."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError):
            there, to = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(_copy(reader, to), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def heard(room: GroupCall, era_id: str) -> float:
    """When a frame of somebody arrived in another life of the call than this."""
    while True:
        if room.era_id != era_id:
            for one in list(room.tracks):
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(one.track.recv(), 0.5)
                    return time.monotonic()
        await asyncio.sleep(0.02)


async def main(people: int, deaths: int) -> None:
    """Measure."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    folder, balancer = Path(tempfile.mkdtemp()), Balancer()
    node, redis = Node(folder / "node", public_calls=f":{balancer.port}"), RedisServer(folder / "redis")
    token = await service_token(folder / "node", "calls", *SCOPES)
    await asyncio.gather(node.start(), redis.start())
    world, prefix = World(node, token, folder), f"tw{new_envelope_id()}"
    took: list[float] = []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(node.close)
        stack.push_async_callback(redis.close)
        server = await asyncio.start_server(balancer.take, "127.0.0.1", balancer.port)
        stack.callback(server.close)
        process = Process(world, redis, prefix)
        await process.start()
        balancer.target = process.port
        clients = [await stack.enter_async_context(Client.open(node.address, folder / f"{n}.db")) for n in range(people)]
        for n, client in enumerate(clients):
            await client.register_username(f"person{n}")
        group = await clients[0].create_group("all", [f"person{n}" for n in range(1, people)])
        rooms: list[Any] = [await client.calls.join(group, CallMedia(audio=AudioStreamTrack)) for client in clients]
        await asyncio.gather(*(heard(room, "") for room in rooms))
        for death in range(deaths):
            other = Process(world, redis, prefix)
            await other.start()
            eras = [room.era_id for room in rooms]
            balancer.target, began = other.port, time.monotonic()
            await process.end(signal.SIGKILL)
            process = other
            back = sorted([at - began for at in await asyncio.gather(*map(heard, rooms, eras))])
            took += back
            print(f"death {death + 1}: {', '.join(f'{one:.1f}' for one in back)} s", flush=True)
        await process.end(signal.SIGKILL)
    print(
        f"{people} people, {deaths} deaths: media back after p50 {quantiles(took, n=20)[9]:.1f} s, p95 {quantiles(took, n=20)[18]:.1f} s"
    )


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in (sys.argv[1:3] + ["8", "5"][len(sys.argv) - 1 :]))))
