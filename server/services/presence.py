"""Drives `PresenceBook`: asks who may know, tells the watchers, saves when people were last seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from server.domain import presence
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.presence import PresenceBook, PresenceFact
from server.domain.refusal import Refused
from server.ports.world import Clock

TICK_S = 1.0


class Audience(Protocol):
    """What presence asks about people."""

    async def may_see(self, watcher_id: str, account_id: str) -> bool:
        """Whether `watcher_id` may know when `account_id` is there, by both audiences and blocks."""
        ...

    async def last_seen(self, account_id: str) -> int:
        """When the account was last seen: Unix ms; 0: never."""
        ...

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """Store when the account was last seen."""
        ...


Told = Callable[[str, str, str, PresenceFact], None]


class Presence:
    """The presence of everybody on this node."""

    def __init__(self, audience: Audience, clock: Clock, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self._audience = audience
        self._clock = clock
        self._tasks = tasks
        self._book = PresenceBook(limits)
        self._told: Told = lambda watcher_id, connection_id, account_id, fact: None

    def on_told(self, told: Told) -> None:
        """How to tell a connection: (its account, its id, whom it is about, what may be known)."""
        self._told = told

    def connected(self, identity: Identity, connection_id: str, foreground: bool) -> None:
        """A connection has opened."""
        self._do(self._book.connected(identity, connection_id, foreground, self._clock.now_ms()))

    def foreground(self, connection_id: str, foreground: bool) -> None:
        """The app came to the foreground, or left it."""
        self._do(self._book.foreground(connection_id, foreground, self._clock.now_ms()))

    def disconnected(self, connection_id: str) -> None:
        """A connection is over."""
        self._do(self._book.disconnected(connection_id, self._clock.now_ms()))

    async def watch(self, connection_id: str, account_ids: Iterable[str]) -> None:
        """Watch these accounts, and tell at once what may be known of each.

        Raises:
            Refused: UNAVAILABLE.
        """
        wanted = list(account_ids)
        self._book.watch(connection_id, wanted)
        for account_id in wanted:
            last_seen_ms = await self._audience.last_seen(account_id)
            await self._tell(account_id, (connection_id,), self._book.is_online(account_id), last_seen_ms)

    async def run(self) -> None:
        """Let time pass, for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self._do(self._book.tick(self._clock.now_ms()))

    def _do(self, commands: list[presence.Command]) -> None:
        for command in commands:
            match command:
                case presence.Tell(account_id, watchers, online, last_seen_ms):
                    if watchers:
                        self._background(self._tell(account_id, watchers, online, last_seen_ms))
                case presence.SaveLastSeen(account_id, at_ms):
                    self._background(self._audience.save_last_seen(account_id, at_ms))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        """Presence may be lost: a store that is away costs a stale last seen, nothing more."""

        async def quietly() -> None:
            try:
                await work
            except Refused:
                return

        self._tasks.create_task(quietly(), name="presence")

    async def _tell(self, account_id: str, watchers: Iterable[str], online: bool, last_seen_ms: int) -> None:
        for connection_id in watchers:
            watcher_id = self._book.owner(connection_id)
            if watcher_id is not None:
                may_know = await self._audience.may_see(watcher_id, account_id)
                fact = presence.fact(may_know=may_know, online=online, last_seen_ms=last_seen_ms)
                self._told(watcher_id, connection_id, account_id, fact)
