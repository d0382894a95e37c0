"""Commands about the account, its devices, and others."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
from dataclasses import asdict

from tidewire.cli import avatars, wording
from tidewire.cli.profile import Profile
from tidewire.client import Client
from tidewire.errors import Refused, TidewireError

APPROVAL_S = 2.0
"""How often a waiting login asks, where the server does not say."""


async def asked(question: str) -> str:
    """What a person answers."""
    return (await asyncio.to_thread(input, question)).strip()


async def register(profile: Profile, arguments: argparse.Namespace) -> None:
    """Make an account."""
    name, device = arguments.name, platform.node()[:64]
    async with profile.opened() as me:
        if name.startswith("+") or "@" in name:
            challenge = await me.start_registration(name)
            code = await asked("the code that was sent: ")
            await me.confirm_registration(challenge, code, arguments.display_name or name, device)
        else:
            recovery = await me.register_username(name, arguments.display_name, device)
            print(f"Recovery code, shown this once: {recovery}")
        profile.remember()
        print(f"{name} is {me.account_id}")


async def login(profile: Profile, arguments: argparse.Namespace) -> None:
    """Log in on a further device."""
    async with profile.opened() as me:
        challenge = await me.start_login(arguments.name, platform.node()[:64])
        if arguments.approve:
            print("Approve it on another device: tidewire devices approve", flush=True)
            await _approved(me, challenge, arguments.replace)
        elif arguments.name.startswith("+") or "@" in arguments.name:
            recovery = arguments.recovery_code
            code = "" if recovery else await asked("the code that was sent: ")
            await me.confirm_login(challenge, code=code, recovery_code=recovery, replace_device_id=arguments.replace)
        else:
            recovery = arguments.recovery_code or await asked("the recovery code (or use --approve): ")
            await me.confirm_login(challenge, recovery_code=recovery, replace_device_id=arguments.replace)
        profile.remember()
        print(f"logged in as {me.account_id}")


async def _approved(me: Client, challenge: str, replace: str) -> None:
    while True:
        try:
            await me.confirm_login(challenge, replace_device_id=replace)
            return
        except Refused as error:
            if error.reason != "APPROVAL_PENDING":
                raise
            await asyncio.sleep(error.retry_after_s or APPROVAL_S)


async def devices(profile: Profile, arguments: argparse.Namespace) -> None:
    """List, remove, rename, approve."""
    async with profile.open() as me:
        match [arguments.action, *arguments.values]:
            case ["list"]:
                for device in await me.devices():
                    said = (("primary", device.primary), ("this one", device.current))
                    marks = ", ".join(word for word, is_so in said if is_so)
                    plain = f"{device.device_id}  {wording.one_line(device.name)}  {marks}".rstrip()
                    print(json.dumps(asdict(device)) if arguments.json else plain)
            case ["remove", device_id]:
                await me.remove_device(device_id)
            case ["rename", device_id, name]:
                await me.rename_device(device_id, name)
            case ["approve"]:
                await _answer(me)
            case _:
                raise TidewireError("devices takes: list, remove ID, rename ID NAME, approve")


async def _answer(me: Client) -> None:
    requests = await me.login_requests()
    if not requests:
        raise TidewireError("no device asks to log in")
    for login_id, name in requests:
        answer = await asked(f"let {wording.one_line(name) or 'a device'} log in? [y/N] ")
        await me.answer_login(login_id, answer.lower() in ("y", "yes"))


async def contacts(profile: Profile, arguments: argparse.Namespace) -> None:
    """List them, add one, remove one."""
    async with profile.open() as me:
        match [arguments.action, *arguments.values]:
            case ["list"]:
                known = await me.contacts()
                people = await me.people(*known)
                for account_id, name in known.items():
                    found = people.get(account_id)
                    who = (found.username or found.account_id, found.name) if found is not None else (account_id, "")
                    said = {"account_id": account_id, "username": who[0], "name": name or who[1]}
                    print(json.dumps(said) if arguments.json else f"{who[0]}  {wording.one_line(name or who[1])}")
            case ["add", who]:
                await me.add_contact((await me.find(who)).account_id)
            case ["add", who, name]:
                await me.add_contact((await me.find(who)).account_id, name)
            case ["remove", who]:
                await me.remove_contact((await me.find(who)).account_id)
            case _:
                raise TidewireError("contacts takes: list, add NAME [HOW YOU CALL THEM], remove NAME")


async def block(profile: Profile, arguments: argparse.Namespace) -> None:
    """Block somebody."""
    async with profile.open() as me:
        await me.block((await me.find(arguments.name)).account_id)


async def unblock(profile: Profile, arguments: argparse.Namespace) -> None:
    """Take it back, or list the blocked."""
    async with profile.open() as me:
        blocked = await me.blocked()
        if not arguments.name:
            for person in blocked.values():
                print(f"{person.username or person.account_id}  {wording.one_line(person.name)}")
            return
        person = await me.find(arguments.name)
        if person.account_id not in blocked:
            raise TidewireError(f"{arguments.name} is not blocked")
        await me.block(person.account_id, False)


async def person(profile: Profile, arguments: argparse.Namespace) -> None:
    """Show somebody, oneself without a name; give oneself another picture before."""
    async with profile.open() as me:
        if (arguments.avatar or arguments.no_avatar) and arguments.name:
            raise TidewireError(f"only {arguments.name} changes the picture of {arguments.name}")
        if arguments.avatar:
            await avatars.give(arguments.avatar, me.set_avatar)
        elif arguments.no_avatar:
            await me.remove_avatar()
        account_id = (await me.find(arguments.name)).account_id if arguments.name else me.account_id
        found = (await me.profiles(account_id))[account_id]
        picture = await me.avatar(account_id)
        if arguments.json:
            print(json.dumps({**asdict(found), "avatar": None if picture is None else str(picture)}))
            return
        print(f"{found.account_id}  {found.username}  {wording.one_line(found.name)}")
        avatars.show(picture)


async def privacy(profile: Profile, arguments: argparse.Namespace) -> None:
    """Show it, changed or not."""

    def switch(value: str | None) -> bool | None:
        return None if value is None else value == "on"

    async with profile.open() as me:
        given = {
            "last_seen": arguments.last_seen,
            "read_receipts": switch(arguments.read_receipts),
            "add_to_groups": arguments.add_to_groups,
            "findable": switch(arguments.findable),
            "silence_strangers": switch(arguments.silence_strangers),
            "avatar": arguments.avatar,
        }
        changes = any(value is not None for value in given.values())
        now = await (me.set_privacy(**given) if changes else me.privacy())
        if arguments.json:
            print(json.dumps(asdict(now)))
        else:
            for name, value in asdict(now).items():
                shown = {True: "on", False: "off"}.get(value, value)
                print(f"{name.replace('_', '-'):<18} {shown}")
