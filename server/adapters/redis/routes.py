"""`Routes`: a hash for each account. A field: since when (Redis's Unix µs, always greater), connection, node; or, once released, since
when alone, so that nobody writes a route again that is older than its release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.kit.redis.client import Client
from server.kit.redis.scripts import DAY_MS, NOW_US, NUMBER, Script
from server.ports.cluster import Route

CLAIM = Script(
    NOW_US
    + NUMBER
    + """
local old = redis.call('HGET', KEYS[1], ARGV[1])
local since = now - tonumber(ARGV[4]) * 1000
if old then
  local before = tonumber(string.match(old, '^%d+'))
  if ARGV[4] ~= '0' and before > since and string.match(old, '|(.*)$') ~= ARGV[2] then return {'0', old} end
  since = math.max(since, before + 1)
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local released = string.match(all[i + 1], '^%d+$')
  if released and tonumber(released) < now - ARGV[3] * 1000 then redis.call('HDEL', KEYS[1], all[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], number(since) .. '|' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {number(since), old or ''}"""
)

RELEASE = Script(
    """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old then return 0 end
local since, place = string.match(old, '^(%d+)|(.*)$')
if place ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], since)
return 1"""
)

RECLAIM = Script(
    """
local written = {}
for i = 2, #ARGV, 3 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  local mine = ARGV[i + 1] .. '|' .. ARGV[i + 2]
  local before = old and tonumber(string.match(old, '^%d+'))
  if not old or before < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], mine)
    table.insert(written, 1)
  else table.insert(written, old == mine and 1 or 0) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return written"""
)


class RedisRoutes:
    """The port `Routes`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def claim(self, account_id: str, device_id: str, node_id: str, connection_id: str) -> tuple[Route, Route | None]:
        """See `Routes.claim`."""
        since, before = await self._claim(account_id, device_id, node_id, connection_id, 0)
        if before is not None and (before.node_id, before.connection_id) == (node_id, connection_id):
            before = None
        return Route(device_id, node_id, connection_id, since), before

    async def claim_late(
        self, account_id: str, device_id: str, node_id: str, connection_id: str, age_ms: int
    ) -> tuple[Route | None, Route | None]:
        """See `Routes.claim_late`."""
        since, before = await self._claim(account_id, device_id, node_id, connection_id, max(1, age_ms))
        return Route(device_id, node_id, connection_id, since) if since else None, before

    async def _claim(
        self, account_id: str, device_id: str, node_id: str, connection_id: str, age_ms: int
    ) -> tuple[int, Route | None]:
        claimed = CLAIM.on(self._key(account_id), args=(device_id, _place(connection_id, node_id), DAY_MS, age_ms))
        since, old = await self._client.run(claimed)
        return int(since), _route(device_id, old)

    async def reclaim(self, routes: Sequence[tuple[str, Route]]) -> list[bool]:
        """See `Routes.reclaim`."""
        places: dict[str, list[int]] = {}
        for n, (account_id, _) in enumerate(routes):
            places.setdefault(account_id, []).append(n)
        commands = []
        for account_id, numbers in places.items():
            fields = [_fields(routes[n][1]) for n in numbers]
            commands.append(RECLAIM.on(self._key(account_id), args=(DAY_MS, *(value for field in fields for value in field))))
        written = [False] * len(routes)
        for numbers, answers in zip(places.values(), await self._client.run_all(commands), strict=True):
            for n, answer in zip(numbers, answers, strict=True):
                written[n] = bool(answer)
        return written

    async def release(self, account_id: str, route: Route) -> None:
        """See `Routes.release`."""
        place = _place(route.connection_id, route.node_id)
        await self._client.run(RELEASE.on(self._key(account_id), args=(route.device_id, place)))

    async def of_accounts(self, account_ids: Sequence[str]) -> Mapping[str, Sequence[Route]]:
        """See `Routes.of_accounts`."""
        wanted = list(dict.fromkeys(account_ids))
        answers = await self._client.run_all([("HGETALL", self._key(account_id)) for account_id in wanted])
        found = {}
        for account_id, fields in zip(wanted, answers, strict=True):
            routes = [route for device_id, text in sorted(fields.items()) if (route := _route(device_id, text)) is not None]
            if routes:
                found[account_id] = routes
        return found

    def _key(self, account_id: str) -> str:
        return self._client.key(account_id, "routes")


def _place(connection_id: str, node_id: str) -> str:
    return f"{connection_id}|{node_id}"


def _fields(route: Route) -> tuple[str, int, str]:
    return route.device_id, route.since, _place(route.connection_id, route.node_id)


def _route(device_id: str, text: str) -> Route | None:
    since, _, place = text.partition("|")
    if not place:
        return None
    connection_id, _, node_id = place.partition("|")
    return Route(device_id, node_id, connection_id, int(since))
