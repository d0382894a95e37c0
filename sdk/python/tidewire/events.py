"""What a client is told, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

UPDATE_TO_SEE = "Update Tidewire to see this"
"""The text of a message of a kind that this version does not know."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is open."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream is over. `retry_in_s` None: it will not be opened again by itself, for `reason`."""

    reason: str
    retry_in_s: float | None


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything that existed when the stream was opened is in the store."""


@dataclass(frozen=True, slots=True)
class Message:
    """An envelope has been stored. `seq` 0: it waits in the outbox."""

    conversation_id: str
    seq: int
    envelope_id: str
    sender_id: str
    kind: str
    """text, reaction, edit, deletion, membership …; "unknown": a newer kind."""
    text: str
    at_ms: int
    mine: bool
    target_seq: int = 0
    edited: bool = False
    deleted: bool = False
    tick: str = ""
    """Of own messages: pending, sent, delivered, read, failed, unknown."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An own envelope is in the log."""

    conversation_id: str
    envelope_id: str
    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class SendFailed:
    """An own envelope was refused, for good; or nobody can know (`reason` TOO_OLD), which a person has to decide."""

    conversation_id: str
    envelope_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TicksMoved:
    """Own envelopes of the conversation are delivered or read up to more seqs."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """Title, members or read position of a conversation have changed."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is typing (text), recording (voice), or has stopped ("")."""

    conversation_id: str
    account_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Somebody came or went. Neither online nor a time: nothing may be known."""

    account_id: str
    online: bool
    last_seen_at_ms: int


@dataclass(frozen=True, slots=True)
class NoticeReceived:
    """devices_changed, login_requested or account_changed."""

    kind: str
    login_id: str = ""
    device_name: str = ""


@dataclass(frozen=True, slots=True)
class Lagged:
    """This listener was too slow and has missed events; the store has the truth."""


Event = (
    Connected
    | Disconnected
    | CaughtUp
    | Message
    | Sent
    | SendFailed
    | TicksMoved
    | ConversationChanged
    | Typing
    | PresenceChanged
    | NoticeReceived
    | Lagged
)
