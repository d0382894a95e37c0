"""Which event loop the node runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
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
