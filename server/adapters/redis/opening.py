"""Opening Redis: a URL, a password and a certificate authority become the cluster's stores."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from server.adapters.redis.board import RedisBoard
from server.adapters.redis.buckets import RedisBuckets
from server.adapters.redis.leases import RedisLeases
from server.adapters.redis.routes import RedisRoutes
from server.kit.breaker import Breaker
from server.kit.redis.client import Client, Counters
from server.kit.redis.connecting import open_client
from server.kit.world import Clock
from server.ports.cluster import Cluster

AWAY = "Redis is away: messages flow, presence and shared rates are this node's own until it is back"


class RedisCluster:
    """Everything that lies in one Redis, or one Redis Cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cluster = Cluster(RedisLeases(client), RedisRoutes(client), RedisBoard(client), RedisBuckets(client))

    @property
    def degraded(self) -> bool:
        """Redis is away: the breaker is open."""
        return self._client.degraded

    @property
    def counters(self) -> Counters:
        """Calls so far, those that failed, and those that were refused at once."""
        return dataclasses.replace(self._client.counters)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def open_redis(
    url: str,
    password: str,
    ca: str,
    prefix: str,
    clock: Clock,
    *,
    timeout_s: float = 0.25,
    new_breaker: Callable[[], Breaker] = Breaker,
) -> RedisCluster:
    """Open Redis at `url`: redis:// or rediss:// (TLS), redis+cluster:// or rediss+cluster:// for a Redis Cluster.

    `ca` is a file with the certificate authorities that are trusted; "": the system's. `prefix` begins every key. A Redis that is
    away, or refuses the password, is no error: the log says so, and every call is refused until it is back.

    Raises:
        ValueError: the URL or the file cannot be used. One sentence.
    """
    return RedisCluster(await open_client(url, password, ca, prefix, clock, AWAY, timeout_s=timeout_s, new_breaker=new_breaker))
