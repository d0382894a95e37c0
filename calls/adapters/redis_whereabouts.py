"""Where devices' streams and groups' calls are, among several processes: leases in Redis. Nothing here is needed for correctness.

A process has a lease of ten seconds. A route names process and stream, is released only by the stream that took it, and is void once the
process's lease has lapsed. A group's call is placed by a lease of its own, that its process renews.
"""

from __future__ import annotations

from collections.abc import Sequence

from calls.domain.messages import Party
from calls.ports.signalling import Stream
from server.kit.redis.client import Client
from server.kit.redis.scripts import NOW_MS, Script
from server.kit.refusal import Refused
from server.kit.world import Clock

LEASE_MS = 10_000
ROUTE_MS = 86_400_000
ADDRESS_CACHE_MS = 500

TAKE = Script(
    """
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return before"""
)
LET_GO = Script("if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end return 1")
PLACE = Script(
    """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]"""
)
OFFER = Script(
    NOW_MS
    + """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1"""
)
OFFERED = Script(
    NOW_MS
    + """
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  local load, until_ms = string.match(all[n + 1], '^(%S+) (%S+)$')
  if tonumber(until_ms) > now then
    found[#found + 1] = all[n]
    found[#found + 1] = load
  else
    redis.call('HDEL', KEYS[1], all[n])
  end
end
return found"""
)
TAKE_OVER = Script(
    """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ARGV[2]"""
)
REGISTER = Script(
    """
local before = redis.call('HGET', KEYS[1], ARGV[1])
local stream_id = before and string.match(before, ' (%S+)$')
if not stream_id or stream_id < ARGV[3] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1"""
)
GIVE_UP = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")


class Whereabouts:
    """One process's view. Every method but `address` may raise `Refused` with UNAVAILABLE."""

    def __init__(self, client: Client, clock: Clock, process_id: str, address: str) -> None:
        """`address`: of this process's internal listener, as the others reach it."""
        self.process_id = process_id
        self._client = client
        self._clock = clock
        self.own_address = address
        self._known: dict[str, tuple[str, int]] = {}
        self.unrouted = False
        """Whether Redis was away when a stream opened here: its route is missing until `register`."""

    async def renew(self) -> bool:
        """This process lives. Whether its lease was still there."""
        key = self._client.key(self.process_id, "calls-process")
        return await self._client.run(("SET", key, self.own_address, "PX", LEASE_MS, "GET")) is not None

    async def registered(self) -> bool:
        """Whether this process's lease is there."""
        return bool(await self._client.run(("EXISTS", self._client.key(self.process_id, "calls-process"))))

    async def register(self, streams: Sequence[Stream]) -> None:
        """Put the routes of this process's streams back, where there is none, or that of a stream before.

        Not where its process lives: when Redis has been away, the leases of all have lapsed.
        """
        commands = []
        for stream in streams:
            args = (stream.party.device_id, self.process_id, stream.stream_id, ROUTE_MS)
            commands.append(REGISTER.on(self._streams(stream.party.account_id), args=args))
        self.unrouted = False  # a stream that opens meanwhile says so again
        try:
            await self._client.run_all(commands)
        except Refused:
            self.unrouted = True
            raise

    async def end(self) -> None:
        """This process stops."""
        await self._client.run(("DEL", self._client.key(self.process_id, "calls-process")))

    async def address(self, process_id: str) -> str:
        """Where a process listens; "": it lives no more, or nobody can say."""
        known = self._known.get(process_id)
        now_ms = self._clock.monotonic_ms()
        if known is not None and known[1] > now_ms:
            return known[0]
        try:
            found = await self._client.run(("GET", self._client.key(process_id, "calls-process")))
        except Refused:
            return known[0] if known is not None else ""
        self._known[process_id] = (str(found or ""), now_ms + ADDRESS_CACHE_MS)
        return str(found or "")

    async def take(self, party: Party, stream_id: str) -> str:
        """A device's stream is here. The process that had it before; "": none, or this one."""
        value = f"{self.process_id} {stream_id}"
        try:
            before = await self._client.run(TAKE.on(self._streams(party.account_id), args=(party.device_id, value, ROUTE_MS)))
        except Refused:
            self.unrouted = True
            raise
        process_id = str(before or "").partition(" ")[0]
        return "" if process_id == self.process_id else process_id

    async def let_go(self, party: Party, stream_id: str) -> None:
        """A device's stream is over."""
        value = f"{self.process_id} {stream_id}"
        await self._client.run(LET_GO.on(self._streams(party.account_id), args=(party.device_id, value)))

    async def of_account(self, account_id: str) -> dict[str, str]:
        """The account's devices that have a stream somewhere: device → process that lives."""
        found = await self._client.run(("HGETALL", self._streams(account_id)))
        routes = {str(device_id): str(value).partition(" ")[0] for device_id, value in found.items()}
        return {device_id: process for device_id, process in routes.items() if await self.address(process)}

    async def holder(self, conversation_id: str) -> str:
        """The process that has the group's call; "": none."""
        return str(await self._client.run(("GET", self._place(conversation_id))) or "")

    async def holders(self, conversation_ids: Sequence[str]) -> list[str]:
        """The processes that have these groups' calls, in their order; "": none."""
        found = await self._client.run_all([("GET", self._place(one)) for one in conversation_ids])
        return [str(holder or "") for holder in found]

    async def offer(self, load: float) -> None:
        """This process takes calls of groups, and is so loaded: the share of a core that is planned."""
        args = (self.process_id, f"{load:.4f}", LEASE_MS)
        await self._client.run(OFFER.on(self._units(), args=args))

    async def withdraw(self) -> None:
        """It takes none any more."""
        await self._client.run(("HDEL", self._units(), self.process_id))

    async def offered(self) -> dict[str, float]:
        """The processes that take calls of groups, and their loads."""
        found = await self._client.run(OFFERED.on(self._units()))
        return {str(process_id): float(load) for process_id, load in zip(found[::2], found[1::2])}

    async def place(self, conversation_id: str, process_id: str = "") -> str:
        """Place the group's call in a process ("": this one), unless another one has it; who has it now."""
        args = (process_id or self.process_id, LEASE_MS)
        return str(await self._client.run(PLACE.on(self._place(conversation_id), args=args)))

    async def take_over(self, conversation_id: str, holder: str, process_id: str) -> str:
        """Place the group's call in a process, in the stead of one that does not answer any more; who has it now."""
        args = (holder, process_id, LEASE_MS)
        return str(await self._client.run(TAKE_OVER.on(self._place(conversation_id), args=args)))

    async def give_up(self, conversation_id: str) -> None:
        """The group's call is over."""
        await self._client.run(GIVE_UP.on(self._place(conversation_id), args=(self.process_id,)))

    def _streams(self, account_id: str) -> str:
        return self._client.key(account_id, "calls-streams")

    def _units(self) -> str:
        return self._client.key("units", "calls")

    def _place(self, conversation_id: str) -> str:
        return self._client.key(conversation_id, "calls-place")
