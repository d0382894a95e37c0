"""What people read: lines of a chat, ticks, times. Pure; the terminal's plain mode and its full screen say the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from tidewire.conversations import Conversation
from tidewire.events import UPDATE_TO_SEE, MemberChange, Message, PresenceChanged

TICKS = {"pending": "…", "sent": "✓", "delivered": "✓✓", "read": "✓✓", "failed": "✗", "unknown": "?", "": ""}
DELETED = "This message was deleted"
SILENT = ("reaction", "edit", "deletion", "poll_vote", "setting")
"""Kinds that are no line of a chat."""
SYSTEM = ("membership", "group_profile")
"""Kinds that are a line about the chat."""
REASONS = {
    "NOT_A_MEMBER": "you are not a member of this group any more",
    "NOT_ALLOWED": "your role in this group does not allow it",
    "LIMIT_EXCEEDED": "it is too long for this server",
    "KIND_NOT_ENABLED": "this server does not take messages of this kind",
    "TOO_OLD": "it waited for too long; whether it arrived cannot be known",
    "TARGET_NOT_FOUND": "the message that it is about is not there",
    "WINDOW_PASSED": "it is too late for that",
    "MODE_MISMATCH": "this conversation is encrypted otherwise",
    "INVALID": "the server does not understand it",
    "UNKNOWN": "it waited for too long; whether it arrived cannot be known",
}


def clean(text: str) -> str:
    """Without what would steer the reader's terminal: control characters, and marks that reverse the direction of others' text."""
    return "".join(c if c in "\n\t" or not _steers(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _steers(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def one_line(text: str) -> str:
    """A text in one line."""
    return " ".join(clean(text).split())


def short(text: str, letters: int) -> str:
    """A text in one line of at most so many letters."""
    said = one_line(text)
    return said if len(said) <= letters else f"{said[: letters - 1]}…"


def name_of(account_id: str, names: Mapping[str, str]) -> str:
    """How to call somebody; who is not known goes by the first letters of the id."""
    return clean(names.get(account_id) or account_id[:8])


def title(conversation: Conversation, names: Mapping[str, str], me: str) -> str:
    """What a conversation is called here."""
    if conversation.kind == "direct":
        return name_of(conversation.other(me), names)
    if conversation.kind == "self":
        return "Notes to yourself"
    return one_line(conversation.title) or "A group"


def what(message: Message) -> str:
    """What a message says, or what has become of it."""
    if message.deleted:
        return DELETED
    return clean(message.text) if message.text else UPDATE_TO_SEE


def reason(name: str, detail: str = "") -> str:
    """Why something was not sent, as a sentence."""
    return REASONS.get(name) or one_line(detail) or name.lower().replace("_", " ")


def about(message: Message, names: Mapping[str, str], me: str) -> str:
    """A change of members, title or description as a sentence."""
    by = "You" if message.sender_id == me else name_of(message.sender_id, names)
    created = any(change.action == "created" for change in message.changes)
    if created:
        title = message.profile.title if message.profile else None
        return f"{by} created the group" + (f" “{one_line(title)}”" if title else "")
    said = [_changed(change, by, message.sender_id, names, me) for change in message.changes]
    if message.profile is not None and message.profile.title is not None:
        said.append(f"{by} changed the title to “{one_line(message.profile.title)}”")
    if message.profile is not None and message.profile.description is not None:
        said.append(f"{by} changed the description")
    return "; ".join(said) or UPDATE_TO_SEE


def _changed(change: MemberChange, by: str, sender_id: str, names: Mapping[str, str], me: str) -> str:
    own = change.account_id == me
    whom = "you" if own else name_of(change.account_id, names)
    if change.action in ("added", "removed"):
        return f"{by} {change.action} {whom}"
    if change.action == "left":
        return "You left" if own else f"{whom} left"
    if change.action == "role_changed":
        named = {"owner": "the owner", "admin": "an admin", "member": "a member"}.get(change.role, change.role)
        verb = "are" if own else "is"
        return f"{'You' if own else whom} {verb} {named} now"
    return f"{whom}: {UPDATE_TO_SEE}"


def line(message: Message, names: Mapping[str, str], me: str = "", *, colour: bool = False) -> str:
    """A message as a line of the plain mode."""
    if message.kind in SYSTEM:
        return f"{message.seq:>4} — {about(message, names, me)}"
    who = "me" if message.mine else name_of(message.sender_id, names)
    edited = " (edited)" if message.edited and not message.deleted else ""
    tick = TICKS.get(message.tick, message.tick)
    if message.tick == "read":
        tick = f"\x1b[34m{tick}\x1b[0m" if colour else f"{tick} read"
    quoted = f"“{one_line(message.quote.excerpt)}” — " if message.quote else ""
    thought = " ".join(clean(each.emoji) for each in message.reactions)
    return " ".join(part for part in (f"{message.seq:>4} {who}: {quoted}{what(message)}{edited}", thought, tick) if part)


def clock(at_ms: int) -> str:
    """ "14:02", in the local time."""
    return datetime.fromtimestamp(at_ms / 1000).strftime("%H:%M")


def day(at_ms: int, now_ms: int) -> str:
    """ "Today", "Yesterday", or the date."""
    then, today = _date(at_ms), _date(now_ms)
    if then == today:
        return "Today"
    if then == today - timedelta(days=1):
        return "Yesterday"
    return f"{then:%A}, {then.day} {then:%B}" + ("" if then.year == today.year else f" {then.year}")


def when(at_ms: int, now_ms: int) -> str:
    """The time, or the day where that says more."""
    then, today = _date(at_ms), _date(now_ms)
    if then == today:
        return clock(at_ms)
    if then == today - timedelta(days=1):
        return "yesterday"
    return f"{then:%a}" if timedelta() < today - then < timedelta(days=7) else f"{then.day} {then:%b}"


def seen(presence: PresenceChanged | None, now_ms: int) -> str:
    """ "online", "last seen …", or nothing."""
    if presence is None:
        return ""
    if presence.online:
        return "online"
    if not presence.last_seen_at_ms:
        return ""
    then = presence.last_seen_at_ms
    named = {"Today": "today", "Yesterday": "yesterday"}.get(day(then, now_ms), day(then, now_ms))
    return f"last seen {named} at {clock(then)}"


def _date(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000).date()
