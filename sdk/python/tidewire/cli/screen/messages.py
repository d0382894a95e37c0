"""The middle of the screen: a conversation's messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message as Said
from textual.widgets import Static

from tidewire.cli import wording
from tidewire.cli.screen.entries import Entry
from tidewire.events import Message

COLOURS = ("#53bdeb", "#e5a3f5", "#f2a65a", "#7ed8a2", "#f58b8b", "#d9c36a", "#9ab2ff", "#6fd3d3")
"""Of people's names in groups."""
QUOTED = 48
"""Letters of what is answered."""
FAINT, BLUE, RED = "#8fa3ad", "#53bdeb", "#ff7b72"


class Line(Container):
    """One entry."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(classes=f"line {entry.kind}")
        self.entry = entry
        self._text = Static(drawn(entry), classes="bubble")
        self.set_class(entry.message is not None and entry.message.mine and entry.kind == "message", "mine")

    def compose(self) -> ComposeResult:
        """One text."""
        yield self._text

    def become(self, entry: Entry) -> None:
        """The same entry, as it is now."""
        self.entry = entry
        self._text.update(drawn(entry))


def drawn(entry: Entry) -> Content:
    """An entry as text with colours."""
    message = entry.message
    if message is None or entry.kind != "message":
        return Content(entry.text)
    parts: list[tuple[str, str]] = []
    if entry.who:
        parts.append((f"{entry.who}\n", f"bold {COLOURS[hash_of(message.sender_id) % len(COLOURS)]}"))
    if entry.quoted and message.quote is not None:
        parts.append((f"▎ {entry.quoted}: {wording.short(message.quote.excerpt, QUOTED)}\n", FAINT))
    parts.append((entry.text, f"italic {FAINT}" if entry.faint else ""))
    edited = "edited " if message.edited and not message.deleted else ""
    parts.append((f"  {edited}{wording.clock(message.at_ms)}", FAINT))
    if message.mine:
        colour = {"read": f"bold {BLUE}", "failed": RED, "unknown": RED}.get(message.tick, FAINT)
        parts.append((f" {wording.TICKS.get(message.tick, '')}", colour))
    if message.tick in ("failed", "unknown"):
        parts.append((f"\nnot sent: {wording.reason(message.reason)}", RED))
    if entry.reactions:
        parts.append((f"\n{entry.reactions}", ""))
    return Content.assemble(*parts)


def hash_of(name: str) -> int:
    """The same number for the same name, in every process."""
    return sum(ord(character) * place for place, character in enumerate(name, 1))


class MessageView(VerticalScroll, can_focus=True):
    """The messages. With the focus, one of them is chosen and can be answered, edited, deleted or reacted to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "Up", show=False),
        Binding("down,j", "choose(1)", "Down", show=False),
        Binding("r", "act('reply')", "Reply"),
        Binding("e", "act('edit')", "Edit"),
        Binding("d", "act('delete')", "Delete"),
        Binding("a", "act('react')", "React"),
        Binding("i", "act('info')", "Who read it"),
        Binding("o", "act('open')", "Open"),
        Binding("t", "act('again')", "Try again"),
        Binding("escape", "act('write')", "Write"),
        Binding("tab", "app.chats", "Chats"),
    ]

    class Act(Said):
        """Something is to be done with the chosen message."""

        def __init__(self, action: str, message: Message | None) -> None:
            super().__init__()
            self.action = action
            self.message = message

    class Edge(Said):
        """The reader has come to the top or bottom of what is loaded."""

        def __init__(self, top: bool) -> None:
            super().__init__()
            self.top = top

    class Moved(Said):
        """Other messages are on the screen now."""

    def __init__(self) -> None:
        super().__init__(id="messages")
        self._lines: dict[str, Line] = {}
        self._chosen = ""
        self._pinned = True
        """The reader is at the bottom and wants to stay there."""
        self._goal: Line | None = None
        """What is to be brought to the top of the screen."""

    @property
    def entries(self) -> list[Entry]:
        """What is shown, from the top."""
        return [line.entry for line in self._lines.values()]

    @property
    def at_bottom(self) -> bool:
        """The last message is on the screen."""
        return self.max_scroll_y - self.scroll_offset.y <= 1

    @property
    def chosen(self) -> Message | None:
        """The message that is chosen."""
        line = self._lines.get(self._chosen)
        return line.entry.message if line else None

    async def show(self, shown: Sequence[Entry], *, jump: bool = False) -> None:
        """Show these entries; whoever reads on keeps the place, whoever is at the bottom stays there.

        Args:
            jump: another conversation: begin at what is unread, else at the bottom.
        """
        stay = jump or self._pinned
        first = next((line for line in self._lines.values() if line.entry.message), None)
        offset = first.virtual_region.y if first else 0
        async with self.batch():
            await self._arrange(shown)
        self._pinned = stay
        if jump:
            self._goal = self._lines.get("unread")
            self._pinned = self._goal is None
        if self._goal is not None or self._pinned:
            self.call_after_refresh(self._settle)
        elif first is not None and first.is_attached:
            self.call_after_refresh(self._keep, first, offset)
        self._mark_chosen()

    async def _arrange(self, shown: Sequence[Entry]) -> None:
        wanted = {entry.key: entry for entry in shown}
        gone = [line for key, line in self._lines.items() if key not in wanted]
        kept = [key for key in self._lines if key in wanted]
        if kept != [key for key in wanted if key in self._lines]:
            gone, kept = list(self._lines.values()), []
        if gone:
            await self.remove_children(gone)
        lines = {key: self._lines[key] for key in kept}
        for key in kept:
            if lines[key].entry != wanted[key]:
                lines[key].become(wanted[key])
        self._lines = {key: lines.get(key) or Line(entry) for key, entry in wanted.items()}
        run: list[Line] = []
        for key, line in self._lines.items():
            if key not in lines:
                run.append(line)
            elif run:
                await self.mount_all(run, before=line)
                run = []
        if run:
            await self.mount_all(run)

    def _settle(self) -> None:
        """Go where the reader is to be, once the lines have their heights."""
        if self._goal is not None and self._goal.virtual_region.height:
            goal, self._goal = self._goal, None
            self.scroll_to(y=goal.virtual_region.y, animate=False, force=True, immediate=True)
        elif self._goal is None and self._pinned:
            self.scroll_end(animate=False, force=True, immediate=True)
        self.post_message(self.Moved())

    def watch_virtual_size(self) -> None:
        """Lines have got their heights."""
        if self._goal is not None or self._pinned:
            self.call_after_refresh(self._settle)

    def _keep(self, line: Line, offset: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + line.virtual_region.y - offset, animate=False, force=True, immediate=True)
        self.post_message(self.Moved())

    def last_seen(self) -> int:
        """The highest seq whose line is on the screen."""
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        on_screen = [
            line.entry.seq for line in self._lines.values() if line.virtual_region.y < bottom and line.virtual_region.bottom > top
        ]
        return max(on_screen, default=0)

    def find(self, seq: int) -> None:
        """Choose the message at `seq` and bring it on the screen."""
        for key, line in self._lines.items():
            if line.entry.seq == seq:
                self._chosen, self._goal, self._pinned = key, line, False
                self._mark_chosen()
                self.call_after_refresh(self._settle)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _messages(self) -> list[str]:
        return [key for key, line in self._lines.items() if line.entry.kind == "message"]

    def _choose(self, key: str) -> None:
        self._chosen = key
        self._mark_chosen()
        if key in self._lines:
            self.call_after_refresh(self.scroll_to_widget, self._lines[key], animate=False)

    def _mark_chosen(self) -> None:
        for key, line in self._lines.items():
            line.set_class(key == self._chosen and self.has_focus, "chosen")

    def on_focus(self) -> None:
        """One is always chosen."""
        keys = self._messages()
        if keys and self._chosen not in keys:
            self._choose(keys[-1])
        self._mark_chosen()

    def on_blur(self) -> None:
        """The mark goes; the choice stays while the composer answers to it."""
        self._mark_chosen()

    def action_choose(self, by: int) -> None:
        """The message above or below."""
        keys = self._messages()
        if not keys:
            return
        at = keys.index(self._chosen) if self._chosen in keys else len(keys) - 1
        if at + by >= len(keys):
            self.post_message(self.Act("write", None))
        elif at + by < 0:
            self.scroll_home(animate=False)
            self.post_message(self.Edge(top=True))
        else:
            self._choose(keys[at + by])

    def page(self, by: int) -> None:
        """Scroll by a screen; at an edge there may be more to load."""
        before = self.scroll_offset.y
        self.scroll_relative(y=by * max(1, self.size.height - 2), animate=False, immediate=True)
        if before == self.scroll_offset.y:
            self.post_message(self.Edge(top=by < 0))

    def forget_choice(self) -> None:
        """Next time, begin at the last message."""
        self._chosen = ""

    def action_act(self, action: str) -> None:
        """Say what is to be done."""
        self.post_message(self.Act(action, self.chosen))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Load more at the edges, and say what is seen."""
        super().watch_scroll_y(old_value, new_value)
        self._pinned = self.at_bottom
        if new_value < old_value and new_value <= 1:
            self.post_message(self.Edge(top=True))
        if new_value > old_value and self.at_bottom:
            self.post_message(self.Edge(top=False))
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        """Lines have other heights now."""
        if self._goal is not None or self._pinned:
            self.call_after_refresh(self._settle)
