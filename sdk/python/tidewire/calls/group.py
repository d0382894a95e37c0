"""A group call, as an app sees it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tidewire.calls.call import CallMedia
from tidewire.calls.followed import CallState, Followed, cancel, ended_by, runs
from tidewire.calls.group_events import (
    NUMBERS,
    SOURCES,
    GroupEvent,
    MutedByAdmin,
    Participant,
    Received,
    RosterChanged,
    SpeakersChanged,
    TracksChanged,
    WaitingChanged,
    WaitingGuest,
    participants,
    waiting_guests,
)
from tidewire.calls.ice import towards_unit
from tidewire.calls.signalling import Signalling
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.v1 import call_pb2

if TYPE_CHECKING:
    from tidewire.calls.peer import Figures, Peer

REJOINS_MAX = 10
REJOIN_S = 1.0
_REASONS = {"NOT_A_MEMBER": "removed", "NOT_ALLOWED": "removed", "NOT_FOUND": "revoked"}
"""By the refusal of whoever looks for its call, or enters it again."""


class GroupCall(Followed[GroupEvent]):
    """One stay in the call of a group. `Calls.join` makes it."""

    def __init__(
        self,
        signalling: Signalling,
        tasks: asyncio.TaskGroup,
        conversation_id: str,
        media: CallMedia,
        named: Callable[[GroupCall], None],
        link_token: str = "",
        *,
        relay_only: bool = False,
    ) -> None:
        """`named`: told once it is known which call a link leads to; `relay_only`: not even the unit learns this device's address."""
        super().__init__(tasks, CallState.CONNECTING)
        self.conversation_id = conversation_id
        """The group, or the room of a link's own; "": not known yet."""
        self.era_id = ""
        self.participant_id = ""
        """One's own."""
        self.participants: list[Participant] = []
        self.speakers: tuple[str, ...] = ()
        self.tracks: list[Received] = []
        """What comes, as far as it is carried at this moment."""
        self.waiting: list[WaitingGuest] = []
        """Who waits to be let in, for those who may."""
        self._signalling = signalling
        self._named = named
        self._link_token = link_token
        self._relay_only = relay_only
        self._media = media
        self._up: Peer | None = None
        self._down: Peer | None = None
        self._early: call_pb2.DownOffer | None = None  # that came before it was known how to get through
        self._revision = 0
        self._muted = False
        self._checking: asyncio.Task[None] | None = None
        self._rejoining: asyncio.Task[None] | None = None
        self._admitted = False
        """This side was let in, and has not entered since."""
        self._farewell: asyncio.Task[None] | None = None

    # -- what an app does ----------------------------------------------------------------------------------------------

    async def set(self, *, muted: bool | None = None, camera_off: bool | None = None, hand_raised: bool | None = None) -> None:
        """Change what stands beside one's name. Muted, nothing that is said reaches the others, whatever the microphone sends.

        Raises:
            Refused, Unreachable
        """
        given = {"muted": muted, "camera_off": camera_off, "hand_raised": hand_raised}
        command = call_pb2.SetSelf(conversation_id=self.conversation_id, **{k: v for k, v in given.items() if v is not None})
        await self._signalling.command(set_self=command)
        self._muted = self._muted if muted is None else muted

    async def watch(self, participant_id: str, source: str, height: int) -> None:
        """Show a video at this height in pixels at the most; 0: not at all.

        Raises:
            Refused, Unreachable
        """
        track = call_pb2.WatchedTrack(participant_id=participant_id, source=NUMBERS[source], height=height)
        await self._signalling.command(watch=call_pb2.WatchTracks(conversation_id=self.conversation_id, tracks=[track]))

    async def ring(self, *account_ids: str) -> None:
        """Ring members of the group that are not in; nobody named: all of them.

        Raises:
            Refused: LIMIT_EXCEEDED: so many do not ring at a time. RATE_LIMITED, NOT_FOUND, NOT_A_MEMBER. Unreachable.
        """
        command = call_pb2.RingMembers(conversation_id=self.conversation_id, account_ids=account_ids)
        await self._signalling.command(ring_members=command)

    async def mute(self, participant_id: str) -> None:
        """Mute somebody: for owners and admins.

        Raises:
            Refused: NOT_ALLOWED, NOT_FOUND. Unreachable.
        """
        command = call_pb2.Moderate(conversation_id=self.conversation_id, participant_id=participant_id)
        await self._signalling.command(moderate=command)

    async def remove(self, participant_id: str, *, block: bool = False) -> None:
        """Put somebody out: for owners and admins. `block`: who is neither does not come back as long as this call lasts.

        Raises:
            Refused: NOT_ALLOWED, NOT_FOUND. Unreachable.
        """
        command = call_pb2.Moderate(conversation_id=self.conversation_id, participant_id=participant_id, remove=True, block=block)
        await self._signalling.command(moderate=command)

    async def admit(self, *waiting_ids: str) -> None:
        """Let some in who wait, or all: for owners and admins, and for who made the link.

        Raises:
            Refused: NOT_ALLOWED, NOT_FOUND: it waits no more. Unreachable.
        """
        await self._answer_waiting(call_pb2.WAITING_ANSWER_ADMIT, waiting_ids)

    async def deny(self, *waiting_ids: str, block: bool = False) -> None:
        """Do not let some in, or nobody; `block`: nor later in this call.

        Raises:
            Refused: NOT_ALLOWED, NOT_FOUND: it waits no more. Unreachable.
        """
        await self._answer_waiting(call_pb2.WAITING_ANSWER_BLOCK if block else call_pb2.WAITING_ANSWER_DENY, waiting_ids)

    async def _answer_waiting(self, answer: call_pb2.WaitingAnswer, waiting_ids: tuple[str, ...]) -> None:
        command = call_pb2.AnswerWaiting(conversation_id=self.conversation_id, waiting_ids=waiting_ids, answer=answer)
        await self._signalling.command(answer_waiting=command)

    async def leave(self) -> None:
        """Leave. Others go on."""
        if not self._over:
            self._farewell = self._beside(self._say_farewell())
        await self._end("hangup")
        if self._farewell is not None:
            await asyncio.shield(self._farewell)  # whoever leaves may be cancelled by the end of the call

    async def _say_farewell(self) -> None:
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(leave=call_pb2.LeaveGroupCall(conversation_id=self.conversation_id))

    async def figures(self) -> Figures | None:
        """How well what comes flows; None: there is no connection."""
        return None if self._down is None else await self._down.figures()

    def roads(self) -> frozenset[str]:
        """By which kinds of addresses of this side media may flow: "host", "relay"; none before there is a connection."""
        return frozenset[str]().union(*(peer.roads() for peer in (self._up, self._down) if peer is not None))

    # -- what `Calls` tells it -----------------------------------------------------------------------------------------

    async def join(self, *, ring: bool = False, muted: bool = False) -> None:
        """Enter.

        Raises:
            Refused, Unreachable
        """
        self._muted = muted
        try:
            await self._enter(ring)
        except BaseException:  # whoever gives up leaves no connection open, and is not in the call
            if self.participant_id and not self._over:
                self._farewell = self._beside(self._say_farewell())
            await self._end("failed")
            raise

    async def _enter(self, ring: bool = False) -> None:
        """Enter, or enter again, by new connections."""
        from tidewire.calls.peer import Peer

        before = (self._up, self._down)
        self.waiting = []  # who waits now is told anew
        self._down = self._early = None
        self._up = Peer(call_pb2.IceServers(), self._flows, lambda track: None)
        try:
            await self._offer(self._up, ring)
        finally:
            await self._close(*before)

    async def _offer(self, up: Peer, ring: bool) -> None:
        given = (("audio", self._media.audio), ("video", self._media.video))
        for kind, source in given:
            if source is not None:
                up.publishes(kind)
        self._revision += 1
        sdp, described = await up.describe()
        offer = call_pb2.CallDescription(revision=self._revision, sdp=sdp)
        numbers = {"audio": call_pb2.TRACK_SOURCE_MICROPHONE, "video": call_pb2.TRACK_SOURCE_CAMERA}
        sections = [call_pb2.SectionSource(mid=mid, source=numbers[kind]) for mid, kind in described]
        command = call_pb2.JoinGroupCall(
            conversation_id=self.conversation_id if self.participant_id or not self._link_token else "",
            link_token=self._link_token,
            offer=offer,
            sections=sections,
            ring=ring,
            era_id=self.era_id,
            muted=self._muted,
        )
        response = await self._ask(command)
        joined = response.joined
        if self._link_token:
            self.conversation_id = joined.call_id or response.waiting.conversation_id
            self._named(self)
        if response.HasField("waiting"):
            self._become(CallState.WAITING)
            peers, self._up, self._down = (self._up, self._down), None, None
            await self._close(*peers)
            return
        if self.state is CallState.WAITING:
            self._become(CallState.CONNECTING)
        self.era_id, self.participant_id = joined.era_id, joined.participant_id
        self._seen(joined.roster)
        await self._connect(up, joined.ice)
        await up.take_answer(joined.answer.sdp)
        for kind, source in given:
            if source is not None:
                up.send(kind, source)  # opened once this side is in

    async def _connect(self, up: Peer, ice: call_pb2.IceServers) -> None:
        from tidewire.calls.peer import Peer

        relays = await towards_unit(ice, self._relay_only)
        if self._over:
            raise TidewireError("the call is over")
        self._down = Peer(relays, lambda flows: None, lambda track: None)
        if self._early is not None:
            self._beside(self._answer(self._early))
        await up.gather(relays)

    async def _ask(self, command: call_pb2.JoinGroupCall) -> call_pb2.SignalResponse:
        answered: asyncio.Future[call_pb2.SignalResponse] = asyncio.get_running_loop().create_future()
        asking = self._beside(self._ask_for(command, answered))
        try:
            return await answered
        except asyncio.CancelledError:
            self._farewell = asking
            raise

    async def _ask_for(self, command: call_pb2.JoinGroupCall, answered: asyncio.Future[call_pb2.SignalResponse]) -> None:
        """To the end, also when nobody waits for the answer any more: this side may be in by then, and leaves."""
        try:
            response = await self._signalling.command(join=command)
        except TidewireError as error:
            if not answered.done():
                answered.set_exception(error)
            return
        if not answered.done():
            answered.set_result(response)
            return
        leave = call_pb2.LeaveGroupCall(conversation_id=response.joined.call_id or response.waiting.conversation_id)
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(leave=leave)

    async def take(self, response: call_pb2.SignalResponse) -> None:
        """Something that came for this call."""
        match response.WhichOneof("event"):
            case "down_offer":
                await self._answer(response.down_offer)
            case "roster":
                if response.roster.era_id == self.era_id:
                    self._seen(response.roster)
            case "speakers":
                self.speakers = tuple(response.speakers.participant_ids)
                self._say(SpeakersChanged(self.speakers))
            case "muted":
                self._muted = True
                self._say(MutedByAdmin(response.muted.account_id))
            case "group_over":
                await self._end(ended_by(response.group_over.reason))
            case "waiting_room":
                self.waiting = waiting_guests(response.waiting_room)
                self._say(WaitingChanged())
            case "admitted":
                self._admitted = True  # a try that is under way may have been answered before
                self._rejoin(0.0)
            case "move":
                self._rejoin(response.move.after_ms / 1_000)

    async def resume(self) -> None:
        """The signalling stream was opened again: is this side still in?"""
        if self.state is CallState.WAITING:
            self._rejoin(REJOIN_S)  # it may have been let in meanwhile
        if self._over or not self.era_id or runs(self._checking) or runs(self._rejoining):
            return
        self._checking = self._beside(self._check())

    async def _check(self) -> None:
        """Look whether this side is still in. Where nobody can say, it stays for as long as media flows, and then enters again."""
        command = call_pb2.PeekGroupCall(conversation_id=self.conversation_id)
        looks = 0
        while looks < REJOINS_MAX or self.state is CallState.ACTIVE:
            looks += 1
            try:
                roster = (await self._signalling.command(peek=command)).roster
            except TidewireError as error:
                if error.retryable:
                    await asyncio.sleep(error.retry_after_s or REJOIN_S)
                    continue
                if not self._link_token:
                    await self._end(self._why(error))
                    return
                break  # a guest is told nothing of a call that it is not in
            if self.participant_id in {one.participant_id for one in roster.participants}:
                return
            break
        self._rejoin(REJOIN_S)

    def _rejoin(self, within_s: float) -> None:
        """Enter again, after a random part of `within_s`, so that not all come at once; unless that is under way."""
        if self._over or runs(self._rejoining):
            return
        self._rejoining = self._beside(self._enter_again(within_s))
        cancel(self._checking)

    async def _enter_again(self, within_s: float) -> None:
        wait_s = 0.0
        for attempt in range(REJOINS_MAX):
            await asyncio.sleep(wait_s + random.uniform(0, within_s * (1 + attempt)))
            self._admitted = False
            try:
                await self._enter()
                if self.state is CallState.WAITING and self._admitted:
                    continue
                return
            except TidewireError as error:
                if not error.retryable:
                    await self._end(self._why(error))
                    return
                wait_s = error.retry_after_s or 0.0
        await self._end("network")

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _answer(self, told: call_pb2.DownOffer) -> None:
        down = self._down
        if down is None:
            self._early = told
            return
        answer = call_pb2.CallDescription(revision=told.offer.revision, sdp=await down.answer(told.offer.sdp))
        by_section = {mid: track for mid, _, track in down.sections()}
        self.tracks = [
            Received(one.participant_id, SOURCES[one.source], by_section[one.mid])
            for one in told.tracks
            if one.mid in by_section and one.source in SOURCES
        ]
        self._say(TracksChanged())
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(answer_down=call_pb2.AnswerDown(conversation_id=self.conversation_id, answer=answer))

    def _seen(self, roster: call_pb2.GroupCallRoster) -> None:
        self.participants = participants(roster)
        self._say(RosterChanged())

    def _why(self, error: TidewireError) -> str:
        """The reason of a call that this side is kept out of."""
        if not isinstance(error, Refused):
            return "failed"
        if error.reason == "NOT_A_MEMBER" and self._link_token:
            return "revoked"  # or it would have come in as a guest
        return _REASONS.get(error.reason, "failed")

    def _flows(self, flows: bool) -> None:
        if not self._over:
            self._become(CallState.ACTIVE if flows else CallState.RECONNECTING)
            if not flows:
                self._rejoin(REJOIN_S)

    async def _end(self, reason: str) -> None:
        if self._over:
            return
        self.reason = reason
        self._become(CallState.ENDED)
        cancel(self._checking)
        cancel(self._rejoining)
        peers, self._up, self._down = (self._up, self._down), None, None
        await self._close(*peers)
