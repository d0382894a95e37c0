"""What one process of calls knows of the others: part of the composition root."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from calls.adapters.memory import LocalPost, MemoryRings
from calls.adapters.peers import Channels, GroupPlaces, PeerPost
from calls.adapters.redis_rings import RedisRings
from calls.adapters.redis_whereabouts import Whereabouts
from calls.ports.signalling import Rings
from calls.settings import Settings
from server.kit import mutual_tls
from server.kit.redis.connecting import open_client
from server.kit.refusal import Refused
from server.kit.store import StoreError
from server.kit.system import SystemClock

AWAY = "Redis is away: nobody can call until it is back; people who talk go on"


@dataclass(frozen=True, slots=True)
class Others:
    """The ports that are this process's own, or shared with others."""

    rings: Rings
    local: LocalPost
    post: LocalPost | PeerPost
    places: GroupPlaces | None
    """None: this process is alone."""
    end: Callable[[], Awaitable[None]]
    """This process stops: the others need not wait for its lease."""


@asynccontextmanager
async def others(
    settings: Settings, live: Callable[[], list[str]], displaced: Callable[[str], Awaitable[None]]
) -> AsyncIterator[Others]:
    """By the settings. `live` and `displaced`: see `GroupPlaces`.

    Raises:
        StoreError: Redis's address or authorities cannot be used. OSError: a file cannot be read.
    """
    local, clock = LocalPost(), SystemClock()

    async def nothing() -> None:
        return

    if settings.rings == "memory":
        yield Others(MemoryRings(clock, settings.limits), local, local, None, nothing)
        return
    given = (settings.redis_url, settings.redis_password, settings.redis_ca, settings.redis_prefix)
    try:
        client = await open_client(*given, clock, AWAY)
    except ValueError as error:
        raise StoreError(str(error)) from error
    whereabouts = Whereabouts(client, clock, secrets.token_hex(8), settings.internal_public or settings.internal_listen)
    channels = Channels(settings.peer_token, mutual_tls.calling(settings))

    async def end() -> None:
        try:
            await whereabouts.end()
        except Refused:
            return  # the lease lapses

    try:
        places = GroupPlaces(whereabouts, channels, local, live, displaced)
        yield Others(RedisRings(client, settings.limits), local, PeerPost(local, whereabouts, channels), places, end)
    finally:
        await channels.close()
        await client.close()
