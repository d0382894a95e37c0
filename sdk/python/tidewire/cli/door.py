"""Letting people into a call from the terminal, and the command `link`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time

from tidewire.calls import GroupCall
from tidewire.cli import finding
from tidewire.cli.profile import Profile
from tidewire.cli.wording import clean
from tidewire.errors import TidewireError

HOW = "  (type {number} and Enter to let them in, -{number} not to, !{number} never)"


class Door:
    """Who waits is shown with a number; a line from the keyboard says what becomes of them."""

    def __init__(self, room: GroupCall) -> None:
        self._room = room
        self._numbers: dict[str, int] = {}
        """Waiting id → number."""
        self._reading = False
        self._answering: set[asyncio.Task[None]] = set()

    def show(self) -> None:
        """Print who is new."""
        for one in self._room.waiting:
            if one.waiting_id not in self._numbers:
                number = self._numbers[one.waiting_id] = len(self._numbers) + 1
                print(f"{clean(one.name)} waits to be let in{HOW.format(number=number)}", flush=True)
        if self._room.waiting and not self._reading:
            self._reading = True
            loop = asyncio.get_running_loop()
            # a thread that nobody waits for: a terminal that is made non-blocking is so for what is printed, too
            threading.Thread(target=self._read, args=(loop,), name="door", daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            try:
                loop.call_soon_threadsafe(self._said, line.strip())
            except RuntimeError:  # the call is over
                return

    def _said(self, line: str) -> None:
        task = asyncio.ensure_future(self._answer(line))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, line: str) -> None:
        found = [waiting_id for waiting_id, number in self._numbers.items() if str(number) == line.lstrip("-!")]
        if not found:
            print("nobody waits with this number", flush=True)
            return
        try:
            if line[0] in "-!":
                await self._room.deny(*found, block=line[0] == "!")
            else:
                await self._room.admit(*found)
        except TidewireError as error:
            print(error, flush=True)


async def link(profile: Profile, arguments: argparse.Namespace) -> None:
    """Make, list, change and revoke links into calls."""
    values = list(arguments.values)
    async with profile.open() as me:
        links = me.calls.links
        if arguments.action == "create" and len(values) <= 1:
            conversation_id = await finding.group(me, values[0]) if values else ""
            made = await links.create(conversation_id, approval=arguments.approval == "on")
            print(json.dumps({"link_id": made.link_id, "link": made.text}) if arguments.json else made.text)
        elif arguments.action == "list" and not values:
            for one in await links.list():
                used = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.used_at_ms / 1_000))
                said = {"link_id": one.link_id, "room_id": one.room_id, "approval": one.approval, "used_at_ms": one.used_at_ms}
                text = f"{one.link_id}  {one.room_id}  {'with approval' if one.approval else 'open'}  last used {used}"
                print(json.dumps(said) if arguments.json else text)
        elif arguments.action == "change" and len(values) == 1 and arguments.approval:
            await links.set_approval(values[0], arguments.approval == "on")
        elif arguments.action == "revoke" and len(values) == 1:
            await links.revoke(values[0])
        else:
            raise TidewireError("link takes: create [GROUP] [--approval on], list, change ID --approval on|off, revoke ID")
