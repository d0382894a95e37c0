"""Several real nodes over a real CQL database and a real Redis, each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.support.node import Node, server
from tests.support.redis import RedisServer

SECRET = "a secret of at least thirty-two characters"


class Nodes:
    """Nodes that serve one population of devices."""

    def __init__(
        self,
        folder: Path,
        redis: RedisServer,
        contact_points: Sequence[str],
        port: int,
        keyspace: str,
        count: int = 3,
        **more: object,
    ) -> None:
        """`more`: settings of every node."""
        self.settings: dict[str, object] = {
            "store": "cql",
            "routes": "redis",
            "redis_url": redis.url,
            "cql_hosts": ",".join(contact_points),
            "cql_port": port,
            "cql_keyspace": keyspace,
            "cql_replication": f"datacenter1:{len(contact_points)}",
            "pepper": SECRET,
            "cluster_token": SECRET,
            **more,
        }
        self.folder = folder
        self.all = [Node(folder / f"node-{n}", node_id=f"node-{n}", **self.settings) for n in range(1, count + 1)]

    @property
    def address(self) -> str:
        """All of them, for a client that takes whichever answers."""
        return ",".join(node.address for node in self.all)

    async def migrate(self) -> str:
        """`python -m server migrate`; what it printed."""
        code, printed = await server("migrate", **self.settings)
        assert code == 0, printed
        return printed

    async def start(self) -> None:
        """Bring the schema up to date, then start all nodes."""
        await self.migrate()
        await asyncio.gather(*(node.start() for node in self.all))

    async def close(self) -> None:
        """End all of them."""
        for node in self.all:
            await node.close()
