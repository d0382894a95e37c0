"""Where devices are: this node's routes in the cluster's store, and, for a second at most, what was read there of others'."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from server.domain.identity import Identity
from server.domain.limits import Limits
from server.kit.refusal import Refused
from server.kit.world import Clock
from server.ports.cluster import Route, Routes

CACHE_MAX = 50_000
RECLAIM_AT_ONCE = 500


@dataclass(slots=True)
class Late:
    """What came of claims that the store had not answered."""

    claimed: int = 0
    displaced: list[tuple[str, Route]] = field(default_factory=list)
    """Account, and the route on another node that one of them took the place of."""
    unheard: list[Identity] = field(default_factory=list)
    """Devices whose claim was carried out without an answer: another node may have a stream of theirs, and nobody knows which."""
    outrun: list[str] = field(default_factory=list)
    """Connections whose device has another one since."""


class Routing:
    """One node's."""

    def __init__(self, node_id: str, routes: Routes, clock: Clock, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self.node_id = node_id
        self.nodes: frozenset[str] = frozenset()
        """The other nodes that are alive, as far as this one knows."""
        self._routes = routes
        self._clock = clock
        self._limits = limits
        self._tasks = tasks
        self._mine: dict[str, tuple[Identity, Route | None]] = {}
        """Connection → whose, and its route once the store has given one."""
        self._owed: dict[str, int] = {}
        """Connections whose claim the store did not answer, and when they opened."""
        self._known: dict[str, tuple[int, tuple[Route, ...]]] = {}
        self._look: Callable[[], Awaitable[None]] | None = None
        self._looked_ms = -limits.route_cache_ms

    def on_strangers(self, look: Callable[[], Awaitable[None]]) -> None:
        """How to look for new nodes, when a route names one that this node does not know. It may just have started."""
        self._look = look

    # -- this node's streams -------------------------------------------------------------------------------------------

    async def claim(self, identity: Identity, connection_id: str) -> Route | None:
        """A stream has opened. The route that it took the place of, when that is another node's.

        A store that is away is no hindrance: `claim_owed` comes when it is back.
        """
        self._mine[connection_id] = (identity, None)
        opened_ms = self._clock.monotonic_ms()
        try:
            route, before = await self._routes.claim(identity.account_id, identity.device_id, self.node_id, connection_id)
        except Refused:
            if connection_id in self._mine:
                self._owed[connection_id] = opened_ms
            return None
        self._claimed(identity, connection_id, route)
        return self._elsewhere(before)

    def _claimed(self, identity: Identity, connection_id: str, route: Route) -> None:
        if connection_id in self._mine:
            self._mine[connection_id] = (identity, route)
        else:  # it ended meanwhile
            self._release(identity, route)
        self._known.pop(identity.account_id, None)

    def _elsewhere(self, before: Route | None) -> Route | None:
        return before if before is not None and before.node_id != self.node_id else None

    async def claim_owed(self) -> Late:
        """Claim for the streams that the store did not answer for. Nobody has found them until now, and their devices may have gone on.

        What the store does not answer for this time, either, stays owed.
        """
        late = Late()
        while self._owed:
            connection_id, opened_ms = next(iter(self._owed.items()))
            try:
                await self._claim_late(connection_id, self._clock.monotonic_ms() - opened_ms, late)
            except Refused:
                break
            self._owed.pop(connection_id, None)
        return late

    async def _claim_late(self, connection_id: str, age_ms: int, late: Late) -> None:
        identity, _ = self._mine[connection_id]
        account_id, device_id = identity
        route, other = await self._routes.claim_late(account_id, device_id, self.node_id, connection_id, age_ms)
        if route is None and other is not None and other.node_id == self.node_id and other.connection_id not in self._mine:
            # a claim of this node's own that the store carried out after nobody waited for it any more
            route, other = await self._routes.claim(account_id, device_id, self.node_id, connection_id)
        if route is None:
            late.outrun.append(connection_id)
            return
        self._claimed(identity, connection_id, route)
        late.claimed += 1
        if other is not None and other.connection_id == connection_id:
            late.unheard.append(identity)
        elif (there := self._elsewhere(other)) is not None:
            late.displaced.append((account_id, there))

    def release(self, connection_id: str) -> None:
        """A stream is over."""
        self._owed.pop(connection_id, None)
        identity, route = self._mine.pop(connection_id, (None, None))
        if identity is not None and route is not None:
            self._release(identity, route)

    def _release(self, identity: Identity, route: Route) -> None:
        async def quietly() -> None:
            try:
                await self._routes.release(identity.account_id, route)
            except Refused:
                return  # it is void once a later one stands there, or this node's lease is gone

        self._tasks.create_task(quietly(), name="release route")

    async def reclaim(self) -> list[str]:
        """Register again every stream that had a route. The connections in whose place a later one stands.

        Raises:
            Refused: UNAVAILABLE.
        """
        lost: list[str] = []
        had = [(identity.account_id, route) for identity, route in self._mine.values() if route is not None]
        for at in range(0, len(had), RECLAIM_AT_ONCE):
            part = had[at : at + RECLAIM_AT_ONCE]
            kept = await self._routes.reclaim(part)
            lost += [route.connection_id for (_, route), ok in zip(part, kept) if not ok]
        self._known.clear()
        return [connection_id for connection_id in lost if connection_id in self._mine]

    # -- others' -------------------------------------------------------------------------------------------------------

    async def others(self, account_ids: Iterable[str]) -> dict[str, list[str]]:
        """The other nodes that have devices of these accounts, each with the accounts.

        When the store is away: every node that was last known, with all of them.
        """
        wanted = list(account_ids)
        try:
            found = await self._lookup(wanted)
        except Refused:
            return {node_id: wanted for node_id in self.nodes}
        nodes: dict[str, list[str]] = {}
        for account_id, routes in zip(wanted, found):
            for node_id in {route.node_id for route in routes}:
                if node_id in self.nodes:
                    nodes.setdefault(node_id, []).append(account_id)
        return nodes

    async def devices_elsewhere(self, account_id: str) -> set[str]:
        """The account's devices that have a stream on another node. When the store is away: none."""
        try:
            (routes,) = await self._lookup([account_id])
        except Refused:
            return set()
        return {route.device_id for route in routes if route.node_id in self.nodes}

    async def node_of(self, identity: Identity) -> str:
        """The other node that has the device's stream; "": none."""
        try:
            (routes,) = await self._lookup([identity.account_id])
        except Refused:
            return ""
        for route in routes:
            if route.device_id == identity.device_id and route.node_id in self.nodes:
                return route.node_id
        return ""

    async def away(self, devices: Sequence[Identity]) -> list[Identity]:
        """Those of devices that were here which have no stream on another node yet, as the store says now; none when it is away."""
        accounts = list({device.account_id for device in devices})
        try:
            found = await self._routes.of_accounts(accounts) if accounts else {}
        except Refused:
            return []
        elsewhere = {route.device_id for routes in found.values() for route in routes if route.node_id != self.node_id}
        return [device for device in devices if device.device_id not in elsewhere]

    async def _lookup(self, account_ids: Sequence[str]) -> list[tuple[Route, ...]]:
        found = await self._read(account_ids)
        now_ms = self._clock.monotonic_ms()
        known = {*self.nodes, self.node_id}
        strange = any(route.node_id not in known for routes in found for route in routes)
        if strange and self._look is not None and now_ms - self._looked_ms >= self._limits.route_cache_ms:
            self._looked_ms = now_ms
            await self._look()
        return found

    async def _read(self, account_ids: Sequence[str]) -> list[tuple[Route, ...]]:
        now_ms = self._clock.monotonic_ms()
        missing = [key for key in account_ids if key not in self._known or self._known[key][0] <= now_ms]
        if missing:
            found = await self._routes.of_accounts(missing)
            if len(self._known) > CACHE_MAX:
                self._known.clear()
            until_ms = now_ms + self._limits.route_cache_ms  # from before the reading: what is kept is never older
            for account_id in missing:
                self._known[account_id] = (until_ms, tuple(found.get(account_id, ())))
            return [self._known[key][1] if key in self._known else tuple(found.get(key, ())) for key in account_ids]
        return [self._known[key][1] for key in account_ids]

    def forget(self) -> None:
        """What was read is old."""
        self._known.clear()
