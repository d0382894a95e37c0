"""All calls of a device."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from tidewire.calls.call import Call, CallingYou, CallMedia
from tidewire.calls.followed import CallState
from tidewire.calls.group import GroupCall
from tidewire.calls.group_events import GroupRing, Participant, participants
from tidewire.calls.links import CallLinks, token_of
from tidewire.calls.signalling import Signalling
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.events import Connected, Event, NoticeReceived
from tidewire.process_transport import ProcessTransport
from tidewire.transport import new_envelope_id
from tidewire.v1 import call_pb2, envelope_pb2

GROUP = ("down_offer", "roster", "speakers", "muted", "group_over", "move", "waiting_room", "admitted")
"""Events that belong to one group call."""
OWN = ("rings", "accepted", "candidates", "described", "over")
"""Events that belong to one call."""
if TYPE_CHECKING:
    from tidewire.calls.relays import RelayTried

log = logging.getLogger("tidewire")
FAREWELL_S = 3.0
"""A client that closes waits so long for the process to hear that its calls are over."""

ARRIVES_S = 10.0
"""How long it may take until a call rings here that the process has spoken of."""
_REASONS = {
    int(envelope_pb2.CALL_OUTCOME_MISSED): "missed",
    int(envelope_pb2.CALL_OUTCOME_DECLINED): "declined_elsewhere",
    int(envelope_pb2.CALL_OUTCOME_CANCELLED): "cancelled",
    int(envelope_pb2.CALL_OUTCOME_BUSY): "busy",
}
"""By the outcome of a call that rang here."""


class Calls:
    """`Client.calls`."""

    call_waiting = False
    """True: calls ring here also while this device is in another one. Else their callers hear that it is busy."""
    relay_only = False
    """True: calls from now on go through relays alone, so that nobody learns this device's address, the forwarding unit included."""

    def __init__(self, way: ProcessTransport, tasks: asyncio.TaskGroup, refresh: Callable[[], Any], links: CallLinks) -> None:
        self.links = links
        self._signalling = Signalling(way, tasks, self._arrived, refresh)
        self._signalling.while_busy(self._busy)
        self._tasks = tasks
        self._calls: dict[str, Call] = {}
        self._rooms: dict[str, GroupCall] = {}
        """By conversation: the newest stay in each."""
        self._awaited: dict[str, asyncio.Future[None]] = {}
        """Calls that are to ring here at any moment."""
        self._unnamed = 0
        """Joins by link that have not been answered: which call they lead to is not known."""
        self._early: list[call_pb2.SignalResponse] = []
        """What came meanwhile for calls that are not known."""
        self._ringing: list[asyncio.Queue[GroupRing]] = []
        self._incoming: list[asyncio.Queue[Call]] = []
        self._told: asyncio.Queue[tuple[int, call_pb2.SignalResponse]] = asyncio.Queue()
        self._handling = tasks.create_task(self._handle(), name="tidewire calls")

    @property
    def live(self) -> list[Call]:
        """Those that have not ended."""
        return [call for call in self._calls.values() if call.state is not CallState.ENDED]

    async def place(self, conversation_id: str, media: CallMedia) -> Call:
        """Call the other side of a direct conversation. When it is calling at this moment, its call is taken instead.

        Raises:
            Refused: the server said why. Unreachable: no answer. TidewireError: aiortc is missing.
        """
        video = media.video is not None
        call = Call(self._signalling, self._tasks, new_envelope_id(), conversation_id, video, outgoing=True)
        call.relay_only = self.relay_only
        self._calls[call.call_id] = call
        try:
            await call.begin(media)
        except CallingYou as theirs:
            await call.over("failed")
            other = await self._arrives(theirs.call_id)
            await other.accept(media)
            return other
        except TidewireError:
            await call.over("failed")
            raise
        except asyncio.CancelledError:
            call.give_up()
            raise
        return call

    async def join(self, conversation_id: str, media: CallMedia, *, ring: bool = False, muted: bool = False) -> GroupCall:
        """Join the call of a group, which begins with this where there is none.

        Args:
            ring: when it begins: ring the other members.

        Raises:
            Refused: NOT_A_MEMBER, LIMIT_EXCEEDED, UNAVAILABLE among others. Unreachable. TidewireError: aiortc is missing.
        """
        room = GroupCall(self._signalling, self._tasks, conversation_id, media, self._named, relay_only=self.relay_only)
        self._named(room)
        await room.join(ring=ring, muted=muted)
        return room

    async def join_link(self, link: str, media: CallMedia, *, muted: bool = False) -> GroupCall:
        """Come by a link. The call is WAITING until somebody lets this side in, where that is asked for.

        Raises:
            Refused: NOT_FOUND: it was revoked, or never was. NOT_ALLOWED: this account was blocked. LIMIT_EXCEEDED, RATE_LIMITED among
            others. Unreachable. TidewireError: aiortc is missing.
        """
        room = GroupCall(self._signalling, self._tasks, "", media, self._named, token_of(link), relay_only=self.relay_only)
        self._unnamed += 1
        try:
            await room.join(muted=muted)
        finally:
            self._unnamed -= 1
            if not self._unnamed:
                self._early.clear()
        return room

    def _named(self, room: GroupCall) -> None:
        self._rooms[room.conversation_id] = room
        early, self._early = self._early, []
        for response in early:
            self._arrived(response)

    async def peek(self, conversation_id: str) -> list[Participant]:
        """Who is in the call of a group now; nobody: there is none.

        Raises:
            Refused: NOT_A_MEMBER. Unreachable.
        """
        command = call_pb2.PeekGroupCall(conversation_id=conversation_id)
        return participants((await self._signalling.command(peek=command)).roster)

    async def try_relays(self) -> list[RelayTried]:
        """Ask each relay that calls hand out for an address, as a call would; none: the deployment has no relay.

        Raises:
            Refused: there are no calls. Unreachable. TidewireError: aiortc is missing.
        """
        from tidewire.calls.relays import tried

        servers = (await self._signalling.command(refresh_ice=call_pb2.RefreshIce())).ice.servers
        return [await tried(server, url) for server in servers if server.username for url in server.urls]

    async def decline(self, conversation_id: str) -> None:
        """Let a group call ring no more on the devices of this account.

        Raises:
            Refused, Unreachable
        """
        await self._signalling.command(leave=call_pb2.LeaveGroupCall(conversation_id=conversation_id))

    async def group_rings(self) -> AsyncIterator[GroupRing]:
        """Group calls that ring here, from now on."""
        queue: asyncio.Queue[GroupRing] = asyncio.Queue()
        self._ringing.append(queue)
        self._signalling.open()
        try:
            while True:
                yield await queue.get()
        finally:
            self._ringing.remove(queue)

    async def incoming(self) -> AsyncIterator[Call]:
        """Calls that ring here, from now on, those included that ring already. Whoever is given one shows it to a person."""
        queue: asyncio.Queue[Call] = asyncio.Queue()
        self._incoming.append(queue)
        for call in self.live:
            if not call.outgoing and call.state is CallState.RINGING:
                queue.put_nowait(call)
        self._signalling.open()
        try:
            while True:
                call = await queue.get()
                if call.state is CallState.RINGING:
                    self._tasks.create_task(self._show(call), name="tidewire call")
                    yield call
        finally:
            self._incoming.remove(queue)

    def learn(self, event: Event) -> None:
        """What the chat's stream says: something may ring, or does not any more."""
        if isinstance(event, Connected) or (isinstance(event, NoticeReceived) and event.kind == "call_ringing"):
            self._signalling.open()
        if isinstance(event, NoticeReceived) and event.kind == "call_ended":
            call = self._calls.get(str(event.details.get("call_id", "")))
            outcome = event.details.get("outcome")
            if call is not None and (outcome is not None or call.state is CallState.RINGING):
                reason = "answered_elsewhere" if outcome is None else _REASONS.get(int(outcome), "hangup")
                self._tasks.create_task(call.over(reason), name="tidewire call")

    async def close(self) -> None:
        """End all of them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                rooms = [room.leave() for room in self._rooms.values()]
                await asyncio.gather(*(call.hang_up() for call in self._calls.values()), *rooms)
        self._signalling.close()
        self._handling.cancel()

    async def _show(self, call: Call) -> None:
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(show_ringing=call_pb2.ShowRinging(call_id=call.call_id))

    async def _arrives(self, call_id: str) -> Call:
        """The call that the process has just spoken of, once it rings here."""
        if call_id not in self._calls:
            came = self._awaited.setdefault(call_id, asyncio.get_running_loop().create_future())
            try:
                async with asyncio.timeout(ARRIVES_S):
                    await came
            except TimeoutError:
                raise Unreachable("the other side is calling, and its call does not ring here") from None
            finally:
                self._awaited.pop(call_id, None)
        return self._calls[call_id]

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _arrived(self, response: call_pb2.SignalResponse) -> None:
        self._told.put_nowait((self._signalling.streams, response))

    async def _handle(self) -> None:
        """In order: what comes first is done first."""
        while True:
            stream, response = await self._told.get()
            try:
                await self._do(response, stream)
            except TidewireError:
                pass  # the call says what became of it
            except Exception:  # one event must not end the client, and all its calls
                log.exception(
                    "something that came for a call could not be handled", extra={"event": str(response.WhichOneof("event"))}
                )
            self._forget()

    async def _do(self, response: call_pb2.SignalResponse, stream: int) -> None:
        which = response.WhichOneof("event")
        if which == "welcome":
            await self._welcomed(response.welcome, stream)
        elif which == "incoming":
            self._rings(response.incoming)
        elif which in GROUP:
            told = getattr(response, which)
            room = self._rooms.get(told.conversation_id)
            if room is not None:
                await room.take(response)
            elif self._unnamed:
                self._early.append(response)
        elif which == "group_rings":
            self._group_rings(response.group_rings)
        elif which in OWN:
            call = self._calls.get(getattr(response, which).call_id)
            if call is not None:
                await call.take(response)

    async def _welcomed(self, welcome: call_pb2.CallWelcome, stream: int) -> None:
        snapshots = {snapshot.call.call_id: snapshot for snapshot in welcome.calls}
        for call in [one for one in self.live if 0 < one.known_since < stream]:
            await call.resume(snapshots.get(call.call_id))
        for room in self._rooms.values():
            await room.resume()
        for snapshot in snapshots.values():
            if snapshot.state == call_pb2.CALL_STATE_RINGING and not snapshot.outgoing:
                self._rings(snapshot.call)

    def _rings(self, told: call_pb2.IncomingCall) -> None:
        if told.call_id in self._calls:
            return
        if not self.call_waiting and self._is_in_another(told.conversation_id):
            self._tasks.create_task(self._say_busy(told.call_id), name="tidewire call")
            return
        call = Call(self._signalling, self._tasks, told.call_id, told.conversation_id, told.video, outgoing=False)
        call.relay_only = self.relay_only
        call.rings(told)
        self._calls[told.call_id] = call
        awaited = self._awaited.get(told.call_id)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
        for queue in self._incoming:
            queue.put_nowait(call)

    def _is_in_another(self, conversation_id: str) -> bool:
        """In a call, or placing one, but with whoever calls: two people who call one another at once are to be in one call."""
        places = [call.conversation_id for call in self.live if call.outgoing or call.state is not CallState.RINGING]
        places += [room.conversation_id for room in self._rooms.values() if room.state is not CallState.ENDED]
        return any(place != conversation_id for place in places)

    async def _say_busy(self, call_id: str) -> None:
        with contextlib.suppress(Refused, Unreachable):
            await self._signalling.command(busy=call_pb2.SayBusy(call_id=call_id))

    def _busy(self) -> bool:
        states = [call.state for call in self._calls.values()] + [room.state for room in self._rooms.values()]
        return any(state is not CallState.ENDED for state in states)

    def _group_rings(self, told: call_pb2.GroupCallRings) -> None:
        ring = GroupRing(told.conversation_id, told.caller_account_id, told.video, told.rings_until_ms)
        for queue in self._ringing:
            queue.put_nowait(ring)

    def _forget(self) -> None:
        over = [call_id for call_id, call in self._calls.items() if call.state is CallState.ENDED]
        for call_id in over[:-100]:
            del self._calls[call_id]
