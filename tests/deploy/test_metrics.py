"""Whatever the dashboard and the alarms ask for, a real node tells."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.deploy.test_files import asked_for
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cluster import Nodes
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process


async def test_every_metric_that_is_asked_for_exists(tmp_path: Path, keyspace: Keyspace, redis: RedisServer) -> None:
    where = keyspace.settings
    nodes = Nodes(tmp_path, redis, where.contact_points, where.port, where.keyspace, count=1)
    await nodes.all[0].start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{nodes.all[0].http_port}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
    finally:
        await nodes.close()
    told = set()
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            told |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    assert len(asked_for()) > 15 and asked_for() - told == set()
