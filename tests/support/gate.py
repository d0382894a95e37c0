"""Holds up what an adapter answers."""

from __future__ import annotations

import asyncio


class Gate:
    """Holds those who come through it, once it is shut."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = asyncio.Event()

    def shut(self) -> None:
        """From now on they wait."""
        self._open.clear()

    def open(self) -> None:
        """They go on."""
        self._open.set()

    async def passed(self) -> None:
        """Wait while it is shut."""
        self.waiting.set()
        await self._open.wait()
