"""What the message view shows, as values: lines that compare equal look alike, so that only what has changed is drawn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tidewire.cli import wording
from tidewire.events import UPDATE_TO_SEE, Message

RUN_MS = 5 * 60_000
"""Messages of one person that follow one another within this belong together: the name is said once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the view."""

    key: str
    kind: str
    """message, system, day or unread."""
    text: str
    message: Message | None = None
    who: str = ""
    """The sender's name, where it is to be shown."""
    quoted: str = ""
    """Whose message this one answers."""
    faint: bool = False
    """It is not what somebody wrote but a word about it."""
    reactions: str = ""

    @property
    def seq(self) -> int:
        """Its place in the log; 0: none."""
        return self.message.seq if self.message else 0


def entries(
    messages: Sequence[Message],
    names: Mapping[str, str],
    me: str,
    *,
    group: bool,
    now_ms: int,
    unread_after: int | None = None,
) -> list[Entry]:
    """The lines of a conversation.

    Args:
        messages: in the order of the log, those behind it that wait.
        unread_after: where "unread" is drawn: before the first message of somebody else behind this seq. None: nowhere.
    """
    out: list[Entry] = []
    before: Message | None = None
    today = ""
    for message in messages:
        named = wording.day(message.at_ms, now_ms)
        if named != today:
            today, before = named, None
            out.append(Entry(f"day:{named}", "day", named))
        if unread_after is not None and message.seq > unread_after and not message.mine and message.kind not in wording.SYSTEM:
            unread_after, before = None, None
            out.append(Entry("unread", "unread", "Unread messages"))
        if message.kind in wording.SYSTEM:
            out.append(Entry(_key(message), "system", wording.about(message, names, me), message))
            before = None
            continue
        out.append(_entry(message, names, me, first=group and not message.mine and not _follows(before, message)))
        before = message
    return out


def _entry(message: Message, names: Mapping[str, str], me: str, *, first: bool) -> Entry:
    text = wording.what_with_details(message)
    entry = Entry(_key(message), "message", text, message, faint=message.deleted or text == UPDATE_TO_SEE)
    if first:
        entry = replace(entry, who=wording.name_of(message.sender_id, names))
    if message.quote is not None and not message.deleted:
        entry = replace(entry, quoted="You" if message.quote.sender_id == me else wording.name_of(message.quote.sender_id, names))
    if message.reactions and not message.deleted:
        counted = Counter(wording.clean(reaction.emoji) for reaction in message.reactions)
        entry = replace(entry, reactions=" ".join(f"{emoji} {n}" if n > 1 else emoji for emoji, n in counted.items()))
    return entry


def _key(message: Message) -> str:
    return f"{message.sender_id}:{message.envelope_id}"


def _follows(before: Message | None, message: Message) -> bool:
    return before is not None and before.sender_id == message.sender_id and message.at_ms - before.at_ms < RUN_MS
