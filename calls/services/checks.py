"""Whether those who are in a call, follow it, or wait to be let in still may: the node is asked again and again, and nothing waits for
its answers."""

from __future__ import annotations

import asyncio
from functools import partial

from calls.domain import group_call as rules
from calls.domain import waiting_room
from calls.domain.messages import Party
from calls.domain.signalling_limits import SignallingLimits
from calls.ports.signalling import Directory, Post, Standing
from calls.services.beside import Beside
from calls.services.doors import Doors
from calls.services.followers import Followers
from calls.services.group_commands import GroupCommands
from calls.services.live_call import LiveCall, LiveCalls, Subject, Where
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

OUT = (Reason.ACCOUNT_SUSPENDED, Reason.NOT_FOUND)
"""What puts out a guest, who is no member anyhow: its account may do nothing, or is gone."""
QUESTION_S = 5.0
"""A question that is not answered for so long is asked again when it is due again."""


class Checks:
    """Those of this process's calls. At most `checks_max` questions are under way at once, the longest due first."""

    def __init__(
        self,
        calls: LiveCalls,
        commands: GroupCommands,
        doors: Doors,
        followers: Followers,
        post: Post,
        directory: Directory,
        clock: Clock,
        limits: SignallingLimits,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._calls = calls
        self._commands = commands
        self._doors = doors
        self._followers = followers
        self._post = post
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._beside = Beside(tasks, limits.checks_max)
        self._every_ms = {
            Where.INSIDE: limits.members_checked_ms,
            Where.FOLLOWING: limits.members_checked_ms,
            Where.WAITING: limits.links_checked_ms,
        }

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

    def close(self) -> None:
        """Ask nothing more."""
        self._beside.close()

    async def _check(self, live: LiveCall, one: Subject) -> None:
        token, since_ms = live.tokens.get(one.party, ""), live.followers.get(one.party, 0)
        try:
            async with asyncio.timeout(QUESTION_S):
                said = await self._asked(live, one, token)
        except TimeoutError:
            return
        if isinstance(said, Refusal) and said.reason is Reason.UNAVAILABLE:
            return
        async with self._calls.still(live) as there:
            if not there:
                return
            match one.where:
                case Where.INSIDE:
                    await self._inside(live, one.party, said)
                case Where.FOLLOWING if not isinstance(said, Standing):
                    await self._followers.drop(live, one.party, since_ms, shut_out=isinstance(said, Refusal))
                case Where.WAITING if isinstance(said, Refusal) and live.tokens.get(one.party) == token:
                    await self._doors.happens(live, waiting_room.Revoked((one.party,)))  # it came by no other link since

    async def _asked(self, live: LiveCall, one: Subject, token: str) -> Standing | Refusal | None:
        """None: nothing is said against it; of one that follows: it has no stream."""
        try:
            if one.where is Where.WAITING:
                await self._directory.open_link(one.party.account_id, token)
                return None
            if one.where is Where.FOLLOWING and one.party.device_id not in await self._post.present(one.party.account_id):
                return None
            return await self._directory.standing(one.party.account_id, live.call.conversation_id)
        except Refused as refused:
            return refused.refusal

    async def _inside(self, live: LiveCall, party: Party, said: Standing | Refusal | None) -> None:
        one = live.call.of(party)
        if one is None:
            return
        if isinstance(said, Refusal):
            if not one.guest or said.reason in OUT:
                await self._commands.apply(live, rules.Removes(one.participant_id))
        elif said is not None and not one.guest:
            await self._commands.apply(live, rules.Ranks(one.participant_id, said.admin))


def _subjects(live: LiveCall) -> list[Subject]:
    inside = [one.party for one in live.call.participants]
    following = live.followers.keys() - inside
    return [
        *(Subject(Where.INSIDE, party) for party in inside),
        *(Subject(Where.FOLLOWING, party) for party in following),
        *(Subject(Where.WAITING, party) for party in live.tokens),
    ]


def _over(live: LiveCall, one: Subject, _: asyncio.Task[None]) -> None:
    live.questions.pop(one, None)
