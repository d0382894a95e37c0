"""A group call that this process has, and what its services say to one another about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from calls.domain import messages
from calls.domain.group_call import GroupCall
from calls.domain.messages import Party
from calls.domain.tracks import Description, Source
from calls.domain.waiting_room import WaitingRoom


@dataclass(slots=True)
class LiveCall:
    """One life of a call."""

    call: GroupCall
    door: WaitingRoom = field(default_factory=WaitingRoom)
    tokens: dict[Party, str] = field(default_factory=dict)
    """By what those who wait came."""
    links_checked_ms: int = 0
    followers: dict[Party, int] = field(default_factory=dict)
    """Who follows from outside, and when each was told last (monotonic ms)."""
    stale: bool = False
    """Followers have not been told of the newest change."""
    checked_ms: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


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
