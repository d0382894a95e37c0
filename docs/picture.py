"""`make picture`: docs/chat.svg, taken from the real chat. A node of its own, four people, real messages, receipts and typing."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from textual.pilot import Pilot
from tidewire import Client
from tidewire.cli.screen.app import ChatApp

from tests.support.node import Node

PICTURE = Path(__file__).with_name("chat.svg")
SIZE = (108, 34)
PATIENCE_S = 20


async def said(who: Client, conversation_id: str, text: str, answers: int = 0) -> int:
    """Somebody says something; its place in the log."""
    quoted = await who.history(conversation_id, after_seq=answers - 1, before_seq=answers + 1) if answers else []
    return int((await (await who.send(conversation_id, text, answers=quoted[0] if quoted else None))).seq)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            await asyncio.sleep(0.05)


async def has(who: Client, conversation_id: str, seq: int) -> None:
    """Wait until somebody's device has everything up to `seq`."""

    async def true() -> bool:
        return any(message.seq >= seq for message in await who.history(conversation_id))

    await until(true)


async def scene(ann: Client, ben: Client, cat: Client, dan: Client) -> str:
    """What has been said before the picture is taken. Returns the conversation that is open on it."""
    noted = await ann.direct("dan")
    await said(ann, noted, "The slides are in the folder, thank you!")
    await has(dan, noted, 1)
    await dan.mark_read(noted, 1)
    group = await ann.create_group("Lighthouse trip", ["ben", "cat"])
    first = await said(ann, group, "Do we take the early ferry on Saturday?")
    for who in (ben, cat):
        await has(who, group, first)
    second = await said(ben, group, "Yes! It leaves at 8:10, the next at noon.", answers=first)
    await has(cat, group, second)
    await (await cat.react(group, second, "👍"))
    third = await said(cat, group, "I bring coffee and cinnamon buns.")
    await has(ann, group, third)
    await (await ann.react(group, third, "❤️"))
    await (await ben.react(group, third, "❤️"))
    await ann.mark_read(group, third)
    fourth = await said(ann, group, "Perfect. I booked three seats on the upper deck, by the window, and a table for lunch.")
    for who in (ben, cat):
        await has(who, group, fourth)
        await who.mark_read(group, fourth)
    await said(ann, group, "Meet at the harbour at 7:50?")
    for text in ("Did you find the binoculars?", "They are not in the car."):
        await said(ben, await ben.direct("ann"), text)
    await said(cat, await cat.direct("ann"), "Call me when you are home?")
    return group


async def shown(pilot: Pilot[None], app: ChatApp, group: str, ann: Client, cat: Client) -> None:
    """Wait until the screen shows all of it."""

    async def true() -> bool:
        ticks = [message.tick for message in await ann.history(group) if message.mine]
        return ticks[-2:] == ["read", "delivered"] and "cat" in app.chats.typing().get(group, "").lower()

    async with asyncio.timeout(PATIENCE_S):
        while not await true():
            cat.typing(group)
            await pilot.pause(0.3)
    await pilot.pause(0.5)


async def main() -> None:
    """Take the picture."""
    with tempfile.TemporaryDirectory() as place:
        node = Node(Path(place) / "node", group_receipt_delay_ms=200)
        await node.start()
        try:
            async with AsyncExitStack() as stack:
                people = []
                for name in ("ann", "ben", "cat", "dan"):
                    one = await stack.enter_async_context(Client.open(node.address, Path(place) / f"{name}.db"))
                    await one.register_username(name, name.title())
                    people.append(one)
                ann, _, cat, _ = people
                group = await scene(*people)
                app = ChatApp(ann, group)
                async with app.run_test(size=SIZE) as pilot:
                    await shown(pilot, app, group, ann, cat)
                    drawn = app.export_screenshot(title="tidewire chat")
        finally:
            await node.close()
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.S)  # no fonts from elsewhere: the reader's own
    PICTURE.write_text(drawn)
    print(f"{PICTURE.name} is written")


if __name__ == "__main__":
    asyncio.run(main())
