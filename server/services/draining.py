"""Brings a drain about: closes streams as `Drain` says, and looks where their devices are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from server.domain.draining import Drain
from server.domain.notice import ClosingReason
from server.kit.world import Clock
from server.services.elsewhere import Elsewhere
from server.services.streaming import Stream

TURN_S = 0.1


async def let_go(
    streams: Iterable[Stream], drain: Drain, elsewhere: Elsewhere, clock: Clock, retry_after_ms: Callable[[], int]
) -> None:
    """Close every stream with DRAIN, each told to come back when its jitter says. Returns when all have been told."""
    of = {stream.identity: stream for stream in streams}
    while True:
        away = await elsewhere.away(drain.on_their_way())
        for device in drain.turn(clock.monotonic_ms(), away):
            of[device].close(ClosingReason.DRAIN, retry_after_ms())
        if drain.over():
            return
        await asyncio.sleep(TURN_S)
