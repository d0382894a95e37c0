"""A node that takes its device's route away, whoever has it now."""

from __future__ import annotations

import sys

from server.__main__ import main
from server.adapters.redis.routes import RedisRoutes
from server.kit.redis.scripts import Script
from server.ports.cluster import Route
from tests.cluster_ledger import points as points
from tests.ledger.planted import plant

RELEASE = Script(
    """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then redis.call('HSET', KEYS[1], ARGV[1], string.match(old, '^%d+')) end
return 1"""
)


async def _release(self: RedisRoutes, account_id: str, route: Route) -> None:
    await self._client.run(RELEASE.on(self._key(account_id), args=(route.device_id,)))


plant(RedisRoutes, "release", _release)

if __name__ == "__main__":
    sys.exit(main())
