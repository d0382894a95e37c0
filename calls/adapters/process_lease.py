"""This process among the others: its lease, and the routes of its streams, put back when Redis has lost them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from calls.adapters.memory import LocalPost
from calls.adapters.redis_whereabouts import ROUTE_MS, Whereabouts
from server.kit.refusal import Refused, unavailable
from server.kit.world import Clock

RENEW_S = 3.0
SETTLE_MS = 4_000
"""How long after Redis lost everything no group call is placed anew: every process has renewed the places of its own by then."""

Step = Callable[[], Awaitable[None]]


class ProcessLease:
    """Renewed until the process leaves."""

    def __init__(self, whereabouts: Whereabouts, local: LocalPost, clock: Clock) -> None:
        self.left = False
        """The process is going away."""
        self._whereabouts = whereabouts
        self._local = local
        self._clock = clock
        self._turning = asyncio.Lock()
        self._renewed = False
        self._routed_ms = 0
        self._settled_ms = 0

    async def check_settled(self) -> None:
        """Whether Redis can be believed when it knows of no call.

        Raises:
            Refused: UNAVAILABLE: it may have lost the places of calls that go on.
        """
        if self._renewed and not await self._whereabouts.registered():
            self._settle()
        waits_ms = self._settled_ms - self._clock.monotonic_ms()
        if waits_ms > 0:
            raise Refused(unavailable("Redis has lost where calls are", waits_ms))

    async def run(self, renew: Step, sweep: Step) -> None:
        """Renew, for ever. `renew`: what else is renewed; `sweep`: what else is done as often."""
        while True:
            await self.turn(renew)
            await sweep()
            await asyncio.sleep(RENEW_S)

    async def turn(self, renew: Step) -> None:
        """Renew once, unless the process has left. Redis may be away."""
        async with self._turning:
            if self.left:
                return
            with contextlib.suppress(Refused):
                await self._renew()
                await renew()

    async def _renew(self) -> None:
        lapsed = not await self._whereabouts.renew()
        if lapsed and self._renewed:
            self._settle()
        now_ms = self._clock.monotonic_ms()
        if lapsed or self._whereabouts.unrouted or now_ms - self._routed_ms > ROUTE_MS // 2:
            await self._whereabouts.register(self._local.streams)
            self._routed_ms = now_ms
        self._renewed = True

    async def leave(self, leave: Step) -> None:
        """The process stops: no renewal that is under way takes the lease again. `leave`: what else is given up."""
        async with self._turning:
            self.left = True
            with contextlib.suppress(Refused):  # Redis is away: the lease lapses
                await self._whereabouts.end()
                await leave()

    def _settle(self) -> None:
        now_ms = self._clock.monotonic_ms()
        if self._settled_ms <= now_ms:
            self._settled_ms = now_ms + SETTLE_MS
