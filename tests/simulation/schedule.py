"""One schedule: a world of nodes and devices, random steps, then calm, then what must be true in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from server.domain import groups, ids
from server.domain.identity import Identity
from tests.simulation.device import Change, Device
from tests.simulation.final import check
from tests.simulation.happenings import DIRECT, FIRST, GROUP, PEOPLE, Happenings
from tests.simulation.loop import Loop
from tests.simulation.network import Call, Routes
from tests.simulation.node import LIMITS, Node
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.store import Store
from tests.simulation.world import World


class Outcome(NamedTuple):
    """How a schedule ended."""

    seed: int
    steps: int
    violation: str
    """"" when nothing was broken."""


class Schedule(Happenings):
    """The world of one seed, and what may happen in it."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.world = world = World(seed, trace)
        chance = world.chance
        self.oracle = oracle = Oracle(world, LIMITS.retention_s, LIMITS.header_retention_s)
        self.store = Store(world, oracle)
        self.routes = Routes(world, [f"n{n}" for n in range(1, 1 + chance.choice((1, 2, 2, 3)))])
        self.nodes = [Node(world, self.store, self.routes, name) for name in self.routes.names]
        self.routes.nodes = {node.name: node for node in self.nodes}
        self.devices: list[Device] = []
        self.changes: list[Change] = []
        self.length = chance.choice((150, 300, 600))
        self.reads_on_newest = seed % 3 == 0
        self.heat = chance.choice((0.0, 0.3, 1.0))
        """How many of the faults that come up happen."""
        oracle.begin(DIRECT, ("alice", "bob"))
        for person in PEOPLE:
            oracle.begin(ids.self_id(person), (person,))
            self.add_device(person)
        if chance.random() < 0.7:
            self.add_device(chance.choice(PEOPLE))
        alice = self.devices[0]
        create = groups.Create("crew", "", PEOPLE)
        self.changes.append(Change(oracle, alice.identity, alice.witness, GROUP, FIRST, 0, create))

    # -- things that happen --------------------------------------------------------------------------------------------

    def add_device(self, account: str) -> Device:
        """A device of the account's first days: nothing is older than it."""
        name = f"{account}-{sum(d.account_id == account for d in self.devices) + 1}"
        device = Device(self.world, self.oracle, Identity(account, name), self.nodes)
        self.devices.append(device)
        self.list_device(device.witness)
        return device

    def progress(self) -> list[Callable[[], None]]:
        """What may go on by itself now."""
        out: list[Callable[[], None]] = []
        world = self.world
        busy: set[Loop] = set()
        for operation in world.operations:
            if not operation.durable:  # a device's disk has one thread
                if operation.loop in busy:
                    continue
                busy.add(operation.loop)
            out.append(lambda operation=operation: world.advance(operation))  # type: ignore[misc]
        for call in self.calls():
            if call.up and not call.node.frozen:
                out.append(call.deliver_up)
            if call.down:
                out.append(call.deliver_down)
            if call.cut:
                for end in (call.client, call.server):
                    if not end.closed and not end.loop.dead:
                        out.append(lambda call=call, end=end: call.notice(end))  # type: ignore[misc]
        if self.routes.frames:
            out.append(self.routes.deliver)
        return out

    def calls(self) -> list[Call]:
        """Every call that is not over at both ends."""
        calls = {call.number: call for node in self.nodes for call in node.calls}
        for device in self.devices:
            if device.call is not None:
                calls[device.call.number] = device.call
        return list(calls.values())

    def run_loops(self) -> None:
        """Every process that is not frozen does what is ready."""
        for node in self.nodes:
            if node.up and not node.frozen and node.loop.is_due():
                node.loop.run()
                self.look_for_crash(node.name, node.loop.crashed)
        for device in self.devices:
            if device.up and device.loop.is_due():
                device.loop.run()
                self.look_for_crash(device.name, device.loop.crashed)

    def look_for_crash(self, name: str, crashed: list[str]) -> None:
        """A bug has ended a process."""
        if crashed:
            self.oracle.violated("PROCESS DIED", f"{name}: {crashed[0]}")

    def step(self) -> None:
        """One step of the schedule."""
        world, chance = self.world, self.world.chance
        world.steps += 1
        world.now_ms += chance.choice((1, 2, 5, 10, 30))
        if self.reads_on_newest and world.steps == self.length // 3:
            self.fault_link()
        roll = chance.random()
        if roll < 0.80:
            ready = self.progress()
            if ready:
                chance.choice(ready)()
            else:
                self.wait()
        elif roll < 0.83:
            self.wait()
        elif roll < 0.94:
            self.person()
        elif chance.random() < self.heat:
            self.fault()
        self.run_loops()

    def wait(self) -> None:
        """Some time passes."""
        self.world.now_ms += self.world.chance.choice((100, 300, 1_000, 2_000))

    # -- calm ----------------------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Faults end, everybody comes back, and everything under way ends."""
        world = self.world
        world.say("world", "calm")
        for node in self.nodes:
            node.frozen = False
            if not node.up:
                node.start()
        for device in self.devices:
            if device.linked and not device.up:
                device.start()
        self.settle()
        for _ in range(2 if self.routes.lost else 0):  # the first brings the envelopes, the second their ticks
            for node in self.nodes:
                self.compare(node)
            self.settle()

    def settle(self) -> None:
        """Let time pass until nothing has happened for a while."""
        world = self.world
        quiet_since = world.now_ms
        for _ in range(4_000):
            world.steps += 1
            busy = True
            ready = self.progress()
            if ready:
                ready[0]()
            else:
                waiting = [change for change in self.changes if not change.done]
                if waiting:
                    node = self.nodes[0]
                    node.loop.start(node.change(waiting[0]), "change")
                    world.now_ms += 500
                else:
                    busy = False
                    world.now_ms += 200
            if busy:
                quiet_since = world.now_ms
            self.run_loops()
            if world.now_ms - quiet_since > 4_000:
                return
        self.oracle.violated("NEVER QUIET", f"operations: {[one.text for one in world.operations]}")

    def play(self) -> None:
        """The whole schedule.

        Raises:
            Violation: a promise was broken.
        """
        self.run_loops()
        for _ in range(self.length):
            self.step()
        self.calm()
        check(self.oracle, self.store, self.devices, self.nodes)


def play(seed: int, bug: str = "", trace: Callable[[str], None] | None = None) -> Outcome:
    """Play the schedule of a seed, perhaps with a planted bug."""
    from tests.simulation.bugs import planted

    with planted(bug):
        schedule = Schedule(seed, trace)
        try:
            schedule.play()
        except Violation as violation:
            return Outcome(seed, schedule.world.steps, str(violation))
        finally:
            for loop in schedule.world.loops:
                loop.bury()
    return Outcome(seed, schedule.world.steps, "")
