"""Where the devices of a node that drains are now."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.adapters.memory.cluster import MemoryCluster
from server.adapters.redis import open_redis
from server.domain.limits import Limits
from server.kit.system import SystemClock
from server.ports.cluster import Routes
from server.services.routing import Routing
from tests.support.cast import BOBS, CAROLS, LAPTOP, PHONE
from tests.support.redis import RedisServer

ALL = [PHONE, LAPTOP, BOBS, CAROLS]


def node(name: str, routes: Routes, tasks: asyncio.TaskGroup) -> Routing:
    """What a node knows of routes."""
    return Routing(name, routes, SystemClock(), Limits(), tasks)


async def test_a_device_is_away_from_the_end_of_its_stream_here_until_it_has_one_on_another_node() -> None:
    routes = MemoryCluster(SystemClock()).cluster.routes
    async with asyncio.TaskGroup() as tasks:
        here, there = node("here", routes, tasks), node("there", routes, tasks)
        for device in ALL:
            await here.claim(device, f"at-{device.device_id}")
        for device in (LAPTOP, BOBS):
            await there.claim(device, f"again-{device.device_id}")
        assert await here.away(ALL) == [PHONE, CAROLS], "a route of this node's own is not another stream"
        here.release(f"at-{PHONE.device_id}")
        await there.claim(CAROLS, "again")
        assert await here.away(ALL) == [PHONE], "nothing is taken from what was read before"
        assert await here.away([]) == []


@pytest.mark.process
async def test_where_redis_does_not_say_nobody_is_waited_for(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis")
    await redis.start()
    opened = await open_redis(redis.url, "", "", "tw", SystemClock(), timeout_s=10)
    try:
        async with asyncio.TaskGroup() as tasks:
            here = node("here", opened.cluster.routes, tasks)
            await here.claim(PHONE, "one")
            assert await here.away([PHONE]) == [PHONE]
            await redis.kill()
            assert await here.away([PHONE]) == []
    finally:
        await opened.close()
        await redis.close()
