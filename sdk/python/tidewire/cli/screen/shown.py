"""A picture over the chat, as well as the terminal can show it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Label
from textual_image.widget import Image  # asks the terminal what it can, before the chat takes it over

from tidewire.cli import wording


class Shown(ModalScreen[None]):
    """One picture, and where it was saved."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,o", "dismiss(None)", "Close")]

    def __init__(self, path: Path, said: str) -> None:
        super().__init__()
        self._path = path
        self._said = said

    def compose(self) -> ComposeResult:
        """The picture; where nothing here can read it, words alone."""
        with Vertical(classes="dialog wide"):
            yield Label(Content(wording.one_line(self._said)), classes="title")
            try:
                yield Image(self._path)
            except (OSError, ValueError):
                yield Label("This picture cannot be shown here.")
            yield Label(Content(f"Saved as {self._path}"), classes="hint")
            yield Footer(show_command_palette=False)
