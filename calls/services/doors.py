"""Who comes by a link: where it leads, who waits, and who lets them in."""

from __future__ import annotations

from collections.abc import Callable

from calls.domain import messages
from calls.domain import waiting_room as rules
from calls.domain.messages import Party, WaitingSeen
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.waiting_room import Event, Waiting
from calls.ports.signalling import Passage, Post
from calls.services.live_call import LiveCall, Waits
from server.kit.refusal import Refusal, Refused
from server.kit.world import Clock


class Doors:
    """The waiting rooms of this process's calls. Callers hold `LiveCall.busy`."""

    def __init__(self, post: Post, clock: Clock, limits: SignallingLimits, new_id: Callable[[], str]) -> None:
        """`new_id`: of somebody who waits."""
        self._post = post
        self._clock = clock
        self._limits = limits
        self._new_id = new_id

    async def knock(self, live: LiveCall, party: Party, passage: Passage) -> Waits | None:
        """A guest comes, who is not blocked. None: it may come in.

        Raises:
            Refused: LIMIT_EXCEEDED: too many wait.
        """
        if not passage.approval or party.account_id in live.door.admitted:
            return None
        await self.happens(live, rules.Knocks(party, self._new_id(), passage.name))
        live.tokens[party] = passage.token
        since_ms = next(one.since_ms for one in live.door.waiting if one.party == party)
        return Waits(live.call.conversation_id, since_ms + self._limits.waiting_ms)

    async def happens(self, live: LiveCall, event: Event) -> None:
        """Do what follows from an event.

        Raises:
            Refused
        """
        outcome = rules.step(live.door, event, self._clock.now_ms(), self._limits)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        live.door, commands = outcome
        waiting = {one.party for one in live.door.waiting}
        live.tokens = {party: token for party, token in live.tokens.items() if party in waiting}
        conversation_id = live.call.conversation_id
        for command in commands:
            match command:
                case rules.TellAdmins():
                    for one in live.call.participants:
                        if one.admin:
                            await self._tell(live, one.party, live.door.waiting)
                case rules.TellAdmitted(party):
                    await self._post.deliver(party, messages.Admitted(conversation_id))
                case rules.TellOver(party, reason):
                    await self._post.deliver(party, messages.GroupOver(conversation_id, reason))

    async def show(self, live: LiveCall, party: Party, admin: bool = True) -> None:
        """Tell an admin who waits, or one that is none any more that it sees nobody. Nobody waits: there is nothing to tell."""
        if live.door.waiting:
            await self._tell(live, party, live.door.waiting if admin else ())

    async def _tell(self, live: LiveCall, party: Party, waiting: tuple[Waiting, ...]) -> None:
        seen = tuple(WaitingSeen(one.waiting_id, one.party.account_id, one.name, one.since_ms) for one in waiting)
        await self._post.deliver(party, messages.WaitingList(live.call.conversation_id, seen))
