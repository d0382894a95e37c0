"""What signalling asks of the world. Whatever is away raises `Refused` with UNAVAILABLE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from calls.domain.direct_call_events import DirectCall
from calls.domain.messages import Message, Outcome, Party


class Stored(NamedTuple):
    """A call as it was read. `version` grows with each change."""

    call: DirectCall
    version: int


class Rings(Protocol):
    """Direct calls that are under way. It may lose all of them at any moment: calls that ring end as missed then."""

    async def begin(self, call: DirectCall) -> Stored:
        """Store a new call. The live call of its two accounts instead, whoever placed it, when there is one; and the call itself as it
        is when it was begun before. Atomic."""
        ...

    async def get(self, call_id: str) -> Stored | None:
        """A call; ended ones for `memory_ms`."""
        ...

    async def replace(self, stored: Stored, call: DirectCall) -> bool:
        """Put `call` in the place of what was read. False, and nothing changed, when it has changed since."""
        ...

    async def of_account(self, account_id: str) -> list[DirectCall]:
        """The live calls that the account placed or is called in."""
        ...

    async def due(self, now_ms: int) -> list[str]:
        """Calls whose `due_ms` has come."""
        ...


class Post(Protocol):
    """Brings messages to devices, whichever process their streams are in. Best effort: who comes back asks again."""

    async def deliver(self, party: Party, message: Message) -> None:
        """Tell one device. Never raises."""
        ...

    async def present(self, account_id: str) -> set[str]:
        """The account's devices that have a stream, as far as is known. Never raises."""
        ...


class Stream(NamedTuple):
    """A device's open stream."""

    party: Party
    stream_id: str
    """A device's newer stream has the greater one."""
    take: Callable[[Message], None]


class Attendance(Protocol):
    """The streams of this process."""

    async def attend(self, stream: Stream) -> None:
        """A stream has opened: it takes the place of the device's stream before, wherever that is, which is told so."""
        ...

    async def leave(self, stream: Stream) -> None:
        """A stream is over."""
        ...


@dataclass(frozen=True, slots=True)
class CalleeDevice:
    """A device that may ring."""

    device_id: str
    connected: bool


@dataclass(frozen=True, slots=True)
class Callee:
    """How another member stands to whoever calls."""

    account_id: str
    unreachable: bool
    stranger: bool
    silent: bool
    devices: tuple[CalleeDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How the members of a conversation stand to whoever calls."""

    callees: tuple[Callee, ...]
    admin: bool
    shut: bool = False
    """It is a link's own room, and there is no such link (any more): nobody comes in, and whoever is in may stay."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a link leads for an account."""

    room_id: str
    """A group's conversation, or a room of the link's own."""
    member: bool
    """It is a member of the group, or made the link; others are guests."""
    admin: bool
    approval: bool
    """Guests need approval."""
    maker_id: str
    name: str
    """How the account is shown."""
    token: str
    """What opened it."""
    shut: bool = False
    """It opens nothing any more: the account may stay, and does not come in."""


class Directory(Protocol):
    """The node."""

    async def identify(self, token: str) -> Party:
        """Whose an access token is.

        Raises:
            Refused: UNAUTHENTICATED, ACCOUNT_SUSPENDED, or UNAVAILABLE.
        """
        ...

    async def standing(self, account_id: str, conversation_id: str) -> Standing:
        """Whether the account may call there, and how the others stand to it.

        Raises:
            Refused: NOT_A_MEMBER, ACCOUNT_SUSPENDED, NOT_FOUND (the account is gone), or UNAVAILABLE.
        """
        ...

    async def open_link(self, account_id: str, token: str) -> Passage:
        """Where a link leads for an account.

        Raises:
            Refused: NOT_FOUND, ACCOUNT_SUSPENDED, or UNAVAILABLE.
        """
        ...

    async def ring(
        self,
        account_id: str,
        call_id: str,
        conversation_id: str,
        caller_account_id: str,
        video: bool,
        until_ms: int,
    ) -> None:
        """Tell the account's connected devices that a call rings. Best effort; never raises."""
        ...

    async def stop_ringing(self, account_id: str, call_id: str, outcome: Outcome | None, except_device_id: str) -> None:
        """Tell them that it does not ring any more; `outcome` None: it goes on elsewhere. Best effort; never raises."""
        ...

    async def record(
        self, account_id: str, conversation_id: str, call_id: str, video: bool, outcome: Outcome, talked_ms: int
    ) -> None:
        """Append a call's record as the account that began it; idempotent by the call's id.

        Raises:
            Refused: UNAVAILABLE: try again; anything else: it cannot be appended.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wake:
    """What an app that is asleep has to know."""

    account_id: str
    device_ids: Sequence[str]
    call_id: str
    conversation_id: str
    caller_account_id: str
    video: bool
    until_ms: int


class Waker(Protocol):
    """Wakes devices that have no stream: a webhook, or a phone vendor's service."""

    async def wake(self, wake: Wake) -> None:
        """Wake them, best effort; never raises."""
        ...
