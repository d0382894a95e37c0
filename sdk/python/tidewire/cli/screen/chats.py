"""What the screen knows: conversations, names, who types, who is there, and how the connection is."""

from __future__ import annotations

import time
from dataclasses import replace

from tidewire.cli import wording
from tidewire.cli.progress import STAGES
from tidewire.client import Client
from tidewire.conversations import Conversation, Member
from tidewire.events import CaughtUp, Connected, Disconnected, Event, Message, PresenceChanged, Typing
from tidewire.media import Media, Stage, UploadMoved
from tidewire.upload_store import StoredUpload

TYPING_S = 6.0
"""Somebody who says nothing more has stopped typing after this long."""
WATCHED = 64


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Link:
    """How the connection is, for a person's eyes."""

    def __init__(self, connected: bool) -> None:
        self.state = "connected" if connected else "connecting"
        """connecting, catching up, connected, offline, or ended."""
        self.reason = ""
        self._retry_at_s: float | None = None

    def take(self, event: Event) -> None:
        """Something about the connection has happened."""
        match event:
            case Connected():
                self.state = "catching up"
            case CaughtUp():
                self.state = "connected"
            case Disconnected(reason, retry_in_s):
                self.state, self.reason = ("ended" if retry_in_s is None else "offline"), reason
                self._retry_at_s = None if retry_in_s is None else time.monotonic() + retry_in_s

    def words(self) -> str:
        """The state in words."""
        if self.state == "offline" and self._retry_at_s is not None:
            left = self._retry_at_s - time.monotonic()
            return f"offline · retry in {left:.0f} s" if left >= 1 else "offline · connecting …"
        if self.state == "ended":
            return wording.one_line(self.reason)
        return "connected" if self.state == "connected" else f"{self.state} …"


class Chats:
    """See the module."""

    def __init__(self, me: Client) -> None:
        self.me = me
        self.link = Link(me.connected)
        self.names: dict[str, str] = {}
        self.all: list[Conversation] = []
        self.opened = ""
        self.begun: dict[str, Conversation] = {}
        """Conversations that were opened here and have no message yet."""
        self.presence: dict[str, PresenceChanged] = {}
        self.uploads: dict[str, StoredUpload] = {}
        """Own files on their way, and those that were refused, by envelope."""
        self.moves: dict[str, UploadMoved] = {}
        """How far each of them is."""
        self._typing: dict[str, dict[str, float]] = {}

    @property
    def current(self) -> Conversation | None:
        """The open conversation."""
        return next((c for c in self.all if c.conversation_id == self.opened), None)

    async def load(self) -> set[str]:
        """Read the store anew. Returns the accounts whose names it does not have."""
        found = await self.me.conversations()
        known = {conversation.conversation_id for conversation in found}
        self.begun = {key: one for key, one in self.begun.items() if key not in known}
        self.all = [*self.begun.values(), *found]
        wanted = {member.account_id for conversation in self.all for member in conversation.members} | {self.me.account_id}
        wanted |= {conversation.last.sender_id for conversation in found if conversation.last}
        await self.name(wanted)
        return wanted - set(self.names)

    async def name(self, account_ids: set[str]) -> None:
        """Take names from the store."""
        people = await self.me.people(*account_ids, ask=False)
        self.names |= {account_id: profile.name for account_id, profile in people.items()}

    async def messages(self, oldest: int, newest: int | None, limit: int) -> list[Message]:
        """The open conversation's messages behind `oldest` up to `newest`; None: to the end, with what waits."""
        until = 2**62 if newest is None else newest + 1
        found = await self.me.history(self.opened, after_seq=oldest, before_seq=until, limit=limit, changes=True)
        waiting = await self.me.unsent(self.opened) if newest is None else []
        await self.name({message.sender_id for message in found} | {c.account_id for m in found for c in m.changes})
        self.uploads = {upload.envelope_id: upload for upload in await self.me.uploads()}
        files = [self._on_its_way(upload) for upload in self.uploads.values() if upload.conversation_id == self.opened]
        return [
            *found,
            *(message for message in waiting if message.kind not in wording.SILENT),
            *(files if newest is None else []),
        ]

    def _on_its_way(self, upload: StoredUpload) -> Message:
        """The message that a file will be."""
        media = Media("", upload.kind, "", upload.size_bytes, b"", name=upload.name, caption=upload.caption)
        media = replace(media, view_once=upload.view_once)
        text, reason = media.line(), ""
        if upload.reason:
            reason = wording.refused_file(upload.name, upload.reason, upload.reason_limit, upload.actual)
        elif upload.envelope_id in self.moves:
            moved = self.moves[upload.envelope_id]
            text += f"\n{STAGES.get(moved.stage, '')} {moved.percent} %"
        message = Message(
            upload.conversation_id, 0, upload.envelope_id, self.me.account_id, "media", text, upload.at_ms, True, media=media
        )
        return replace(message, tick="failed" if upload.reason else "pending", reason=reason)

    def begin(self, conversation_id: str) -> None:
        """A conversation is opened that may have no message yet."""
        if conversation_id in {conversation.conversation_id for conversation in self.all}:
            return
        kind = {"d": "direct", "s": "self"}.get(conversation_id.partition(":")[0], "group")
        empty = Conversation(conversation_id, kind, "", "", (), 0, 0, 0, None)
        if kind == "direct":
            empty = replace(empty, members=tuple(empty_members(conversation_id)))
        self.begun[conversation_id] = empty
        self.all = [empty, *self.all]

    def watched(self) -> list[str]:
        """Whose presence is of interest: those of the newest direct conversations."""
        others = [conversation.other(self.me.account_id) for conversation in self.all]
        return [account_id for account_id in others if account_id][:WATCHED]

    # -- what passes ---------------------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Something that is stored nowhere has happened."""
        self.link.take(event)
        match event:
            case Typing(conversation_id, account_id, kind) if account_id != self.me.account_id:
                here = self._typing.setdefault(conversation_id, {})
                if kind:
                    here[account_id] = time.monotonic() + TYPING_S
                else:
                    here.pop(account_id, None)
            case Message(conversation_id=conversation_id, sender_id=sender_id):
                self._typing.get(conversation_id, {}).pop(sender_id, None)
            case UploadMoved(envelope_id=envelope_id, stage=stage):
                self.moves[envelope_id] = event
                if stage in (Stage.READY, Stage.FAILED):
                    del self.moves[envelope_id]
            case PresenceChanged(account_id=account_id):
                self.presence[account_id] = event
            case Disconnected():
                self._typing.clear()
                self.presence.clear()

    def typing(self) -> dict[str, str]:
        """Who types, in words, by conversation."""
        now_s, out = time.monotonic(), {}
        for conversation in self.all:
            here = self._typing.get(conversation.conversation_id, {})
            who = sorted(wording.name_of(account_id, self.names) for account_id, until_s in here.items() if until_s > now_s)
            if who:
                out[conversation.conversation_id] = _typing(who, direct=conversation.kind == "direct")
        return out

    def about(self, conversation: Conversation) -> str:
        """The line below a conversation's title."""
        if conversation.kind == "direct":
            return wording.seen(self.presence.get(conversation.other(self.me.account_id)), now_ms())
        if conversation.kind == "self":
            return "only your devices see this"
        others = [m.account_id for m in conversation.members if m.account_id != self.me.account_id]
        names = sorted(wording.name_of(account_id, self.names) for account_id in others)
        if not self.is_member(conversation):
            return "you are not a member any more"
        return ", ".join([*names, "you"])

    def is_member(self, conversation: Conversation) -> bool:
        """Whether one can write here."""
        return conversation.kind != "group" or any(m.account_id == self.me.account_id for m in conversation.members)


def empty_members(conversation_id: str) -> list[Member]:
    """Both sides of a direct conversation, which its id names."""
    return [Member(account_id, "member") for account_id in conversation_id.split(":")[1:]]


def _typing(who: list[str], *, direct: bool) -> str:
    if direct:
        return "typing…"
    if len(who) == 1:
        return f"{who[0]} is typing…"
    return f"{' and '.join(who[:2])} are typing…" if len(who) == 2 else f"{len(who)} people are typing…"
