"""The command `call`: place a call, or wait for one and take it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tidewire.calls import Call, CallMedia, CallState, Rung, TrackCame
from tidewire.cli import finding
from tidewire.cli.meter import Meter
from tidewire.cli.profile import Profile
from tidewire.client import Client
from tidewire.errors import Refused, TidewireError

if TYPE_CHECKING:
    from tidewire.calls.sources import Sink

EVERY_S = 1.0
ENDS = {
    "hangup": "the call is over",
    "declined": "declined",
    "busy": "busy: all their devices are in calls",
    "missed": "nobody answered",
    "cancelled": "they gave up",
    "answered_elsewhere": "taken on another device of yours",
    "declined_elsewhere": "declined on another device of yours",
    "network": "the network was lost for too long",
    "failed": "no way was found between the two devices; `tidewire doctor` looks at the relay",
    "removed": "an admin put you out",
    "denied": "you were not let in",
    "revoked": "the link was revoked",
}


async def call(profile: Profile, arguments: argparse.Namespace) -> int:
    """With a name: call somebody. Without: wait for a call and take it. Exit code 1: people did not talk."""
    async with profile.open() as me:
        me.calls.relay_only = arguments.relay_only
        media = sent(arguments)
        if arguments.name:
            conversation_id = await finding.conversation(me, arguments.name)
            placing = await _placed(me, conversation_id, media)
            print(f"calling {arguments.name} …", flush=True)
            talked = await _through(me, placing, arguments)
        else:
            print("waiting for a call (Ctrl-C ends) …", flush=True)
            talked = await _through(me, await _taken(me, media), arguments)
        return 0 if talked else 1


def sent(arguments: argparse.Namespace) -> CallMedia:
    """What this side sends, by the command line."""
    from tidewire.calls import sources

    if arguments.file:
        return sources.file(Path(arguments.file).expanduser(), loop=arguments.loop)
    if arguments.silent:
        return sources.silence()
    return sources.microphone(arguments.microphone, camera=arguments.camera)


async def _placed(me: Client, conversation_id: str, media: CallMedia) -> Call:
    try:
        return await me.calls.place(conversation_id, media)
    except Refused as error:
        raise TidewireError(f"cannot call: {error}") from error


async def _taken(me: Client, media: CallMedia) -> Call:
    async for ringing in me.calls.incoming():
        people = await me.people(ringing.caller_id)
        name = people[ringing.caller_id].name if ringing.caller_id in people else ringing.caller_id
        print(f"{'' if ringing.silent else chr(7)}{name} calls{' with video' if ringing.video else ''}", flush=True)
        try:
            await ringing.accept(media)
            return ringing
        except Refused:
            print("it was over, or taken on another device", flush=True)
    raise TidewireError("the client is closing")


async def _through(me: Client, going: Call, arguments: argparse.Namespace) -> bool:
    """Until it ends. Whether people talked."""
    from tidewire.calls.sources import Sink

    record = Path(arguments.record).expanduser() if arguments.record else None
    async with asyncio.TaskGroup() as tasks:
        sink = Sink(tasks, record)
        for track in list(going.tracks):
            sink.add(track)
        showing = tasks.create_task(_show(going, sink, arguments.seconds), name="tidewire call")
        try:
            async for event in going.events():
                if isinstance(event, TrackCame):
                    sink.add(event.track)
                elif isinstance(event, Rung):
                    print("it rings", flush=True)
                if going.state is CallState.ACTIVE:
                    await sink.start()
        finally:
            showing.cancel()
            await sink.stop()
            await going.hang_up()
    print(f"{ENDS.get(going.reason, going.reason)}{_talked(going)}", flush=True)
    if record is not None and going.talked_s:
        print(record, flush=True)
    return going.talked_s > 0


def _talked(going: Call) -> str:
    minutes, seconds = divmod(round(going.talked_s), 60)
    return f" after {minutes}:{seconds:02d}" if going.talked_s else ""


async def _show(going: Call, sink: Sink, seconds: float) -> None:
    """A line a second on a terminal: how long, how well, who speaks. Hang up after `seconds` of talk; 0: do not."""
    await going.becomes(CallState.ACTIVE)
    print("connected", flush=True)
    await sink.start()
    meter = Meter()
    while going.state is not CallState.ENDED:
        await asyncio.sleep(EVERY_S)
        figures = await going.figures()
        if figures is not None and sys.stdout.isatty():
            minutes, rest = divmod(round(going.talked_s), 60)
            meter.show(f"{minutes}:{rest:02d}", figures, "they speak" if sink.speaks else "")
        if seconds and going.talked_s >= seconds:
            if sys.stdout.isatty():
                print()
            await going.hang_up()
