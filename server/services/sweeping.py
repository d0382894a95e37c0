"""The sweeper: walks over all conversations now and then, and forgets what may be forgotten."""

from __future__ import annotations

import asyncio

from server.domain import trimming
from server.domain.limits import Limits
from server.kit.refusal import Refused
from server.kit.world import Clock
from server.ports.log import Log, LogRetention, Memberships, Positions, Snapshot
from server.ports.people import People
from server.services.conversations import Conversations

PAGE = 100
PAUSE_S = 60.0
OLDEST = 500
"""Oldest entries that are looked at for their age in one visit."""


class Sweeper:
    """Trims bodies by positions, headers by age, and drops hints that are done with."""

    def __init__(
        self,
        conversations: Conversations,
        log: Log,
        retention: LogRetention,
        memberships: Memberships,
        positions: Positions,
        people: People,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._conversations = conversations
        self._log = log
        self._retention = retention
        self._memberships = memberships
        self._positions = positions
        self._people = people
        self._clock = clock
        self._limits = limits

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(PAUSE_S)
            try:
                await self.sweep()
            except Refused:
                continue  # the store is away; the next round does it

    async def sweep(self) -> None:
        """Visit every conversation once.

        Raises:
            Refused: UNAVAILABLE.
        """
        after = ""
        while page := await self._retention.conversations(after, PAGE):
            for conversation_id in page:
                await self.visit(conversation_id)
            after = page[-1]

    async def visit(self, conversation_id: str) -> None:
        """Forget what may be forgotten of one conversation."""
        head = (await self._log.heads([conversation_id]))[conversation_id]
        rows = await self._positions.of_conversation(conversation_id)  # before the device lists (log-attacks A8)
        live = await self._conversations.open(conversation_id, head.seq)
        fold = live.fold
        devices = {account: await self._people.devices(account) for account in fold.members}
        now_ms = self._clock.now_ms()
        acked = {row.device_id: row.acked for row in rows}
        up_to = trimming.bodies_up_to(fold, acked, devices, now_ms, self._limits)
        if up_to > head.trimmed:
            await self._log.empty_bodies(conversation_id, up_to)
        await self._forget_hints(conversation_id, acked, devices)
        oldest = await self._log.entries(conversation_id, head.floor, OLDEST)
        if trimming.headers_up_to(oldest, head.seq, head.seq, now_ms, self._limits) > head.floor:
            await self._log.save_snapshot(conversation_id, Snapshot(fold.seq, fold.dump()))
            stored = await self._log.snapshot(conversation_id)
            snapshot_seq = 0 if stored is None else stored.as_of_seq
            last = trimming.headers_up_to(oldest, head.seq, snapshot_seq, now_ms, self._limits)
            if last > head.floor:
                await self._retention.drop_headers(conversation_id, last)
                live.round.floor = max(live.round.floor, last)

    async def _forget_hints(self, conversation_id: str, acked: dict[str, int], devices: dict[str, dict[str, int]]) -> None:
        fold = (await self._conversations.open(conversation_id)).fold
        for account_id, member in fold.members.items():
            left_seq = member.left_seq()
            if left_seq and all(acked.get(device, 0) >= left_seq for device in devices[account_id]):
                await self._memberships.forget(account_id, conversation_id, left_seq)
