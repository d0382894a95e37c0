"""The port `Rings` in Redis, for any number of processes: a call is a hash with its version, changed by compare-and-set.

Keys of one call lie in different slots of a Redis Cluster, so that what follows a change is written around it in an order that a crash may
cut anywhere: the due time before (one too early is put right by whoever looks), the pair and the index after (what leads nowhere is
passed over, and ends by itself).
"""

from __future__ import annotations

import msgspec

from calls.domain.direct_call_events import DirectCall, State
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Stored
from server.kit.redis.client import Client
from server.kit.redis.scripts import Command, Script

BEGIN = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('HMGET', KEYS[1], 'version', 'call') end
redis.call('HSET', KEYS[1], 'version', 1, 'call', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return false"""
)
REPLACE = Script(
    """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'call', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1"""
)
CLAIM = Script(
    """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return false"""
)
RELEASE = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")
PUT_RIGHT = Script(
    """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
return 1"""
)
DUE_MAX = 200
"""Calls that one look finds."""


class RedisRings:
    """`Rings`."""

    def __init__(self, client: Client, limits: SignallingLimits) -> None:
        self._client = client
        self._ttl_ms = max(limits.memory_ms, 2 * limits.silence_ms, 2 * limits.ring_ms)
        self._due = client.key("due", "calls")

    async def begin(self, call: DirectCall) -> Stored:
        """See `Rings.begin`."""
        await self._client.run(("ZADD", self._due, "LT", call.due_ms, call.call_id))
        known = await self._client.run(BEGIN.on(self._call(call.call_id), args=(_written(call), self._ttl_ms)))
        if known is not None:
            return _stored(known[0], known[1])
        pair, past = self._client.key(call.conversation_id, "pair"), ""
        while (holder := await self._client.run(CLAIM.on(pair, args=(call.call_id, past, self._ttl_ms)))) is not None:
            other = await self.get(str(holder))
            if other is not None and other.call.state is not State.ENDED:
                await self._client.run(("DEL", self._call(call.call_id)))
                return other
            past = str(holder)
        for account_id in (call.caller.account_id, call.callee_id):
            key = self._client.key(account_id, "calls")
            await self._client.run_all([("SADD", key, call.call_id), ("PEXPIRE", key, self._ttl_ms)])
        return Stored(call, 1)

    async def get(self, call_id: str) -> Stored | None:
        """See `Rings.get`."""
        version, call = await self._client.run(("HMGET", self._call(call_id), "version", "call"))
        return None if version is None else _stored(version, call)

    async def replace(self, stored: Stored, call: DirectCall) -> bool:
        """See `Rings.replace`."""
        if call.due_ms:
            await self._client.run(("ZADD", self._due, "LT", call.due_ms, call.call_id))
        args = (stored.version, _written(call), self._ttl_ms)
        if not await self._client.run(REPLACE.on(self._call(call.call_id), args=args)):
            return False
        if call.state is State.ENDED and stored.call.state is not State.ENDED:
            after: list[Command] = [RELEASE.on(self._client.key(call.conversation_id, "pair"), args=(call.call_id,))]
            accounts = (call.caller.account_id, call.callee_id)
            await self._client.run_all(after + [("SREM", self._client.key(one, "calls"), call.call_id) for one in accounts])
        elif call.state is not stored.call.state:
            accounts = (call.caller.account_id, call.callee_id)
            await self._client.run_all(
                [("PEXPIRE", self._client.key(one, "calls"), self._ttl_ms) for one in accounts]
                + [("PEXPIRE", self._client.key(call.conversation_id, "pair"), self._ttl_ms)]
            )
        return True

    async def of_account(self, account_id: str) -> list[DirectCall]:
        """See `Rings.of_account`."""
        key = self._client.key(account_id, "calls")
        call_ids = sorted(await self._client.run(("SMEMBERS", key)))
        found = await self._client.run_all([("HMGET", self._call(call_id), "version", "call") for call_id in call_ids])
        calls = [_stored(version, call).call for version, call in found if version is not None]
        live = [call for call in calls if call.state is not State.ENDED]
        gone = set(call_ids) - {call.call_id for call in live}
        if gone:
            await self._client.run(("SREM", key, *sorted(gone)))
        return live

    async def due(self, now_ms: int) -> list[str]:
        """See `Rings.due`."""
        looked = await self._client.run(("ZRANGE", self._due, "-inf", now_ms, "BYSCORE", "LIMIT", 0, DUE_MAX, "WITHSCORES"))
        due = []
        for call_id, score in looked:
            stored = await self.get(str(call_id))
            until_ms = 0 if stored is None else stored.call.due_ms
            if 0 < until_ms <= now_ms:
                due.append(str(call_id))
            else:
                await self._client.run(PUT_RIGHT.on(self._due, args=(call_id, _score(score), until_ms)))
        return due

    def _call(self, call_id: str) -> str:
        return self._client.key(call_id, "call")


def _written(call: DirectCall) -> str:
    return msgspec.json.encode(call).decode()


def _stored(version: object, call: object) -> Stored:
    return Stored(msgspec.json.decode(str(call), type=DirectCall), int(str(version)))


def _score(score: object) -> str:
    """As Redis writes a score that is a whole number."""
    return str(int(float(str(score))))
