"""Keeps this node's lease, follows the others', and brings what `Tenure` wants about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from server.domain import tenure
from server.domain.limits import Limits
from server.kit.refusal import Refused
from server.kit.world import Clock
from server.ports.cluster import Leases, Peer
from server.services.routing import Late, Routing

log = logging.getLogger(__name__)

Replace = Callable[[str], None]
"""Close the stream of this connection: a later one of its device stands elsewhere."""
Settle = Callable[[Late], None]
"""End one of two streams of a device, where a claim came late."""


class Attendance:
    """One node's."""

    def __init__(
        self,
        me: Peer,
        leases: Leases,
        routing: Routing,
        clock: Clock,
        limits: Limits,
        follow: Callable[[Sequence[Peer]], None],
        replace: Replace,
        settle: Settle,
        compare: Callable[[int], Awaitable[None]],
    ) -> None:
        """`follow` is told the live peers; `compare` compares every stream with the log, spread over so many ms."""
        self._me = me
        self._leases = leases
        self._routing = routing
        self._clock = clock
        self._limits = limits
        self._follow = follow
        self._replace = replace
        self._settle = settle
        self._compare = compare
        self._nodes: Callable[[frozenset[str]], None] = lambda places: None
        self._registered: Callable[[], None] = lambda: None
        self._tenure = tenure.Tenure(me.node_id, limits.lease_ms, clock.monotonic_ms())
        self._register = False
        self._registered_ms = clock.monotonic_ms()
        self._peers: dict[str, Peer] = {}
        self._settling_ms = 0
        """Until then nodes that were known and are not seen count as alive: they have not come to a new store yet."""
        self._due: asyncio.TaskGroup | None = None
        self._turning = asyncio.Lock()
        self._left = False

    def on_nodes(self, nodes: Callable[[frozenset[str]], None], registered: Callable[[], None]) -> None:
        """Whom to tell the places (`Peer.place`) of all live nodes, this one's among them, at each renewal; and whom, when routes were
        registered again."""
        self._nodes = nodes
        self._registered = registered

    async def run(self) -> None:
        """Renew for ever, three times as often as the lease asks."""
        async with asyncio.TaskGroup() as self._due:
            while True:
                await self.turn()
                await asyncio.sleep(self._limits.lease_ms / 3000)

    async def turn(self) -> None:
        """Renew once, and do what follows. A store that is away leaves everything as it was last known."""
        async with self._turning:
            if not self._left:
                await self._turn()

    async def _turn(self) -> None:
        try:
            lease = await self._leases.renew(self._me, self._limits.lease_ms)
            now_ms = self._clock.monotonic_ms()
            self._do(self._tenure.renewed(lease.held, lease.epoch, now_ms))
            await self.look()
            self._nodes(frozenset(peer.place for peer in (*self._peers.values(), self._me)))
            if now_ms - self._registered_ms > 1000 * self._limits.comparison_interval_s:
                self._register = True  # routes are kept for a day only
            late = await self._routing.claim_owed()
            self._settle(late)
            if self._register:
                for connection_id in await self._routing.reclaim():
                    self._replace(connection_id)
                self._registered()
                self._register, self._registered_ms = False, now_ms
                self._later(self._limits.second_look_ms, 0)
            elif late.claimed:  # others may have skipped them
                self._later(self._limits.second_look_ms, 0)
        except Refused:
            return

    async def look(self) -> None:
        """See which nodes are alive, between two renewals."""
        peers = {peer.node_id: peer for peer in await self._leases.peers()}
        if self._clock.monotonic_ms() < self._settling_ms:
            peers = {**self._peers, **peers}
        self._peers = peers
        self._follow(list(peers.values()))
        self._do(self._tenure.seen(peers))

    def linked(self, first: bool) -> None:
        """A link to another node was made, for the first time or anew."""
        self._do(self._tenure.linked(first))

    async def leave(self) -> None:
        """The node stops: nobody nudges it any more, and no turn that is under way takes the lease again."""
        async with self._turning:
            self._left = True
            try:
                await self._leases.release(self._me)
            except Refused:
                return

    def _do(self, commands: Sequence[tenure.Command]) -> None:
        for command in commands:
            match command:
                case tenure.Register():
                    log.info("registering every route again")
                    self._register = True
                    self._settling_ms = self._clock.monotonic_ms() + self._limits.lease_ms
                case tenure.Compare():
                    self._later(0, self._limits.comparison_spread_ms)
                case tenure.Nodes(node_ids):
                    log.info("the other nodes are %s", ", ".join(sorted(node_ids)) or "none")
                    self._routing.nodes = node_ids

    def _later(self, after_ms: int, spread_ms: int) -> None:
        async def look() -> None:
            await asyncio.sleep(after_ms / 1000)
            await self._compare(spread_ms)

        assert self._due is not None, "runs"
        self._due.create_task(look(), name="comparison")
