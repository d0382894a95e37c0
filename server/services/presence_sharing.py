"""Presence between nodes: what this node owes the others, and what it asks of the board. Best effort: a store that is away costs presence
of other nodes' accounts, nothing else."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from server.domain.limits import Limits
from server.domain.relayed import PresenceChanged
from server.kit.refusal import Refused
from server.ports.cluster import Cluster, Peer, Relay

AT_ONCE = 32
OWED_MAX = 100_000
"""Accounts whose change could not be told yet; more are forgotten, the oldest first, and told again when they come or go."""


class _Owed(NamedTuple):
    online: bool | None
    """None: unchanged."""
    last_seen_ms: int


class Sharing:
    """One node's side. What it says of an account goes out in order; of two changes that wait, the later alone."""

    def __init__(self, me: Peer, cluster: Cluster, relay: Relay, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self.place = me.place
        self._node_id = me.node_id
        self._leases = cluster.leases
        self._board = cluster.board
        self._relay = relay
        self._tasks = tasks
        self._ttl_ms = 3_000 * limits.last_seen_interval_s
        self._owed: OrderedDict[str, _Owed] = OrderedDict()
        self._paying = False

    def changed(self, account_id: str, online: bool, last_seen_ms: int) -> None:
        """The account is online on this node, or no more. Said again within `last_seen_interval_s`."""
        self._owe(account_id, online, last_seen_ms)

    def seen(self, account_id: str, at_ms: int) -> None:
        """The account was last seen at this Unix ms."""
        self._owe(account_id, None, at_ms)

    def _owe(self, account_id: str, online: bool | None, last_seen_ms: int) -> None:
        before = self._owed.pop(account_id, _Owed(None, 0))
        self._owed[account_id] = _Owed(before.online if online is None else online, max(before.last_seen_ms, last_seen_ms))
        if len(self._owed) > OWED_MAX:
            self._owed.popitem(last=False)
        self.go_on()

    def go_on(self) -> None:
        """Say what is owed, in the background. What is refused is owed until this is called again."""
        if self._owed and not self._paying:
            self._paying = True
            self._tasks.create_task(self._pay(), name="presence of this node")

    async def _pay(self) -> None:
        try:
            while self._owed:
                some = list(self._owed.items())[:AT_ONCE]
                async with asyncio.TaskGroup() as tasks:
                    told = [tasks.create_task(self._tell(account_id, owed)) for account_id, owed in some]
                if not all(task.result() for task in told):
                    return
        finally:
            self._paying = False

    async def _tell(self, account_id: str, owed: _Owed) -> bool:
        """The board first, then those who watch: whoever begins to watch in between finds it on the board."""
        try:
            if owed.online is not None:
                await self._board.put(account_id, self.place, owed.online, self._ttl_ms)
            if owed.last_seen_ms:
                await self._board.save_last_seen(account_id, owed.last_seen_ms)
            if owed.online is not None:
                changed = PresenceChanged(account_id, self.place, owed.online, owed.last_seen_ms)
                self._relay.send(await self._board.watchers(account_id) - {self._node_id}, changed)
        except Refused:
            return False
        if self._owed.get(account_id) is owed:
            del self._owed[account_id]
        return True

    async def look(self, account_ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Watch these accounts on all nodes, and find the places of other nodes at which each of them is online.

        Raises:
            Refused: UNAVAILABLE.
        """
        await self._board.watch(self._node_id, account_ids, self._ttl_ms)
        found = await self._board.online(account_ids)
        return {account_id: found.get(account_id, frozenset()) - {self.place} for account_id in account_ids}

    async def live(self) -> frozenset[str]:
        """The places of the nodes whose leases are live.

        Raises:
            Refused: UNAVAILABLE.
        """
        return frozenset(peer.place for peer in await self._leases.peers())

    async def last_seen(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """When accounts were last seen, as far as the board knows."""
        try:
            return await self._board.last_seen(account_ids)
        except Refused:
            return {}
