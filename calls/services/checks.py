"""Whether those who are in a call, or wait to be let in, still may: the node is asked again and again, and nothing waits for its answers."""

from __future__ import annotations

import asyncio
from functools import partial

from calls.domain import group_call as rules
from calls.domain import waiting_room
from calls.domain.messages import Party
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Directory, Standing
from calls.services.beside import Beside
from calls.services.doors import Doors
from calls.services.group_commands import GroupCommands
from calls.services.live_call import LiveCall, LiveCalls, Subject, Where
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

QUESTION_S = 5.0
"""A question that is not answered for so long is asked again when it is due again."""


class Checks:
    """Those of this process's calls. At most `checks_max` questions are under way at once, the longest due first."""

    def __init__(
        self,
        calls: LiveCalls,
        commands: GroupCommands,
        doors: Doors,
        directory: Directory,
        clock: Clock,
        limits: SignallingLimits,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._calls = calls
        self._commands = commands
        self._doors = doors
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._beside = Beside(tasks, limits.checks_max)
        self._every_ms = {Where.INSIDE: limits.members_checked_ms, Where.WAITING: limits.links_checked_ms}

    def begin(self) -> None:
        """Ask what is due. Never waits."""
        now_ms = self._clock.monotonic_ms()
        due = []
        for live in self._calls.all():
            live.asked_ms = {one: live.asked_ms.get(one, now_ms) for one in _subjects(live)}
            for one, asked_ms in live.asked_ms.items():
                due_ms = asked_ms + self._every_ms[one.where]
                if due_ms <= now_ms and one not in live.questions:
                    due.append((due_ms, live, one))
        due.sort(key=lambda found: found[0])
        for _, live, one in due[: self._beside.room]:
            live.asked_ms[one] = now_ms
            task = self._beside.begin(self._check(live, one), "check of a call")
            live.questions[one] = task
            task.add_done_callback(partial(_over, live, one))

    async def _check(self, live: LiveCall, one: Subject) -> None:
        token = live.tokens.get(one.party, "")
        try:
            async with asyncio.timeout(QUESTION_S):
                said = await self._asked(live, one, token)
        except TimeoutError:
            return
        if isinstance(said, Refusal) and said.reason is Reason.UNAVAILABLE:
            return
        async with self._calls.still(live) as there:
            if there and one.where is Where.INSIDE:
                await self._inside(live, one.party, said)
            elif there and isinstance(said, Refusal) and live.tokens.get(one.party) == token:  # it came by no other link since
                await self._doors.happens(live, waiting_room.Revoked((one.party,)))

    async def _asked(self, live: LiveCall, one: Subject, token: str) -> Standing | Refusal | None:
        try:
            if one.where is Where.INSIDE:
                return await self._directory.standing(one.party.account_id, live.call.conversation_id)
            await self._directory.open_link(one.party.account_id, token)
        except Refused as refused:
            return refused.refusal
        return None

    async def _inside(self, live: LiveCall, party: Party, said: Standing | Refusal | None) -> None:
        one = live.call.of(party)
        if one is not None and not one.guest and isinstance(said, Refusal):
            await self._commands.apply(live, rules.Removes(one.participant_id))


def _subjects(live: LiveCall) -> list[Subject]:
    inside = [Subject(Where.INSIDE, one.party) for one in live.call.participants if not one.guest]
    return inside + [Subject(Where.WAITING, party) for party in live.tokens]


def _over(live: LiveCall, one: Subject, _: asyncio.Task[None]) -> None:
    live.questions.pop(one, None)
