"""What nodes know of one another, in memory: for a node that is alone, and for nodes of one process that share it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from server.kit.rates import Rate
from server.kit.world import Clock
from server.ports.cluster import Cluster, Lease, Peer, Route

RELEASED_MAX = 100_000
"""Releases that are remembered, so that no older route is written again."""


class MemoryLeases:
    """The port `Leases`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wipes = 0
        self._leases: dict[str, tuple[Peer, int]] = {}

    async def renew(self, peer: Peer, ttl_ms: int) -> Lease:
        """See `Leases.renew`."""
        held = any((live.node_id, live.incarnation) == (peer.node_id, peer.incarnation) for live in await self.peers())
        self._leases[peer.node_id] = (peer, self._clock.monotonic_ms() + ttl_ms)
        return Lease(held, f"memory-{self._wipes}")

    async def release(self, peer: Peer) -> None:
        """See `Leases.release`."""
        if peer.node_id in self._leases and self._leases[peer.node_id][0].incarnation == peer.incarnation:
            del self._leases[peer.node_id]

    async def peers(self) -> Sequence[Peer]:
        """See `Leases.peers`."""
        now_ms = self._clock.monotonic_ms()
        return sorted(peer for peer, until_ms in self._leases.values() if until_ms > now_ms)

    def wipe(self) -> None:
        """Forget everything."""
        self._wipes += 1
        self._leases.clear()


class MemoryRoutes:
    """The port `Routes`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._routes: dict[str, dict[str, Route]] = {}
        self._released: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def claim(self, account_id: str, device_id: str, node_id: str, connection_id: str) -> tuple[Route, Route | None]:
        """See `Routes.claim`."""
        return self._claim(account_id, Route(device_id, node_id, connection_id, 1_000 * self._clock.monotonic_ms()))

    async def claim_late(
        self, account_id: str, device_id: str, node_id: str, connection_id: str, age_ms: int
    ) -> tuple[Route | None, Route | None]:
        """See `Routes.claim_late`."""
        wanted = Route(device_id, node_id, connection_id, 1_000 * (self._clock.monotonic_ms() - max(1, age_ms)))
        stored = self._routes.get(account_id, {}).get(device_id)
        mine = stored is not None and (stored.node_id, stored.connection_id) == (node_id, connection_id)
        if self._latest(account_id, device_id) > wanted.since and not mine:
            return None, stored
        route, before = self._claim(account_id, wanted)
        return route, stored if mine else before

    def _claim(self, account_id: str, wanted: Route) -> tuple[Route, Route | None]:
        since = max(wanted.since, self._latest(account_id, wanted.device_id) + 1)
        routes = self._routes.setdefault(account_id, {})
        before = routes.get(wanted.device_id)
        routes[wanted.device_id] = route = wanted._replace(since=since)
        if before is not None and (before.node_id, before.connection_id) == (route.node_id, route.connection_id):
            before = None
        return route, before

    def _latest(self, account_id: str, device_id: str) -> int:
        stored = self._routes.get(account_id, {}).get(device_id)
        return max(stored.since if stored else 0, self._released.get((account_id, device_id), 0))

    async def reclaim(self, routes: Sequence[tuple[str, Route]]) -> list[bool]:
        """See `Routes.reclaim`."""
        return [self._reclaim(account_id, route) for account_id, route in routes]

    def _reclaim(self, account_id: str, route: Route) -> bool:
        stored = self._routes.get(account_id, {}).get(route.device_id)
        if stored == route:
            return True
        if self._latest(account_id, route.device_id) >= route.since:
            return False
        self._routes.setdefault(account_id, {})[route.device_id] = route
        return True

    async def release(self, account_id: str, route: Route) -> None:
        """See `Routes.release`."""
        routes = self._routes.get(account_id, {})
        stored = routes.get(route.device_id)
        if stored is not None and (stored.node_id, stored.connection_id) == (route.node_id, route.connection_id):
            self._released[account_id, route.device_id] = stored.since
            if len(self._released) > RELEASED_MAX:
                self._released.popitem(last=False)
            del routes[route.device_id]

    async def of_accounts(self, account_ids: Sequence[str]) -> Mapping[str, Sequence[Route]]:
        """See `Routes.of_accounts`."""
        return {key: sorted(self._routes[key].values()) for key in account_ids if self._routes.get(key)}

    def wipe(self) -> None:
        """Forget everything but the time."""
        self._routes.clear()
        self._released.clear()


class MemoryBoard:
    """The port `Board`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._online: dict[str, dict[str, int]] = {}
        self._watchers: dict[str, dict[str, int]] = {}
        self._seen: dict[str, int] = {}

    async def put(self, account_id: str, place: str, online: bool, ttl_ms: int) -> None:
        """See `Board.put`."""
        if online:
            self._online.setdefault(account_id, {})[place] = self._clock.monotonic_ms() + ttl_ms
        else:
            self._online.get(account_id, {}).pop(place, None)

    async def online(self, account_ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """See `Board.online`."""
        found = {account_id: self._live(self._online, account_id) for account_id in account_ids}
        return {account_id: places for account_id, places in found.items() if places}

    async def watch(self, node_id: str, account_ids: Iterable[str], ttl_ms: int) -> None:
        """See `Board.watch`."""
        for account_id in account_ids:
            self._watchers.setdefault(account_id, {})[node_id] = self._clock.monotonic_ms() + ttl_ms

    async def watchers(self, account_id: str) -> frozenset[str]:
        """See `Board.watchers`."""
        return self._live(self._watchers, account_id)

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Board.save_last_seen`."""
        self._seen[account_id] = max(at_ms, self._seen.get(account_id, 0))

    async def last_seen(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `Board.last_seen`."""
        return {account_id: self._seen[account_id] for account_id in account_ids if account_id in self._seen}

    def _live(self, entries: dict[str, dict[str, int]], account_id: str) -> frozenset[str]:
        now_ms = self._clock.monotonic_ms()
        live = {name: until_ms for name, until_ms in entries.pop(account_id, {}).items() if until_ms > now_ms}
        if live:
            entries[account_id] = live
        return frozenset(live)

    def wipe(self) -> None:
        """Forget everything."""
        self._online.clear()
        self._watchers.clear()
        self._seen.clear()


class MemoryBuckets:
    """The port `Buckets`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rates: dict[tuple[float, int], Rate] = {}

    async def allow(self, key: str, per_s: float, burst: int) -> int | None:
        """See `Buckets.allow`."""
        rate = self._rates.setdefault((per_s, burst), Rate(per_s, burst))
        return rate.allow(key, self._clock.monotonic_ms())

    def wipe(self) -> None:
        """Forget everything."""
        self._rates.clear()


class MemoryCluster:
    """All of it."""

    def __init__(self, clock: Clock) -> None:
        self._leases, self._routes = MemoryLeases(clock), MemoryRoutes(clock)
        self._board, self._buckets = MemoryBoard(clock), MemoryBuckets(clock)
        self.cluster = Cluster(self._leases, self._routes, self._board, self._buckets)

    def wipe(self) -> None:
        """As if the store had been wiped: everything is forgotten, and the epoch is another one."""
        for store in (self._leases, self._routes, self._board, self._buckets):
            store.wipe()
