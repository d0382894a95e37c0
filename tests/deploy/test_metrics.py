"""Whatever the dashboard and the alarms ask for, a real node tells."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from calls.app import serving
from tests.deploy.test_files import asked_for
from tests.support.calls_world import SCOPES, World
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cluster import Nodes
from tests.support.media import Deployment, service_token
from tests.support.node import Node
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process


async def told(port: int) -> set[str]:
    """The metrics of a process."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        lines = (await response.text()).splitlines()
    found = set()
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return found


async def test_every_metric_that_is_asked_for_exists(tmp_path: Path, keyspace: Keyspace, redis: RedisServer) -> None:
    where = keyspace.settings
    nodes = Nodes(tmp_path, redis, where.contact_points, where.port, where.keyspace, count=1)
    await nodes.all[0].start()
    try:
        of_node = await told(nodes.all[0].http_port)
    finally:
        await nodes.close()
    asked = {name for name in asked_for() if not name.startswith(("tidewire_media_", "tidewire_call"))}
    assert len(asked) > 15 and asked - of_node == set()


async def test_every_metric_that_is_asked_of_calls_exists(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    token = await service_token(node.folder, "calls", *SCOPES)
    await node.start()
    try:
        async with serving(World(node, token, tmp_path).settings()) as app:
            of_calls = await told(app.http_port)
    finally:
        await node.close()
    asked = {name for name in asked_for() if name.startswith("tidewire_call")}
    assert len(asked) == 3 and asked - of_calls == set()


async def test_every_metric_that_is_asked_of_a_media_worker_exists(tmp_path: Path) -> None:
    deployment = await Deployment.started(tmp_path)
    try:
        of_worker = await told(deployment.worker.http_port)
    finally:
        await deployment.close()
    asked = {name for name in asked_for() if name.startswith("tidewire_media_")}
    assert len(asked) == 3 and asked - of_worker == set()
