"""The group calls that this process has, and what its services say to one another about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from calls.domain import messages
from calls.domain.group_call import GroupCall
from calls.domain.messages import Party
from calls.domain.tracks import Description, Source
from calls.domain.waiting_room import WaitingRoom
from server.kit.refusal import Reason, Refusal, Refused

NONE = Refusal(Reason.NOT_FOUND, "there is no call in this conversation", "conversation_id")


class Where(Enum):
    """How somebody has to do with a call."""

    INSIDE = "inside"
    FOLLOWING = "following"
    """From outside."""
    WAITING = "waiting"


class Subject(NamedTuple):
    """Who is asked after."""

    where: Where
    party: Party


@dataclass(slots=True)
class LiveCall:
    """One life of a call."""

    call: GroupCall
    door: WaitingRoom = field(default_factory=WaitingRoom)
    tokens: dict[Party, str] = field(default_factory=dict)
    """By what those who wait came."""
    followers: dict[Party, int] = field(default_factory=dict)
    """Who follows from outside, and when each was told last (monotonic ms)."""
    stale: bool = False
    """Followers have not been told of the newest change."""
    asked_ms: dict[Subject, int] = field(default_factory=dict)
    """Those whom `Checks` asks after, and when each was asked after last, or came (monotonic ms)."""
    heard: dict[str, set[str]] = field(default_factory=dict)
    """Of accounts that ring, or rang: the devices that had a stream at the last look."""
    looked_ms: int = 0
    """When that was (monotonic ms)."""
    questions: dict[Subject, asyncio.Task[None]] = field(default_factory=dict)
    """Of those, who is being asked after."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever changes the call."""


class LiveCalls:
    """One call at most for each conversation. A call may end while somebody waits to change it: what is waited for here is told from
    what came after it."""

    def __init__(self) -> None:
        self._calls: dict[str, LiveCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def all(self) -> list[LiveCall]:
        """As they are now."""
        return list(self._calls.values())

    def find(self, conversation_id: str) -> LiveCall | None:
        """The call of a conversation."""
        return self._calls.get(conversation_id)

    def has(self, live: LiveCall) -> bool:
        """Whether the call has not ended."""
        return self._calls.get(live.call.conversation_id) is live

    def end(self, live: LiveCall) -> None:
        """It is over, and nothing more is asked for it. The one that may have begun after it stays."""
        for question in live.questions.values():
            question.cancel()
        if self.has(live):
            del self._calls[live.call.conversation_id]

    @asynccontextmanager
    async def held(self, conversation_id: str, begin: Callable[[], LiveCall] | None = None) -> AsyncIterator[LiveCall]:
        """The call of a conversation, for nobody else to change meanwhile. `begin`: makes it when there is none.

        Raises:
            Refused: NOT_FOUND.
        """
        while True:
            live = self._calls.get(conversation_id)
            if live is None:
                if begin is None:
                    raise Refused(NONE)
                live = self._calls[conversation_id] = begin()
            async with live.busy:
                if self.has(live):
                    yield live
                    return

    @asynccontextmanager
    async def still(self, live: LiveCall) -> AsyncIterator[bool]:
        """This call and no later one, for nobody else to change meanwhile. False: it has ended."""
        async with live.busy:
            yield self.has(live)


@dataclass(frozen=True, slots=True)
class Joining:
    """What a device says when it joins."""

    conversation_id: str
    offer: Description
    sources: dict[str, Source]
    ring: bool
    muted: bool
    camera_off: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """What it is answered."""

    era_id: str
    participant_id: str
    answer: Description
    roster: messages.Roster


@dataclass(frozen=True, slots=True)
class Waits:
    """What it is answered when it has to wait. `until_ms`: Unix ms."""

    conversation_id: str
    until_ms: int
