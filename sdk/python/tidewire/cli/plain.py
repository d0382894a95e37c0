"""`tidewire chat`: the full screen on a terminal, else line by line: what is typed is sent, what is said is printed, with ticks."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from tidewire.attachments import UploadingMessage
from tidewire.cli import files, finding, wording
from tidewire.cli.profile import Profile
from tidewire.cli.progress import STAGES
from tidewire.client import Client, Sending
from tidewire.errors import MediaRejected, Refused, TidewireError
from tidewire.events import ConversationChanged, Disconnected, Event, Message, SendFailed, TicksMoved, Typing
from tidewire.media import Stage, UploadMoved

HISTORY = 20
LAST_S = 30.0
"""How long what was typed last may take at the end of standard input."""
ABOUT_ONE = ("/edit ", "/delete ", "/react ", "/reply ", "/open ")
LACKING = "the full-screen chat needs Textual: pip install 'tidewire[cli]'"


async def chat(profile: Profile, arguments: argparse.Namespace) -> int:
    """The chat that fits where it runs. Exit code 1: something was not sent."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and not arguments.plain
    if terminal:
        try:
            from tidewire.cli.screen.app import ChatApp
        except ImportError:
            print(f"({LACKING}; going on line by line)", file=sys.stderr)
            terminal = False
    async with profile.open(foreground=True) as me:
        if not arguments.to and not terminal:
            raise TidewireError("chat takes a NAME here: tidewire chat ben")
        conversation_id = await finding.conversation(me, arguments.to) if arguments.to else ""
        if terminal:
            screen = ChatApp(me, conversation_id)
            await screen.run_async()
            return screen.return_code or 0
        return await Lines(me, conversation_id).run()


class Lines:
    """One conversation, line by line."""

    def __init__(self, me: Client, conversation_id: str) -> None:
        self._me = me
        self._id = conversation_id
        self._names: dict[str, str] = {}
        self._colour = sys.stdout.isatty()
        self._queue = me.listen()
        self._shown = 0
        self._ticks: dict[int, str] = {}
        self._sendings: list[Sending | UploadingMessage] = []
        self._files: dict[str, str] = {}
        """Names of own files on their way, by envelope."""
        self._stages: dict[str, Stage] = {}
        self._code = 0

    async def run(self) -> int:
        """Until standard input ends or says /quit."""
        await finding.caught_up(self._me)
        await self._learn()
        for message in await self._me.history(self._id, limit=HISTORY, changes=True):
            await self._print(message)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow())
            async for text in _typed():
                if text == "/quit":
                    break
                try:
                    await self._say(text)
                except TidewireError as error:
                    print(f"     {error}", flush=True)
            if not await self._settle():
                self._code = 1
            following.cancel()
        return self._code

    async def _learn(self) -> None:
        here = [c for c in await self._me.conversations() if c.conversation_id == self._id]
        sides = self._id.split(":")[1:] if self._id.startswith("d:") else []
        self._names = await finding.names(self._me, here)
        people = await self._me.people(*sides)
        self._names |= {account_id: profile.username or profile.name for account_id, profile in people.items()}

    async def _print(self, message: Message) -> None:
        if message.sender_id not in self._names:
            await self._learn()
        print(wording.line(message, self._names, self._me.account_id, colour=self._colour), flush=True)
        self._shown = max(self._shown, message.seq)
        if message.mine:
            self._ticks[message.seq] = message.tick
        else:
            await self._me.mark_read(self._id, message.seq)

    async def _follow(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._happened(event)
            finally:
                self._queue.task_done()

    async def _happened(self, event: Event) -> None:
        match event:
            case Message(conversation_id=self._id) if event.kind not in wording.SILENT:
                if event.seq > self._shown:
                    await self._print(replace(event, tick="sent") if event.mine else event)
            case Message(conversation_id=self._id, target_seq=target) if target:
                await self._again(target)
            case TicksMoved(conversation_id=self._id):
                await self._moved()
            case ConversationChanged(conversation_id=self._id):
                await self._learn()
            case Typing(conversation_id=self._id, account_id=account_id, kind=kind) if kind:
                print(f"     {wording.name_of(account_id, self._names)} is typing…", flush=True)
            case SendFailed(conversation_id=self._id, envelope_id=envelope_id, reason=reason, detail=detail):
                self._code = 1
                print(f"     not sent: {wording.reason(reason, detail)}", flush=True)
                await self._me.discard(envelope_id)
            case UploadMoved():
                self._file_moved(event)
            case Disconnected(reason, None):
                print(f"     ({reason})", file=sys.stderr, flush=True)
            case Disconnected():
                print("     (the server is away; what you write is kept)", file=sys.stderr, flush=True)

    async def _again(self, seq: int) -> None:
        """A message was edited, deleted or reacted to."""
        for message in await self._me.history(self._id, after_seq=seq - 1, before_seq=seq + 1):
            await self._print(message)

    async def _moved(self) -> None:
        """Say a tick of the last own message that has moved."""
        for message in (await self._me.history(self._id, limit=HISTORY))[::-1]:
            if message.mine:
                if self._ticks.get(message.seq) != message.tick:
                    await self._print(message)
                return

    async def _say(self, text: str) -> None:
        if text.startswith(ABOUT_ONE):
            await self._settle()  # it may be about what was typed just before
        match text.split(" ", 2):
            case ["/edit", seq, new] if seq.isdigit():
                sending = await self._me.edit(self._id, int(seq), new)
            case ["/delete", seq] if seq.isdigit():
                sending = await self._me.delete(self._id, int(seq))
            case ["/react", seq, emoji] if seq.isdigit():
                sending = await self._me.react(self._id, int(seq), emoji)
            case ["/file", *words] if words:
                await self._send_file(" ".join(words))
                return
            case ["/open", seq, *to] if seq.isdigit():
                await self._open(int(seq), " ".join(to))
                return
            case ["/reply", seq, new] if seq.isdigit():
                quoted = await self._me.history(self._id, after_seq=int(seq) - 1, before_seq=int(seq) + 1)
                sending = await self._me.send(self._id, new, answers=quoted[0] if quoted else None)
            case _ if text.strip():
                sending = await self._me.send(self._id, text)
            case _:
                return
        self._sendings = [*(one for one in self._sendings if not one.done), sending]

    async def _send_file(self, words: str) -> None:
        """/file PATH [CAPTION]; a path with blanks in quotes."""
        try:
            path, *caption = shlex.split(words)
        except ValueError as error:
            raise TidewireError(f"/file PATH CAPTION: {error}") from error
        name = Path(path).name
        try:
            sending = await self._me.send_file(self._id, path, caption=" ".join(caption))
        except MediaRejected as error:
            raise TidewireError(wording.refused_file(name, error.reason, error.limit, error.actual)) from error
        except OSError as error:
            raise TidewireError(f"{path} cannot be read: {error.strerror}") from error
        self._files[sending.envelope_id] = name
        self._sendings = [*(one for one in self._sendings if not one.done), sending]

    async def _open(self, seq: int, to: str) -> None:
        """/open SEQ [PATH]."""
        media = next((m.media for m in await self._me.history(self._id, after_seq=seq - 1, before_seq=seq + 1)), None)
        if media is None:
            raise TidewireError(f"{seq} has no file to open")
        target = await asyncio.to_thread(files.place_for, media, seq, Path(to or "."))
        try:
            if not await asyncio.to_thread(files.is_there, target, media):
                await self._me.download(self._id, media, target)
        except Refused as error:
            raise TidewireError(f"{seq} cannot be opened: {files.gone(media, error)}") from error
        except OSError as error:
            raise TidewireError(f"{target} cannot be written: {error.strerror}") from error
        print(f"     {seq} is in {target}", flush=True)

    def _file_moved(self, event: UploadMoved) -> None:
        """Say each stage of an own upload once, and why one failed."""
        name = self._files.get(event.envelope_id)
        if name is None:
            return
        if event.stage is Stage.FAILED:
            self._code = 1
            why = wording.refused_file(name, event.reason, event.limit, event.actual)
            print(f"     not sent: {why}", flush=True)
        elif self._stages.get(event.envelope_id) is not event.stage and event.stage in STAGES:
            print(f"     {wording.one_line(name)}: {STAGES[event.stage]}", file=sys.stderr, flush=True)
        self._stages[event.envelope_id] = event.stage

    async def _settle(self) -> bool:
        """Wait for the server's word on all that was typed, and until it is printed. False: it does not come."""
        try:
            async with asyncio.timeout(LAST_S):
                for sending in self._sendings:
                    try:
                        await sending
                    except Refused:
                        pass  # `_follow` says so
                    except MediaRejected:
                        await self._me.cancel_upload(sending.envelope_id)  # `_follow` has said why
                await self._queue.join()
        except TimeoutError:
            kept = "(not sent yet; it is kept and goes out when tidewire next reaches the server)"
            print(f"     {kept}", file=sys.stderr, flush=True)
            return False
        self._sendings.clear()
        return True


async def _typed() -> AsyncIterator[str]:
    """Lines of standard input, until its end. Read without a thread, so that Ctrl-C need not wait for a line."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    pending = bytearray()
    while True:
        readable = asyncio.Event()
        try:
            loop.add_reader(descriptor, readable.set)
        except OSError:  # a file is always readable, and cannot be watched
            chunk = os.read(descriptor, 65_536)
        else:
            try:
                await readable.wait()
            finally:
                loop.remove_reader(descriptor)
            chunk = os.read(descriptor, 65_536)
        pending += chunk
        *lines, rest = pending.split(b"\n")
        pending = bytearray(rest) if chunk else bytearray()
        for line in lines if chunk else [*lines, *([rest] if rest else [])]:
            yield line.decode(errors="replace")
        if not chunk:
            return
