"""Conversations as the store knows them: titles, members, unread counts, messages. Nothing here needs the server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidewire import reading, roster
from tidewire.events import Message, Reaction
from tidewire.groups import Groups
from tidewire.media import Avatar, media_of
from tidewire.v1 import chat_pb2

_SHOWN = "(e.visible=1 OR e.kind IN ('membership', 'group_profile'))"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a conversation."""

    account_id: str
    role: str
    """owner, admin or member."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, as this device knows it."""

    conversation_id: str
    kind: str
    """direct, group or self."""
    title: str
    """Of a group; "" of others."""
    description: str
    members: tuple[Member, ...]
    unread: int
    """Messages of others that nobody of this account has seen."""
    read_seq: int
    """Everything up to here was seen."""
    head: int
    """The last seq that this device was told of."""
    last: Message | None
    """The last message, sent or not."""
    avatar: Avatar | None = None
    """A group's picture."""

    def other(self, account_id: str) -> str:
        """The other side of a direct conversation of `account_id`; "": it is none."""
        if self.kind != "direct":
            return ""
        return next((member.account_id for member in self.members if member.account_id != account_id), account_id)


class Conversations(Groups):
    """The conversations' side of a client."""

    async def conversations(self) -> list[Conversation]:
        """All conversations, the one with the newest message first. Unread is counted from the store, never kept."""
        return await self._store.run(self._conversations)

    def _conversations(self) -> list[Conversation]:
        rows = self._store.db.execute(
            "SELECT c.id, c.title, c.description, c.avatar, c.blurhash, c.read_seq, c.head, c.changed_at_ms, (SELECT count(*) FROM envelopes e WHERE"
            " e.conversation_id=c.id AND e.visible=1 AND e.seq>c.read_seq AND e.sender_id<>?),"
            " (SELECT max(e.seq) FROM envelopes e WHERE e.conversation_id=c.id AND e.visible=1) FROM conversations c",
            (self.account_id,),
        ).fetchall()
        found = []
        for key, title, description, avatar, blurhash, read_seq, head, changed_at_ms, unread, newest in rows:
            members = tuple(Member(*row) for row in roster.members(self._store.db, key))
            kind = {"d": "direct", "s": "self"}.get(key.partition(":")[0], "group")
            last = [message for message in self._unsent(key) if not message.target_seq][-1:]
            if not last and newest is not None:
                last = self._store.messages(self.account_id, "WHERE e.conversation_id=? AND e.seq=?", key, newest)
            changed = last[0].at_ms if last and not last[0].seq else changed_at_ms
            picture = Avatar(avatar, blurhash) if avatar else None
            one = Conversation(key, kind, title, description, members, unread, read_seq, head, last[0] if last else None, picture)
            found.append((changed, one))
        return [one for _, one in sorted(found, key=lambda pair: (-pair[0], pair[1].conversation_id))]

    async def members(self, conversation_id: str) -> list[Member]:
        """The members with their roles, the owner first, then admins."""
        rows = await self._store.run(lambda: roster.members(self._store.db, conversation_id))
        return [Member(*row) for row in rows]

    async def history(
        self, conversation_id: str, *, before_seq: int = 2**62, after_seq: int = 0, limit: int = 50, changes: bool = False
    ) -> list[Message]:
        """Stored messages that a person sees, oldest first, with what others think of them; the newest `limit` of the range.

        Args:
            before_seq, after_seq: only those between these, both left out.
            limit: at most so many.
            changes: also changes of members, title and description.
        """
        shown = _SHOWN if changes else "e.visible=1"
        where = f"WHERE e.conversation_id=? AND e.seq<? AND e.seq>? AND {shown} ORDER BY e.seq DESC LIMIT ?"

        def read() -> list[Message]:
            found = self._store.messages(self.account_id, where, conversation_id, before_seq, after_seq, limit)
            if not found:
                return []
            reactions = self._reactions(conversation_id, found[-1].seq, found[0].seq)
            return [replace(m, reactions=reactions[m.seq]) if m.seq in reactions else m for m in reversed(found)]

        return await self._store.run(read)

    def _reactions(self, conversation_id: str, first: int, last: int) -> dict[int, tuple[Reaction, ...]]:
        rows = self._store.db.execute(
            "SELECT target_seq, sender_id, text FROM envelopes WHERE conversation_id=? AND target_seq BETWEEN ? AND ?"
            " AND target_seq>0 AND kind='reaction' ORDER BY seq",
            (conversation_id, first, last),
        )
        newest: dict[int, dict[str, str]] = {}
        for target, sender_id, emoji in rows:
            newest.setdefault(target, {})[sender_id] = emoji
        return {
            target: tuple(Reaction(account_id, emoji) for account_id, emoji in each.items() if emoji)
            for target, each in newest.items()
        }

    async def unsent(self, conversation_id: str) -> list[Message]:
        """What was written in this conversation and is not in its log, oldest first: `tick` says pending, failed or unknown."""
        return await self._store.run(lambda: self._unsent(conversation_id))

    def _unsent(self, conversation_id: str) -> list[Message]:
        rows = self._store.db.execute(
            "SELECT envelope_id, state, reason, at_ms, text, send FROM outbox WHERE conversation_id=? ORDER BY number",
            (conversation_id,),
        )
        found = []
        for envelope_id, state, reason, at_ms, text, raw in rows:
            send = chat_pb2.Send.FromString(raw)
            kind = send.body.WhichOneof("content") or "unknown"
            tick = state if state in ("failed", "unknown") else "pending"
            message = Message(conversation_id, 0, envelope_id, self.account_id, kind, text, at_ms, True, send.target_seq)
            found.append(replace(message, tick=tick, reason=reason, quote=reading.quote_of(send.body), media=media_of(send.body)))
        return found
