"""What a device says and is told, in the domain's own types. The wire's forms of them are the gRPC adapter's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from server.domain.append import Sent
from server.domain.fold import Fold
from server.domain.notice import ClosingReason, Notice
from server.domain.presence import PresenceFact
from server.domain.ranges import Ranges
from server.domain.rules import Proposal
from server.kit.refusal import Refusal

# -- what a device says ------------------------------------------------------------------------------------------------


class Hello(NamedTuple):
    """What the device knows. `positions`: conversation → (acked, read)."""

    positions: dict[str, tuple[int, int]]
    epoch: str
    unfinished: tuple[str, ...]
    last: bool
    foreground: bool
    client: str


class Send(NamedTuple):
    """Append an envelope."""

    conversation_id: str
    proposal: Proposal


class Ack(NamedTuple):
    """Everything up to a seq is on the device."""

    conversation_id: str
    up_to_seq: int


class MarkRead(NamedTuple):
    """A person has seen everything up to a seq."""

    conversation_id: str
    up_to_seq: int


class SetTyping(NamedTuple):
    """A person is typing (1), recording (2), or has stopped (0)."""

    conversation_id: str
    kind: int


class SetForeground(NamedTuple):
    """The app came to the foreground, or left it."""

    foreground: bool


class WatchPresence(NamedTuple):
    """Whose presence to tell."""

    account_ids: tuple[str, ...]


class Ping(NamedTuple):
    """Is the node alive?"""


class Bad(NamedTuple):
    """A command that cannot be understood, with its refusal."""

    refusal: Refusal


Said = Hello | Send | Ack | MarkRead | SetTyping | SetForeground | WatchPresence | Ping | Bad


class Command(NamedTuple):
    """One command with its reference."""

    ref: int
    said: Said


# -- what a device is told ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """The stream is open."""

    connection_id: str
    epoch: str
    server_time_ms: int
    account_id: str
    device_id: str


@dataclass(frozen=True, slots=True)
class State:
    """What a conversation is as of the fold; the device's log begins behind `start_seq`. `resync`: whatever it had before."""

    fold: Fold
    start_seq: int
    read_seq: int
    resync: bool = False


@dataclass(frozen=True, slots=True)
class SendResult:
    """How a Send ended."""

    ref: int
    conversation_id: str
    envelope_id: str
    outcome: Sent | Refusal


@dataclass(frozen=True, slots=True)
class Gap:
    """Entries that will not come."""

    conversation_id: str
    first: int
    last: int
    own: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Positions:
    """Ticks of own envelopes, and the account's own read position (0: not told now)."""

    conversation_id: str
    delivered: Ranges = ()
    read: Ranges = ()
    own_read_seq: int = 0


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """All that existed at Hello has been sent."""


@dataclass(frozen=True, slots=True)
class TypingTold:
    """Somebody is typing."""

    conversation_id: str
    account_id: str
    kind: int


@dataclass(frozen=True, slots=True)
class PresenceTold:
    """Somebody came or went, or may not be known of."""

    account_id: str
    fact: PresenceFact


@dataclass(frozen=True, slots=True)
class NoticeTold:
    """Something outside the logs happened."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to Ping."""

    ref: int
    server_time_ms: int


@dataclass(frozen=True, slots=True)
class Closing:
    """The stream ends."""

    reason: ClosingReason
    retry_after_ms: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RefusalTold:
    """A command was refused."""

    ref: int
    refusal: Refusal


def refusal_in(event: Told) -> Refusal | None:
    """The refusal that an event carries, if it does."""
    match event:
        case RefusalTold(_, refusal):
            return refusal
        case SendResult(outcome=Refusal() as refusal):
            return refusal
        case _:
            return None


Told = (
    Welcome
    | State
    | SendResult
    | Gap
    | Positions
    | CaughtUp
    | TypingTold
    | PresenceTold
    | NoticeTold
    | Pong
    | Closing
    | RefusalTold
)
