"""One node for all tests of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.calls_browser import Place, browsing
from tests.support.calls_processes import Two, two_processes
from tests.support.calls_sdk import Deployment, Shared, shared
from tests.support.calls_world import SCOPES, Calls, World
from tests.support.media import service_token
from tests.support.node import Node
from tests.support.redis import RedisServer


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Media stays on this machine: aioice leaves loopback out by itself."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("calls")
    node = Node(folder / "node", address_commands_burst=1_000_000)
    token = await service_token(folder / "node", "calls", *SCOPES)
    await node.start()
    yield World(node, token, folder)
    await node.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    """The node of the tests through the SDK."""
    async with shared(tmp_path_factory.mktemp("sdk")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def deployment(sdk_node: Shared, tmp_path: Path) -> AsyncIterator[Deployment]:
    """That node, and people of a test's own."""
    async with sdk_node.deployment(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls(world: World) -> AsyncIterator[Calls]:
    """Those that most tests share."""
    async with world.calls() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """One of the test's own."""
    made = RedisServer(tmp_path / "redis")
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def two(world: World, redis: RedisServer, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    """Two processes; the marker `limits` sets more of their settings."""
    marker = request.node.get_closest_marker("limits")
    async with two_processes(world, redis, **(marker.kwargs if marker else {})) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """What the tests with a browser share."""
    async with browsing(tmp_path_factory.mktemp("browser")) as made:
        yield made
