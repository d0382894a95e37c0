"""Commands about messages."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from dataclasses import asdict

from tidewire.cli import files, finding, wording
from tidewire.cli.profile import Profile
from tidewire.client import Client
from tidewire.errors import NotSignedIn, Refused, TidewireError
from tidewire.events import Disconnected, Message, Preview


async def send(profile: Profile, arguments: argparse.Namespace) -> None:
    """Send one text, or one file."""
    if arguments.file:
        await files.send(profile, arguments)
        return
    text = await asyncio.to_thread(sys.stdin.read) if arguments.text == "-" else arguments.text
    if not text.strip():
        raise TidewireError("there is nothing to send")
    async with profile.open() as me:
        preview = await _preview(me, text) if arguments.preview else None
        sending = await me.send(await finding.conversation(me, arguments.to), text.rstrip("\n"), preview=preview)
        try:
            async with asyncio.timeout(arguments.wait):
                sent = await sending
        except TimeoutError:
            raise TidewireError(
                f"{profile.server} does not answer; the text is kept and goes out when tidewire next reaches it"
            ) from None
        except Refused as error:
            await me.discard(sending.envelope_id)
            raise TidewireError(f"not sent: {wording.reason(error.reason, str(error))}") from error
        print(f"sent as {sent.seq} in {sent.conversation_id}")


async def _preview(me: Client, text: str) -> Preview:
    link = re.search(r"https?://[^\s<>]+", text)
    if link is None:
        raise TidewireError("there is no link in the text to preview")
    try:
        return await me.preview(link[0])
    except Refused as error:
        raise TidewireError(f"{link[0]} has no preview: {error}") from error


async def listen(profile: Profile, arguments: argparse.Namespace) -> None:
    """Print what comes."""
    async with profile.open() as me:
        queue, shown = me.listen(), 0
        while not arguments.count or shown < arguments.count:
            event = await queue.get()
            if arguments.json:
                print(json.dumps({"event": type(event).__name__, **asdict(event)}, default=bytes.hex), flush=True)
            elif isinstance(event, Message) and event.kind not in wording.SILENT and not event.mine:
                people = await me.people(event.sender_id)
                known = {account_id: person.username or person.name for account_id, person in people.items()}
                print(f"{event.conversation_id} {wording.line(event, known, me.account_id).strip()}", flush=True)
            elif isinstance(event, Disconnected) and event.retry_in_s is not None:
                print(f"({profile.server} is away; trying again)", file=sys.stderr, flush=True)
            if isinstance(event, Disconnected) and event.retry_in_s is None:
                raise NotSignedIn(event.reason)
            if isinstance(event, Message):
                shown += 1


async def conversations(profile: Profile, arguments: argparse.Namespace) -> None:
    """List them."""
    async with profile.open() as me:
        await finding.caught_up(me)
        found = await me.conversations()
        known = await finding.names(me, found)
        for one in found:
            if arguments.json:
                print(json.dumps({**asdict(one), "name": wording.title(one, known, me.account_id)}, default=bytes.hex))
            else:
                unread = f"({one.unread} unread)" if one.unread else ""
                print(f"{one.conversation_id}  {wording.title(one, known, me.account_id)}  {unread}".rstrip())


async def history(profile: Profile, arguments: argparse.Namespace) -> None:
    """Print a conversation."""
    async with profile.open() as me:
        await finding.caught_up(me)
        conversation_id = await finding.conversation(me, arguments.to)
        known = await finding.names(me, [c for c in await me.conversations() if c.conversation_id == conversation_id])
        found = await me.history(conversation_id, limit=arguments.limit, changes=True)
        for message in [*found, *await me.unsent(conversation_id)]:
            _print(message, known, me.account_id, arguments.json)


async def search(profile: Profile, arguments: argparse.Namespace) -> int:
    """Look for words. Exit code 1: nothing was found."""
    async with profile.open() as me:
        await finding.caught_up(me)
        found = await me.search(" ".join(arguments.words))
        known = await finding.names(me, await me.conversations())
        for message in found:
            if arguments.json:
                _print(message, known, me.account_id, True)
            else:
                print(f"{message.conversation_id} {wording.line(message, known, me.account_id).strip()}")
        return 0 if found else 1


def _print(message: Message, names: dict[str, str], me: str, as_json: bool) -> None:
    print(
        json.dumps(asdict(message), default=bytes.hex)
        if as_json
        else wording.line(message, names, me, colour=sys.stdout.isatty())
    )
