"""The left side: conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tidewire.cli import wording
from tidewire.client import Client
from tidewire.conversations import Conversation

FAINT, GREEN, BLUE = "#8fa3ad", "#21c063", "#53bdeb"


class Sidebar(OptionList):
    """The conversations, the one with the newest message first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open"),
        Binding("tab,escape", "app.write", "Write"),
    ]

    def __init__(self) -> None:
        super().__init__(id="conversations")
        self._drawn: list[object] = []

    def show(
        self,
        conversations: Sequence[Conversation],
        opened: str,
        names: Mapping[str, str],
        typing: Mapping[str, str],
        me: Client,
        now_ms: int,
    ) -> None:
        """Show these; `typing` says who types where."""
        facts: list[object] = [
            (
                c,
                c.conversation_id == opened,
                wording.title(c, names, me.account_id),
                typing.get(c.conversation_id, ""),
                now_ms // 60_000,
            )
            for c in conversations
        ]
        if facts == self._drawn:
            return
        self._drawn = facts
        chosen = self.highlighted
        key = self.get_option_at_index(chosen).id if chosen is not None else opened
        self.clear_options()
        self.add_options(
            [
                Option(
                    row(c, c.conversation_id == opened, names, typing.get(c.conversation_id, ""), me.account_id, now_ms),
                    c.conversation_id,
                )
                for c in conversations
            ]
        )
        keys = [c.conversation_id for c in conversations]
        wanted = key if self.has_focus and key in keys else opened
        self.highlighted = keys.index(wanted) if wanted in keys else None


def row(conversation: Conversation, opened: bool, names: Mapping[str, str], typing: str, me: str, now_ms: int) -> Table:
    """Two lines: who and when; what and how many."""
    last = conversation.last
    unread = conversation.unread > 0
    name = Text(wording.title(conversation, names, me), style="bold" if unread or opened else "")
    at = Text(wording.when(last.at_ms, now_ms) if last else "", style=GREEN if unread else FAINT)
    badge = Text()
    if unread:
        count = f" {conversation.unread} " if conversation.unread < 1000 else " 999+ "
        badge.append(" " * (len(at) - len(count))).append(count, style=f"bold #0b141a on {GREEN}")
    table = Table.grid(expand=True, padding=(0, 1, 0, 0), pad_edge=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(no_wrap=True)
    table.add_row(name, at)
    table.add_row(_preview(conversation, names, typing), badge)
    table.add_row()
    return table


def _preview(conversation: Conversation, names: Mapping[str, str], typing: str) -> Text:
    last = conversation.last
    if typing:
        return Text(typing, style=f"italic {GREEN}")
    if last is None:
        return Text("no messages yet", style=f"italic {FAINT}")
    said = wording.one_line(wording.what(last))
    text = Text(style=FAINT)
    if last.mine:
        text.append(f"{wording.TICKS.get(last.tick, '')} ", style=BLUE if last.tick == "read" else FAINT)
    elif conversation.kind == "group":
        text.append(f"{wording.name_of(last.sender_id, names)}: ")
    return text.append(said)
