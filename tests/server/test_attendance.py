"""A node's lease: kept while it runs, and given up for good when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.adapters.memory.cluster import MemoryCluster, MemoryLeases
from server.domain.limits import Limits
from server.kit.system import SystemClock
from server.ports.cluster import Lease, Peer
from server.services.attendance import Attendance
from server.services.routing import Routing

HERE, THERE = Peer("here", "1", "127.0.0.1:1"), Peer("there", "1", "127.0.0.1:2")


class Slow(MemoryLeases):
    """A store that takes its time over a renewal."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def renew(self, peer: Peer, ttl_ms: int) -> Lease:
        """See `Leases.renew`."""
        self.asked.set()
        await self.may.wait()
        return await super().renew(peer, ttl_ms)


async def comparing(spread_ms: int) -> None:
    """There is no stream to compare."""


def attendance(leases: MemoryLeases, tasks: asyncio.TaskGroup, followed: list[Sequence[Peer]]) -> Attendance:
    """Of the node `HERE`."""
    clock, limits = SystemClock(), Limits()
    routing = Routing(HERE.node_id, MemoryCluster(clock).cluster.routes, clock, limits, tasks)
    ignore = lambda _: None  # noqa: E731
    return Attendance(HERE, leases, routing, clock, limits, followed.append, ignore, ignore, comparing)


async def test_a_node_that_has_left_takes_its_lease_no_more() -> None:
    leases, followed = MemoryLeases(SystemClock()), list[Sequence[Peer]]()
    await leases.renew(THERE, 60_000)
    async with asyncio.TaskGroup() as tasks:
        node = attendance(leases, tasks, followed)
        await node.turn()
        assert list(await leases.peers()) == list(followed[-1]) == [HERE, THERE]
        await node.leave()
        await node.turn()
        assert list(await leases.peers()) == [THERE]


async def test_a_renewal_that_is_under_way_when_the_node_leaves_comes_before_it() -> None:
    leases = Slow()
    async with asyncio.TaskGroup() as tasks:
        node = attendance(leases, tasks, [])
        turning = tasks.create_task(node.turn())
        await leases.asked.wait()
        leaving = tasks.create_task(node.leave())
        await asyncio.sleep(0)
        leases.may.set()
        await asyncio.gather(turning, leaving)
        assert list(await leases.peers()) == []
