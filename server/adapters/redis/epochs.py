"""Which Redis this is, where it consists of several."""

from __future__ import annotations

import asyncio
import re

from redis.asyncio import RedisCluster

from server.kit.redis.client import FAILURES, Client

PRIMARY_TIMEOUT_S = 0.1

_RUN_ID = re.compile(r"run_id:([0-9a-f]+)")


async def run_ids(client: Client) -> str:
    """Of all primaries of a Redis Cluster, ""  for a single Redis. One that is away is left out: it changes when it is back, too."""
    redis = client.redis
    if not isinstance(redis, RedisCluster):
        return ""

    async def one(name: str) -> str:
        try:
            async with asyncio.timeout(PRIMARY_TIMEOUT_S):
                answer = await redis.execute_command("INFO", "server", target_nodes=redis.get_node(node_name=name))
        except FAILURES:
            return ""
        return str(answer.get("run_id", "")) if isinstance(answer, dict) else str(_RUN_ID.search(str(answer)))

    return ":" + ",".join(sorted(await asyncio.gather(*(one(node.name) for node in redis.get_primaries()))))
