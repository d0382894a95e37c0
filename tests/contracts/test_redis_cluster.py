"""A Redis Cluster of three primaries: every script finds its keys in one slot, and the loss of one primary is not that of all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.adapters.redis import RedisCluster, open_redis
from server.kit.refusal import Refused
from server.kit.system import SystemClock
from server.ports.cluster import Lease, Peer, Route
from tests.support.node import free_port
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process

HERE = Peer("here", "1", "127.0.0.1:1")
LEASE_MS = 60_000
SLOTS = [0, 5_461, 10_923, 16_384]


@pytest.fixture
async def primaries(tmp_path: Path) -> AsyncIterator[list[RedisServer]]:
    buses = [free_port() for _ in range(3)]
    servers = [
        RedisServer(
            tmp_path / f"redis{n}",
            settings={
                "cluster-enabled": "yes",
                "cluster-port": bus,
                "cluster-node-timeout": 60_000,
                "cluster-require-full-coverage": "no",
            },
        )
        for n, bus in enumerate(buses)
    ]
    try:
        for n, server in enumerate(servers):
            await server.start()
            await server.command("CLUSTER", "ADDSLOTSRANGE", SLOTS[n], SLOTS[n + 1] - 1)
            await server.command("CLUSTER", "MEET", "127.0.0.1", servers[0].port, buses[0])
        async with asyncio.timeout(30):
            while not all([await knows_all(server) for server in servers]):
                await asyncio.sleep(0.05)
        yield servers
    finally:
        for server in servers:
            await server.close()


async def knows_all(server: RedisServer) -> bool:
    state = str(await server.command("CLUSTER", "INFO"))
    return len(await server.command("CLUSTER", "SLOTS")) == 3 and re.search(r"cluster_state\W+ok", state) is not None


@pytest.fixture
async def redis(primaries: list[RedisServer]) -> AsyncIterator[RedisCluster]:
    url = primaries[0].url.replace("redis://", "redis+cluster://")
    opened = await open_redis(url, "", "", "tw", SystemClock(), timeout_s=5)
    yield opened
    await opened.close()


async def claims(redis: RedisCluster, accounts: list[str]) -> dict[str, Route]:
    """The routes of those accounts whose primary is there."""
    routes = {}
    for account_id in accounts:
        try:
            routes[account_id], _ = await redis.cluster.routes.claim(account_id, "phone", "here", "c1")
        except Refused:
            continue
    return routes


async def test_keys_spread_over_the_primaries_and_one_that_dies_takes_its_own_alone(
    primaries: list[RedisServer], redis: RedisCluster
) -> None:
    accounts = [f"account{n}" for n in range(300)]
    first = await redis.cluster.leases.renew(HERE, LEASE_MS)
    assert await redis.cluster.leases.renew(HERE, LEASE_MS) == Lease(True, first.epoch)
    routes = await claims(redis, accounts)
    assert set(await redis.cluster.routes.of_accounts(accounts)) == set(routes) == set(accounts)
    assert all(await redis.cluster.routes.reclaim(list(routes.items())))
    await redis.cluster.board.watch("here", accounts, LEASE_MS)
    sizes = [await server.command("DBSIZE") for server in primaries]
    assert min(sizes) > 100 and sum(sizes) == 602, "300 routes, 300 watches, the leases and their epoch"

    victim = [server for server in primaries if not await server.command("KEYS", "tw:{nodes}:*")][0]
    left = await victim.command("DBSIZE")
    await victim.kill()
    survivors = await claims(redis, accounts)
    assert 300 - left < len(survivors) < 300
    assert redis.degraded
    after = await redis.cluster.leases.renew(HERE, LEASE_MS)
    assert after.held and after.epoch != first.epoch, "a primary that is gone is another store"
