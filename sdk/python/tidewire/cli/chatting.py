"""`tidewire chat`: what is said, line by line, with ticks. Works on a terminal and in a pipe."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator

from tidewire.client import Client
from tidewire.errors import TidewireError
from tidewire.events import Disconnected, Message, SendFailed, TicksMoved, Typing

TICKS = {"pending": "…", "sent": "✓", "delivered": "✓✓", "read": "\x1b[34m✓✓\x1b[0m", "": ""}
HISTORY = 20


def line(message: Message, names: dict[str, str]) -> str:
    """A message as a line."""
    who = "me" if message.mine else names.get(message.sender_id, message.sender_id)
    text = "(deleted)" if message.deleted else message.text + (" (edited)" if message.edited else "")
    return f"{message.seq:>4} {who}: {text} {TICKS.get(message.tick, message.tick)}".rstrip()


async def chat(me: Client, arguments: argparse.Namespace) -> None:
    """Show the last messages, then what comes; send what is typed. /quit, /edit SEQ TEXT, /delete SEQ, /react SEQ EMOJI."""
    from tidewire.cli import caught_up, conversation

    conversation_id = await conversation(me, arguments.to)
    names = {
        profile.account_id: profile.username or profile.display_name for profile in (await _people(me, conversation_id)).values()
    }
    queue = me.listen()
    await caught_up(me)
    for message in await me.history(conversation_id, limit=HISTORY):
        print(line(message, names), flush=True)
        if not message.mine:
            await me.mark_read(conversation_id, message.seq)

    async def show() -> None:
        while True:
            event = await queue.get()
            match event:
                case Message() if event.conversation_id == conversation_id and event.kind in ("text", "unknown"):
                    shown = line(event, names) + (" ✓" if event.mine and not event.tick else "")
                    print(shown, flush=True)
                    if not event.mine:
                        await me.mark_read(conversation_id, event.seq)
                case TicksMoved() if event.conversation_id == conversation_id:
                    mine = [m for m in await me.history(conversation_id, limit=5) if m.mine]
                    if mine:
                        print(line(mine[-1], names), flush=True)
                case Typing() if event.conversation_id == conversation_id and event.kind:
                    print(f"     {names.get(event.account_id, event.account_id)} is typing…", flush=True)
                case SendFailed():
                    print(f"     not sent: {event.reason} {event.detail}", flush=True)
                case Disconnected():
                    print(f"     ({event.reason})", file=sys.stderr, flush=True)
                case _:
                    pass

    async with asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(show())
        async for text in _typed():
            if text == "/quit":
                break
            try:
                await _say(me, conversation_id, text)
            except TidewireError as error:
                print(f"     {error}", flush=True)
        await asyncio.sleep(0.3)  # what was typed last is on its way
        showing.cancel()


async def _people(me: Client, conversation_id: str):  # type: ignore[no-untyped-def]
    parts = conversation_id.split(":")
    if parts[0] == "d":
        return await me.profiles(*parts[1:])
    row = await me._store.run(
        lambda: me._store.db.execute("SELECT members FROM conversations WHERE id=?", (conversation_id,)).fetchone()
    )
    members = [member for member in (row[0] if row else "").split(",") if member]
    return await me.profiles(*members[:256]) if members else {}


async def _say(me: Client, conversation_id: str, text: str) -> None:
    match text.split(" ", 2):
        case ["/edit", seq, new] if seq.isdigit():
            await me.edit(conversation_id, int(seq), new)
        case ["/delete", seq] if seq.isdigit():
            await me.delete(conversation_id, int(seq))
        case ["/react", seq, emoji] if seq.isdigit():
            await me.react(conversation_id, int(seq), emoji)
        case _ if text.strip():
            me.typing(conversation_id, "")
            await me.send(conversation_id, text)


async def _typed() -> AsyncIterator[str]:
    """Lines of standard input, until its end."""
    while text := await asyncio.to_thread(sys.stdin.readline):
        yield text.rstrip("\n")
