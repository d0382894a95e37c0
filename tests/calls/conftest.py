"""One node for all tests of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.calls_world import SCOPES, Calls, World
from tests.support.media import service_token
from tests.support.node import Node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("calls")
    node = Node(folder / "node", address_commands_burst=1_000_000)
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    yield World(node, token, folder)
    await node.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(world: World) -> AsyncIterator[Calls]:
    """Those that most tests share."""
    async with world.calls() as running:
        yield running
