"""What a starting process waits for, aloud and not for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TypeVar

from server.kit.store import StoreAway, StoreError
from server.kit.world import Clock

log = logging.getLogger(__name__)

RETRY_S = 0.5
TOLD_S = 5.0
"""It is said this often what is waited for."""

T = TypeVar("T")


async def until_open(opening: Callable[[], Coroutine[None, None, T]], wait_s: float, clock: Clock) -> T:
    """Open a store that may not be up yet. An attempt that is under way when the time is over is still waited for.

    Args:
        opening: one attempt.
        wait_s: how long to try again; 0: one attempt.

    Raises:
        StoreError: it did not come in time, or waiting does not help.
    """
    until_ms = clock.monotonic_ms() + 1000 * wait_s
    why = "it has not answered yet"
    telling = asyncio.ensure_future(_tell(lambda: why, lambda: until_ms - clock.monotonic_ms()))
    try:
        while True:
            try:
                return await opening()
            except StoreAway as error:
                left_s = (until_ms - clock.monotonic_ms()) / 1000
                if left_s <= 0:
                    waited = f" (waited {wait_s:g} s: store_wait_s)" if wait_s else ""
                    raise StoreError(f"{error}{waited}") from error
                if why != str(error):
                    why = str(error)
                    _say(why, left_s)
                await asyncio.sleep(min(RETRY_S, left_s))
    finally:
        telling.cancel()


async def _tell(why: Callable[[], str], left_ms: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(TOLD_S)
        _say(why(), max(0.0, left_ms() / 1000))


def _say(why: str, left_s: float) -> None:
    log.warning("waiting for the store", extra={"error": why, "seconds_left": round(left_s)})
