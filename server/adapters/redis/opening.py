"""Opening Redis: a URL, a password and a certificate authority become the cluster's stores."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio import RedisCluster as RedisClusterClient
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from server.adapters.redis.board import RedisBoard
from server.adapters.redis.buckets import RedisBuckets
from server.adapters.redis.client import Client, Counters
from server.adapters.redis.leases import RedisLeases
from server.adapters.redis.routes import RedisRoutes
from server.domain.breaker import Breaker
from server.kit.refusal import Refused
from server.kit.world import Clock
from server.ports.cluster import Cluster

CLUSTER_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
CONNECTIONS_MAX = 32
HEALTH_CHECK_S = 15


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
    redis = _redis(url, password, ca, timeout_s)
    client = Client(redis, prefix, clock, timeout_s, new_breaker)
    try:
        await client.run(("EXISTS", client.key("nodes", "leases")))
    except Refused as refused:
        client.say_away(str(refused))
    return RedisCluster(client)


def _redis(url: str, password: str, ca: str, timeout_s: float) -> Redis | RedisClusterClient:
    scheme, _, rest = url.partition("://")
    cluster = scheme in CLUSTER_SCHEMES
    try:
        target: dict[str, Any] = dict(parse_url(f"{CLUSTER_SCHEMES.get(scheme, scheme)}://{rest}"))
    except ValueError as error:
        raise ValueError(f"redis_url is no address of a Redis such as redis://host:6379/0: {error}") from error
    tls = scheme.startswith("rediss")
    options: dict[str, Any] = {
        "host": "localhost",
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": HEALTH_CHECK_S,
        "max_connections": CONNECTIONS_MAX,
        "protocol": 3,
        "decode_responses": True,
    }
    if password:
        options["password"] = password
    if tls:
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if ca:
            options["ssl_ca_certs"] = _checked(ca)
    options |= target
    if cluster:
        options.pop("connection_class", None)
        return RedisClusterClient(**options, ssl=tls, require_full_coverage=False)
    return Redis(connection_pool=BlockingConnectionPool(timeout=timeout_s, **options))


def _checked(ca: str) -> str:
    try:
        ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ValueError(f"redis_ca: {Path(ca)} cannot be used: {error}") from error
    return ca
