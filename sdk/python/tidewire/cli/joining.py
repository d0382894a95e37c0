"""The commands `join` and `page`: a group's call, and a browser's way into calls."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tidewire.calls import CallState, GroupCall, MutedByAdmin, RosterChanged, SpeakersChanged, TracksChanged, WaitingChanged
from tidewire.calls.links import is_link
from tidewire.cli import finding
from tidewire.cli.calling import ENDS, sent
from tidewire.cli.door import Door
from tidewire.cli.meter import Meter
from tidewire.cli.profile import Profile
from tidewire.cli.wording import clean
from tidewire.client import Client
from tidewire.errors import Refused, TidewireError

if TYPE_CHECKING:
    from tidewire.calls.sources import Sink

EVERY_S = 1.0


async def join(profile: Profile, arguments: argparse.Namespace) -> int:
    """Be in the call of a group until it ends, `--seconds` have passed, or Ctrl-C. Exit code 1: media never flowed."""
    async with profile.open() as me:
        me.calls.relay_only = arguments.relay_only
        conversation_id = "" if is_link(arguments.group) else await finding.group(me, arguments.group)
        try:
            if conversation_id:
                room = await me.calls.join(conversation_id, sent(arguments), ring=arguments.ring, muted=arguments.muted)
            else:
                room = await me.calls.join_link(arguments.group, sent(arguments), muted=arguments.muted)
        except Refused as error:
            raise TidewireError(f"cannot join: {error}") from error
        return 0 if await _inside(me, room, arguments) else 1


async def _inside(me: Client, room: GroupCall, arguments: argparse.Namespace) -> bool:
    from tidewire.calls.sources import Sink

    record = Path(arguments.record).expanduser() if arguments.record else None
    async with asyncio.TaskGroup() as tasks:
        sink = Sink(tasks, record)
        showing = tasks.create_task(_show(room, arguments.seconds), name="tidewire join")
        try:
            talked = await _follow(me, room, sink)
        finally:
            showing.cancel()
            await sink.stop()
            await room.leave()
    print(ENDS.get(room.reason, {"replaced": "another device of yours took this one's place"}.get(room.reason, room.reason)))
    if record is not None and talked:
        print(record)
    return talked


async def _follow(me: Client, room: GroupCall, sink: Sink) -> bool:
    """Print who comes, goes and speaks; feed the sink. Whether media flowed."""
    names: dict[str, str] = {}
    door = Door(room)
    taken: set[int] = set()
    if room.state is CallState.WAITING:
        print("waiting to be let in", flush=True)
    await _came(me, room, names)
    flowed = room.state is CallState.ACTIVE
    async for event in room.events():
        flowed = flowed or room.state is CallState.ACTIVE
        if isinstance(event, RosterChanged):
            await _came(me, room, names)
        elif isinstance(event, SpeakersChanged):
            said = ", ".join(names.get(one, one) for one in room.speakers)
            print(f"speaks: {said}" if said else "nobody speaks", flush=True)
        elif isinstance(event, WaitingChanged):
            door.show()
        elif isinstance(event, MutedByAdmin):
            print("an admin muted you", flush=True)
        elif isinstance(event, TracksChanged):
            for one in room.tracks:
                if id(one.track) not in taken:
                    taken.add(id(one.track))
                    sink.add(one.track)
            await sink.start()
    return flowed


async def _came(me: Client, room: GroupCall, names: dict[str, str]) -> None:
    now = {one.participant_id: one.account_id for one in room.participants if one.participant_id != room.participant_id}
    for participant_id in [one for one in names if one not in now]:
        print(f"{names.pop(participant_id)} left", flush=True)
    new = {one: account for one, account in now.items() if one not in names}
    people = await me.people(*new.values())
    guests = {one.participant_id: f"{one.name} (guest)" for one in room.participants if one.guest}
    for participant_id, account_id in new.items():
        known = people[account_id].name if account_id in people else account_id
        names[participant_id] = clean(guests.get(participant_id, known))
        print(f"{names[participant_id]} is here", flush=True)


async def _show(room: GroupCall, seconds: float) -> None:
    await room.becomes(CallState.ACTIVE)
    print("connected", flush=True)
    since, meter = time.monotonic(), Meter()
    while room.state is not CallState.ENDED:
        await asyncio.sleep(EVERY_S)
        figures = await room.figures()
        if figures is not None and sys.stdout.isatty():
            meter.show(f"{len(room.participants)} here", figures)
        if seconds and time.monotonic() - since >= seconds:
            await room.leave()


async def page(profile: Profile, arguments: argparse.Namespace) -> None:
    """Print the address of the page for calls, with this device's token in it."""
    async with profile.open() as me:
        await finding.caught_up(me)
        print(await me.calls_page(arguments.address))
