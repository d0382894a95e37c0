"""Opening Redis: a URL, a password and a certificate authority become a guarded client."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio import RedisCluster as RedisClusterClient
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from server.kit.breaker import Breaker
from server.kit.redis.client import Client
from server.kit.refusal import Refused
from server.kit.world import Clock

CLUSTER_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
CONNECTIONS_MAX = 32
HEALTH_CHECK_S = 15


async def open_client(
    url: str,
    password: str,
    ca: str,
    prefix: str,
    clock: Clock,
    away: str,
    *,
    timeout_s: float = 0.25,
    new_breaker: Callable[[], Breaker] = Breaker,
) -> Client:
    """A client of Redis at `url`: redis:// or rediss:// (TLS), redis+cluster:// or rediss+cluster:// for a Redis Cluster.

    `ca` is a file with the certificate authorities that are trusted; "": the system's. `prefix` begins every key. A Redis that is
    away, or refuses the password, is no error: the log says `away`, and every call is refused until it is back.

    Raises:
        ValueError: the URL or the file cannot be used. One sentence.
    """
    client = Client(redis_at(url, password, ca, timeout_s), prefix, clock, timeout_s, new_breaker, away)
    try:
        await client.run(("EXISTS", client.key("nodes", "leases")))
    except Refused as refused:
        client.say_away(str(refused))
    return client


def redis_at(url: str, password: str, ca: str, timeout_s: float) -> Redis | RedisClusterClient:
    """redis-py's own client, without its retries.

    Raises:
        ValueError: the URL or the file cannot be used. One sentence.
    """
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
