"""A node, calls beside it that can be ended and started again, and clients of the SDK."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from aiortc import RTCPeerConnection
from tidewire import Client

from calls.app import App, serving
from tests.support.calls_world import SCOPES, World
from tests.support.media import service_token
from tests.support.node import Node, free_port

_tags = count(1)
SECRET = "a secret of all processes, long enough"


def connections() -> int:
    """Of aiortc, in this process, that are open."""
    # By `type`: `isinstance` asks the objects themselves, and a weak proxy of what is gone refuses to be asked.
    found = [one for one in gc.get_objects() if type(one) is RTCPeerConnection]
    return sum(one.connectionState != "closed" for one in found)


@dataclass
class Deployment:
    """The node, and its people."""

    world: World
    port: int
    stack: AsyncExitStack
    folder: Path
    tag: str
    """Behind every name: tests share the node."""

    def name(self, who: str) -> str:
        """As the node knows somebody."""
        return f"{who}{self.tag}"

    @asynccontextmanager
    async def calls(self, **more: Any) -> AsyncIterator[App]:
        """Running calls, always at the same address."""
        settings = self.world.settings(ticket_secret=SECRET, **more)
        async with serving(replace(settings, grpc_listen=f"127.0.0.1:{self.port}")) as app:
            yield app

    async def client(self, name: str, login: str = "") -> Client:
        """A device that nobody is signed in on; or another device of somebody, by the recovery code."""
        path = self.folder / f"{name}{'-second' if login else ''}.db"
        client = await self.stack.enter_async_context(Client.open(self.world.node.address, path, retry_max_s=0.2))
        if login:
            await client.confirm_login(await client.start_login(self.name(name)), recovery_code=login)
        return client

    async def people(self, *names: str) -> list[Client]:
        """New accounts of these names."""
        clients = [await self.client(name) for name in names]
        for client, name in zip(clients, names):
            await client.register_username(self.name(name))
        return clients


class Shared(NamedTuple):
    """A node that names calls, and no calls yet."""

    world: World
    port: int

    @asynccontextmanager
    async def deployment(self, folder: Path) -> AsyncIterator[Deployment]:
        """For one test. Its clients are closed first."""
        async with AsyncExitStack() as stack:
            yield Deployment(self.world, self.port, stack, folder, str(next(_tags)))


@asynccontextmanager
async def shared(folder: Path) -> AsyncIterator[Shared]:
    """Running."""
    port = free_port()
    node = Node(folder / "node", public_calls=f":{port}", address_commands_burst=1_000_000)
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    try:
        yield Shared(World(node, token, folder), port)
    finally:
        await node.close()
