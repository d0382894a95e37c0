"""Carries a plan out on real processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from tests.cluster_ledger.fleet import LEASE_MS, LINK_TIMEOUT_MS, Fleet
from tests.cluster_ledger.plan import (
    CONVERSATIONS,
    DEVICES,
    DIRECT,
    GROUPS,
    KINDS,
    OWNER,
    PEOPLE,
    STEADY,
    Fault,
    Turn,
    direct_of,
    person_of,
)
from tests.ledger.crew import Device, change_members
from tests.ledger.observer import observe
from tests.ledger.raw import Raw
from tests.support.proxy import Way

AT_ONCE = 2
"""Faults that are under way at the same time, never two of one kind of part."""
LEASE_OVER_S = 1.5 * LEASE_MS / 1000
LINK_OVER_S = 1.5 * LINK_TIMEOUT_MS / 1000
OUTAGE_S = 1.0
"""How long Redis is away."""
UNSEEN = 40
"""Envelopes that wait for a frozen device: more than a node sends ahead of its acks."""
PAUSE_S = 0.2


class Trouble:
    """A fleet, and what is done to it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._nodes, self._redis, self._database, self._links = (asyncio.Lock() for _ in range(4))
        self._raw_line = fleet.line()
        self.ids: dict[str, str] = {}
        self.counts = dict.fromkeys(Fault, 0)
        """Faults that were carried out."""
        self._ways: dict[Fault, Callable[[Turn], Awaitable[None]]] = {
            Fault.KILL_NODE: self._kill_node,
            Fault.FREEZE_NODE: self._freeze_node,
            Fault.DRAIN_NODE: self._drain_node,
            Fault.KILL_REDIS: self._kill_redis,
            Fault.WIPE_REDIS: self._wipe_redis,
            Fault.FREEZE_REDIS: self._freeze_redis,
            Fault.KILL_DATABASE_NODE: self._kill_database_node,
            Fault.FREEZE_DATABASE_NODE: self._freeze_database_node,
            Fault.CUT_LINKS: self._cut_links,
            Fault.HALF_OPEN_LINKS: self._half_open_links,
            Fault.CUT_ALL: self._cut_all,
            Fault.KILL_DEVICE: self._kill_device,
            Fault.FREEZE_DEVICE: self._freeze_device,
            Fault.LOSE_ANSWERS: self._lose_answers,
            Fault.REPEAT: self._repeat,
            Fault.CHANGE_MEMBERS: self._change_members,
        }

    async def gather(self) -> None:
        """Register everybody, link the further devices, make groups and direct conversations. Nothing breaks yet."""
        fleet = self._fleet
        await fleet.open()
        for kind in KINDS:
            await asyncio.gather(*(fleet.add(name) for name in DEVICES if name.endswith(kind)))
        owner = fleet.devices[OWNER]
        for title, people in GROUPS.items():
            self.ids[title] = await owner.ask("group", title=title, names=[name for name in people if name != "ann"])
        for name, (one, other) in DIRECT.items():
            self.ids[name] = await fleet.devices[f"{one}-phone"].ask("direct", name=other)
        await self._raw_line.start()
        fleet.raw = Raw(f"127.0.0.1:{self._raw_line.port}", "ann", fleet.codes["ann"])
        await fleet.raw.link()

    async def go(self, turns: Iterator[Turn], seconds: float) -> None:
        """Turns for so long, and at least until each fault has come once."""
        until_s = time.monotonic() + seconds
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            for number in count():
                if number >= len(Fault) and time.monotonic() >= until_s:
                    break
                turn = next(turns)
                for saying in turn.sayings:
                    self._fleet.devices[saying.device].tell("send", c=self.ids[saying.conversation], texts=saying.texts)
                running.add(tasks.create_task(self._fault(turn), name=f"turn {turn.number}: {turn.fault.value}"))
                while len(running := {task for task in running if not task.done()}) >= AT_ONCE:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        await self._raw_line.close()

    async def heal(self) -> None:
        """Everything is there again, and everybody is caught up."""
        await asyncio.to_thread(self._fleet.ring.settle)
        for device in self._fleet.devices.values():
            await device.until(device.online, "to be online again")

    async def observe(self) -> list[str]:
        """A new device of each person reads everything, from one node or another. Returns their names."""
        fleet = self._fleet
        for number, person in enumerate(PEOPLE):
            fleet.watched[f"{person}-new"] = await observe(fleet.nodes[number % 3].address, person, fleet.codes[person])
        return list(fleet.watched)

    async def _fault(self, turn: Turn) -> None:
        self._write("begins", turn)
        await self._ways[turn.fault](turn)
        self.counts[turn.fault] += 1
        self._write("is over", turn)

    def _write(self, what: str, turn: Turn) -> None:
        """A line in the file `faults`, with the clock of the journals."""
        with (self._fleet.folder / "faults").open("a") as file:
            file.write(f"{time.monotonic_ns()} {turn.number} {what}: {turn.fault.value} ({turn.device}, {turn.place})\n")

    @asynccontextmanager
    async def _alone(self, *names: str) -> AsyncIterator[list[Device]]:
        """These devices, and no other fault that needs them; in one order, so that nobody waits for one another."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self._fleet.devices[name].busy)
            yield [self._fleet.devices[name] for name in names]

    async def _say(self, turn: Turn, conversation: str, what: str, device: str = "", times: int = 1) -> None:
        """Write, and wait until that is on the device's disk."""
        writer = self._fleet.devices[device or turn.device]
        texts = [f"<{writer.name}.{turn.number}.{what}.{number}>" for number in range(times)]
        writer.tell("send", c=self.ids[conversation], texts=texts)
        await writer.until(lambda: writer.wrote(texts[-1]), "to write")

    async def _everybody_says(self, turn: Turn, what: str) -> None:
        for device in DEVICES:
            self._fleet.devices[device].tell("send", c=self.ids[direct_of(device)], texts=[f"<{device}.{turn.number}.{what}>"])

    # -- nodes ---------------------------------------------------------------------------------------------------------

    async def _kill_node(self, turn: Turn) -> None:
        async with self._nodes:
            await self._everybody_says(turn, "killed-soon")
            await self._fleet.kill(turn.place)
            await self._fleet.start(turn.place)

    async def _freeze_node(self, turn: Turn) -> None:
        """Every other of its devices comes back elsewhere meanwhile; the others stand still with it."""
        async with self._nodes:
            self._fleet.up.discard(turn.place)
            await self._everybody_says(turn, "frozen-soon")
            self._fleet.nodes[turn.place].freeze()
            for line in self._fleet.on(turn.place)[::2]:
                line.cut()
            await self._everybody_says(turn, "into-the-silence")
            await asyncio.sleep(LEASE_OVER_S)
            self._fleet.nodes[turn.place].thaw()
            await self._everybody_says(turn, "thawed")
            self._fleet.up.add(turn.place)

    async def _drain_node(self, turn: Turn) -> None:
        async with self._nodes:
            self._fleet.up.discard(turn.place)
            await self._everybody_says(turn, "drained")
            await self._fleet.nodes[turn.place].stop()
            await self._fleet.start(turn.place)

    # -- Redis ---------------------------------------------------------------------------------------------------------

    async def _kill_redis(self, turn: Turn) -> None:
        async with self._redis:
            await self._fleet.redis.kill()
            await self._everybody_says(turn, "without-redis")
            await asyncio.sleep(OUTAGE_S)
            await self._fleet.redis.start()

    async def _wipe_redis(self, turn: Turn) -> None:
        async with self._redis:
            await self._fleet.redis.wipe()
            await self._everybody_says(turn, "wiped")

    async def _freeze_redis(self, turn: Turn) -> None:
        async with self._redis:
            self._fleet.redis.freeze()
            await self._everybody_says(turn, "redis-frozen")
            await asyncio.sleep(LEASE_OVER_S)
            self._fleet.redis.thaw()

    # -- the database --------------------------------------------------------------------------------------------------

    async def _kill_database_node(self, turn: Turn) -> None:
        """One of three; it is back when the others reach it again."""
        node = self._fleet.ring.nodes[turn.place]
        async with self._database:
            await self._everybody_says(turn, "database-dies")
            node.kill()
            await self._everybody_says(turn, "database-dead")
            node.start()
            await asyncio.to_thread(self._fleet.ring.settle)

    async def _freeze_database_node(self, turn: Turn) -> None:
        node = self._fleet.ring.nodes[turn.place]
        async with self._database:
            node.freeze()
            try:
                await self._everybody_says(turn, "database-frozen")
                await asyncio.sleep(LEASE_OVER_S)
            finally:
                node.thaw()
            await asyncio.to_thread(self._fleet.ring.settle)

    # -- links ---------------------------------------------------------------------------------------------------------

    async def _cut_links(self, turn: Turn) -> None:
        async with self._links:
            await self._everybody_says(turn, "links-cut")
            for line in self._fleet.links:
                line.cut()
            await self._everybody_says(turn, "links-made")

    async def _half_open_links(self, turn: Turn) -> None:
        line = self._fleet.links[1 + turn.place % 2]  # no node calls the first one
        async with self._links:
            line.hold(*((Way.UP,), (Way.DOWN,), Way)[turn.place])
            await self._everybody_says(turn, "half-open")
            await asyncio.sleep(LINK_OVER_S)
            await self._everybody_says(turn, "half-open-still")
            line.cut()
            line.release()

    # -- devices -------------------------------------------------------------------------------------------------------

    async def _cut_all(self, turn: Turn) -> None:
        for device in self._fleet.devices.values():
            device.line.cut()
        self._raw_line.cut()

    async def _kill_device(self, turn: Turn) -> None:
        async with self._alone(turn.device) as (device,):
            await device.kill()
            await device.start()

    async def _freeze_device(self, turn: Turn) -> None:
        """Until more has come than a node may send ahead."""
        name = turn.device if person_of(turn.device) in CONVERSATIONS[STEADY] else "dan-phone"
        writer = "cat-laptop" if name == "ann-laptop" else "ann-laptop"
        async with self._alone(name, writer) as (device, other):
            device.freeze()
            before = other.count("sent")
            await self._say(turn, STEADY, "unseen", writer, UNSEEN)
            await other.until(lambda: other.count("sent") >= before + UNSEEN, "to hear sent")
            device.thaw()

    async def _lose_answers(self, turn: Turn) -> None:
        """Until another device of the group has seen it, or the connection is lost anyway."""
        async with self._alone(turn.device) as (device,):
            device.line.hold(Way.DOWN)
            await self._say(turn, direct_of(turn.device), "unheard")
            await asyncio.sleep(PAUSE_S)
            device.line.cut()
            device.line.release()

    # -- what is said twice, and who may say it ------------------------------------------------------------------------

    async def _repeat(self, turn: Turn) -> None:
        assert self._fleet.raw is not None
        await self._fleet.raw.repeat(self.ids["crew"], f"<raw.{turn.number}.repeated>")

    async def _change_members(self, turn: Turn) -> None:
        """The member goes on writing on all its devices."""
        person, group = person_of(turn.device), self.ids["crew"]
        async with self._alone(OWNER) as (owner,):
            for what in ("remove", "add"):
                for name, device in self._fleet.devices.items():
                    if person_of(name) == person:
                        device.tell("send", c=group, texts=[f"<{name}.{turn.number}.{what}.{number}>" for number in range(3)])
                await change_members(owner, what, group, person)
