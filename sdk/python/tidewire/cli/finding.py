"""From what a person types to a conversation, and from accounts to names."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from tidewire.client import Client
from tidewire.conversations import Conversation
from tidewire.errors import Refused, TidewireError, Unreachable

CATCH_UP_S = 10.0


async def conversation(me: Client, name: str) -> str:
    """A conversation by its id, by a person's name, or by a group's title. Without the server: as far as the device knows it.

    Raises:
        Refused: NOT_FOUND.
    """
    if ":" in name:
        return name
    try:
        return await me.direct(name)
    except Refused as error:
        groups = await _titled(me, name)
        if not groups:
            raise TidewireError(f"there is nobody, and no group of yours, called {name!r}") from error
        return groups[0]
    except Unreachable:
        known = await _known(me, name)
        if known is None:
            raise
        return known


async def group(me: Client, name: str) -> str:
    """A group by its id or its title.

    Raises:
        TidewireError: none, or several.
    """
    if ":" in name:
        return name
    await caught_up(me)
    found = await _titled(me, name)
    if not found:
        raise TidewireError(f"you are in no group called {name!r}; `tidewire conversations` lists them")
    return found[0]


async def _titled(me: Client, title: str) -> list[str]:
    if not me.connections:
        await caught_up(me)
    found = [c.conversation_id for c in await me.conversations() if c.kind == "group" and c.title == title]
    if len(found) > 1:
        raise TidewireError(f"several groups are called {title!r}; give the id: {', '.join(found)}")
    return found


async def _known(me: Client, name: str) -> str | None:
    for one in await me.conversations():
        other = one.other(me.account_id)
        people = await me.people(other, ask=False) if other else {}
        if (other in people and people[other].username == name) or (one.kind == "group" and one.title == name):
            return one.conversation_id
    return None


async def names(me: Client, conversations: Iterable[Conversation]) -> dict[str, str]:
    """What to call everybody in these conversations."""
    ids = {member.account_id for one in conversations for member in one.members} | {me.account_id}
    return {account_id: profile.username or profile.name for account_id, profile in (await me.people(*sorted(ids))).items()}


async def caught_up(me: Client) -> None:
    """Wait until the store has everything; go on without it when the server is away."""
    try:
        async with asyncio.timeout(CATCH_UP_S):
            await me.caught_up()
    except TimeoutError:
        print("(the server does not answer; this is what the device knows)", file=sys.stderr)
