"""What the load knows of a server that forwards media."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from tests.bench.forwarders.party import Party, Through


class Seat(Protocol):
    """One party in one room of a server."""

    party: Party

    async def join(self) -> None:
        """Describe what it sends, and connect; what the others send is connected as it comes."""
        ...

    async def complete(self, streams: int) -> None:
        """Wait until so many streams of others are described, and its transports are up."""
        ...

    async def leave(self) -> None:
        """Out of the room, and all is closed."""
        ...


class Server(Protocol):
    """One process that forwards media."""

    name: str
    pid: int

    async def start(self, core: int) -> None:
        """Start it on a core."""
        ...

    async def seats(self, count: int, first: int, through: Sequence[Through | None]) -> Sequence[Seat]:
        """A new room, and places for so many parties in it; `first` is the number of the first of them."""
        ...

    async def close(self) -> None:
        """End the process."""
        ...


class on_core:
    """Processes that are started meanwhile run on this core, and stay there."""

    def __init__(self, core: int) -> None:
        self._core = core

    def __enter__(self) -> None:
        self._before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})

    def __exit__(self, *error: object) -> None:
        os.sched_setaffinity(0, self._before)
