"""Drives `PresenceBook`: asks who may know, tells the watchers, saves when people were last seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from server.domain import presence
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.presence import PresenceBook, PresenceFact
from server.domain.relayed import PresenceChanged
from server.kit.refusal import Refused
from server.kit.world import Clock
from server.services.presence_sharing import Sharing

TICK_S = 1.0
LOOK_MAX = 1_000
"""Accounts that are asked for together."""


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
    """The presence of everybody on this node, and of whom it watches on others."""

    def __init__(
        self,
        audience: Audience,
        clock: Clock,
        limits: Limits,
        tasks: asyncio.TaskGroup,
        sharing: Sharing | None = None,
    ) -> None:
        """`sharing`: with other nodes; None: this one is alone."""
        self._audience = audience
        self._clock = clock
        self._tasks = tasks
        self._sharing = sharing
        self._book = PresenceBook(limits)
        self._look_ms = 1_000 * limits.last_seen_interval_s
        self._looked_ms = clock.monotonic_ms()
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

    async def online(self, account_ids: Iterable[str]) -> set[str]:
        """Those of the accounts that are online."""
        return {account_id for account_id in account_ids if self._book.is_online(account_id)}

    async def watch(self, connection_id: str, account_ids: Iterable[str]) -> None:
        """Watch these accounts, and tell at once what may be known of each.

        Raises:
            Refused: UNAVAILABLE.
        """
        wanted = list(account_ids)
        self._book.watch(connection_id, wanted)
        await self._look(wanted)
        seen = await self._seen(wanted)
        for account_id in wanted:
            await self._tell(account_id, (connection_id,), self._book.is_online(account_id), seen[account_id])

    # -- other nodes ---------------------------------------------------------------------------------------------------

    def nodes(self, places: frozenset[str]) -> None:
        """The places (`Peer.place`) of the nodes whose leases are live. While that cannot be told, those that were last known."""
        mine = "" if self._sharing is None else self._sharing.place
        self._book.nodes(places - {mine}, self._clock.now_ms())

    def learned(self, changed: PresenceChanged) -> None:
        """Another node told this."""
        now_ms = self._clock.now_ms()
        self._do(self._book.learned(changed.account_id, changed.node_id, changed.online, changed.last_seen_ms, now_ms))

    def register(self) -> None:
        """The cluster's store was wiped or replaced, or this node's lease had lapsed: say everything again, in the background."""
        self._do(self._book.own(self._clock.now_ms()))
        self._background(self._look_again())

    async def _look_again(self) -> None:
        """Watch on, and heal what was lost on the way here."""
        self._looked_ms = self._clock.monotonic_ms()
        watched = self._book.watched()
        for start in range(0, len(watched), LOOK_MAX):
            await self._look(watched[start : start + LOOK_MAX])

    async def _look(self, account_ids: Sequence[str]) -> None:
        if self._sharing is None or not account_ids:
            return
        turn = self._book.turn()
        try:
            found = await self._sharing.look(account_ids)
            if frozenset().union(*found.values()) - self._book.live:
                self.nodes(await self._sharing.live())
        except Refused:
            return
        self._do(self._book.looked_up(found, turn, self._clock.now_ms()))

    async def _seen(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """From the board where it knows, else from the store."""
        known = {} if self._sharing is None else await self._sharing.last_seen(account_ids)
        return {key: known[key] if key in known else await self._audience.last_seen(key) for key in account_ids}

    # -- driving the book ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Let time pass, for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Time has passed. `run` calls it every second."""
        self._do(self._book.tick(self._clock.now_ms()))
        if self._sharing is not None:
            self._sharing.go_on()
            if self._clock.monotonic_ms() - self._looked_ms >= self._look_ms:
                self._background(self._look_again())

    def _do(self, commands: list[presence.Command]) -> None:
        for command in commands:
            match command:
                case presence.Tell(account_id, watchers, online, last_seen_ms):
                    if watchers:
                        self._background(self._tell(account_id, watchers, online, last_seen_ms))
                case presence.SaveLastSeen(account_id, at_ms):
                    self._background(self._audience.save_last_seen(account_id, at_ms))
                    if self._sharing is not None:
                        self._sharing.seen(account_id, at_ms)
                case presence.Share(account_id, online, last_seen_ms):
                    if self._sharing is not None:
                        self._sharing.changed(account_id, online, last_seen_ms)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        """Presence may be lost: a store that is away costs a stale last seen, nothing more."""

        async def quietly() -> None:
            try:
                await work
            except Refused:
                return

        self._tasks.create_task(quietly(), name="presence")

    async def _tell(self, account_id: str, watchers: Iterable[str], online: bool, last_seen_ms: int) -> None:
        if not online and not last_seen_ms:
            last_seen_ms = (await self._seen([account_id]))[account_id]
        for connection_id in watchers:
            watcher_id = self._book.owner(connection_id)
            if watcher_id is not None:
                may_know = await self._audience.may_see(watcher_id, account_id)
                fact = presence.fact(may_know=may_know, online=online, last_seen_ms=last_seen_ms)
                self._told(watcher_id, connection_id, account_id, fact)
