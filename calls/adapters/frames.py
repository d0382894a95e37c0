"""Frames of `CallService.Signal`: from a command to what is done, and from what happened to a frame. The same for gRPC and WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.v1 import call_pb2

from calls.adapters import group_frames
from calls.adapters.descriptions import candidates, description, end, ice, incoming, sdp
from calls.adapters.group_frames import GroupFrames
from calls.domain import direct_call, messages
from calls.domain import direct_call_events as events
from calls.domain.direct_call_events import DirectCall, Event, State
from calls.domain.messages import Candidate, Party
from calls.services.direct_calls import DirectCalls
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal

Response = call_pb2.SignalResponse


def response(message: messages.Message) -> Response:
    """What a device is told by itself."""
    match message:
        case messages.Incoming():
            return Response(incoming=incoming(message))
        case messages.Rings(call_id):
            return Response(rings=call_pb2.CallRings(call_id=call_id))
        case messages.Accepted(call_id, answer, device_id):
            accepted = call_pb2.CallAccepted(call_id=call_id, answer=description(answer), device_id=device_id)
            return Response(accepted=accepted)
        case messages.Candidates(call_id, found):
            return Response(candidates=call_pb2.CandidatesReceived(call_id=call_id, candidates=candidates(found)))
        case messages.Described(call_id, described, answers):
            told = call_pb2.CallDescribed(call_id=call_id, description=description(described), answers=answers)
            return Response(described=told)
        case messages.Over(call_id, reason):
            return Response(over=call_pb2.CallOver(call_id=call_id, reason=end(reason)))
        case messages.Replaced():
            return Response(closing=call_pb2.CallClosing(replaced=True))
        case _:
            return group_frames.response(message)


STATES = {
    State.RINGING: call_pb2.CALL_STATE_RINGING,
    State.CONNECTING: call_pb2.CALL_STATE_CONNECTING,
    State.ACTIVE: call_pb2.CALL_STATE_ACTIVE,
    State.RECONNECTING: call_pb2.CALL_STATE_RECONNECTING,
}


Elsewhere = Callable[[Party, str, call_pb2.SignalRequest], Awaitable[Response | None]]


class Frames:
    """Does what devices want."""

    def __init__(self, direct: DirectCalls, groups: GroupFrames, elsewhere: Elsewhere | None = None) -> None:
        """`elsewhere`: answers commands about group calls that another process has; None: there is none."""
        self._direct = direct
        self._groups = groups
        self._elsewhere = elsewhere
        self._of_groups = frozenset(groups.commands)
        self._commands: dict[str, Callable[[Party, Any], Awaitable[Response | Refusal | None]]] = {
            "place": self._place,
            "accept": self._accept,
            "hang_up": self._hang_up,
            "refresh_ice": self._refresh_ice,
            **groups.commands,
        }

    async def answer(self, party: Party, request: call_pb2.SignalRequest) -> Response:
        """Do one command, here or in the process that has what it is about; its answer.

        Raises:
            Refused: UNAVAILABLE.
        """
        which = request.WhichOneof("command")
        if self._elsewhere is not None and which in self._of_groups:
            if which == "join" and request.join.link_token:
                request.join.conversation_id = await self._groups.room(party, request.join)
            answer = await self._elsewhere(party, which, request)
            if answer is not None:
                return answer
        return await self.answer_here(party, request)

    async def answer_here(self, party: Party, request: call_pb2.SignalRequest) -> Response:
        """Do one command here; its answer.

        Raises:
            Refused: UNAVAILABLE.
        """
        which = request.WhichOneof("command")
        if which is None or which == "hello":
            refused = Refusal(Reason.OUT_OF_PLACE, "a frame without a command, or a second hello", "command")
            return Response(ref=request.ref, refusal=refusals.message(refused))
        command = getattr(request, which)
        event = _event(party, which, command)
        if event is not None:
            outcome: Any = await self._direct.happened(command.call_id, event)
            outcome = outcome if isinstance(outcome, Refusal) else Response(done=call_pb2.CallDone())
        elif which in self._commands:
            outcome = await self._commands[which](party, command) or Response(done=call_pb2.CallDone())
        else:
            outcome = Refusal(Reason.KIND_NOT_ENABLED, "this process does not take this command", which)
        answer: Response = Response(refusal=refusals.message(outcome)) if isinstance(outcome, Refusal) else outcome
        answer.ref = request.ref
        return answer

    async def snapshots(self, party: Party) -> list[call_pb2.CallSnapshot]:
        """The calls that ring on a device that has just come, or that it is in.

        Raises:
            Refused: UNAVAILABLE.
        """
        return [self._snapshot(party, call) for call in await self._direct.of(party)]

    def _snapshot(self, party: Party, call: DirectCall) -> call_pb2.CallSnapshot:
        outgoing = call.caller == party
        open_offer = call.offerer is not None and call.offerer != party and call.state is not State.RINGING
        answered = call.answer is not None and call.offer is not None and call.answer.revision == call.offer.revision
        return call_pb2.CallSnapshot(
            state=STATES[call.state],
            call=incoming(self._direct.incoming(call, party)),
            outgoing=outgoing,
            answer=description(call.answer) if outgoing else None,
            offer=description(call.offer) if open_offer and not answered else None,
        )

    async def _place(self, party: Party, command: call_pb2.PlaceCall) -> Response | Refusal:
        offer = sdp(command.offer) if command.HasField("offer") else None
        call = await self._direct.place(party, command.call_id, command.conversation_id, command.video, offer)
        if isinstance(call, Refusal):
            return call
        if call.caller != party or call.call_id != command.call_id:
            if call.caller.account_id == party.account_id:
                return Refusal(Reason.ALREADY_TAKEN, "another call to this person is under way", "call_id")
            return Response(placed=call_pb2.CallPlaced(call_id=command.call_id, calling_you_call_id=call.call_id))
        placed = call_pb2.CallPlaced(
            call_id=call.call_id,
            rings_until_ms=self._direct.rings_until_ms(call),
            ice=ice(self._direct.ice(call.call_id, party, call.relay_only)),
            ticket=self._direct.ticket(call),
        )
        return Response(placed=placed)

    async def _accept(self, party: Party, command: call_pb2.AcceptCall) -> Response | Refusal:
        outcome = await self._direct.happened(command.call_id, events.Accepted(party, sdp(command.answer)))
        if isinstance(outcome, Refusal):
            return outcome
        return Response(accepted=call_pb2.CallAccepted(call_id=command.call_id, device_id=party.device_id))

    async def _hang_up(self, party: Party, command: call_pb2.HangUp) -> Response | Refusal:
        refusal = await self._direct.hang_up(party, command.call_id, command.ticket, command.talked_ms, command.failed)
        return refusal or Response(done=call_pb2.CallDone())

    async def _refresh_ice(self, party: Party, command: call_pb2.RefreshIce) -> Response | Refusal:
        if not command.call_id:
            return Response(ice=ice(self._direct.trial(party)))
        call = await self._direct.find(command.call_id)
        if call is None or not call.is_in(party):
            return direct_call.OVER
        return Response(ice=ice(self._direct.ice(call.call_id, party, call.relay_only)))


def _event(party: Party, which: str, command: Any) -> Event | None:
    """What a command says that is nothing but an event of a call."""
    match which:
        case "show_ringing":
            return events.Shown(party)
        case "decline":
            return events.Declined(party)
        case "busy":
            return events.Busy(party)
        case "candidates":
            found = tuple(Candidate(one.candidate, one.mid, one.line) for one in command.candidates)
            return events.Reached(party, found)
        case "describe":
            return events.Described(party, sdp(command.description), command.answers)
        case "media":
            return events.Media(party, command.flows)
    return None
