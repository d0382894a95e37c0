"""Faults at exactly the point where one kind of bug loses or lies. With a healthy product the judge finds nothing.

ann is on the first node and ben on the second, each with one device, so that nothing but what is under test brings ben anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster_ledger.fleet import Fleet, Roaming
from tests.ledger.crew import Device, until
from tests.support.ledger import Entry

SECOND_LOOK_OVER_S = 2.5
"""A stream has been compared with the log after its beginning, and every route that was cached before it is dead."""
ROUTES_OLD_S = 1.1
"""No node has a route in its cache any more."""
COMPARED_S = 6.0
"""A node whose lease was lost has tried to compare, and the database has not answered in time."""
TOLD_S = 0.3
"""What a node tells others after an append has been sent."""


class Pair(Fleet):
    """A fleet of which the judge looks at what the two write to one another: others use the same keyspace."""

    def truth(self) -> dict[str, list[Entry]]:
        """See `Fleet.truth`."""
        accounts = {str(line["account"]) for lines in self.journals().values() for line in lines if line["is"] == "account"}
        return {key: entries for key, entries in super().truth().items() if accounts.issuperset(key.split(":")[1:])}


@dataclass
class Scene:
    """Two devices that have heard from one another."""

    fleet: Pair
    ann: Device
    ben: Device
    c: str

    async def say(self, text: str) -> None:
        """ann writes, and is told *sent*."""
        before = self.ann.count("sent")
        self.ann.tell("send", c=self.c, texts=[text])
        await self.ann.until(lambda: self.ann.count("sent") > before, "to hear sent")

    def point(self, node: int, name: str) -> Path:
        """A named point of a node."""
        return self.fleet.folder / f"node-{node + 1}" / name


async def scene(fleet: Pair, number: int) -> Scene:
    """ann and ben of a scenario, in a conversation with one envelope that both have."""
    ann, ben = await joined(fleet, f"ann{number}", 0), await joined(fleet, f"ben{number}", 1)
    made = Scene(fleet, ann, ben, str(await ann.ask("direct", name=f"ben{number}")))
    await made.say(f"<hello.{number}>")
    await ben.until(lambda: ben.count("shown") > 0, "to show the first")
    return made


async def joined(fleet: Pair, person: str, node: int) -> Device:
    """A new person's phone, on that node."""
    fleet.only = node
    device = await fleet.add(f"{person}-phone")
    await device.until(device.online, "to be online")
    return device


def _line(device: Device) -> Roaming:
    assert isinstance(device.line, Roaming), "a fleet's devices have such"
    return device.line


async def _online_again(device: Device, before: int) -> None:
    await device.until(lambda: device.count("caught up") > before and device.online(), "to be online again")


async def append_without_an_outcome(at: Scene) -> None:
    """ann writes while two of three database nodes stand still; they go on once her node does not know what came of it."""
    frozen = at.fleet.ring.nodes[1:]
    for node in frozen:
        node.freeze()
    try:
        at.ann.tell("send", c=at.c, texts=["<nobody-knows>"])
        await until(lambda: at.point(0, "unknown").exists(), "an append to have no outcome")
    finally:
        for node in frozen:
            node.thaw()
    at.point(0, "unknown").unlink()
    await asyncio.to_thread(at.fleet.ring.settle)


async def old_connection_ends_after_the_new_one_began(at: Scene) -> None:
    """ben's node stands still while he goes to the third; then it finds his old connection gone. Later ann writes."""
    before = at.ben.count("caught up")
    at.fleet.nodes[1].freeze()
    _line(at.ben).only = 2
    at.ben.line.cut()
    await _online_again(at.ben, before)
    at.fleet.nodes[1].thaw()
    await asyncio.sleep(SECOND_LOOK_OVER_S)
    await at.say("<where-are-you>")


async def comes_while_an_append_is_under_way(at: Scene) -> None:
    """ben is away; ann's node stands still just before it appends; he comes, is compared with the log, and then it appends."""
    before = at.ben.count("caught up")
    _line(at.ben).only = 2
    at.ben.line.refusing = True
    at.ben.line.cut()
    await asyncio.sleep(ROUTES_OLD_S)
    at.point(0, "hold").touch()
    at.ann.tell("send", c=at.c, texts=["<held-back>"])
    await until(lambda: at.point(0, "held").exists(), "the append to be held")
    at.ben.line.refusing = False
    await _online_again(at.ben, before)
    await asyncio.sleep(SECOND_LOOK_OVER_S)
    sent = at.ann.count("sent")
    at.point(0, "hold").unlink()
    at.point(0, "held").unlink()
    await at.ann.until(lambda: at.ann.count("sent") > sent, "to hear sent")


async def wiped_while_a_node_stands_still(at: Scene) -> None:
    """Redis is wiped while ben's node stands still, so that nobody knows where he is when ann writes."""
    await asyncio.sleep(SECOND_LOOK_OVER_S)
    at.fleet.nodes[1].freeze()
    await at.fleet.redis.wipe()
    await asyncio.sleep(ROUTES_OLD_S)
    await at.say("<anybody>")
    await asyncio.sleep(TOLD_S)
    at.fleet.nodes[1].thaw()


async def compared_while_the_database_is_away(at: Scene) -> None:
    """The same, and two of three database nodes stand still when ben's node wants to compare him with the log."""
    frozen = at.fleet.ring.nodes[1:]
    await wiped_while_a_node_stands_still(at)
    for node in frozen:
        node.freeze()
    try:
        await asyncio.sleep(COMPARED_S)
    finally:
        for node in frozen:
            node.thaw()
    await asyncio.to_thread(at.fleet.ring.settle)


@dataclass(frozen=True)
class Planted:
    """A bug, the scenario that it cannot survive, and what the judge says then."""

    bug: str
    scenario: Callable[[Scene], Awaitable[None]]
    says: str


PLANTED = (
    Planted("unknown_is_failure", append_without_an_outcome, r"ann\d-phone was refused <nobody-knows> as no member, which it is"),
    Planted("release_without_fence", old_connection_ends_after_the_new_one_began, r"ben\d-phone lacks d:\S+/2 <where-are-you>"),
    Planted("routes_before_append", comes_while_an_append_is_under_way, r"ben\d-phone lacks d:\S+/2 <held-back>"),
    Planted("no_comparison", wiped_while_a_node_stands_still, r"ben\d-phone lacks d:\S+/2 <anybody>"),
)
