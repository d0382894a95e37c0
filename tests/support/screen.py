"""What a person sees of the full-screen chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import Static
from tidewire import Client
from tidewire.cli.screen.app import ChatApp
from tidewire.cli.screen.composer import Composer
from tidewire.cli.screen.messages import Line
from tidewire.cli.screen.sidebar import Sidebar

PATIENCE_S = 45
ROUNDS = 4


class Screen:
    """A running chat, and the keys of its person."""

    def __init__(self, app: ChatApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def lines(self) -> list[str]:
        """The texts of the message view, from the top."""
        return _texts(self.app.screen_stack[0].query(Line))

    def on_screen(self) -> list[str]:
        """Those of them that are not scrolled away."""
        view = self.app.view
        return _texts(line for line in view.query(Line) if view.region.overlaps(line.region) and line.region.height)

    def head(self) -> str:
        """The conversation's title and what is below it."""
        return str(self.app.screen_stack[0].query_one("#about", Static).content)

    def link(self) -> str:
        """How the connection is."""
        return str(self.app.screen_stack[0].query_one("#link", Static).content)

    def chats(self) -> list[str]:
        """The conversations' rows, blanks joined."""
        console = Console(width=40, color_system=None, force_terminal=False)
        out = []
        for option in self.app.screen_stack[0].query_one(Sidebar).options:
            with console.capture() as captured:
                console.print(option.prompt)
            out.append(" ".join(captured.get().split()))
        return out

    def told(self) -> list[str]:
        """What was notified."""
        return [notification.message for notification in self.app._notifications]

    def written(self) -> str:
        """What is in the composer."""
        return self.app.screen_stack[0].query_one(Composer).text

    def can_write(self) -> bool:
        """The composer takes text."""
        return not self.app.screen_stack[0].query_one(Composer).disabled

    async def keys(self, *keys: str) -> None:
        """Press them, each once all that the one before it set off is done: the focus may have moved."""
        for key in keys:
            await self.pilot.press(key)
            await self._settled()

    async def _settled(self) -> None:
        """In each round every widget does what waits for it: what a key sets off goes up to the app, which may hand the focus on."""
        for _ in range(ROUNDS):
            await self.pilot.pause(0)

    async def types(self, text: str) -> None:
        """Type a text, without Enter."""
        await self.pilot.press(*({" ": "space", ",": "comma"}.get(letter, letter) for letter in text))

    async def says(self, text: str) -> None:
        """Type a text and send it."""
        await self.types(text)
        await self.keys("enter")

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until it is so; else fail with what is seen."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not true():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            parts = [self.link(), self.head(), *self.chats(), "--", *self.lines(), "--", *self.told()]
            seen = "\n".join(part[:200] for part in parts)
            raise AssertionError(f"it never came; the screen:\n{seen}") from None

    async def sees(self, text: str) -> None:
        """Wait until a message line has this text."""
        await self.until(lambda: any(text in line for line in self.lines()))


def _texts(lines: Iterable[Line]) -> list[str]:
    """A line that has come this moment has no text yet."""
    return [str(text.content) for line in lines for text in line.query(Static)]


@asynccontextmanager
async def chatting(
    me: Client, conversation_id: str = "", size: tuple[int, int] = (100, 30), folder: Path | None = None
) -> AsyncIterator[Screen]:
    """Open the chat of a device. `folder`: where opened files go."""
    app = ChatApp(me, conversation_id, folder)
    async with app.run_test(size=size) as pilot:
        screen = Screen(app, pilot)
        await screen.until(lambda: "connected" in screen.link())
        yield screen
