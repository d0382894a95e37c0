"""The full-screen chat: the window, and what a person does in it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from tidewire.cli import files, wording
from tidewire.cli.screen import dialogs
from tidewire.cli.screen.composer import Composer
from tidewire.cli.screen.messages import MessageView
from tidewire.cli.screen.shown import Shown
from tidewire.cli.screen.window import Window
from tidewire.errors import MediaRejected, Refused, TidewireError
from tidewire.events import Message
from tidewire.media_rules.kinds import Kind

TYPING_AGAIN_S = 3.0
"""Others are told again that one types after this long."""


class ChatApp(Window):
    """The screen of one device."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new", "New chat", priority=True),
        Binding("ctrl+down", "turn(1)", "Next chat", priority=True),
        Binding("ctrl+up", "turn(-1)", "Chat above", priority=True, show=False),
        Binding("ctrl+o", "file", "Send a file", priority=True),
        Binding("ctrl+f", "find", "Search", priority=True),
        Binding("pageup", "page(-1)", "Older", priority=True, show=False),
        Binding("pagedown", "page(1)", "Newer", priority=True, show=False),
        Binding("ctrl+c", "copy_or_quit", "Quit", priority=True, show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
        *(Binding(f"alt+{n}", f"nth({n})", "Open", priority=True, show=False) for n in range(1, 10)),
    ]

    # -- writing -------------------------------------------------------------------------------------------------------

    @on(Composer.Changed)
    def _typing(self, event: Composer.Changed) -> None:
        now_s = time.monotonic()
        if not self.chats.opened or self._answering is not None and self._answering[0] == "edit":
            return
        if event.text_area.text and now_s - self._typed_s > TYPING_AGAIN_S:
            self._typed_s = now_s
            self._me.typing(self.chats.opened)
        elif not event.text_area.text and self._typed_s:
            self._typed_s = 0.0
            self._me.typing(self.chats.opened, "")

    @on(Composer.Submitted)
    async def _send(self, event: Composer.Submitted) -> None:
        answering = self._answering
        self.composer.text = ""
        self._answer(None)
        self._unread_after = None
        opened = self.chats.opened

        async def write() -> None:
            if answering is not None and answering[0] == "edit":
                await self._me.edit(opened, answering[1].seq, event.text)
            else:
                await self._me.send(opened, event.text, answers=answering[1] if answering else None)

        await self._try(write())
        self._newest = None
        await self.chats.load()
        await self._draw_messages()
        self.view.scroll_end(animate=False)
        self._draw()

    @on(Composer.Left)
    def _left(self, event: Composer.Left) -> None:
        if event.key == "up":
            self.view.forget_choice()
            self.view.focus()
        elif self._answering is not None:
            if self._answering[0] == "edit":
                self.composer.text = ""
            self._answer(None)

    async def _try(self, doing: Coroutine[Any, Any, object]) -> bool:
        """Do it; say why not."""
        try:
            await doing
        except (TidewireError, sqlite3.Error) as error:
            self.notify(wording.one_line(str(error)), severity="warning", markup=False)
            return False
        return True

    # -- with a chosen message -----------------------------------------------------------------------------------------

    @on(MessageView.Act)
    async def _act(self, event: MessageView.Act) -> None:
        message, composer = event.message, self.composer
        if event.action == "write" or message is None:
            composer.focus()
            return
        acts: dict[str, tuple[bool, str, Callable[[Message], object]]] = {
            "reply": (bool(message.seq) and not message.deleted, "There is nothing to answer.", self._reply),
            "edit": (
                message.mine and message.kind == "text" and bool(message.seq),
                "Only your own texts can be edited.",
                self._edit,
            ),
            "delete": (not message.deleted, "It is deleted already.", self._delete),
            "react": (bool(message.seq) and not message.deleted, "There is nothing to react to.", self._react),
            "info": (message.mine and bool(message.seq), "This is told of your own sent messages.", self._info),
            "open": (
                message.media is not None and bool(message.seq) and not message.deleted,
                "There is no file to open.",
                self._open,
            ),
            "again": (message.tick in ("failed", "unknown"), "Only what was not sent can be tried again.", self._again),
        }
        possible, why_not, act = acts[event.action]
        if possible:
            act(message)
        else:
            self.notify(why_not)

    def _reply(self, message: Message) -> None:
        self._answer(("reply", message))
        self.composer.focus()

    def _edit(self, message: Message) -> None:
        self._answer(("edit", message))
        composer = self.composer
        composer.text = message.text
        composer.move_cursor(composer.document.end)
        composer.focus()

    @work(group="dialog")
    async def _delete(self, message: Message) -> None:
        question = "Delete for everyone?" if message.seq else "Throw away what was not sent?"
        if not await self.push_screen_wait(dialogs.Sure(question, wording.one_line(message.text))):
            return
        if message.seq:
            await self._try(self._me.delete(message.conversation_id, message.seq))
        elif message.envelope_id in self.chats.uploads:
            await self._try(self._me.cancel_upload(message.envelope_id))
        else:
            await self._try(self._me.discard(message.envelope_id))
        self._look.set()

    @work(group="dialog")
    async def _react(self, message: Message) -> None:
        emoji = await self.push_screen_wait(dialogs.React())
        if emoji is not None:
            await self._try(self._me.react(message.conversation_id, message.seq, emoji))

    @work(group="dialog")
    async def _info(self, message: Message) -> None:
        lines: list[str] = []

        async def ask() -> None:
            for account_id, (delivered, read) in (await self._me.receipts(message.conversation_id, message.seq)).items():
                how = "✓✓ read" if read else "✓✓ delivered" if delivered else "✓ sent"
                lines.append(f"{wording.name_of(account_id, self.chats.names):<20} {how}")

        if await self._try(ask()):
            await self.push_screen_wait(dialogs.Told("Who has it", lines or ["nobody else was there"]))

    @work(group="dialog")
    async def _open(self, message: Message) -> None:
        """Download it, and show it where it is a picture."""
        media = message.media
        assert media is not None, "it was looked for"
        target = await asyncio.to_thread(files.place_for, media, message.seq, self._folder)
        try:
            if not await asyncio.to_thread(files.is_there, target, media):
                self.notify(f"Loading {target.name} …", markup=False)
                await self._me.download(message.conversation_id, media, target)
        except Refused as error:
            self.notify(f"It cannot be opened: {files.gone(media, error)}", severity="warning", markup=False)
            return
        except (TidewireError, OSError) as error:
            self.notify(wording.one_line(str(error)), severity="warning", markup=False)
            return
        if media.kind == Kind.IMAGE:
            await self.push_screen_wait(Shown(target, message.text))
        else:
            self.notify(f"Saved as {target}", markup=False)

    @work(exclusive=True, group="dialog")
    async def action_file(self) -> None:
        """Send a file."""
        opened = self.chats.opened
        if not opened or self.composer.disabled:
            return
        asked = await self.push_screen_wait(dialogs.SendFile())
        if asked is not None:
            path, caption, view_once = asked
            await self._try(self._send_file(opened, path, caption=caption, view_once=view_once))
            self._newest = None
            self._look.set()

    async def _send_file(self, conversation_id: str, path: str, kind: Kind | None = None, **options: Any) -> None:
        try:
            await self._me.send_file(conversation_id, path, kind, **options)
        except MediaRejected as error:
            name = Path(path).name
            raise TidewireError(wording.refused_file(name, error.reason, error.limit, error.actual)) from error
        except OSError as error:
            raise TidewireError(f"{path} cannot be read: {error.strerror}") from error

    @work(group="dialog")
    async def _again(self, message: Message) -> None:
        upload = self.chats.uploads.get(message.envelope_id)
        if upload is not None:
            await self._try(self._me.cancel_upload(upload.envelope_id))
            options = {"caption": upload.caption, "view_once": upload.view_once, "fit": upload.fit}
            trim_ms = (upload.trim_start_ms, upload.trim_end_ms)
            await self._try(self._send_file(upload.conversation_id, upload.path, Kind(upload.kind), trim_ms=trim_ms, **options))
            self._look.set()
            return
        await self._try(self._me.discard(message.envelope_id))
        await self._try(self._me.send(message.conversation_id, message.text))
        self._look.set()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is asked, only quitting is possible besides the answer."""
        return len(self.screen_stack) == 1 or action not in ("new", "file", "find", "turn", "page", "nth", "chats", "write")

    @on(OptionList.OptionSelected, "#conversations")
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        await self.open(event.option.id or "")

    async def action_turn(self, by: int) -> None:
        """The next conversation, or the one above."""
        keys = [conversation.conversation_id for conversation in self.chats.all]
        if keys:
            at = keys.index(self.chats.opened) if self.chats.opened in keys else -by
            await self.open(keys[(at + by) % len(keys)])

    async def action_nth(self, number: int) -> None:
        """The conversation at this place."""
        if number <= len(self.chats.all):
            await self.open(self.chats.all[number - 1].conversation_id)

    def action_page(self, by: int) -> None:
        """Scroll the messages, wherever the focus is."""
        self.view.page(by)

    def action_chats(self) -> None:
        """To the list of conversations."""
        self.show_list(True)

    def action_write(self) -> None:
        """Back to writing."""
        self.show_list(False)
        self.composer.focus()

    @work(exclusive=True, group="dialog")
    async def action_new(self) -> None:
        """Write to somebody by name, or make a group."""
        asked = await self.push_screen_wait(dialogs.NewChat())
        if asked is None:
            return
        names, group = asked
        opened: list[str] = []

        async def begin() -> None:
            opened.append(await (self._me.create_group(group, names) if group else self._me.direct(names[0])))

        if await self._try(begin()):
            await self.chats.load()
            await self.open(opened[0])

    @work(exclusive=True, group="dialog")
    async def action_find(self) -> None:
        """Look for words, and go where they are."""
        where = {c.conversation_id: wording.title(c, self.chats.names, self._me.account_id) for c in self.chats.all}
        found = await self.push_screen_wait(dialogs.Find(self._me.search, where, self.chats.names))
        if found is None:
            return
        await self.open(found.conversation_id)
        await self.go_to(found.seq)

    def action_copy_or_quit(self) -> None:
        """Ctrl-C: copy what is selected, else leave."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        else:
            self.exit()
