"""Carries a plan out on real processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tests.ledger.crew import Crew, Device, change_members, until
from tests.ledger.observer import observe
from tests.ledger.plan import CLOCKS, CONVERSATIONS, DEVICES, DIRECT, GROUPS, OWNER, PEOPLE, STEADY, Fault, Turn
from tests.ledger.raw import Raw
from tests.support.proxy import Line, Way

WINDOW = 32
"""Envelopes that the node sends a device ahead of its acks; half of it in one conversation."""
SLOW_BYTES_PER_S = 5_000
SLOW_MAX_S = 15.0
AT_ONCE = 3
"""Faults that are under way at the same time."""
NUDGE_TURNS = 10
"""Looks at the count of cuts after which an old connection is cut, so that there are new ones to cut."""
TRIES = 10


class Trouble:
    """A crew, and what is done to it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._node = asyncio.Lock()
        self._raw_line = Line(crew.node.port, crew.walk)
        self._ids: dict[str, str] = {}
        self._nudged = 0
        self.counts = dict.fromkeys(Fault, 0)
        """Faults that were carried out."""
        self._ways: dict[Fault, Callable[[Turn], Awaitable[None]]] = {
            Fault.KILL_NODE: self._kill_node,
            Fault.KILL_NODE_BEFORE_ANSWERS: self._kill_node_before_answers,
            Fault.DRAIN_NODE: self._drain_node,
            Fault.FREEZE_NODE: self._freeze_node,
            Fault.KILL_DEVICE: self._kill_device,
            Fault.DEVICE_DIES_BEFORE_ACK: self._device_dies,
            Fault.DEVICE_DIES_BEFORE_SHOWING: self._device_dies,
            Fault.FREEZE_DEVICE: self._freeze_device,
            Fault.SLOW_DEVICE: self._slow_device,
            Fault.STALL_DEVICE: self._stall_device,
            Fault.LOSE_ANSWERS: self._lose_answers,
            Fault.CUT_ALL: self._cut_all,
            Fault.REPEAT: self._repeat,
            Fault.CHANGE_MEMBERS: self._change_members,
        }

    async def gather(self) -> None:
        """Register everybody, link the further devices, make groups and direct conversations. Nothing breaks yet."""
        crew = self._crew
        await crew.node.start()
        for kind in ("phone", "laptop", "tablet"):
            names = [name for name in DEVICES if name.endswith(kind)]
            await asyncio.gather(*(crew.add(name, CLOCKS.get(name, "")) for name in names))
        owner = crew.devices[OWNER]
        for title, people in GROUPS.items():
            self._ids[title] = await owner.ask("group", title=title, names=[name for name in people if name != "ann"])
        for name, (one, other) in DIRECT.items():
            self._ids[name] = await crew.devices[f"{one}-phone"].ask("direct", name=other)
        await self._raw_line.start()
        crew.raw = Raw(f"127.0.0.1:{self._raw_line.port}", "ann", crew.codes["ann"])
        await crew.raw.link()

    async def go(self, turns: list[Turn], cuts: int) -> None:
        """All turns, and at least this many cuts."""
        assert self._crew.walk is not None
        for line in self._lines():
            line.walking = True
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            for number, turn in enumerate(turns, 1):
                for saying in turn.sayings:
                    self._crew.devices[saying.device].tell("send", c=self._ids[saying.conversation], texts=saying.texts)
                running.add(tasks.create_task(self._fault(turn), name=f"turn {turn.number}: {turn.fault.value}"))
                await self._cut_up_to(cuts * number // len(turns))
                while len(running := {task for task in running if not task.done()}) >= AT_ONCE:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for line in self._lines():
            line.walking = False
        await self._raw_line.close()

    async def heal(self) -> None:
        """Everybody can reach the node again."""
        for device in self._crew.devices.values():
            await device.until(device.online, "to be online again")

    async def observe(self) -> list[str]:
        """A new device of each person reads everything. Returns their names."""
        crew = self._crew
        for person in PEOPLE:
            crew.watched[f"{person}-new"] = await observe(crew.node.address, person, crew.codes[person])
        return list(crew.watched)

    def _lines(self) -> list[Line]:
        return [self._raw_line, *(device.line for device in self._crew.devices.values())]

    async def _cut_up_to(self, cuts: int) -> None:
        """Wait until the proxy has cut this often; cut a connection now and then that lives on, so that there are new ones."""
        walk, lines = self._crew.walk, self._lines()
        assert walk is not None
        looks = 0
        while walk.cuts < cuts:
            await asyncio.sleep(0.02)
            looks += 1
            if looks % NUDGE_TURNS == 0:
                self._nudged += 1
                line = lines[self._nudged % len(lines)]
                if not line.bytes_per_s:
                    line.cut()

    async def _fault(self, turn: Turn) -> None:
        await self._ways[turn.fault](turn)
        self.counts[turn.fault] += 1

    @asynccontextmanager
    async def _alone(self, *names: str) -> AsyncIterator[list[Device]]:
        """These devices, and no other fault that needs them; in one order, so that nobody waits for one another."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self._crew.devices[name].busy)
            yield [self._crew.devices[name] for name in names]

    async def _say(self, device: Device, conversation: str, *texts: str) -> None:
        """Write, and wait until that is on the device's disk."""
        device.tell("send", c=self._ids[conversation], texts=texts)
        await device.until(lambda: device.wrote(texts[-1]), "to write")

    # -- the node ------------------------------------------------------------------------------------------------------

    async def _kill_node(self, turn: Turn) -> None:
        async with self._node:
            await self._crew.node.kill()
            await self._crew.node.start()

    async def _kill_node_before_answers(self, turn: Turn) -> None:
        text = f"<{turn.device}.{turn.number}.stored-unheard>"
        async with self._alone(turn.device) as (device,), self._node:
            device.line.hold(Way.DOWN)
            await self._unheard(device, text)
            await self._crew.node.kill()
            device.line.release()
            await self._crew.node.start()

    async def _drain_node(self, turn: Turn) -> None:
        async with self._node:
            await self._crew.node.stop()
            await self._crew.node.start()

    async def _freeze_node(self, turn: Turn) -> None:
        """Until somebody has written something into the silence."""
        text = f"<{turn.device}.{turn.number}.into-the-silence>"
        async with self._alone(turn.device) as (device,), self._node:
            self._crew.node.freeze()
            await self._say(device, _of(turn.device), text)
            self._crew.node.thaw()

    # -- devices -------------------------------------------------------------------------------------------------------

    async def _kill_device(self, turn: Turn) -> None:
        async with self._alone(turn.device) as (device,):
            await device.kill()
            await device.start()

    async def _device_dies(self, turn: Turn) -> None:
        """At its third message from now, which somebody writes."""
        writer = "cat-laptop" if turn.device == "dan-phone" else "dan-phone"
        conversation = next(c for c, people in CONVERSATIONS.items() if {_person(turn.device), _person(writer)} <= set(people))
        async with self._alone(turn.device, writer) as (device, other):
            device.tell("die", after=3, silent=turn.fault is Fault.DEVICE_DIES_BEFORE_SHOWING)
            texts = [f"<{other.name}.{turn.number}.last-words.{number}>" for number in range(3)]
            await self._say(other, conversation, *texts)
            await device.dead()
            await device.start()

    async def _freeze_device(self, turn: Turn) -> None:
        """Until more has come than the node may send ahead."""
        name = turn.device if _person(turn.device) in CONVERSATIONS[STEADY] else "dan-phone"
        writer = "cat-laptop" if name == "ann-laptop" else "ann-laptop"
        async with self._alone(name, writer) as (device, other):
            device.freeze()
            texts = [f"<{other.name}.{turn.number}.unseen.{number}>" for number in range(WINDOW + 8)]
            await self._say(other, STEADY, *texts)
            await self._crew.stored(*texts)
            device.thaw()

    async def _slow_device(self, turn: Turn) -> None:
        """Until something that it writes has crept through, or for a while: what is cut too often never does."""
        text = f"<{turn.device}.{turn.number}.slowly>"
        async with self._alone(turn.device) as (device,):
            device.line.bytes_per_s, device.line.walking = SLOW_BYTES_PER_S, False
            await self._say(device, _of(turn.device), text)
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOW_MAX_S):
                    await self._crew.stored(text)
            device.line.bytes_per_s, device.line.walking = 0, True

    async def _stall_device(self, turn: Turn) -> None:
        """Until it has written something, and somebody has written to it."""
        text = f"<{turn.device}.{turn.number}.stuck>"
        async with self._alone(turn.device) as (device,):
            device.line.hold(*Way)
            await self._say(device, _of(turn.device), text)
            device.line.cut()
            device.line.release()

    async def _lose_answers(self, turn: Turn) -> None:
        text = f"<{turn.device}.{turn.number}.unheard>"
        async with self._alone(turn.device) as (device,):
            device.line.hold(Way.DOWN)
            await self._unheard(device, text)
            device.line.cut()
            device.line.release()

    async def _unheard(self, device: Device, text: str) -> None:
        """Write something, and wait until the node has stored it; whatever connection is lost meanwhile is let through again."""
        await self._say(device, _of(device.name), text)
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(0.5):
                    await self._crew.stored(text)
                    return
            except TimeoutError:  # it is on a connection that was cut: only a new one, with its Welcome, brings it up
                device.line.release()
                await until(lambda: text in self._crew.texts() or device.online(), f"{text} to be stored, or a new connection")
                device.line.hold(Way.DOWN)
        device.line.release()
        await self._crew.stored(text)

    async def _cut_all(self, turn: Turn) -> None:
        for line in self._lines():
            line.cut()

    # -- what is said twice, and who may say it ------------------------------------------------------------------------

    async def _repeat(self, turn: Turn) -> None:
        assert self._crew.raw is not None
        await self._crew.raw.repeat(self._ids["crew"], f"<raw.{turn.number}.repeated>")

    async def _change_members(self, turn: Turn) -> None:
        """The member goes on writing on all its devices, and is added again once one of them was refused."""
        person, group = _person(turn.device), self._ids["crew"]
        async with self._alone(OWNER, turn.device) as (owner, device):
            refused = device.count("refused")
            self._write_on(person, f"{turn.number}.remove")
            await change_members(owner, "remove", group, person)
            self._write_on(person, f"{turn.number}.add")
            await device.until(lambda: device.count("refused") > refused, "to be refused")
            await change_members(owner, "add", group, person)

    def _write_on(self, person: str, mark: str) -> None:
        """Have every device of a person write to the group; one that is dead does not."""
        for device in self._crew.devices.values():
            if _person(device.name) == person:
                texts = [f"<{device.name}.{mark}.{number}>" for number in range(3)]
                device.tell("send", c=self._ids["crew"], texts=texts)


def _person(device: str) -> str:
    return device.partition("-")[0]


def _of(device: str) -> str:
    """A conversation in which the device's person always is."""
    return next(name for name, people in DIRECT.items() if _person(device) in people)
