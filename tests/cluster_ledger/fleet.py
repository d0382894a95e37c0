"""Everything that a cluster consists of, in real processes: nodes, Redis, a database of three, and the devices' ways to them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tests.cluster_ledger.truth import Truth
from tests.ledger.crew import Devices, Failed
from tests.support.cassandra import Ring
from tests.support.cluster import Nodes
from tests.support.ledger import Entry
from tests.support.node import Node, NotStarted
from tests.support.proxy import Line
from tests.support.redis import RedisServer

LEASE_MS = 2_000
LINK_TIMEOUT_MS = 1_500
STARTS = 5
SETTINGS: dict[str, object] = {
    "lease_ms": LEASE_MS,
    "link_timeout_ms": LINK_TIMEOUT_MS,
    "comparison_spread_ms": 1_000,
    "group_receipt_delay_ms": 300,
    "drain_grace_s": 5,
    "drain_spread_ms": 500,
    "window_envelopes_max": 32,
    "devices_max": 8,
    "commands_per_s": 100_000,
    "commands_burst": 100_000,
    "address_commands_per_s": 100_000,
}


class Roaming(Line):
    """One device's way to whichever node takes connections, as a balancer with health checks chooses it."""

    def __init__(self, fleet: Fleet, only: int | None = None) -> None:
        super().__init__(0)
        self._fleet = fleet
        self.at = -1
        """The node of the last connection."""
        self.only = only
        """The node that it leads to, when it must not choose."""

    def where(self) -> int:
        """See `Line.where`."""
        self.at = self._fleet.choose() if self.only is None else self.only
        return self._fleet.nodes[self.at].port


class Fleet(Devices):
    """All of them. The ring is its owner's, and whole at the beginning and the end."""

    def __init__(self, folder: Path, ring: Ring, keyspace: str, seed: int, *, server: str = "server", **more: object) -> None:
        """`server`: what `python -m` runs as a node. `more`: settings of every node."""
        super().__init__(folder, "tests.ledger.device")
        self.ring = ring
        self.redis = RedisServer(folder / "redis")
        self._cluster = Nodes(folder, self.redis, ring.contact_points, ring.port, keyspace, 0, **SETTINGS, **more)
        self.links: list[Line] = []
        """What leads to each node's internal listener: the links of the nodes before it, and what any node forwards to it."""
        self.nodes: list[Node] = []
        self.up: set[int] = set()
        """The nodes that take connections."""
        self.only: int | None = None
        """The node that the next device comes to; None: any."""
        self._server = server
        self._keyspace = keyspace
        self._chance = random.Random(seed)
        self._truth: Truth | None = None

    async def open(self) -> None:
        """Start Redis and three nodes over an empty keyspace."""
        await self.redis.start()
        await self._cluster.migrate()
        for number in range(3):
            line = Line(0)
            await line.start()
            name = f"node-{number + 1}"
            node = Node(
                self.folder / name,
                module=self._server,
                node_id=name,
                internal_public=f"127.0.0.1:{line.port}",
                **self._cluster.settings,
            )
            line.target = node.internal_port
            self.links.append(line)
            self.nodes.append(node)
        await asyncio.gather(*(self.start(number) for number in range(3)))
        self._truth = Truth(self.ring.contact_points, self.ring.port, self._keyspace)

    def line(self) -> Roaming:
        """A way to the nodes."""
        return Roaming(self, self.only)

    def choose(self) -> int:
        """A node that takes connections.

        Raises:
            OSError: there is none.
        """
        if not self.up:
            raise OSError("no node takes connections")
        return self._chance.choice(sorted(self.up))

    def on(self, number: int) -> list[Line]:
        """The ways of the devices whose last connection leads to a node."""
        return [device.line for device in self.devices.values() if isinstance(device.line, Roaming) and device.line.at == number]

    async def start(self, number: int) -> None:
        """Start a node, and let connections come to it. One that ends since the database does not answer it is started again, as
        whoever keeps services running does it."""
        for _ in range(STARTS):
            try:
                await self.nodes[number].start()
            except NotStarted:
                continue
            self.up.add(number)
            return
        raise Failed(f"{self.nodes[number].log} says why the node did not start")

    async def kill(self, number: int) -> None:
        """kill -9 of a node."""
        self.up.discard(number)
        await self.nodes[number].kill()

    def truth(self) -> dict[str, list[Entry]]:
        """What the database holds."""
        assert self._truth is not None, "it is open"
        return self._truth.read()

    async def close(self) -> None:
        """End every process that was started, but for the ring."""
        await super().close()
        for node in self.nodes:
            await node.close()
        for line in self.links:
            await line.close()
        await self.redis.close()
        if self._truth is not None:
            await asyncio.to_thread(self._truth.close)
