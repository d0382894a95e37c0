"""Where devices are: this node's routes in the cluster's store, and, for a second at most, what was read there of others'."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.refusal import Refused
from server.ports.cluster import Route, Routes
from server.ports.world import Clock

CACHE_MAX = 50_000
RECLAIM_AT_ONCE = 500


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
        self._owed: set[str] = set()
        """Connections whose claim the store did not answer."""
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
        try:
            route, before = await self._routes.claim(identity.account_id, identity.device_id, self.node_id, connection_id)
        except Refused:
            if connection_id in self._mine:
                self._owed.add(connection_id)
            return None
        if connection_id in self._mine:
            self._mine[connection_id] = (identity, route)
        else:  # it ended meanwhile
            self._release(identity, route)
        self._known.pop(identity.account_id, None)
        return before if before is not None and before.node_id != self.node_id else None

    async def claim_owed(self) -> bool:
        """Claim for the streams that the store did not answer for; whether there were any. Nobody has found them until now."""
        owed, self._owed = self._owed, set()
        for connection_id in owed:
            if connection_id in self._mine:
                await self.claim(self._mine[connection_id][0], connection_id)
        return bool(owed)

    def release(self, connection_id: str) -> None:
        """A stream is over."""
        self._owed.discard(connection_id)
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
        """Register every stream again. The connections in whose place a later one stands.

        Raises:
            Refused: UNAVAILABLE.
        """
        lost: list[str] = []
        had = [(identity.account_id, route) for identity, route in self._mine.values() if route is not None]
        for at in range(0, len(had), RECLAIM_AT_ONCE):
            part = had[at : at + RECLAIM_AT_ONCE]
            kept = await self._routes.reclaim(part)
            lost += [route.connection_id for (_, route), ok in zip(part, kept) if not ok]
        await self.claim_owed()
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
