"""One call between two people, as an app sees it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidewire.calls.followed import CallState, Followed, ended_by
from tidewire.calls.ice import towards_person
from tidewire.calls.signalling import Signalling
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.v1 import call_pb2

if TYPE_CHECKING:
    from tidewire.calls.peer import Figures, Peer, Source, Track

SPEAK_S = 30.0
"""While media flows the process is told so this often."""


@dataclass(frozen=True, slots=True)
class CallMedia:
    """What this side sends. Sources are opened once the call is taken."""

    audio: Source = None
    video: Source = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the call is about: always sound, and pictures where there are some."""
        return ("audio",) if self.video is None else ("audio", "video")


@dataclass(frozen=True, slots=True)
class Rung:
    """A device of the other side shows the call: play the tone."""


@dataclass(frozen=True, slots=True)
class TrackCame:
    """The other side sends this track."""

    track: Track


CallEvent = Rung | TrackCame


class Call(Followed[CallEvent]):
    """A call. `Calls` makes it."""

    def __init__(
        self, signalling: Signalling, tasks: asyncio.TaskGroup, call_id: str, conversation_id: str, video: bool, outgoing: bool
    ) -> None:
        super().__init__(tasks, CallState.RINGING)
        self.call_id = call_id
        self.conversation_id = conversation_id
        self.video = video
        self.outgoing = outgoing
        self.caller_id = ""
        """The account that calls; "": this one."""
        self.silent = False
        """Shown without a sound: the caller is a stranger, and strangers are to be silent."""
        self.relay_only = False
        """Through relays alone, whatever the process says. To be set before it is taken."""
        self.rings_until_ms = 0
        self.known_since = 0
        """The stream on which the process first spoke of it; 0: it has not yet."""
        self.tracks: list[Track] = []
        """What the other side sends."""
        self._signalling = signalling
        self._peer: Peer | None = None
        self._ticket = b""
        self._ice = call_pb2.IceServers()
        self._offer: call_pb2.CallDescription | None = None
        self._revision = 1
        self._answered = 0
        """The newest revision of an own offer that was answered."""
        self._media = CallMedia()
        self._candidates: list[call_pb2.IceCandidate] = []
        self._talked_since: float | None = None
        self._talked_s = 0.0
        self._speaking: asyncio.Task[None] | None = None
        self._farewell: asyncio.Task[None] | None = None
        self._describing = asyncio.Lock()

    # -- what an app does ----------------------------------------------------------------------------------------------

    async def accept(self, media: CallMedia) -> None:
        """Take the call. Sources are opened only after it is this device that has it.

        Raises:
            Refused: another device took it, or it is over. Unreachable. TidewireError: its offer cannot be used, it has ended
                meanwhile, or a source cannot be opened; the call is over then.
        """
        if self._offer is None or self.outgoing:
            raise TidewireError("only a call that rings here can be taken")
        peer = await self._new_peer(media)
        asked = False
        try:
            answer = await peer.answer(self._offer.sdp)
            description = call_pb2.CallDescription(revision=self._offer.revision, sdp=answer)
            asked = True
            await self._signalling.command(accept=call_pb2.AcceptCall(call_id=self.call_id, answer=description))
        except TidewireError:
            self._peer = None
            await peer.close()
            raise
        except asyncio.CancelledError:
            if asked:  # it may be this device that has it by now
                self.give_up()
            else:
                self._peer = None
                await self._close(peer)
            raise
        try:
            self._open(media)
        except TidewireError:
            await self._fail()
            raise
        if self.state is CallState.RINGING:  # media may have been faster than the answer
            self._become(CallState.CONNECTING)

    async def decline(self) -> None:
        """Turn it down, on all devices of the account.

        Raises:
            Refused, Unreachable
        """
        await self._signalling.command(decline=call_pb2.DeclineCall(call_id=self.call_id))
        await self._end("declined")

    async def busy(self) -> None:
        """Say that this device is in another call.

        Raises:
            Refused, Unreachable
        """
        await self._signalling.command(busy=call_pb2.SayBusy(call_id=self.call_id))
        await self._end("busy")

    async def hang_up(self) -> None:
        """End the call. The person is free at once; the process is told as soon as it can be reached, for 20 s."""
        command = call_pb2.HangUp(call_id=self.call_id, ticket=self._ticket, talked_ms=self._talked_ms())
        before = self.state
        if before is not CallState.ENDED:
            self._farewell = self._beside(self._say_farewell(command))
        await self._end("cancelled" if before is CallState.RINGING else "hangup")
        if self._farewell is not None:
            await asyncio.shield(self._farewell)  # whoever hung up may be cancelled by the end of the call

    async def _say_farewell(self, command: call_pb2.HangUp) -> None:
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(hang_up=command)

    def give_up(self) -> None:
        """End it beside: whoever began it does not wait."""
        self._beside(self.hang_up())

    async def add_video(self, source: Source) -> None:
        """Send pictures, too, from now on.

        Raises:
            Refused: OUT_OF_PLACE: the other side was changing something at this moment; try again. Unreachable.
        """
        peer = self._peer
        if peer is None:
            raise TidewireError("the call is not connected")
        async with self._describing:
            peer.wants("video")
            peer.send("video", source)
            self._revision += 1
            offered = call_pb2.CallDescription(revision=self._revision, sdp=await peer.offer())
            await self._signalling.command(describe=call_pb2.DescribeCall(call_id=self.call_id, description=offered))
            await self._until(lambda: self._answered >= offered.revision or self._over)
        self.video = True

    async def figures(self) -> Figures | None:
        """How well it flows; None: there is no connection."""
        return None if self._peer is None else await self._peer.figures()

    def roads(self) -> set[str]:
        """By which kinds of addresses of this side media may flow: "host", "srflx", "relay"; none before there is a connection."""
        return set() if self._peer is None else self._peer.roads()

    # -- what `Calls` tells it -----------------------------------------------------------------------------------------

    async def begin(self, media: CallMedia) -> None:
        """Place it.

        Raises:
            Refused, Unreachable. TidewireError: relays alone are wanted, and there are none, or none answers.
        """
        command = call_pb2.PlaceCall(call_id=self.call_id, conversation_id=self.conversation_id, video=self.video)
        placed = (await self._signalling.command(place=command)).placed
        if placed.calling_you_call_id:
            raise CallingYou(placed.calling_you_call_id)
        self.known_since = self._signalling.streams
        self._ticket, self._ice, self.rings_until_ms = placed.ticket, placed.ice, placed.rings_until_ms
        try:
            peer = await self._new_peer(media)
        except TidewireError:
            await self._fail()
            raise
        self._media = media
        peer.wants(*media.kinds)
        offered = call_pb2.CallDescription(revision=1, sdp=await peer.offer())
        await self._signalling.command(describe=call_pb2.DescribeCall(call_id=self.call_id, description=offered))

    def rings(self, told: call_pb2.IncomingCall) -> None:
        """It rings here."""
        self.caller_id, self.silent, self.rings_until_ms = told.caller_account_id, told.silent, told.rings_until_ms
        self.known_since = self._signalling.streams
        self._offer, self._ice, self._ticket = told.offer, told.ice, told.ticket

    async def take(self, response: call_pb2.SignalResponse) -> None:
        """Something that came for this call."""
        match response.WhichOneof("event"):
            case "rings":
                self._say(Rung())
            case "accepted":
                await self._taken(response.accepted.answer)
            case "candidates":
                for candidate in response.candidates.candidates:
                    await self._add(candidate)
            case "described":
                await self._described(response.described)
            case "over":
                await self._end(ended_by(response.over.reason))

    async def resume(self, snapshot: call_pb2.CallSnapshot | None) -> None:
        """The stream was opened again: what happened meanwhile. None: the process does not know the call (any more)."""
        if snapshot is None:
            if self.state in (CallState.RINGING, CallState.CONNECTING):
                await self._end("missed" if self.state is CallState.RINGING else "failed")
            return  # media flows without the process, too
        if snapshot.HasField("answer") and self.state is CallState.RINGING:
            await self._taken(snapshot.answer)
        if snapshot.HasField("offer") and snapshot.offer.revision > self._revision:
            await self._described(call_pb2.CallDescribed(call_id=self.call_id, description=snapshot.offer))
        if self._talked_since is not None:
            await self._report(True)

    async def over(self, reason: str) -> None:
        """It has ended, for a reason that came another way."""
        await self._end(reason)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _new_peer(self, media: CallMedia) -> Peer:
        from tidewire.calls.peer import Peer

        ways = await towards_person(self._ice, self.relay_only)
        if self._over:
            raise TidewireError("the call is over")
        self._peer = Peer(ways, self._flows, self._came)
        if not self.outgoing:
            self._peer.wants(*media.kinds)
        return self._peer

    def _open(self, media: CallMedia) -> None:
        if self._peer is None:
            raise TidewireError("the call is over")
        for kind, source in (("audio", media.audio), ("video", media.video)):
            if source is not None:
                self._peer.send(kind, source)

    async def _add(self, candidate: call_pb2.IceCandidate) -> None:
        if self._peer is None:
            self._candidates.append(candidate)
        else:
            await self._peer.add(candidate)

    async def _taken(self, answer: call_pb2.CallDescription) -> None:
        if self._peer is None or self.state is not CallState.RINGING:
            return
        self._answered = 1
        self._become(CallState.CONNECTING)
        try:
            await self._peer.take_answer(answer.sdp)
            self._open(self._media)
        except TidewireError:
            await self._fail()

    async def _described(self, told: call_pb2.CallDescribed) -> None:
        peer = self._peer
        if peer is None:
            return
        if told.answers:
            await peer.take_answer(told.description.sdp)
            async with self._changed:
                self._answered = told.description.revision
                self._changed.notify_all()
            return
        self._revision = told.description.revision
        answer = call_pb2.CallDescription(revision=self._revision, sdp=await peer.answer(told.description.sdp))
        command = call_pb2.DescribeCall(call_id=self.call_id, description=answer, answers=True)
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(describe=command)

    def _came(self, track: Track) -> None:
        self.tracks.append(track)
        self._say(TrackCame(track))

    def _flows(self, flows: bool) -> None:
        if self._over:
            return
        if flows:
            self._talked_since = time.monotonic()
            self._become(CallState.ACTIVE)
            if self._speaking is None:
                self._speaking = self._beside(self._speak())
        elif self._talked_since is not None:
            self._talked_s += time.monotonic() - self._talked_since
            self._talked_since = None
            self._become(CallState.RECONNECTING)
            self._beside(self._report(False))

    async def _speak(self) -> None:
        while True:
            if self._talked_since is not None:
                await self._report(True)
            await asyncio.sleep(SPEAK_S)

    async def _report(self, flows: bool) -> None:
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(media=call_pb2.ReportMedia(call_id=self.call_id, flows=flows))

    async def _fail(self) -> None:
        if self._over:
            return
        command = call_pb2.HangUp(call_id=self.call_id, ticket=self._ticket, failed=True)
        await self._end("failed")
        await self._say_farewell(command)

    def _talked_ms(self) -> int:
        now = 0.0 if self._talked_since is None else time.monotonic() - self._talked_since
        return round(1_000 * (self._talked_s + now))

    async def _end(self, reason: str) -> None:
        if self._over:
            return
        self.reason = reason
        self._talked_s, self._talked_since = self._talked_ms() / 1_000, None
        self._become(CallState.ENDED)
        if self._speaking is not None:
            self._speaking.cancel()
        peer, self._peer = self._peer, None
        await self._close(peer)

    @property
    def talked_s(self) -> float:
        """How long media flowed, in seconds."""
        return self._talked_ms() / 1_000


class CallingYou(Exception):
    """The other side is calling at this moment."""

    def __init__(self, call_id: str) -> None:
        super().__init__(call_id)
        self.call_id = call_id
