"""`Leases`: one hash for all nodes, so that they are found without a scan."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from server.adapters.redis.epochs import run_ids
from server.kit.redis.client import Client
from server.kit.redis.scripts import DAY_MS, NOW_MS, NUMBER, Script
from server.ports.cluster import Lease, Peer

PARTS = "'^(%d+)|([^|]*)|(.*)$'"
"""A field: until when (Redis's Unix ms), incarnation, address."""

RENEW = Script(
    NOW_MS
    + NUMBER
    + f"""
local held = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local till, incarnation = string.match(all[i + 1], {PARTS})
  if tonumber(till) <= now then redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] == ARGV[1] and incarnation == ARGV[2] then held = 1 end
end
redis.call('HSET', KEYS[1], ARGV[1], number(now + ARGV[4]) .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('SET', KEYS[2], ARGV[5], 'NX')
redis.call('PEXPIRE', KEYS[2], ARGV[6])
return {{held, string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') .. ':' .. redis.call('GET', KEYS[2])}}"""
)

RELEASE = Script(
    f"""
local lease = redis.call('HGET', KEYS[1], ARGV[1])
if lease then
  local till, incarnation = string.match(lease, {PARTS})
  if incarnation == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
end
return 0"""
)

PEERS = Script(
    NOW_MS
    + f"""
local found = {{}}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local till, incarnation, relay = string.match(all[i + 1], {PARTS})
  if tonumber(till) > now then table.insert(found, {{all[i], incarnation, relay}}) end
end
return found"""
)


class RedisLeases:
    """The port `Leases`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._leases = client.key("nodes", "leases")
        self._epoch = client.key("nodes", "epoch")

    async def renew(self, peer: Peer, ttl_ms: int) -> Lease:
        """See `Leases.renew`."""
        marker = secrets.token_hex(8)
        renewed = RENEW.on(
            self._leases, self._epoch, args=(peer.node_id, peer.incarnation, peer.relay, ttl_ms, marker, max(DAY_MS, ttl_ms))
        )
        held, epoch = await self._client.run(renewed)
        return Lease(bool(held), epoch + await run_ids(self._client))

    async def release(self, peer: Peer) -> None:
        """See `Leases.release`."""
        await self._client.run(RELEASE.on(self._leases, args=(peer.node_id, peer.incarnation)))

    async def peers(self) -> Sequence[Peer]:
        """See `Leases.peers`."""
        return sorted(Peer(*found) for found in await self._client.run(PEERS.on(self._leases)))
