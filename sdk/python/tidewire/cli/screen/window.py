"""What the screen shows: conversations on the left, messages on the right. The store is the truth; events say when to look again."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from textual import events as terminal
from textual import on, work
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from tidewire.cli import wording
from tidewire.cli.screen.chats import Chats, now_ms
from tidewire.cli.screen.composer import Composer
from tidewire.cli.screen.entries import entries
from tidewire.cli.screen.messages import MessageView
from tidewire.cli.screen.sidebar import Sidebar
from tidewire.client import Client
from tidewire.errors import TidewireError
from tidewire.events import Connected, Disconnected, Event, Message, SendFailed
from tidewire.media import Stage, UploadMoved

PAGE = 60
"""Messages that are loaded at a time."""
LOOK_S = 0.05
"""Between two looks at the store, however much happens."""
NOTHING = "No conversation is open.\n\nCtrl-N writes to somebody by name.\nTab goes to the list, Enter opens."


class Window(App[None]):
    """The parts of the screen, kept as the store is."""

    TITLE = "Tidewire"
    CSS_PATH = Path(__file__).with_name("chat.tcss")
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]

    def __init__(self, me: Client, conversation_id: str = "", folder: Path | None = None) -> None:
        """`folder`: where opened files go; None: where this user's downloads are."""
        super().__init__()
        self._folder = folder or _downloads()
        self.chats = Chats(me)
        self._me = me
        self._start = conversation_id
        self._oldest = 0
        self._newest: int | None = None
        self._unread_after: int | None = None
        self._answering: tuple[str, Message] | None = None
        self._drafts: dict[str, str] = {}
        self._typed_s = 0.0
        self._watched: list[str] = []
        self._look = asyncio.Event()
        self._drawing = asyncio.Lock()
        self._queue = me.listen()
        self.sidebar, self.view, self.composer = Sidebar(), MessageView(), Composer()
        self._own, self._state, self._about = Static("", id="me"), Static("", id="link"), Static("", id="about")
        self._nothing, self._strip = Static(NOTHING, id="nothing"), Static("", id="answering")

    def compose(self) -> ComposeResult:
        """The screen's parts."""
        with Horizontal():
            with Vertical(id="left"):
                yield self._own
                yield self._state
                yield self.sidebar
            with Vertical(id="right"):
                yield self._about
                yield self.view
                yield self._nothing
                yield self._strip
                yield self.composer
        yield Footer()

    async def on_mount(self) -> None:
        """Show what the store has; then follow."""
        self.set_interval(1.0, self._tick)
        await self.chats.load()
        await self.open(self._start or next((c.conversation_id for c in self.chats.all), ""))
        self._follow()
        self._redraw()
        if self._me.connected:
            self._learn(everyone=True)

    # -- following -----------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        while True:
            self._take(await self._queue.get())
            while not self._queue.empty():
                self._take(self._queue.get_nowait())
            self._look.set()

    def _take(self, event: Event) -> None:
        self.chats.take(event)
        match event:
            case SendFailed(reason=name, detail=detail):
                self.notify(f"Not sent: {wording.reason(name, detail)}", severity="warning", markup=False)
            case UploadMoved(stage=Stage.FAILED, envelope_id=envelope_id, reason=name, limit=limit, actual=actual):
                called = self.chats.uploads[envelope_id].name if envelope_id in self.chats.uploads else "a file"
                said = wording.refused_file(called, name, limit, actual)
                self.notify(f"Not sent: {said}", severity="warning", markup=False)
            case Disconnected(reason, None):
                self.notify(wording.one_line(reason), severity="error", timeout=60, markup=False)
            case Connected():
                self._watched = []
                self._learn(everyone=True)

    @work(exclusive=True, group="redraw")
    async def _redraw(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                await self.look()
            except sqlite3.Error as error:
                self.exit(return_code=1, message=f"tidewire: the store cannot be used: {error}; `tidewire doctor` says more")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read the store and draw what has changed."""
        missing = await self.chats.load()
        if missing and self.chats.link.state in ("catching up", "connected"):
            self._learn(everyone=False)
        self._draw()
        await self._draw_messages()
        watched = self.chats.watched()
        if watched != self._watched and self.chats.link.state in ("catching up", "connected"):
            self._watched = watched
            self._me.watch(*watched)

    @work(exclusive=True, group="learn")
    async def _learn(self, everyone: bool) -> None:
        """Ask for the names that the store does not have, or for all of them anew."""
        wanted = {member.account_id for conversation in self.chats.all for member in conversation.members}
        wanted = wanted if everyone else wanted - set(self.chats.names)
        try:
            ids = [*wanted, self._me.account_id]
            for at in range(0, len(ids), 256):
                await self._me.profiles(*ids[at : at + 256])
        except TidewireError:
            return
        self._look.set()

    def _tick(self) -> None:
        self._draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """All but the messages."""
        chats, typing = self.chats, self.chats.typing()
        self.sidebar.show(chats.all, chats.opened, chats.names, typing, self._me, now_ms())
        self._own.update(Content(wording.name_of(self._me.account_id, chats.names)))
        self._state.update(Content(f"● {chats.link.words()}"))
        self._state.set_classes(chats.link.state.replace(" ", "-"))
        current = chats.current
        about = Content("")
        if current is not None:
            below = typing.get(current.conversation_id) or chats.about(current)
            colour = "italic #21c063" if current.conversation_id in typing else "#8fa3ad"
            about = Content.assemble(
                (wording.title(current, chats.names, self._me.account_id), "bold"), (f"\n{below}" if below else "", colour)
            )
        self._about.update(about)
        self.view.display = current is not None
        self._nothing.display = current is None
        self.composer.disabled = current is None or not chats.is_member(current) or chats.link.state == "ended"

    async def _draw_messages(self, *, jump: bool = False) -> None:
        async with self._drawing:
            await self._drawn(jump)

    async def _drawn(self, jump: bool) -> None:
        current = self.chats.current
        if current is None:
            return
        limit = PAGE if jump and not self._oldest else 1000
        messages = await self.chats.messages(self._oldest, self._newest, limit)
        if jump and not self._oldest and messages and messages[0].seq > 1:
            self._oldest = messages[0].seq - 1
        shown = entries(
            messages,
            self.chats.names,
            self._me.account_id,
            group=current.kind == "group",
            now_ms=now_ms(),
            unread_after=self._unread_after,
        )
        await self.view.show(shown, jump=jump)
        self.call_after_refresh(self._seen)

    async def open(self, conversation_id: str) -> None:
        """Open a conversation at what is unread, else at its end."""
        if not conversation_id:
            self._draw()
            self.show_list(True)
            return
        composer = self.composer
        if self.chats.opened and self.chats.opened != conversation_id:
            self._drafts[self.chats.opened] = composer.text
        async with self._drawing:
            self.chats.begin(conversation_id)
            self.chats.opened = conversation_id
            await self.chats.load()
            self._begin_at()
            self._answer(None)
            with composer.prevent(Composer.Changed):
                composer.text = self._drafts.pop(conversation_id, "")
            composer.move_cursor(composer.document.end)
            self.view.forget_choice()
            self._draw()
            await self._drawn(jump=True)
        self.show_list(False)
        if not composer.disabled:
            composer.focus()

    def show_list(self, shown: bool) -> None:
        """Go to the list of conversations, or away from it. A narrow terminal has room for one of both."""
        self.screen_stack[0].set_class(shown, "-list")
        if shown:
            self.sidebar.focus()

    def _begin_at(self) -> None:
        """Which messages to load first: the last ones, or those around where reading stopped."""
        current = self.chats.current
        self._oldest, self._newest, self._unread_after = 0, None, None
        if current is not None and current.unread:
            self._unread_after = current.read_seq
            if current.unread > PAGE // 2:
                self._oldest = max(0, current.read_seq - PAGE // 2)
                self._newest = self._oldest + PAGE if current.head > self._oldest + PAGE else None

    def _answer(self, answering: tuple[str, Message] | None) -> None:
        """Answer a message, or edit it, or neither."""
        self._answering = answering
        self._strip.set_class(answering is not None, "on")
        if answering is not None:
            what, message = answering
            who = "yourself" if message.mine else wording.name_of(message.sender_id, self.chats.names)
            head = "Editing" if what == "edit" else f"Answering {who}"
            self._strip.update(Content.assemble((head, "bold"), f"  {wording.one_line(message.text)}"))

    # -- reading -------------------------------------------------------------------------------------------------------

    @on(MessageView.Moved)
    async def _seen(self) -> None:
        """What is on the screen of a person who looks at it was read."""
        current = self.chats.current
        if current is None or not self.app_focus or self._me.account_id == "":
            return
        seq = self.view.last_seen()
        if seq > current.read_seq and current.unread:
            await self._me.mark_read(current.conversation_id, seq)
            self._look.set()

    @on(MessageView.Edge)
    async def _edge(self, event: MessageView.Edge) -> None:
        async with self._drawing:
            if event.top and self._oldest:
                older = await self._me.history(self.chats.opened, before_seq=self._oldest + 1, limit=PAGE, changes=True)
                self._oldest = older[0].seq - 1 if older else 0
            elif not event.top and self._newest is not None:
                newest = self._newest + PAGE
                self._newest = newest if self.chats.current and newest < self.chats.current.head else None
            else:
                return
            await self._drawn(jump=False)

    async def go_to(self, seq: int) -> None:
        """Bring a message of the open conversation on the screen, and choose it."""
        async with self._drawing:
            if seq <= self._oldest or (self._newest is not None and seq > self._newest):
                self._oldest, self._newest = max(0, seq - PAGE // 2), seq + PAGE
                await self._drawn(jump=False)
            self.view.find(seq)
        self.view.focus()

    def on_app_focus(self, event: terminal.AppFocus) -> None:
        """The terminal came to the front."""
        self._me.foreground(True)
        self.call_after_refresh(self._seen)

    def on_app_blur(self, event: terminal.AppBlur) -> None:
        """Somebody looks at something else."""
        self._me.foreground(False)


def _downloads() -> Path:
    folder = Path.home() / "Downloads"
    return folder if folder.is_dir() else Path.cwd()
