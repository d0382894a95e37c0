"""`tidewire groups …`."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from dataclasses import asdict

from tidewire.cli import avatars, finding, wording
from tidewire.cli.profile import Profile


async def create(profile: Profile, arguments: argparse.Namespace) -> None:
    """Make a group."""
    async with profile.open() as me:
        print(await me.create_group(arguments.title, arguments.names, arguments.description))


async def add(profile: Profile, arguments: argparse.Namespace) -> int:
    """Add people; exit code 1 when one of them could not be added."""
    async with profile.open() as me:
        refused = await me.add_members(await finding.group(me, arguments.group), arguments.names)
        people = await me.people(*refused)
        for account_id, why in refused.items():
            who = people[account_id].username if account_id in people else account_id
            print(f"tidewire: {who}: {why}", file=sys.stderr)
        return 1 if refused else 0


async def remove(profile: Profile, arguments: argparse.Namespace) -> None:
    """Remove people."""
    async with profile.open() as me:
        await me.remove_members(await finding.group(me, arguments.group), arguments.names)


async def leave(profile: Profile, arguments: argparse.Namespace) -> None:
    """Leave."""
    async with profile.open() as me:
        await me.leave_group(await finding.group(me, arguments.group))


async def role(profile: Profile, arguments: argparse.Namespace) -> None:
    """Give somebody a role."""
    async with profile.open() as me:
        await me.set_role(await finding.group(me, arguments.group), arguments.name, arguments.role)


async def promote(profile: Profile, arguments: argparse.Namespace) -> None:
    """Make somebody an admin."""
    arguments.role = "admin"
    await role(profile, arguments)


async def demote(profile: Profile, arguments: argparse.Namespace) -> None:
    """Make an admin a member."""
    arguments.role = "member"
    await role(profile, arguments)


async def title(profile: Profile, arguments: argparse.Namespace) -> None:
    """Another title."""
    async with profile.open() as me:
        await me.set_title(await finding.group(me, arguments.group), arguments.title)


async def description(profile: Profile, arguments: argparse.Namespace) -> None:
    """Another description."""
    async with profile.open() as me:
        await me.set_description(await finding.group(me, arguments.group), arguments.description)


async def avatar(profile: Profile, arguments: argparse.Namespace) -> None:
    """Show the picture; give the group another one, or take it away before."""
    async with profile.open() as me:
        group = await finding.group(me, arguments.group)
        if arguments.file:
            await avatars.give(arguments.file, functools.partial(me.set_group_avatar, group))
        elif arguments.remove:
            await me.remove_group_avatar(group)
        else:
            await finding.caught_up(me)
            avatars.show(await me.avatar(group))


async def members(profile: Profile, arguments: argparse.Namespace) -> None:
    """Who is in it."""
    async with profile.open() as me:
        await finding.caught_up(me)
        found = await me.members(await finding.group(me, arguments.group))
        people = await me.people(*(member.account_id for member in found))
        for member in found:
            person = people.get(member.account_id)
            if arguments.json:
                print(json.dumps({**asdict(member), "username": person.username if person else ""}))
            else:
                name = person.username or person.name if person else member.account_id
                print(f"{wording.one_line(name)}  {member.role}")
