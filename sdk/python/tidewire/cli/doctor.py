"""`tidewire doctor`: one line for each thing that has to be right, and what to do where it is not."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tidewire.cli import wording
from tidewire.cli.profile import Profile
from tidewire.client import Client
from tidewire.errors import Refused, StoreBroken, StoreInUse, TidewireError
from tidewire.events import Connected, Disconnected

ANSWER_S = 10.0
CLOCK_S = 5.0
"""A clock that is off by more than this is wrong."""
FREE_BYTES = 50 << 20
"""With less than this free, the disk is as good as full."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing."""

    about: str
    ok: bool
    says: str


async def doctor(profile: Profile, arguments: argparse.Namespace) -> int:
    """Look at everything. Exit code 1: something is wrong."""
    findings = await _store(profile)
    for finding in findings:
        if arguments.json:
            print(json.dumps(asdict(finding)))
        else:
            print(f"{finding.about:<9}{'ok   ' if finding.ok else 'WRONG'}  {finding.says}")
    return 0 if all(finding.ok for finding in findings) else 1


async def _store(profile: Profile) -> list[Finding]:
    """The store first; then, with it or without, the rest."""
    if not profile.store.exists():
        nobody = Finding("account", False, f"profile {profile.name!r} has none: tidewire register NAME, or tidewire login NAME")
        return [nobody, *await _without(profile)]
    try:
        async with profile.opened() as me:
            damage = await me.check_store()
            where = f"{profile.store}"
            if damage:
                what = f"{where} is damaged: {'; '.join(damage)}. Move it away and log in again; the server has the messages"
                return [Finding("store", False, what), *await _rest(me, profile)]
            waiting, failed = len(await me.waiting()), len(await me.failed())
            said = f"{where} is whole; {waiting - failed} waiting to be sent" + (
                f", {failed} refused (see chat)" if failed else ""
            )
            return [Finding("store", True, said), _disk(profile.folder), *await _rest(me, profile)]
    except StoreInUse:
        busy = f"{profile.store} is open in another tidewire: close that one, and ask again"
        return [Finding("store", False, busy), *await _without(profile)]
    except StoreBroken as error:
        what = f"{error}. If it is damaged, move it away and log in again: the server has the messages"
        return [Finding("store", False, what), *await _without(profile)]
    except TidewireError as error:
        return [Finding("server", False, f"{error}: check --server and --pin")]


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        return Finding("disk", False, f"only {free >> 20} MiB are free at {folder}: make room, or messages cannot be stored")
    return Finding("disk", True, f"{folder} can be written, {free >> 20} MiB free")


async def _without(profile: Profile) -> list[Finding]:
    """The server alone, asked from a store that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="tidewire-") as folder:
        try:
            async with Client.open(profile.server, Path(folder) / "store.db", pin=profile.pin) as me:
                return [await _server(me, profile)]
        except TidewireError as error:
            return [Finding("server", False, f"{profile.server}: {error}. Check --server and --pin")]


async def _server(me: Client, profile: Profile) -> Finding:
    try:
        await me.limits()
    except Refused as error:
        return Finding("server", False, f"{profile.server} is no Tidewire server ({error.reason}): check --server")
    except TidewireError as error:
        why = " ".join(str(error).split())
        return Finding(
            "server", False, f"{profile.server} does not answer ({why}). Start it (make run), or name another by --server"
        )
    return Finding("server", True, f"{profile.server} answers")


async def _rest(me: Client, profile: Profile) -> list[Finding]:
    queue = me.listen()
    server = await _server(me, profile)
    if not me.account_id:
        nobody = f"nobody is signed in as profile {profile.name!r}: tidewire register NAME, or tidewire login NAME"
        return [server, Finding("account", False, nobody)]
    account = Finding("account", True, f"{me.account_id}, device {me.device_id}")
    if not server.ok:
        return [account, server]
    profile.remember()
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                match await queue.get():
                    case Connected(server_time_ms):
                        now = clock(server_time_ms, time.time_ns() // 1_000_000)
                        taken = Finding("token", True, "the server takes this device")
                        return [account, server, taken, now, await _media(me), *await _calls(me)]
                    case Disconnected(reason, None):
                        again = "log in with another --profile; this store stays readable"
                        return [account, server, Finding("token", False, f"{reason}: {again}")]
    except TimeoutError:
        busy = f"no stream within {ANSWER_S:.0f} s: ask the server's operator to look at its log"
        return [account, server, Finding("token", False, busy)]


async def _media(me: Client) -> Finding:
    try:
        used, quota, blobs, sandbox = await me.media_usage()
    except Refused as error:
        if error.reason == "KIND_NOT_ENABLED":
            return Finding("media", True, "this deployment takes no files: it has no media worker")
        return Finding("media", False, f"the media worker refuses: {error}")
    except TidewireError as error:
        why = " ".join(str(error).split())
        return Finding("media", False, f"the media worker does not answer ({why}): files wait, messages flow. Ask the operator")
    walls = "" if sandbox == "bubblewrap" else "; files are read without bubblewrap there: its operator should install it"
    stored = f"{wording.size(used)} of {wording.size(quota)} used, {blobs} files"
    return Finding("media", used < quota, f"the worker answers, sandbox: {sandbox or 'not told'}{walls}; {stored}")


async def _calls(me: Client) -> list[Finding]:
    try:
        relays = await me.calls.try_relays()
    except Refused as error:
        if error.reason == "KIND_NOT_ENABLED":
            return [Finding("calls", True, "this deployment has no calls")]
        return [Finding("calls", False, f"the calls process refuses: {error}")]
    except TidewireError as error:
        why = " ".join(str(error).split())
        return [Finding("calls", False, f"calls do not work ({why}); messages flow")]
    if not relays:
        return [
            Finding(
                "calls", True, "they answer; there is no relay, so that only devices that reach one another directly can talk"
            )
        ]
    good = [Finding("relay", True, f"{relay.url} gives addresses") for relay in relays if not relay.why]
    bad = [Finding("relay", False, f"{relay.url}: {relay.why}. Ask the operator") for relay in relays if relay.why]
    return [Finding("calls", True, "they answer"), *good, *bad]


def clock(server_time_ms: int, now_ms: int) -> Finding:
    """Whether this machine's clock is that of the server, both as Unix time in milliseconds."""
    off_s = (now_ms - server_time_ms) / 1000
    if abs(off_s) <= CLOCK_S:
        return Finding("clock", True, f"within {CLOCK_S:.0f} s of the server's")
    how = "ahead of" if off_s > 0 else "behind"
    return Finding("clock", False, f"{abs(off_s):,.0f} s {how} the server's: set this machine's clock (timedatectl set-ntp true)")
