"""The ledger: real server process, real devices, real faults; at the end everybody shows the same, and nothing sent is missing."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tidewire import Client
from tidewire.events import Message, Sent, TicksMoved

from tests.support.ledger import Ledger, Shown
from tests.support.node import Node
from tests.support.proxy import Proxy, proxy

pytestmark = [pytest.mark.process, pytest.mark.timeout(3_000)]

PEOPLE = ("ann", "ben", "cat", "dan")


class Crowd:
    """Four people with two devices each, in a group and in direct conversations, all behind one proxy."""

    def __init__(self, ledger: Ledger, folder: Path, port: int) -> None:
        self.ledger = ledger
        self.folder = folder
        self.server = f"127.0.0.1:{port}"
        self.devices: dict[str, Client] = {}
        self.conversations: dict[str, list[str]] = {}
        self.expected = 0
        self._stacks: dict[str, AsyncExitStack] = {}

    async def open(self, name: str) -> Client:
        """Open a device; what it is told goes into the ledger."""
        stack = AsyncExitStack()
        client = await stack.enter_async_context(Client.open(self.server, self.folder / f"{name}.db"))
        watching = asyncio.ensure_future(self._watch(name, client, client.listen()))
        stack.callback(watching.cancel)
        self.devices[name], self._stacks[name] = client, stack
        return client

    async def _watch(self, name: str, client: Client, queue: asyncio.Queue) -> None:  # type: ignore[type-arg]
        while True:
            event = await queue.get()
            if isinstance(event, Sent):
                self.ledger.sent(event.conversation_id, event.envelope_id, event.seq)
            elif isinstance(event, TicksMoved):
                for message in await client.history(event.conversation_id, limit=10):
                    if message.mine:
                        self.ledger.tick(name, message.envelope_id, message.tick)
            elif isinstance(event, Message) and not event.mine and event.seq % 5 == 0:
                await client.mark_read(event.conversation_id, event.seq)

    async def crash(self, name: str) -> None:
        """Close a device without a word, and open it again over the same store."""
        await self._stacks.pop(name).aclose()
        await self.open(name)

    async def gather(self) -> None:
        """Register everybody, link a second device each, make the group and the direct conversations."""
        recovery = {}
        for person in PEOPLE:
            recovery[person] = await (await self.open(f"{person}-phone")).register_username(person)
        for person in PEOPLE:
            laptop = await self.open(f"{person}-laptop")
            await laptop.confirm_login(await laptop.start_login(person), recovery_code=recovery[person])
        ann = self.devices["ann-phone"]
        group = await ann.create_group("Crew", ["ben", "cat", "dan"])
        self.conversations[group] = list(PEOPLE)
        for one, other in (("ann", "ben"), ("cat", "dan"), ("ben", "cat")):
            self.conversations[await self.devices[f"{one}-phone"].direct(other)] = [one, other]

    async def say(self, chance: random.Random) -> None:
        """Somebody says something on one of his devices."""
        conversation_id = chance.choice(list(self.conversations))
        person = chance.choice(self.conversations[conversation_id])
        device = self.devices[f"{person}-{chance.choice(('phone', 'laptop'))}"]
        self.expected += 1
        await device.send(conversation_id, f"{person} says {self.expected}")

    async def close(self) -> None:
        """Close every device."""
        for stack in self._stacks.values():
            await stack.aclose()

    async def settle(self, timeout_s: float) -> None:
        """Wait until every outbox is empty and every device of a conversation holds as much as the others."""
        async with asyncio.timeout(timeout_s):
            while not await self._settled():
                await asyncio.sleep(0.2)

    async def _settled(self) -> bool:
        said = 0
        for conversation_id, people in self.conversations.items():
            counts = set()
            for person in people:
                for kind in ("phone", "laptop"):
                    client = self.devices[f"{person}-{kind}"]
                    if await client.waiting():
                        return False
                    counts.add(len(await client.log(conversation_id)))
            if len(counts) != 1:
                return False
            said += counts.pop()
        return said == self.expected + 1  # the group's creation is an envelope too

    async def testify(self) -> None:
        """Tell the ledger what every device shows."""
        for conversation_id, people in self.conversations.items():
            for person in people:
                for kind in ("phone", "laptop"):
                    lines = await self.devices[f"{person}-{kind}"].log(conversation_id)
                    shown = [Shown(line.seq, line.envelope_id, line.text) for line in lines]
                    self.ledger.shows(f"{person}-{kind}", conversation_id, shown)


async def trouble(node: Node, cutter: Proxy, crowd: Crowd, chance: random.Random, cuts: int) -> None:
    """Messages, and between them cuts at every place, killed servers, crashed devices."""
    turn = 0
    while cutter.cuts < cuts:
        turn += 1
        for _ in range(4):
            await crowd.say(chance)
        if turn % 3 == 0:
            cutter.cut_all()
        else:
            cutter.cut_after(1 + (turn * 37) % 2_000)
        if turn % 10 == 5:
            await node.kill()
            await node.start()
        if turn % 7 == 3:
            await crowd.crash(chance.choice(list(crowd.devices)))
        await asyncio.sleep(chance.uniform(0.02, 0.25))


async def test_nothing_sent_is_lost_or_doubled_whatever_is_killed_and_cut(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cuts = request.config.getoption("--cuts")
    chance, ledger = random.Random(7), Ledger()
    node = Node(tmp_path / "data", commands_per_s=100_000, commands_burst=100_000, address_commands_per_s=100_000)
    await node.start()
    try:
        async with proxy(node.port) as cutter:
            crowd = Crowd(ledger, tmp_path, cutter.port)
            try:
                await crowd.gather()
                await trouble(node, cutter, crowd, chance, cuts)
                await crowd.settle(timeout_s=120)
                await crowd.testify()
            finally:
                await crowd.close()
        assert cutter.cuts >= cuts
        assert len(ledger.accepted) == len(crowd.conversations), "there was something to judge"
        assert ledger.judge() == []
    finally:
        await node.close()
