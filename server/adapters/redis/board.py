"""`Board`: for each account a sorted set of places where it is in the foreground, one of nodes that want to know (both by the moment,
in Redis's Unix ms, at which an entry is void), and when it was last seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from server.kit.redis.client import Client
from server.kit.redis.scripts import DAY_MS, NOW_MS, NUMBER, Script

PUT = Script(
    NOW_MS
    + NUMBER
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', number(now))
redis.call('ZADD', KEYS[1], number(now + ARGV[2]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1"""
)

LIVE = Script(NOW_MS + NUMBER + "return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. number(now), '+inf')")

RAISE = Script(
    """
local old = redis.call('GET', KEYS[1])
if not old or tonumber(old) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1"""
)


class RedisBoard:
    """The port `Board`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def put(self, account_id: str, place: str, online: bool, ttl_ms: int) -> None:
        """See `Board.put`."""
        key = self._client.key(account_id, "online")
        await self._client.run(PUT.on(key, args=(place, ttl_ms)) if online else ("ZREM", key, place))

    async def online(self, account_ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """See `Board.online`."""
        wanted = list(dict.fromkeys(account_ids))
        answers = await self._client.run_all([LIVE.on(self._client.key(account_id, "online")) for account_id in wanted])
        return {account_id: frozenset(places) for account_id, places in zip(wanted, answers, strict=True) if places}

    async def watch(self, node_id: str, account_ids: Iterable[str], ttl_ms: int) -> None:
        """See `Board.watch`."""
        keys = [self._client.key(account_id, "watchers") for account_id in dict.fromkeys(account_ids)]
        await self._client.run_all([PUT.on(key, args=(node_id, ttl_ms)) for key in keys])

    async def watchers(self, account_id: str) -> frozenset[str]:
        """See `Board.watchers`."""
        return frozenset(await self._client.run(LIVE.on(self._client.key(account_id, "watchers"))))

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Board.save_last_seen`."""
        await self._client.run(RAISE.on(self._client.key(account_id, "seen"), args=(at_ms, DAY_MS)))

    async def last_seen(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `Board.last_seen`."""
        wanted = list(dict.fromkeys(account_ids))
        answers = await self._client.run_all([("GET", self._client.key(account_id, "seen")) for account_id in wanted])
        return {account_id: int(at_ms) for account_id, at_ms in zip(wanted, answers, strict=True) if at_ms is not None}
