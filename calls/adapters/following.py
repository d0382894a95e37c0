"""What devices of this process follow: who is in a conversation's call, and when one begins where there is none.

While there is a call, its process tells them. Where there is none nobody does: so it is looked, every second, whether one has begun, here or
in another process, and whoever follows is answered as if it had asked then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tidewire.v1 import call_pb2

from calls.domain.messages import Message, Move, Party, Roster
from calls.services.beside import again_and_again
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded

LOOK_S = 1.0
Answer = Callable[[Party, call_pb2.SignalRequest], Awaitable[call_pb2.SignalResponse]]


class Followed:
    """By one device, as long as its stream lasts."""

    def __init__(self, party: Party, followed_max: int, tell: Callable[[call_pb2.SignalResponse], None]) -> None:
        self.party = party
        self.tell = tell
        self._followed_max = followed_max
        self._calls: dict[str, bool] = {}
        """By conversation: whether the device knows of a call there."""

    @property
    def waits_for(self) -> set[str]:
        """The conversations in which a call may begin."""
        return {conversation_id for conversation_id, known in self._calls.items() if not known}

    def follows(self, conversation_id: str) -> bool:
        """Whether the device wants to be told."""
        return conversation_id in self._calls

    def refusal(self, request: call_pb2.SignalRequest) -> Refusal | None:
        """Why a command is not done."""
        peek = request.peek
        if not peek.follow or peek.conversation_id in self._calls or len(self._calls) < self._followed_max:
            return None
        return limit_exceeded("followed_max", self._followed_max, len(self._calls) + 1)

    def answered(self, request: call_pb2.SignalRequest, response: call_pb2.SignalResponse) -> None:
        """A command was done, or refused."""
        if request.WhichOneof("command") != "peek":
            return
        if request.peek.follow and response.WhichOneof("event") == "roster":
            self._calls[request.peek.conversation_id] = bool(response.roster.era_id)
        elif response.refusal.reason != refusals.message(Refusal(Reason.UNAVAILABLE)).reason:
            self._calls.pop(request.peek.conversation_id, None)

    def heard(self, message: Message) -> None:
        """The device is told something."""
        match message:
            case Roster(conversation_id, era_id) if conversation_id in self._calls:
                self._calls[conversation_id] = bool(era_id)
            case Move(conversation_id) if conversation_id in self._calls:
                self._calls[conversation_id] = False


class Following:
    """By all devices whose streams are here."""

    def __init__(self, answer: Answer, begun: Callable[[set[str]], Awaitable[set[str]]]) -> None:
        """`answer`: as to the devices. `begun`: those of some conversations whose calls are in a process, as far as is known."""
        self._answer = answer
        self._begun = begun
        self._all: dict[Followed, None] = {}
        """In the order in which they came."""

    def opened(self, followed: Followed) -> None:
        """A stream is there."""
        self._all[followed] = None

    def closed(self, followed: Followed) -> None:
        """It is over, and nothing is followed any more."""
        self._all.pop(followed, None)

    async def run(self) -> None:
        """Look, for ever."""
        await again_and_again(self.look, LOOK_S, "it could not be looked whether calls have begun")

    async def look(self) -> None:
        """Tell of calls that have begun."""
        wanted = {conversation_id for one in self._all for conversation_id in one.waits_for}
        for conversation_id in await self._begun(wanted) if wanted else ():
            for one in [one for one in self._all if conversation_id in one.waits_for]:
                if not await self._told(one, conversation_id):
                    break  # there is none, or it cannot be asked: all who follow would be answered so

    async def _told(self, one: Followed, conversation_id: str) -> bool:
        """False: it waits still."""
        request = call_pb2.SignalRequest(peek=call_pb2.PeekGroupCall(conversation_id=conversation_id, follow=True))
        try:
            response = await self._answer(one.party, request)
        except Refused as refused:
            response = call_pb2.SignalResponse(refusal=refusals.message(refused.refusal))
        if one in self._all and not one.follows(conversation_id):
            request.peek.follow = False  # it has said so meanwhile
            await self._answer(one.party, request)
        if one not in self._all or conversation_id not in one.waits_for:
            return True  # or its stream is over, or it has asked by itself
        one.answered(request, response)
        if response.roster.era_id:
            one.tell(response)
        return conversation_id not in one.waits_for
