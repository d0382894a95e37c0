"""Sessions on the keyspace of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from server.adapters.cql.opening import CqlStores, open_cql
from server.kit.system import SystemClock
from tests.support.cassandra.keyspaces import Keyspace

Opened = Callable[..., Awaitable[CqlStores]]


class FixedClock(SystemClock):
    """Stands still."""

    def __init__(self, now_ms: int) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """The time."""
        return self.at_ms


@pytest.fixture
async def opened(keyspace: Keyspace) -> AsyncIterator[Opened]:
    """Opens sessions, each as a node of its own would, and closes them."""
    sessions: list[CqlStores] = []

    async def opened(clock: SystemClock | None = None, **changes: Any) -> CqlStores:
        settings = replace(keyspace.settings, **changes)
        sessions.append(await open_cql(settings, clock or SystemClock(), retention_s=86_400))
        return sessions[-1]

    yield opened
    for stores in sessions:
        await stores.close()
