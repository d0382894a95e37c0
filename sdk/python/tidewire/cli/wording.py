"""What people read: lines of a chat, ticks, times. Pure; the terminal's plain mode and its full screen say the same."""

from __future__ import annotations

import math
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
COUNTED = {
    "TOO_MANY_PIXELS": "pixels",
    "TOO_MANY_FRAMES": "frames",
    "TOO_MANY_STREAMS": "streams",
    "FRAME_RATE": "frames a second",
}
FILES = {
    "BAD_CONTAINER": "is in no format that is taken so: send it as a document",
    "BAD_CODEC": "is in a format that cannot be read here: send it as a document",
    "CORRUPT": "is damaged, or cut short",
    "EMPTY": "is empty, or nothing is left of it",
    "WRONG_KIND": "is something else: send it as what it is, or as a document",
    "NOT_AS_DECLARED": "has changed while it was sent: send it again",
    "FILE_CHANGED": "was changed or taken away before it was sent: send it again",
    "TOO_COMPLEX": "takes too much work to read: send it as a document",
    "TIMEOUT": "takes too long to read: send it as a document",
    "LIMIT_EXCEEDED": "does not fit into what this account may store",
    "CANCELLED": "was given up",
}
"""Why a file is not taken, and what to do."""
DOCUMENT_BYTES = 104_857_600
"""What a document may usually have."""


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


def what_with_details(message: Message) -> str:
    """What a message says; of a file also how long it is, or how large."""
    media = message.media
    if message.deleted or (media is None and message.preview is None):
        return what(message)
    if media is None:
        assert message.preview is not None, "one of both is there"
        return f"{what(message)}\n↗ {short(message.preview.title or message.preview.url, 80)}"
    bars = f" {_bars(media.waveform)}" if media.kind == "voice" and media.waveform else ""
    about = lasts(media.duration_ms) if media.duration_ms else size(media.size_bytes) if media.size_bytes else ""
    return f"{what(message)}{bars}" + (f" ({about})" if about else "")


def _bars(waveform: bytes) -> str:
    """Loudness as 16 letters."""
    step = max(1, len(waveform) // 16)
    return "".join("▁▂▃▄▅▆▇█"[max(waveform[at : at + step]) // 32] for at in range(0, len(waveform), step))


def size(count: int) -> str:
    """Bytes, rounded up, so that what is over a limit never reads like the limit."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{math.ceil(10 * count / unit) / 10:g} {name}"
    return f"{count} bytes"


def lasts(duration_ms: int) -> str:
    """ "3:05", rounded up to the next second."""
    seconds = math.ceil(duration_ms / 1000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def refused_file(name: str, why: str, limit: int | None, actual: int | None) -> str:
    """Why a file is not taken, as a sentence with limit and actual value, and what can be done."""
    called = one_line(name)
    limit, actual = limit or 0, actual or 0
    if why == "TOO_LARGE":
        document = ": send it as a document" if actual <= DOCUMENT_BYTES and limit < DOCUMENT_BYTES else ""
        return f"{called} is {size(actual)}, at most {size(limit)}{document}"
    if why == "TOO_LONG":
        return f"{called} lasts {lasts(actual)}, at most {lasts(limit)}: send a part of it, or send it as a document"
    if why in COUNTED:
        unit = COUNTED[why]
        return f"{called} has {actual:,} {unit}, at most {limit:,}: send it as a document"
    if why in FILES:
        return f"{called} {FILES[why]}"
    return f"{called} was not sent: {reason(why)}"


def reason(name: str, detail: str = "") -> str:
    """Why something was not sent, as a sentence."""
    if " " in name:
        return name  # it is one already
    return REASONS.get(name) or one_line(detail) or name.lower().replace("_", " ")


def about(message: Message, names: Mapping[str, str], me: str) -> str:
    """A change of members or of the profile as a sentence."""
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
    if message.profile is not None and message.profile.avatar is not None:
        said.append(f"{by} changed the picture" if message.profile.avatar.blob_id else f"{by} removed the picture")
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
    return " ".join(
        part for part in (f"{message.seq:>4} {who}: {quoted}{what_with_details(message)}{edited}", thought, tick) if part
    )


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
