"""Several processes of calls over one Redis, and devices of each."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection
from tidewire.transport import new_envelope_id
from tidewire.v1 import call_pb2

from tests.support.calls_world import Device, World, people
from tests.support.node import free_port
from tests.support.redis import RedisServer

SECRET = "a secret of all processes, long enough"


class Process:
    """`python -m calls`."""

    def __init__(self, world: World, redis: RedisServer, prefix: str, **more: Any) -> None:
        self.port = free_port()
        self.internal = f"127.0.0.1:{free_port()}"
        settings: dict[str, Any] = {
            "grpc_listen": f"127.0.0.1:{self.port}",
            "http_listen": "127.0.0.1:0",
            "internal_listen": self.internal,
            "media_listen": "127.0.0.1:0",
            "data_dir": world.folder / f"process{self.port}",
            "node": f"127.0.0.1:{world.node.internal_port}",
            "node_token": world.token,
            "rings": "redis",
            "redis_url": redis.url,
            "redis_prefix": prefix,
            "ticket_secret": SECRET,
            "peer_token": SECRET,
            "calls_burst": 1_000,
            "connect_s": 600,  # no media flows in most of these tests: nobody is out for that
            **more,
        }
        self._arguments = [f"--set={name}={value}" for name, value in settings.items()]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Wait until it is up."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "calls", *self._arguments), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            line = await self._process.stdout.readline()
        assert b"Calls are up" in line, line

    async def end(self, number: int) -> None:
        """By a signal."""
        if self._process is not None and self._process.returncode is None:
            os.kill(self._process.pid, number)
            await self._process.wait()


class Two:
    """Two of them, and devices of either."""

    def __init__(
        self, world: World, first: Process, second: Process, stack: AsyncExitStack, redis: RedisServer, prefix: str
    ) -> None:
        self.world = world
        self.processes = first, second
        self._stack = stack
        self._redis = redis
        self._prefix = prefix

    async def device(self, at: int, who: tuple[str, str, str] | None = None) -> Device:
        """A device on one of them, of somebody new unless told otherwise."""
        token, account_id, device_id = who or (await people(self.world.node, 1))[0]
        made = Device(self.world.node.address, self.processes[at].address, token, account_id, device_id)
        self._stack.push_async_callback(made.close)
        await made.connect()
        return made

    async def begins(self, group: str, at: int) -> None:
        """Have the call of a group begin in one of them, which is joined there next: by itself it would in the less loaded one."""
        async with self._redis.client() as client:
            for key in await client.keys(f"{self._prefix}:*:calls-process"):
                if await client.get(key) == self.processes[at].internal:
                    process_id = str(key).split("{")[1].split("}")[0]
                    await client.set(f"{self._prefix}:{{{group}}}:calls-place", process_id, px=10_000)


@asynccontextmanager
async def two_processes(
    world: World, redis: RedisServer, *, second: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Two]:
    """Running. `second`: settings of that one alone."""
    prefix = f"tw{new_envelope_id()}"
    processes = [Process(world, redis, prefix, **more), Process(world, redis, prefix, **{**more, **(second or {})})]
    try:
        await asyncio.gather(*(process.start() for process in processes))
        async with AsyncExitStack() as stack:
            yield Two(world, processes[0], processes[1], stack, redis, prefix)
    finally:
        for process in processes:
            await process.end(signal.SIGTERM)


def offered() -> RTCPeerConnection:
    """A client that sends sound."""
    made = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    made.addTransceiver("audio", direction="sendonly")
    return made


async def joins(device: Device, group: str = "", link_token: str = "", *, ring: bool = False) -> call_pb2.SignalResponse:
    """Join with an offer of aiortc's; the answer. No media flows: it is about who holds the call."""
    client = offered()
    await client.setLocalDescription(await client.createOffer())
    section = call_pb2.SectionSource(mid=client.getTransceivers()[0].mid, source=call_pb2.TRACK_SOURCE_MICROPHONE)
    offer = call_pb2.CallDescription(revision=1, sdp=client.localDescription.sdp)
    command = call_pb2.JoinGroupCall(conversation_id=group, offer=offer, sections=[section], link_token=link_token, ring=ring)
    answer = await device.say(join=command)
    await client.close()
    return answer
