"""One node for all tests of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.calls_sdk import Deployment, Shared, shared
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
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    """The node of the tests through the SDK."""
    async with shared(tmp_path_factory.mktemp("sdk")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def deployment(place: Shared, tmp_path: Path) -> AsyncIterator[Deployment]:
    """That node, and people of a test's own."""
    async with place.deployment(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(world: World) -> AsyncIterator[Calls]:
    """Those that most tests share."""
    async with world.calls() as running:
        yield running
