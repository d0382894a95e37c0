"""What the rules of group calls command: told to devices, to the forwarding unit and to the node."""

from __future__ import annotations

from collections.abc import Callable

from calls.domain import group_call as rules
from calls.domain import messages
from calls.domain.group_call import Event
from calls.domain.life import life
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.tracks import Source
from calls.ports.forwarding import Forwarding, Place
from calls.ports.signalling import Post
from calls.services.doors import Doors
from calls.services.group_ringing import GroupRinging, roster
from calls.services.live_call import LiveCall, LiveCalls
from calls.services.records import Records
from server.kit.refusal import Refusal, Refused
from server.kit.world import Clock


class GroupCommands:
    """Changes this process's calls. Callers hold `LiveCall.busy`, and know that the call has not ended."""

    def __init__(
        self,
        calls: LiveCalls,
        post: Post,
        ringing: GroupRinging,
        records: Records,
        doors: Doors,
        unit: Callable[[], Forwarding],
        clock: Clock,
        limits: SignallingLimits,
    ) -> None:
        """`unit`: it is made after the calls that it tells what happens."""
        self._calls = calls
        self._post = post
        self._ringing = ringing
        self._records = records
        self._doors = doors
        self._unit = unit
        self._clock = clock
        self._limits = limits

    async def apply(self, live: LiveCall, event: Event) -> None:
        """Do what follows from an event.

        Raises:
            Refused
        """
        outcome = rules.step(live.call, event, self._clock.now_ms(), self._limits)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        live.call, commands = outcome
        for command in commands:
            await self._do(live, command)

    async def _do(self, live: LiveCall, command: rules.Command) -> None:
        call = live.call
        match command:
            case rules.TellRoster():
                live.stale = True
                await self.tell(live, roster(call))
            case rules.TellOver(party, reason):
                await self._post.deliver(party, messages.GroupOver(call.conversation_id, reason))
            case rules.Ranked(party, admin):
                await self._doors.show(live, party, admin)
            case rules.TellMuted(party, admin_id):
                await self._post.deliver(party, messages.Muted(call.conversation_id, admin_id))
            case rules.Mute(participant_id, muted):
                place = Place(call.conversation_id, call.era_id, participant_id)
                await self._unit().mute(place, Source.MICROPHONE, muted)
            case rules.PutOut(participant_id):
                await self._unit().leave(Place(call.conversation_id, call.era_id, participant_id))
            case rules.RingAccounts(account_ids):
                await self._ringing.ring(live, account_ids)
            case rules.StopRinging(account_id, device_id, taken):
                await self._ringing.stop(call, account_id, device_id, taken)
            case rules.Ended():
                self._calls.end(live)
                await self._unit().end(call.conversation_id, call.era_id)
                for party in list(live.followers):
                    await self._post.deliver(party, messages.Roster(call.conversation_id))
                self.record(live)

    def record(self, live: LiveCall) -> None:
        """A life is over: have its record written, if it has one."""
        went = life(live.call, self._clock.now_ms())
        if went is not None:
            self._records.begin(went)

    async def tell(self, live: LiveCall, message: messages.Message) -> None:
        """Tell those who are in."""
        for one in live.call.participants:
            await self._post.deliver(one.party, message)

    async def tell_all(self, live: LiveCall, message: messages.Message) -> None:
        """Tell those, too, who wait to be let in, and those who follow."""
        inside, waiting = ([one.party for one in some] for some in (live.call.participants, live.door.waiting))
        for party in dict.fromkeys([*inside, *waiting, *live.followers]):
            await self._post.deliver(party, message)
