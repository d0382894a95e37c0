"""Frames about group calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.v1 import call_pb2

from calls.adapters.descriptions import end, ice
from calls.domain import messages
from calls.domain.messages import Ice, Party
from calls.domain.tracks import Description, Source, Track
from calls.domain.waiting_room import Answer
from calls.ports.signalling import Passage
from calls.services.group_calls import GroupCalls
from calls.services.live_call import Joining, Waits
from server.kit.refusal import Reason, Refusal, Refused

Response = call_pb2.SignalResponse
SOURCES = {
    call_pb2.TRACK_SOURCE_MICROPHONE: Source.MICROPHONE,
    call_pb2.TRACK_SOURCE_CAMERA: Source.CAMERA,
    call_pb2.TRACK_SOURCE_SCREEN: Source.SCREEN,
}
ANSWERS = {
    call_pb2.WAITING_ANSWER_ADMIT: Answer.ADMIT,
    call_pb2.WAITING_ANSWER_DENY: Answer.DENY,
    call_pb2.WAITING_ANSWER_BLOCK: Answer.BLOCK,
}
ROOMS = ("g:", "l:")
"""What the ids of groups and of links' own rooms begin with."""
NUMBERS = {source: number for number, source in SOURCES.items()}


def roster(told: messages.Roster) -> call_pb2.GroupCallRoster:
    """Who is in, as it goes."""
    participants = [
        call_pb2.Participant(
            participant_id=one.participant_id,
            account_id=one.account_id,
            muted=one.muted,
            camera_off=one.camera_off,
            hand_raised=one.hand_raised,
            sources=[NUMBERS[source] for source in one.sources],
            reconnecting=one.reconnecting,
            joined_at_ms=one.joined_ms,
            guest=one.guest,
            display_name=one.name,
        )
        for one in told.participants
    ]
    return call_pb2.GroupCallRoster(
        conversation_id=told.conversation_id, era_id=told.era_id, participants=participants, began_at_ms=told.began_ms
    )


def response(message: messages.GroupMessage) -> Response:
    """What a device is told of group calls by itself."""
    match message:
        case messages.DownOffer(conversation_id, revision, sdp, sections):
            tracks = [
                call_pb2.SectionTrack(mid=one.mid, participant_id=one.participant_id, source=NUMBERS[one.source])
                for one in sections
            ]
            offer = call_pb2.CallDescription(revision=revision, sdp=sdp)
            return Response(down_offer=call_pb2.DownOffer(conversation_id=conversation_id, offer=offer, tracks=tracks))
        case messages.Roster():
            return Response(roster=roster(message))
        case messages.Speakers(conversation_id, participant_ids):
            return Response(speakers=call_pb2.SpeakersChanged(conversation_id=conversation_id, participant_ids=participant_ids))
        case messages.Muted(conversation_id, account_id):
            return Response(muted=call_pb2.MutedByAdmin(conversation_id=conversation_id, account_id=account_id))
        case messages.Move(conversation_id, after_ms):
            return Response(move=call_pb2.GroupCallMove(conversation_id=conversation_id, after_ms=after_ms))
        case messages.GroupOver(conversation_id, reason):
            return Response(group_over=call_pb2.GroupCallOver(conversation_id=conversation_id, reason=end(reason)))
        case messages.GroupRings():
            rings = call_pb2.GroupCallRings(
                conversation_id=message.conversation_id,
                era_id=message.era_id,
                caller_account_id=message.caller_account_id,
                video=message.video,
                rings_until_ms=message.rings_until_ms,
            )
            return Response(group_rings=rings)
        case messages.Admitted(conversation_id):
            return Response(admitted=call_pb2.GroupCallAdmitted(conversation_id=conversation_id))
        case messages.WaitingList():
            return Response(waiting_room=_waiting_room(message))


def _waiting_room(told: messages.WaitingList) -> call_pb2.WaitingRoom:
    guests = [
        call_pb2.WaitingGuest(waiting_id=one.waiting_id, account_id=one.account_id, display_name=one.name, since_ms=one.since_ms)
        for one in told.waiting
    ]
    return call_pb2.WaitingRoom(conversation_id=told.conversation_id, waiting=guests)


class GroupFrames:
    """Does what devices want of group calls."""

    def __init__(self, calls: GroupCalls, relays: Callable[[str, Party], Ice]) -> None:
        """`relays`: how a device gets through, for a call."""
        self._calls = calls
        self._relays = relays
        self.commands: dict[str, Callable[[Party, Any], Awaitable[Response | Refusal | None]]] = {
            "join": self._join,
            "answer_down": self._answer_down,
            "restart_down": self._restart_down,
            "watch": self._watch,
            "set_self": self._set_self,
            "leave": self._leave,
            "peek": self._peek,
            "moderate": self._moderate,
            "ring_members": self._ring_members,
            "answer_waiting": self._answer_waiting,
        }
        """By the names of the frame's commands; None: done, and there is no more to say."""

    async def room(self, party: Party, command: call_pb2.JoinGroupCall) -> str:
        """Which call a link leads to; when it opens nothing any more, the one that the device says it is in, whose process knows.

        Raises:
            Refused
        """
        try:
            return (await self._calls.passage(party, command.link_token)).room_id
        except Refused as refused:
            if refused.refusal.reason is not Reason.NOT_FOUND or not command.conversation_id:
                raise
            return command.conversation_id

    async def _passage(self, party: Party, command: call_pb2.JoinGroupCall) -> Passage | None:
        """None: the link opens nothing any more, and whoever is a member needs none."""
        try:
            return await self._calls.passage(party, command.link_token)
        except Refused as refused:
            if refused.refusal.reason is not Reason.NOT_FOUND or not command.conversation_id:
                raise
            return self._calls.stays(party, command.conversation_id, command.link_token)

    async def _join(self, party: Party, command: call_pb2.JoinGroupCall) -> Response | Refusal:
        passage = await self._passage(party, command) if command.link_token else None
        room_id = command.conversation_id if passage is None else passage.room_id
        if not room_id.startswith(ROOMS):
            return Refusal(Reason.INVALID, "the call of a group or of a link is joined; a person is called", "conversation_id")
        joining = Joining(
            room_id,
            Description(command.offer.revision, command.offer.sdp),
            {section.mid: SOURCES[section.source] for section in command.sections},
            command.ring,
            command.muted,
            command.camera_off,
        )
        joined = await self._calls.join(party, joining, passage)
        if isinstance(joined, Waits):
            waiting = call_pb2.GroupCallWaiting(conversation_id=joined.conversation_id, until_ms=joined.until_ms)
            return Response(waiting=waiting)
        answer = call_pb2.CallDescription(revision=joined.answer.revision, sdp=joined.answer.sdp)
        return Response(
            joined=call_pb2.GroupCallJoined(
                call_id=room_id,
                era_id=joined.era_id,
                participant_id=joined.participant_id,
                answer=answer,
                roster=roster(joined.roster),
                ice=ice(self._relays(joined.era_id, party)),
            )
        )

    async def _answer_down(self, party: Party, command: call_pb2.AnswerDown) -> None:
        answer = Description(command.answer.revision, command.answer.sdp)
        await self._calls.answered(party, command.conversation_id, answer)

    async def _restart_down(self, party: Party, command: call_pb2.RestartDown) -> None:
        await self._calls.restart(party, command.conversation_id)

    async def _watch(self, party: Party, command: call_pb2.WatchTracks) -> None:
        heights = {Track(one.participant_id, SOURCES[one.source]).track_id: one.height for one in command.tracks}
        await self._calls.watch(party, command.conversation_id, heights)

    async def _set_self(self, party: Party, command: call_pb2.SetSelf) -> None:
        said = [getattr(command, name) if command.HasField(name) else None for name in ("muted", "camera_off", "hand_raised")]
        await self._calls.set_self(party, command.conversation_id, *said)

    async def _leave(self, party: Party, command: call_pb2.LeaveGroupCall) -> None:
        await self._calls.leave(party, command.conversation_id)

    async def _peek(self, party: Party, command: call_pb2.PeekGroupCall) -> Response:
        return Response(roster=roster(await self._calls.peek(party, command.conversation_id, command.follow)))

    async def _moderate(self, party: Party, command: call_pb2.Moderate) -> None:
        await self._calls.moderate(party, command.conversation_id, command.participant_id, command.remove, command.block)

    async def _ring_members(self, party: Party, command: call_pb2.RingMembers) -> None:
        await self._calls.ring(party, command.conversation_id, tuple(command.account_ids))

    async def _answer_waiting(self, party: Party, command: call_pb2.AnswerWaiting) -> Refusal | None:
        if command.answer not in ANSWERS:
            return Refusal(Reason.INVALID, "is no answer of this release", "answer")
        waiting_ids = tuple(command.waiting_ids)
        await self._calls.answer_waiting(party, command.conversation_id, waiting_ids, ANSWERS[command.answer])
        return None
