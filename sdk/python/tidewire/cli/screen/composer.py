"""The bottom: where a person writes."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Said
from textual.widgets import TextArea


class Composer(TextArea):
    """A text of one line or more. Enter sends it; Ctrl-J begins a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send"),
        Binding("ctrl+j", "line", "New line"),
        Binding("tab", "leave", "Messages"),
    ]

    class Submitted(Said):
        """The text is to be sent."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Said):
        """The person wants to choose a message (up, in an empty text), or to drop what is being answered (escape)."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__(
            id="composer", compact=True, highlight_cursor_line=False, placeholder="Write a message", show_line_numbers=False
        )

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.action_submit()
        elif event.key in ("ctrl+j", "shift+enter", "alt+enter"):
            event.prevent_default()
            event.stop()
            self.action_line()
        elif event.key == "escape" or (event.key == "up" and not self.text):
            event.prevent_default()
            event.stop()
            self.post_message(self.Left(event.key))
        else:
            await super()._on_key(event)

    def action_submit(self) -> None:
        """Send what is written."""
        if self.text.strip():
            self.post_message(self.Submitted(self.text.strip("\n")))

    def action_line(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_leave(self) -> None:
        """Go to the messages."""
        self.post_message(self.Left("up"))
