"""What a client is told, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidewire.media import Avatar, Media, UploadMoved

UPDATE_TO_SEE = "Update Tidewire to see this"
"""The text of a message of a kind that this version does not know."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that another one answers."""

    seq: int
    sender_id: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody thinks of a message: the last emoji of each account."""

    account_id: str
    emoji: str


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What happened to a member: created, added, removed, left, role_changed. `role`: from now on; "": not a member."""

    account_id: str
    action: str
    role: str


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A group's new title, description and picture. None: unchanged."""

    title: str | None
    description: str | None
    avatar: Avatar | None = None
    """Without a blob: taken away."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is open. `server_time_ms`: the node's clock when it was, as Unix time in milliseconds."""

    server_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream is over. `retry_in_s` None: it will not be opened again by itself, for `reason`."""

    reason: str
    retry_in_s: float | None


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything that existed when the stream was opened is in the store."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a linked page says of itself; "": it does not."""

    url: str
    title: str = ""
    description: str = ""
    thumbnail: bytes = b""
    """A small JPEG."""


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
    reason: str = ""
    """Why it failed."""
    quote: Quote | None = None
    """What it answers."""
    reactions: tuple[Reaction, ...] = ()
    """Filled in by `Client.history` only."""
    changes: tuple[MemberChange, ...] = ()
    """Of a membership change, or of a group's creation."""
    profile: ProfileChange | None = None
    """Of a group's creation or a new title or description."""
    media: Media | None = None
    """What it refers to."""
    preview: Preview | None = None
    """Of a link in a text, made by the sender."""


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
    """devices_changed, login_requested, account_changed, call_ringing, call_ended, blob_ready, blob_rejected, blob_viewed or service."""

    kind: str
    login_id: str = ""
    device_name: str = ""
    details: Mapping[str, str | int | bool | bytes] = field(default_factory=dict)
    """What else the notice says, by the names of its fields; what is empty is left out."""


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
    | UploadMoved
    | Lagged
)
