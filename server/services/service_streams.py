"""Open streams of services: each ends soon after its token was revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from server.domain.service_tokens import ServiceToken
from server.services.service_access import CACHE_MS, ServiceAccess

Close = Callable[[], Awaitable[None]]


class ServiceStreams:
    """All of this node."""

    def __init__(self, access: ServiceAccess) -> None:
        self._access = access
        self._open: dict[object, tuple[ServiceToken, Close]] = {}

    @contextmanager
    def opened(self, token: ServiceToken, close: Close) -> Iterator[None]:
        """A stream is open until the block ends; `close` ends it."""
        key = object()
        self._open[key] = (token, close)
        try:
            yield
        finally:
            del self._open[key]

    async def run(self) -> None:
        """Look at the tokens now and then, for ever."""
        while True:
            await asyncio.sleep(CACHE_MS / 1000)
            for token, close in list(self._open.values()):
                if not await self._access.still_holds(token):
                    await close()
