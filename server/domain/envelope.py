"""Envelopes as the domain sees them: the header that rules read, and a body that nobody here opens."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from server.domain.avatar import Avatar


class Kind(IntEnum):
    """What an envelope is; the numbers are those of `tidewire.v1.Kind`."""

    TEXT = 1
    MEDIA = 2
    LOCATION = 3
    CONTACT_CARD = 4
    REACTION = 5
    EDIT = 6
    DELETION = 7
    MEMBERSHIP = 8
    GROUP_PROFILE = 9
    POLL = 10
    POLL_VOTE = 11
    CALL_RECORD = 12
    SYSTEM_NOTICE = 13
    SETTING = 14


RULE_KINDS = frozenset({Kind.MEMBERSHIP, Kind.GROUP_PROFILE, Kind.SETTING})
"""Kinds whose content the fold reads: it travels in the header, which has no TTL (log-attacks A3)."""

TARGETED_KINDS = frozenset({Kind.REACTION, Kind.EDIT, Kind.DELETION, Kind.POLL_VOTE})
"""Kinds that are about another envelope."""

VISIBLE_KINDS = frozenset(
    {Kind.TEXT, Kind.MEDIA, Kind.LOCATION, Kind.CONTACT_CARD, Kind.POLL, Kind.CALL_RECORD, Kind.SYSTEM_NOTICE}
)
"""Kinds that a person sees as a line of the chat, and that unread counts count."""

DELETED = b""
"""The body of an entry that was deleted for everyone. A body that was trimmed or has expired is None."""


class Role(IntEnum):
    """What a member may do; the numbers are those of `tidewire.v1.Role`. NONE: not a member."""

    NONE = 0
    MEMBER = 1
    ADMIN = 2
    OWNER = 3


class MemberAction(IntEnum):
    """What happened to a member; the numbers are those of `tidewire.v1.MemberAction`."""

    CREATED = 1
    ADDED = 2
    REMOVED = 3
    LEFT = 4
    ROLE_CHANGED = 5


class MemberChange(NamedTuple):
    """One member's change."""

    account_id: str
    action: MemberAction
    role: Role


class Change(NamedTuple):
    """What an envelope of a rule kind changes in the fold. None and () mean: unchanged."""

    members: tuple[MemberChange, ...] = ()
    title: str | None = None
    description: str | None = None
    setting: tuple[str, bytes] | None = None
    avatar: Avatar | None = None

    def joined(self) -> list[str]:
        """The accounts that it makes members."""
        return [c.account_id for c in self.members if c.action in (MemberAction.CREATED, MemberAction.ADDED)]

    def left(self) -> tuple[str, ...]:
        """The accounts that are members no more."""
        return tuple(c.account_id for c in self.members if c.action in (MemberAction.REMOVED, MemberAction.LEFT))


class Header(NamedTuple):
    """The clear part of an entry, stamped by the node that appends it. Tuples, not dataclasses: one is made per message."""

    envelope_id: str
    sender_id: str
    device_id: str
    """"" when the node itself or an internal service sent it."""
    kind: int
    """A `Kind`; a plain int, because a newer node may have written one that this node does not know."""
    at_ms: int
    """Unix ms; never less than that of the entry before it."""
    expires_at_ms: int = 0
    """Unix ms when the body stops to exist; 0: with the retention of the conversation."""
    target_seq: int = 0
    visible_count: int = 0
    sealed: bool = False
    withheld_from: str = ""
    """The account that blocked the sender (direct conversations); never told to a device."""
    change: Change | None = None


class Entry(NamedTuple):
    """One entry of a log."""

    seq: int
    header: Header
    body: bytes | None
    """Serialised content; None: trimmed, expired, or of a rule kind; `DELETED`: deleted for everyone."""

    def has_content(self) -> bool:
        """Whether there is anything to deliver: a body, a tombstone, or a change."""
        return self.body is not None or self.header.change is not None


def identity(header: Header) -> tuple[str, str]:
    """What makes two entries of one conversation the same envelope: sender account and envelope id (log-attacks A2)."""
    return (header.sender_id, header.envelope_id)
