"""What one process of calls knows of the others: part of the composition root."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from calls.adapters.file_lives import FileLives
from calls.adapters.group_places import GroupPlaces
from calls.adapters.memory import LocalPost, MemoryRings
from calls.adapters.peers import Answer, CallPeerServicer, Channels, PeerPost
from calls.adapters.process_lease import ProcessLease
from calls.adapters.redis_lives import Lives
from calls.adapters.redis_rings import RedisRings
from calls.adapters.redis_whereabouts import Whereabouts
from calls.domain.life import Life
from calls.ports.signalling import Rings
from calls.settings import Settings
from server.kit import mutual_tls
from server.kit.redis.connecting import open_client
from server.kit.store import StoreError
from server.kit.system import SystemClock

AWAY = "Redis is away: nobody can call, or begin a group call, until it is back; calls that are under way go on"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a process has that is not alone."""

    places: GroupPlaces
    servicer: Callable[[Answer], CallPeerServicer]
    """Answers the others, by what does a command here."""


@dataclass(frozen=True, slots=True)
class Others:
    """The ports that are this process's own, or shared with others."""

    rings: Rings
    local: LocalPost
    post: LocalPost | PeerPost
    cluster: Cluster | None
    """None: this process is alone."""
    run: Sequence[Coroutine[Any, Any, None]]
    """What goes on beside, until it is cancelled."""
    leave: Callable[[], Awaitable[None]]
    """This process stops: the others need not wait for its lease."""


async def _nothing() -> None:
    return


@asynccontextmanager
async def others(
    settings: Settings,
    live: Callable[[], list[str]],
    displaced: Callable[[str], Awaitable[None]],
    load: Callable[[], float] | None,
    lives: Callable[[], list[Life]],
    write: Callable[[Life], Awaitable[bool]],
) -> AsyncIterator[Others]:
    """By the settings. `live`, `displaced` and `load`: see `GroupPlaces`; `lives` and `write`: see `Lives` and `FileLives`.

    Raises:
        StoreError: Redis's address or authorities cannot be used. OSError: a file cannot be read.
    """
    local, clock = LocalPost(), SystemClock()
    if settings.rings == "memory":
        alone = FileLives(settings.data_dir / "lives.json", lives, write)
        yield Others(MemoryRings(clock, settings.limits), local, local, None, (alone.tell(), alone.adopt()), _nothing)
        return
    given = (settings.redis_url, settings.redis_password, settings.redis_ca, settings.redis_prefix)
    try:
        client = await open_client(*given, clock, AWAY)
    except ValueError as error:
        raise StoreError(str(error)) from error
    whereabouts = Whereabouts(client, clock, secrets.token_hex(8), settings.internal_public or settings.internal_listen)
    channels = Channels(settings.peer_token, mutual_tls.calling(settings))
    lease, post = ProcessLease(whereabouts, local, clock), PeerPost(local, whereabouts, channels)
    places = GroupPlaces(whereabouts, channels, local, lease, live, displaced, load)

    def servicer(answer: Answer) -> CallPeerServicer:
        return CallPeerServicer(local, post, places.held, answer, settings.peer_token)

    kept = Lives(client, whereabouts, channels, lives, write)
    run = (lease.run(places.renew, channels.sweep), places.run(), kept.tell(), kept.adopt())
    cluster = Cluster(places, servicer)
    try:
        yield Others(RedisRings(client, settings.limits), local, post, cluster, run, lambda: lease.leave(places.leave))
    finally:
        await channels.close()
        await client.close()
