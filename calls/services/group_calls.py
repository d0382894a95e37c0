"""Group calls whose unit is in this process: keeps their state, and does what the rules command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

from calls.domain import group_call as rules
from calls.domain import messages, waiting_room
from calls.domain.group_call import Event, GroupCall, Joins
from calls.domain.life import Life, life
from calls.domain.messages import Party, Section
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.tracks import Description, Source
from calls.domain.waiting_room import Answer
from calls.ports import forwarding
from calls.ports.forwarding import Forwarding, ForwardingEvent, Place
from calls.ports.signalling import Directory, Passage, Post, Standing
from calls.services.checks import Checks
from calls.services.doors import Doors
from calls.services.followers import Followers
from calls.services.group_commands import GroupCommands
from calls.services.group_ringing import GroupRinging, roster
from calls.services.live_call import NONE, Joined, Joining, LiveCall, LiveCalls, Waits
from calls.services.records import Records
from server.kit.rates import Rate
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

NO_ADMIN = Refusal(Reason.NOT_ALLOWED, "only owners and admins of the group, or who made the link, may", "conversation_id")
ADMIN_STAYS = Refusal(Reason.NOT_ALLOWED, "whoever may put others out can be put out, and not for good", "block")
SHUT = Refusal(Reason.NOT_FOUND, "there is no such link, or it was revoked, or nobody used it for too long", "conversation_id")
MOVE_MS = 1_000
log = logging.getLogger(__name__)


class GroupCalls:
    """The calls of this process."""

    def __init__(
        self,
        post: Post,
        directory: Directory,
        ringing: GroupRinging,
        records: Records,
        clock: Clock,
        limits: SignallingLimits,
        new_era: Callable[[], str],
        new_id: Callable[[], str],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`new_era`: a UUIDv7; `new_id`: of a participant."""
        self._post = post
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._rings = Rate(limits.calls_per_hour / 3_600, limits.calls_burst)
        self._new_era = new_era
        self._new_id = new_id
        self._calls = LiveCalls()
        self._ringing = ringing
        self._records = records
        self._doors = Doors(post, clock, limits, new_id)
        self._commands = GroupCommands(self._calls, post, ringing, records, self._doors, lambda: self._unit, clock, limits)
        self._followers = Followers(post, clock, limits)
        self._checks = Checks(self._calls, self._commands, self._doors, self._followers, post, directory, clock, limits, tasks)
        self._forwarding: Forwarding | None = None
        self._happening: asyncio.Queue[ForwardingEvent] = asyncio.Queue()

    def forward_by(self, unit: Forwarding) -> None:
        """The unit, which is made with `happened`."""
        self._forwarding = unit

    def happened(self, event: ForwardingEvent) -> None:
        """What the unit tells."""
        self._happening.put_nowait(event)

    @property
    def live(self) -> list[str]:
        """The conversations whose calls are here."""
        return [live.call.conversation_id for live in self._calls.all()]

    @property
    def unrecorded(self) -> list[Life]:
        """The lives of calls that are here, up to now, and those whose records are being written."""
        now_ms = self._clock.now_ms()
        going_on = [life(live.call, now_ms) for live in self._calls.all()]
        return [*self._records.waiting, *(one for one in going_on if one is not None)]

    @property
    def _unit(self) -> Forwarding:
        assert self._forwarding is not None, "the composition root connects them"
        return self._forwarding

    # -- what devices want ---------------------------------------------------------------------------------------------

    async def passage(self, party: Party, token: str) -> Passage:
        """See `Directory.open_link`."""
        return await self._directory.open_link(party.account_id, token)

    def stays(self, party: Party, conversation_id: str, token: str) -> Passage | None:
        """The passage of a guest that is in the call, whatever became of its link; None: there is none."""
        live = self._calls.find(conversation_id)
        one = None if live is None else live.call.of(party)
        if one is None or not one.guest:
            return None
        return Passage(conversation_id, False, False, True, "", one.name, token, shut=True)

    async def join(self, party: Party, joining: Joining, passage: Passage | None = None) -> Joined | Waits:
        """Take a device in. `passage`: it comes by a link.

        Raises:
            Refused: NOT_A_MEMBER, NOT_FOUND, NOT_ALLOWED, LIMIT_EXCEEDED, RATE_LIMITED, INVALID, or UNAVAILABLE.
        """
        guest = passage is not None and not passage.member
        standing = Standing((), False) if guest else await self._directory.standing(party.account_id, joining.conversation_id)
        shut = standing.shut if passage is None or not guest else passage.shut
        starter_id = passage.maker_id if passage is not None and guest else party.account_id
        if shut and self._calls.find(joining.conversation_id) is None:
            raise Refused(SHUT)
        begin = None if shut else partial(self._new, starter_id, joining.conversation_id)
        async with self._calls.held(joining.conversation_id, begin) as live:
            one = live.call.of(party)
            if shut and (one is None or one.guest is not guest):
                raise Refused(SHUT)
            if party.account_id in live.door.blocked:
                raise Refused(waiting_room.BLOCKED)
            if passage is not None and guest and (one is None or not one.guest):
                waits = await self._doors.knock(live, party, passage)
                if waits is not None:
                    return waits
            rings = joining.ring and not guest and not live.call.participants
            if rings:
                self._count_ring(party)
            joined = await self._enter(
                live, party, joining, standing.admin, passage.name if passage is not None and guest else None
            )
        if rings:
            with contextlib.suppress(Refused):  # it is in, though there are too many to ring
                await self._ring(live, party, standing, ())
        return joined

    async def _enter(self, live: LiveCall, party: Party, joining: Joining, admin: bool, guest: str | None) -> Joined:
        """`guest`: how one is shown; None: it is a member."""
        known = live.call.of(party)
        sources = tuple(dict.fromkeys(joining.sources.values()))
        participant_id = self._new_id() if known is None else known.participant_id
        event = Joins(party, participant_id, sources, joining.muted, joining.camera_off, admin, guest is not None, guest or "")
        refusal = rules.may_join(live.call, event, self._limits)
        if refusal is not None:
            raise Refused(refusal)
        place = Place(joining.conversation_id, live.call.era_id, participant_id)
        answer = await self._unit.join(place, joining.offer, joining.sources)
        if joining.muted and known is None:
            await self._unit.mute(place, Source.MICROPHONE, True)
        await self._commands.apply(live, event)
        return Joined(live.call.era_id, participant_id, answer, roster(live.call))

    def _new(self, starter_id: str, conversation_id: str) -> LiveCall:
        now_ms = self._clock.now_ms()
        call = GroupCall(
            conversation_id=conversation_id,
            era_id=self._new_era(),
            starter_id=starter_id,
            began_ms=now_ms,
            empty_since_ms=now_ms,
        )
        return LiveCall(call)

    async def answer_waiting(self, party: Party, conversation_id: str, waiting_ids: tuple[str, ...], answer: Answer) -> None:
        """An admin lets some in, or does not.

        Raises:
            Refused: NOT_ALLOWED, NOT_FOUND among others.
        """
        await self._check_admin(party, conversation_id)
        async with self._calls.held(conversation_id) as live:
            await self._doors.happens(live, waiting_room.Answers(waiting_ids, answer))

    async def answered(self, party: Party, conversation_id: str, answer: Description) -> None:
        """The device's answer to the unit's offer.

        Raises:
            Refused
        """
        await self._unit.answered(self._place(party, conversation_id), answer)

    async def restart(self, party: Party, conversation_id: str) -> None:
        """The device's network has changed.

        Raises:
            Refused
        """
        await self._unit.restart(self._place(party, conversation_id))

    async def watch(self, party: Party, conversation_id: str, heights: dict[str, int]) -> None:
        """How large the device shows which tracks.

        Raises:
            Refused
        """
        await self._unit.watch(self._place(party, conversation_id), heights)

    async def set_self(
        self, party: Party, conversation_id: str, muted: bool | None, camera_off: bool | None, hand_raised: bool | None
    ) -> None:
        """What stands beside the device's name.

        Raises:
            Refused
        """
        await self._happens(conversation_id, rules.SetsSelf(party, muted, camera_off, hand_raised))

    async def leave(self, party: Party, conversation_id: str) -> None:
        """The device leaves, declines, or waits no more.

        Raises:
            Refused
        """
        async with self._calls.held(conversation_id) as live:
            if party in [one.party for one in live.door.waiting]:
                await self._doors.happens(live, waiting_room.GivesUp(party))
            else:
                await self._commands.apply(live, rules.Leaves(party))

    async def moderate(self, party: Party, conversation_id: str, participant_id: str, remove: bool, block: bool) -> None:
        """An admin mutes somebody, or puts somebody out; `block`: for the life of the call.

        Raises:
            Refused: NOT_ALLOWED among others.
        """
        await self._check_admin(party, conversation_id)
        event: Event = rules.Removes(participant_id) if remove else rules.Mutes(participant_id, party.account_id)
        async with self._calls.held(conversation_id) as live:
            one = live.call.find(participant_id)
            if remove and block and one is not None and one.admin:
                raise Refused(ADMIN_STAYS)
            await self._commands.apply(live, event)
            if remove and block and one is not None:
                await self._doors.happens(live, waiting_room.Blocks(one.party.account_id))

    async def _check_admin(self, party: Party, conversation_id: str) -> None:
        if not (await self._directory.standing(party.account_id, conversation_id)).admin:
            raise Refused(NO_ADMIN)

    async def ring(self, party: Party, conversation_id: str, account_ids: tuple[str, ...]) -> None:
        """Ring members that are not in; () rings all.

        Raises:
            Refused: NOT_FOUND, NOT_A_MEMBER, LIMIT_EXCEEDED, RATE_LIMITED, or UNAVAILABLE.
        """
        live = self._live(conversation_id)
        if live.call.of(party) is None:
            raise Refused(rules.NOT_IN)
        self._count_ring(party)
        standing = await self._directory.standing(party.account_id, conversation_id)
        await self._ring(live, party, standing, account_ids)

    def _count_ring(self, party: Party) -> None:
        retry_after_ms = self._rings.allow(party.account_id, self._clock.monotonic_ms())
        if retry_after_ms is not None:
            raise Refused(Refusal(Reason.RATE_LIMITED, subject="calls_per_hour", retry_after_ms=retry_after_ms))

    async def peek(self, party: Party, conversation_id: str, follow: bool) -> messages.Roster:
        """Who is in; and tell the device when that changes.

        Raises:
            Refused: NOT_A_MEMBER, or UNAVAILABLE.
        """
        guest = self._is_guest(party, conversation_id)
        if not guest:  # one sees who is in as long as it is
            await self._directory.standing(party.account_id, conversation_id)
        live = self._calls.find(conversation_id)
        if live is None:
            return messages.Roster(conversation_id)
        self._followers.set(live, party, follow and not guest)
        return roster(live.call)

    def _is_guest(self, party: Party, conversation_id: str) -> bool:
        live = self._calls.find(conversation_id)
        one = None if live is None else live.call.of(party)
        return one is not None and one.guest

    # -- by themselves -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what the unit tells, for ever."""
        while True:
            await self._told(await self._happening.get())

    async def sweep(self) -> None:
        """End what has ended, tell followers, and have it checked who may be here."""
        for live in self._calls.all():
            try:
                await self._tick(live)
                self._ringing.ring_late(live)
                await self._followers.tell(live)
            except Exception:  # one call that cannot be swept must not hold up the others
                log.exception("a group call could not be swept", extra={"conversation": live.call.conversation_id})
        self._checks.begin()

    async def _tick(self, live: LiveCall) -> None:
        async with self._calls.still(live) as there:
            if there:
                await self._doors.happens(live, waiting_room.Tick())
                await self._commands.apply(live, rules.Tick(bool(live.door.waiting)))

    def close(self) -> None:
        """The process stops: nothing more is asked."""
        self._checks.close()
        self._records.close()

    async def move_all(self) -> None:
        """The process stops: all participants are told to join again, elsewhere."""
        for live in self._calls.all():
            async with self._calls.still(live) as there:
                if there:
                    await self._commands.tell_all(live, messages.Move(live.call.conversation_id, MOVE_MS))
                    self._commands.record(live)

    async def displaced(self, conversation_id: str) -> None:
        """Another process has this call now: who is in it here goes there."""
        live = self._calls.find(conversation_id)
        if live is None:
            return
        async with self._calls.still(live) as there:
            if there:
                self._calls.end(live)
                await self._commands.tell_all(live, messages.Move(conversation_id, MOVE_MS))
                await self._unit.end(conversation_id, live.call.era_id)
                self._commands.record(live)

    async def _told(self, event: ForwardingEvent) -> None:
        match event:
            case forwarding.Speakers(conversation_id, era_id, participant_ids):
                live = self._calls.find(conversation_id)
                if live is not None and live.call.era_id == era_id:
                    await self._commands.tell(live, messages.Speakers(conversation_id, participant_ids))
                return
        place = event.place
        live = self._calls.find(place.call_id)
        if live is None or live.call.era_id != place.era_id:
            return
        match event:
            case forwarding.DownOffered(_, offer, tracks):
                sections = tuple(Section(at.mid, at.track.participant_id, at.track.source) for at in tracks)
                one = live.call.find(place.participant_id)
                if one is not None:
                    told = messages.DownOffer(place.call_id, offer.revision, offer.sdp, sections)
                    await self._post.deliver(one.party, told)
            case forwarding.MediaUp():
                await self._quietly(live, rules.MediaIs(place.participant_id, True))
            case forwarding.MediaLost():
                await self._quietly(live, rules.MediaIs(place.participant_id, False))
            case forwarding.MediaGone(_, reason):
                await self._quietly(live, rules.MediaEnded(place.participant_id, reason == "failed"))
            case forwarding.Published():
                return  # the roster says what was announced

    # -- commands ------------------------------------------------------------------------------------------------------

    def _live(self, conversation_id: str) -> LiveCall:
        live = self._calls.find(conversation_id)
        if live is None:
            raise Refused(NONE)
        return live

    def _place(self, party: Party, conversation_id: str) -> Place:
        call = self._live(conversation_id).call
        one = call.of(party)
        if one is None:
            raise Refused(rules.NOT_IN)
        return Place(conversation_id, call.era_id, one.participant_id)

    async def _happens(self, conversation_id: str, event: Event) -> None:
        async with self._calls.held(conversation_id) as live:
            await self._commands.apply(live, event)

    async def _quietly(self, live: LiveCall, event: Event) -> None:
        async with self._calls.still(live) as there:
            if there:
                with contextlib.suppress(Refused):
                    await self._commands.apply(live, event)

    async def _ring(self, live: LiveCall, party: Party, standing: Standing, account_ids: tuple[str, ...]) -> None:
        reachable = [callee.account_id for callee in standing.callees if not callee.unreachable and not callee.silent]
        reachable = [account_id for account_id in reachable if account_id not in live.door.blocked]
        wanted = tuple(one for one in account_ids if one in reachable) if account_ids else tuple(reachable)
        async with self._calls.still(live) as there:
            if there:
                await self._commands.apply(live, rules.Rings(wanted, party.account_id))
                self._ringing.wake(live.call, (callee for callee in standing.callees if callee.account_id in wanted))
