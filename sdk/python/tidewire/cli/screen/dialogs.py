"""What is asked in between: whom to write to, what to look for, which emoji, whether to delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Checkbox, Footer, Input, Label, OptionList
from textual.widgets.option_list import Option

from tidewire.cli import wording
from tidewire.events import Message

EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")


class NewChat(ModalScreen[tuple[list[str], str] | None]):
    """With whom? Several names make a group, which has a title."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Never mind")]

    def compose(self) -> ComposeResult:
        """Two lines to fill in."""
        with Vertical(classes="dialog"):
            yield Label("New chat", classes="title")
            yield Label("A username, +phone or e-mail address. Several, with commas, make a group.", classes="hint")
            yield Input(placeholder="ben   or   ben, cat", id="who")
            yield Input(placeholder="Title, for a group", id="title")
            yield Footer(show_command_palette=False)

    @on(Input.Submitted)
    def done(self) -> None:
        """Enter, in either."""
        names = [name.strip() for name in self.query_one("#who", Input).value.split(",") if name.strip()]
        title = self.query_one("#title", Input).value.strip()
        if not names:
            self.query_one("#who", Input).focus()
        elif len(names) > 1 and not title:
            self.query_one("#title", Input).focus()
        else:
            self.dismiss((names, title))


class Find(ModalScreen[Message | None]):
    """Looks through everything that this device has."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Never mind"),
        Binding("down", "into_list", "Results", show=False),
    ]

    def __init__(
        self, search: Callable[[str], Awaitable[list[Message]]], where: Mapping[str, str], names: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._search = search
        self._where = where
        self._names = names
        self._found: list[Message] = []

    def compose(self) -> ComposeResult:
        """What, and where it is."""
        with Vertical(classes="dialog wide"):
            yield Label("Search", classes="title")
            yield Input(placeholder="words", id="words")
            yield OptionList(id="found")
            yield Footer(show_command_palette=False)

    @on(Input.Changed)
    async def look(self, event: Input.Changed) -> None:
        """With every letter."""
        self._found = await self._search(event.value)
        found = self.query_one("#found", OptionList)
        found.clear_options()
        for message in self._found:
            who = "You" if message.mine else wording.name_of(message.sender_id, self._names)
            where = self._where.get(message.conversation_id, "")
            head = Content.assemble((f"{where} · {who}  ", "bold"), (wording.one_line(message.text), ""))
            found.add_option(Option(head))
        if self._found:
            found.highlighted = 0

    @on(Input.Submitted)
    def first(self) -> None:
        """Enter takes the first."""
        at = self.query_one("#found", OptionList).highlighted
        self.dismiss(self._found[at] if at is not None and self._found else None)

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        """Or the one that is chosen."""
        self.dismiss(self._found[event.option_index])

    def action_into_list(self) -> None:
        """From the words to what was found."""
        self.query_one("#found", OptionList).focus()


class SendFile(ModalScreen[tuple[str, str, bool] | None]):
    """Which file? Its kind is seen from its content."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Never mind")]

    def compose(self) -> ComposeResult:
        """Where it is, what to say, and whether it may be seen again."""
        with Vertical(classes="dialog"):
            yield Label("Send a file", classes="title")
            yield Label("Its path; → takes what is suggested.", classes="hint")
            yield Input(placeholder="~/Pictures/photo.jpg", id="path", suggester=Paths())
            yield Input(placeholder="Caption", id="caption")
            yield Checkbox("Can be opened once", id="once", compact=True)
            yield Footer(show_command_palette=False)

    @on(Input.Submitted)
    def done(self) -> None:
        """Enter, in either."""
        path = self.query_one("#path", Input).value.strip()
        if not path:
            self.query_one("#path", Input).focus()
            return
        self.dismiss((path, self.query_one("#caption", Input).value.strip(), self.query_one("#once", Checkbox).value))


class Paths(Suggester):
    """Files that begin so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first."""
        return await asyncio.to_thread(_completed, value)


def _completed(value: str) -> str | None:
    folder, _, begun = value.rpartition("/")
    try:
        where = Path(folder + "/" if "/" in value else ".").expanduser()
        found = sorted(item for item in where.iterdir() if begun and item.name.startswith(begun))
        return next((value + item.name[len(begun) :] + ("/" if item.is_dir() else "") for item in found), None)
    except (OSError, RuntimeError):
        return None


class React(ModalScreen[str | None]):
    """Which emoji? "" takes it back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"dismiss('{emoji}')", emoji) for number, emoji in enumerate(EMOJI, 1)),
        Binding("0", "dismiss('')", "None"),
        Binding("escape", "dismiss(None)", "Never mind"),
    ]

    def compose(self) -> ComposeResult:
        """A row of them."""
        with Vertical(classes="dialog"):
            yield Label("React", classes="title")
            yield Label("   ".join(f"{number} {emoji}" for number, emoji in enumerate(EMOJI, 1)))
            yield Footer(show_command_palette=False)


class Sure(ModalScreen[bool]):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "Yes"),
        Binding("n,escape", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str, said: str) -> None:
        super().__init__()
        self._question = question
        self._said = said

    def compose(self) -> ComposeResult:
        """The question."""
        with Vertical(classes="dialog"):
            yield Label(self._question, classes="title")
            yield Label(Content(self._said))
            yield Footer(show_command_palette=False)


class Told(ModalScreen[None]):
    """Something to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter", "dismiss(None)", "Close")]

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__()
        self._title = title
        self._said = lines

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical(classes="dialog"):
            yield Label(Content(self._title), classes="title")
            yield Label(Content("\n".join(self._said)))
            yield Footer(show_command_palette=False)
