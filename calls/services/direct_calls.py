"""Calls between two people: reads and changes what is stored, and does what the rules command."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from calls.domain import direct_call as rules
from calls.domain import direct_call_events as events
from calls.domain import messages, turn
from calls.domain.direct_call_events import DirectCall, Event, HungUp, State, Step
from calls.domain.messages import End, Ice, Incoming, Outcome, Party, Sdp
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.turn import Relays, Ticket
from calls.ports.signalling import Callee, CalleeDevice, Directory, Post, Rings, Stored, Wake, Waker
from calls.services.beside import Beside
from calls.services.notices import Notices
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.kit.world import Clock

log = logging.getLogger(__name__)

RECORDS_MAX = 64
"""Records that are written at once."""
TRIES_MAX = 50
"""Times that a change is judged anew, since another came first."""
TRIAL_S = 60
NOT_DIRECT = Refusal(Reason.INVALID, "a direct conversation is called; the call of a group is joined", "conversation_id")


class DirectCalls:
    """All direct calls, as far as this process has to do with them."""

    def __init__(
        self,
        rings: Rings,
        post: Post,
        directory: Directory,
        notices: Notices,
        waker: Waker,
        relays: Callable[[], Relays],
        secret: bytes,
        clock: Clock,
        limits: SignallingLimits,
        finished: Callable[[DirectCall], None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`secret`: of tickets, the same in all processes. `finished`: told of each call that ended here."""
        self._rings = rings
        self._post = post
        self._directory = directory
        self._notices = notices
        self._waker = waker
        self._relays = relays
        self._secret = secret
        self._clock = clock
        self._limits = limits
        self._finished = finished
        self._placed = Rate(limits.calls_per_hour / 3600, limits.calls_burst)
        self._began_ms = clock.now_ms()
        self._beside = Beside(tasks, RECORDS_MAX)
        self._recording: set[str] = set()
        """Calls whose record is being written."""

    # -- what devices want ---------------------------------------------------------------------------------------------

    async def place(
        self, party: Party, call_id: str, conversation_id: str, video: bool, offer: Sdp | None
    ) -> DirectCall | Refusal:
        """Place a call; or the call that the other side is placing at this moment, or that this one is already.

        Raises:
            Refused: UNAVAILABLE.
        """
        if offer is not None and offer.revision != 1:
            return Refusal(Reason.INVALID, "a call's first offer has revision 1", "offer.revision", 1, offer.revision)
        if (known := await self._rings.get(call_id)) is not None:
            return known.call if known.call.caller == party else Refusal(Reason.ALREADY_TAKEN, subject="call_id")
        retry_after_ms = self._placed.allow(party.account_id, self._clock.monotonic_ms())
        if retry_after_ms is not None:
            return Refusal(Reason.RATE_LIMITED, subject="calls_per_hour", retry_after_ms=retry_after_ms)
        callee = await self._callee(party, conversation_id)
        if isinstance(callee, Refusal):
            return callee
        call = DirectCall(
            call_id=call_id,
            conversation_id=conversation_id,
            caller=party,
            callee_id=callee.account_id,
            video=video,
            reachable=not callee.unreachable,
            silent=callee.silent,
            relay_only=callee.stranger,
            devices=await self._reachable(callee),
            offer=offer,
        )
        call, commands = rules.placed(call, self._clock.now_ms(), self._limits)
        stored = (await self._rings.begin(call)).call
        if stored == call:
            await self._do(commands)
        return stored

    async def _callee(self, party: Party, conversation_id: str) -> Callee | Refusal:
        try:
            standing = await self._directory.standing(party.account_id, conversation_id)
        except Refused as refused:
            if refused.refusal.reason is Reason.UNAVAILABLE:
                raise
            return refused.refusal
        return standing.callees[0] if conversation_id.startswith("d:") and standing.callees else NOT_DIRECT

    async def _reachable(self, callee: Callee) -> tuple[str, ...]:
        """Devices that have a stream to a node, or to calls."""
        connected = {device.device_id for device in callee.devices if device.connected}
        return tuple(sorted(connected | await self._post.present(callee.account_id)))

    async def happened(self, call_id: str, event: Event) -> DirectCall | Refusal:
        """Something happened to a call: the call afterwards, or why it cannot be.

        Raises:
            Refused: UNAVAILABLE.
        """
        for _ in range(TRIES_MAX):
            stored = await self._rings.get(call_id)
            if stored is None:
                return rules.OVER
            outcome = rules.step(stored.call, event, self._clock.now_ms(), self._limits)
            if isinstance(outcome, Refusal):
                return outcome
            if await self._settled(stored, outcome):
                return outcome[0]
        raise Refused(unavailable("too many devices speak of this call at once"))

    async def _settled(self, stored: Stored, outcome: Step) -> bool:
        call, commands = outcome
        if call != stored.call and not await self._rings.replace(stored, call):
            return False
        if call.state is State.ENDED and stored.call.state is not State.ENDED:
            self._finished(call)
        await self._do(commands)
        return True

    async def find(self, call_id: str) -> DirectCall | None:
        """A live call.

        Raises:
            Refused: UNAVAILABLE.
        """
        stored = await self._rings.get(call_id)
        return None if stored is None or stored.call.state is State.ENDED else stored.call

    async def hang_up(self, party: Party, call_id: str, ticket: bytes, talked_ms: int, failed: bool) -> Refusal | None:
        """End a call. One that is not stored any more gets its record by its ticket.

        Raises:
            Refused: UNAVAILABLE.
        """
        try:
            outcome = await self.happened(call_id, HungUp(party, failed))
            if not isinstance(outcome, Refusal) or outcome is not rules.OVER or await self._rings.get(call_id) is not None:
                return outcome if isinstance(outcome, Refusal) else None
        except Refused as refused:  # should it come back with the call, the record is the same once more
            outcome = refused.refusal
        said = turn.opened_ticket(self._secret, ticket, self._clock.now_ms(), self._limits.ticket_ttl_s) if ticket else None
        if said is None or said.call_id != call_id or party.account_id not in (said.caller.account_id, said.callee_id):
            return outcome
        talked_ms = min(talked_ms, max(0, self._clock.now_ms() - said.began_ms))
        how = Outcome.ANSWERED if talked_ms else Outcome.MISSED
        await self._directory.record(said.caller.account_id, said.conversation_id, call_id, said.video, how, talked_ms)
        other = said.callee_id if party.account_id == said.caller.account_id else said.caller.account_id
        over = messages.Over(call_id, End.HANGUP if talked_ms else End.MISSED)
        for device_id in await self._post.present(other):
            await self._post.deliver(Party(other, device_id), over)
        self._notices.stop_ringing(other, call_id, how, "")  # for a device whose stream is not there yet
        return None

    async def of(self, party: Party) -> list[DirectCall]:
        """The calls that ring on a device that came just now, or that it is in. It counts as one that rings.

        Raises:
            Refused: UNAVAILABLE.
        """
        found = []
        for call in await self._rings.of_account(party.account_id):
            if call.state is State.RINGING and call.callee_id == party.account_id and call.reachable:
                await self.happened(call.call_id, events.Came(party))
                if call.offer is None:
                    continue  # it is told once it rings
            elif not call.is_in(party):
                continue
            found.append(call)
        return found

    def ice(self, call_id: str, party: Party, relay_only: bool) -> Ice:
        """How a device gets through, for one call."""
        ttl_s = self._limits.turn_ttl_s
        return turn.credentials(self._relays(), call_id, party.device_id, self._clock.now_ms(), ttl_s, relay_only=relay_only)

    def trial(self, party: Party) -> Ice:
        """For a device that tries the relays."""
        return turn.credentials(self._relays(), "trial", party.device_id, self._clock.now_ms(), TRIAL_S, relay_only=True)

    def ticket(self, call: DirectCall) -> bytes:
        """What proves the call."""
        said = Ticket(call.call_id, call.conversation_id, call.caller, call.callee_id, call.video, call.began_ms)
        return turn.sealed_ticket(self._secret, said)

    def incoming(self, call: DirectCall, party: Party) -> Incoming:
        """The call, as one device of the callee is told of it."""
        offer = call.offer or Sdp(0)
        ice = self.ice(call.call_id, party, call.relay_only)
        return Incoming(
            call.call_id, call.conversation_id, call.caller.account_id, call.video, offer, self.rings_until_ms(call), ice,
            self.ticket(call), call.silent,
        )  # fmt: skip

    def rings_until_ms(self, call: DirectCall) -> int:
        """When it stops to ring: Unix ms."""
        return call.began_ms + self._limits.ring_ms

    # -- by themselves -------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """End what has to end by now, and write records that are owed.

        Raises:
            Refused: UNAVAILABLE; the rest waits for the next time.
        """
        for call_id in await self._rings.due(self._clock.now_ms()):
            stored = await self._rings.get(call_id)
            if stored is not None and not self._unheard(stored.call):
                await self.happened(call_id, events.Due())

    async def finish(self) -> None:
        """Wait for the records that are being written."""
        await self._beside.finish()

    def _unheard(self, call: DirectCall) -> bool:
        """Nobody could speak of it while there was no process: people may be talking, and have some time to say so."""
        patience = {State.ACTIVE: self._limits.silence_ms, State.RECONNECTING: self._limits.reconnect_ms}.get(call.state)
        if patience is None or self._clock.now_ms() - self._began_ms >= self._limits.silence_ms:
            return False
        return call.due_ms - patience < self._began_ms

    # -- commands ------------------------------------------------------------------------------------------------------

    async def _do(self, commands: tuple[events.Command, ...]) -> None:
        for command in commands:
            match command:
                case events.Ring(call):
                    await self._ring(call)
                case events.StopRinging(call, reason, except_device_id):
                    await self._stop_ringing(call, reason, except_device_id)
                case events.Deliver(party, message):
                    await self._post.deliver(party, message)
                case events.Record(call):
                    self._begin_record(call)

    async def _ring(self, call: DirectCall) -> None:
        until_ms = self.rings_until_ms(call)
        for device_id in {*call.devices, *await self._post.present(call.callee_id)}:  # some came since it was placed
            party = Party(call.callee_id, device_id)
            await self._post.deliver(party, self.incoming(call, party))
        caller_id = call.caller.account_id
        self._notices.ring(call.callee_id, call.call_id, call.conversation_id, caller_id, call.video, until_ms)
        if call.silent:
            return  # whoever wants to hear no strangers is not woken by one: the record shows that somebody called
        callee = await self._quietly(self._callee(call.caller, call.conversation_id))
        if isinstance(callee, Callee) and (asleep := _asleep(callee.devices)):
            await self._waker.wake(
                Wake(call.callee_id, asleep, call.call_id, call.conversation_id, caller_id, call.video, until_ms)
            )

    async def _stop_ringing(self, call: DirectCall, reason: End, except_device_id: str) -> None:
        over = messages.Over(call.call_id, reason)
        for device_id in call.devices:
            if device_id != except_device_id:
                await self._post.deliver(Party(call.callee_id, device_id), over)
        elsewhere = reason is End.ANSWERED_ELSEWHERE
        self._notices.stop_ringing(call.callee_id, call.call_id, None if elsewhere else call.outcome, except_device_id)

    def _begin_record(self, call: DirectCall) -> None:
        """Beside: no deadline of a call waits for the record of another. One for which there is no room now is due again."""
        if call.call_id not in self._recording and self._beside.room:
            self._recording.add(call.call_id)
            work = self._beside.begin(self._record(call), "record of a call")
            work.add_done_callback(lambda _: self._recording.discard(call.call_id))

    async def _record(self, call: DirectCall) -> None:
        caller_id = call.caller.account_id
        try:
            await self._directory.record(caller_id, call.conversation_id, call.call_id, call.video, call.outcome, call.talked_ms)
        except Refused as refused:
            if refused.refusal.reason is Reason.UNAVAILABLE:
                return  # `Due` comes again
            log.warning("a call has no record", extra={"call": call.call_id, "why": refused.refusal.sentence()})
        await self._quietly(self.happened(call.call_id, events.Recorded()))

    async def _quietly(self, work: Awaitable[object]) -> object:
        try:
            return await work
        except Refused:
            return None  # what is stored says that it is owed


def _asleep(devices: tuple[CalleeDevice, ...]) -> tuple[str, ...]:
    return tuple(device.device_id for device in devices if not device.connected)
