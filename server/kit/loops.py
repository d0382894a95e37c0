"""Which event loop the node runs on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # where it cannot be built; asyncio's own loop does the same for a fifth more
    uvloop = None  # type: ignore[assignment]


T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on uvloop where there is one."""
    if uvloop is None:
        return asyncio.run(main)
    return uvloop.run(main)


async def end_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when the process that started this one is gone: standard input ends."""

    class Ended(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop()

    await asyncio.get_running_loop().connect_read_pipe(Ended, sys.stdin)
