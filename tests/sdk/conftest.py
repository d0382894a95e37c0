"""A node in this process, and people on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tidewire import Client

from server.app import App, serving
from server.settings import load


@dataclass
class World:
    """A node and the devices on it."""

    app: App
    folder: Path
    stack: AsyncExitStack

    @property
    def address(self) -> str:
        """Where the node listens."""
        return f"127.0.0.1:{self.app.chat_port}"

    async def person(self, name: str) -> Client:
        """Somebody new."""
        client = await self.stack.enter_async_context(Client.open(self.address, self.folder / f"{name}.db"))
        await client.register_username(name)
        return client


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    given = {
        "data_dir": str(tmp_path / "data"),
        "chat_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "internal_listen": "127.0.0.1:0",
        "offline_delay_ms": "100",
        "group_receipt_delay_ms": "100",
        "drain_grace_s": "2",
    }
    async with serving(load(None, {}, given)) as app, AsyncExitStack() as stack:
        yield World(app, tmp_path, stack)
