"""How group calls reach those who are not in them: ringing, and who is in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from calls.domain import messages
from calls.domain.group_call import GroupCall
from calls.domain.messages import End, Outcome, Party, Seen
from calls.ports.signalling import Callee, Post, Wake, Waker
from calls.services.beside import Beside
from calls.services.live_call import LiveCall
from calls.services.notices import Notices
from server.kit.world import Clock

AT_ONCE_MAX = 128
"""Accounts whose devices are woken, and calls for which is looked who has come, at once."""
LOOKED_EVERY_MS = 1_000


class GroupRinging:
    """Speaks to devices and to the node."""

    def __init__(self, post: Post, notices: Notices, waker: Waker, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self._post = post
        self._notices = notices
        self._waker = waker
        self._clock = clock
        self._beside = Beside(tasks, AT_ONCE_MAX)

    async def ring(self, live: LiveCall, account_ids: tuple[str, ...]) -> None:
        """Ring these accounts, wherever they are."""
        call = live.call
        for account_id in account_ids:
            live.heard[account_id] = await self._post.present(account_id)
            await self._deliver(call, account_id, live.heard[account_id])
            self._notices.ring(account_id, call.era_id, call.conversation_id, call.rung_by, call.video, call.ring_until_ms)

    def ring_late(self, live: LiveCall) -> None:
        """Ring devices that come while their account rings, too: looked for every second, and nobody waits for it."""
        now_ms = self._clock.monotonic_ms()
        if live.call.rung and now_ms - live.looked_ms >= LOOKED_EVERY_MS and self._beside.room:
            live.looked_ms = now_ms
            self._beside.begin(self._ring_late(live), "rings of a call")

    async def _ring_late(self, live: LiveCall) -> None:
        for account_id in live.call.rung:
            present = await self._post.present(account_id)
            async with live.busy:
                if account_id in live.call.rung:
                    await self._deliver(live.call, account_id, present - live.heard.get(account_id, present))
                    live.heard[account_id] = present

    async def _deliver(self, call: GroupCall, account_id: str, device_ids: set[str]) -> None:
        rings = messages.GroupRings(call.conversation_id, call.era_id, call.rung_by, call.video, call.ring_until_ms)
        for device_id in device_ids:
            await self._post.deliver(Party(account_id, device_id), rings)

    def wake(self, call: GroupCall, callees: Iterable[Callee]) -> None:
        """Wake devices of those who ring that have no stream to a node. Nobody waits for it."""
        for callee in callees:
            asleep = tuple(device.device_id for device in callee.devices if not device.connected)
            if asleep and callee.account_id in call.rung and self._beside.room:
                told = (call.era_id, call.conversation_id, call.rung_by, call.video, call.ring_until_ms)
                self._beside.begin(self._waker.wake(Wake(callee.account_id, asleep, *told)), "devices are woken")

    async def stop(self, call: GroupCall, account_id: str, device_id: str, taken: bool) -> None:
        """Tell an account's other devices that it does not ring any more."""
        reason = End.ANSWERED_ELSEWHERE if taken else End.DECLINED_ELSEWHERE if device_id else End.MISSED
        for other in await self._post.present(account_id):
            if other != device_id:
                await self._post.deliver(Party(account_id, other), messages.GroupOver(call.conversation_id, reason))
        outcome = None if taken else Outcome.DECLINED if device_id else Outcome.MISSED
        self._notices.stop_ringing(account_id, call.era_id, outcome, device_id)


def roster(call: GroupCall) -> messages.Roster:
    """Who is in, as everybody sees it."""
    seen = tuple(
        Seen(
            one.participant_id,
            one.party.account_id,
            one.muted,
            one.camera_off,
            one.hand_raised,
            one.sources,
            one.lost,
            one.joined_ms,
            one.guest,
            one.name,
        )
        for one in call.participants
    )
    return messages.Roster(call.conversation_id, call.era_id, seen, call.began_ms)
