"""`Buckets`: GCRA, one number for each key: the moment (Redis's Unix ms) at which the bucket is full again."""

from __future__ import annotations

import hashlib

from server.kit.redis.client import Client
from server.kit.redis.scripts import NOW_MS, Script

ALLOW = Script(
    NOW_MS
    + """
local interval, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if due - now > slack then return math.max(1, math.ceil(due - now - slack)) end
due = due + interval
redis.call('SET', KEYS[1], string.format('%.3f', due), 'PX', math.ceil(due - now))
return false"""
)


class RedisBuckets:
    """The port `Buckets`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def allow(self, key: str, per_s: float, burst: int) -> int | None:
        """See `Buckets.allow`. A key may be a phone number: what lies in Redis is its digest."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        interval_ms = 1000 / per_s
        allowed = ALLOW.on(self._client.key(digest, "rate"), args=(interval_ms, interval_ms * (burst - 1)))
        wait_ms = await self._client.run(allowed)
        return None if wait_ms is None else int(wait_ms)
