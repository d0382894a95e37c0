"""A whole node in this process with tokens for its internal services, and people on it by the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewire import Client
from tidewire.events import Event
from tidewire.internal import Bot, Services

from server import token_command
from server.app import App, serving
from server.settings import Settings, load
from server.stores import opened_beside


@dataclass
class World:
    """A node, the people on it, and its operator."""

    app: App
    settings: Settings
    folder: Path
    stack: AsyncExitStack

    async def token(self, name: str, *scopes: str, account: str = "") -> str:
        """What `python -m server token create` does, beside the running node."""
        async with opened_beside(self.settings) as stores:
            return await token_command.create(stores, self.settings, name, list(scopes), account)

    async def revoke(self, name: str) -> None:
        """What `python -m server token revoke` does."""
        async with opened_beside(self.settings) as stores:
            await token_command.revoke(stores, name)

    async def services(self, name: str, *scopes: str, account: str = "") -> Services:
        """A service with a token of its own."""
        return await self.as_service(await self.token(name, *scopes, account=account))

    async def as_service(self, token: str) -> Services:
        """A service that has this token."""
        return await self.stack.enter_async_context(Services(f"127.0.0.1:{self.app.internal_port}", token))

    async def bot(self, name: str) -> Bot:
        """A bot with a token of its own."""
        token = await self.token(name, "bot", account=name)
        return await self.stack.enter_async_context(Bot(f"127.0.0.1:{self.app.internal_port}", token))

    async def person(self, name: str) -> Client:
        """Somebody new."""
        client = await self.device(name)
        await client.register_username(name)
        return client

    async def device(self, name: str) -> Client:
        """A device that nobody is signed in on."""
        return await self.stack.enter_async_context(Client.open(f"127.0.0.1:{self.app.chat_port}", self.folder / f"{name}.db"))


@asynccontextmanager
async def internal_world(folder: Path, **settings: str) -> AsyncIterator[World]:
    """A node with its operator."""
    given = {
        "data_dir": str(folder / "data"),
        "chat_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "internal_listen": "127.0.0.1:0",
        "offline_delay_ms": "100",
        "drain_grace_s": "2",
        **settings,
    }
    loaded = load(None, {}, given)
    async with serving(loaded) as app, AsyncExitStack() as stack:
        yield World(app, loaded, folder, stack)


async def until(queue: asyncio.Queue[Event], wanted: Callable[[Any], bool]) -> Any:
    """The first event that is wanted."""
    async with asyncio.timeout(30):
        while not wanted(event := await queue.get()):
            pass
        return event
