"""What a message costs on a CQL database, counted by the node itself, one JSON line each. `make bench-cost`.

Counts, not speeds: rows written and statements per message, for a direct conversation and for a group, and how many statements a
thousand messages take when several people send at once. A Cassandra of this machine's own is started and ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tidewire.transport import new_envelope_id

from server.kit.loops import run
from tests.bench import load
from tests.bench.chat import RAISED, Tidewire
from tests.bench.load import Device
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.metrics import scrape
from tests.support.node import Node

SECRET = "a secret of at least thirty-two characters"
COUNTED = ("statement", "request", "conditional", "row_written", "row_read")
LOADS = (1, 10, 100)


class Counted:
    """What the node has asked of its database since this was begun."""

    def __init__(self, node: Node) -> None:
        self._http = f"127.0.0.1:{node.http_port}"
        self._before: dict[str, float] = {}

    async def begin(self) -> Counted:
        """Count from now on."""
        self._before = await scrape(self._http)
        return self

    async def per(self, messages: int) -> dict[str, float]:
        """Each count, divided by so many messages."""
        now = await scrape(self._http)
        return {
            name: round((now[f"tidewire_cql_{name}_total"] - self._before[f"tidewire_cql_{name}_total"]) / messages, 3)
            for name in COUNTED
        }


@asynccontextmanager
async def over_cql(folder: Path, keyspace: Keyspace) -> AsyncIterator[Node]:
    """A node on a keyspace, with raised rate limits."""
    found = keyspace.settings
    node = Node(
        folder,
        store="cql",
        cql_hosts=",".join(found.contact_points),
        cql_port=found.port,
        cql_keyspace=found.keyspace,
        pepper=SECRET,
        **RAISED,
    )
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


async def one_sender(node: Node, sender: Device, conversation_id: str, messages: int) -> dict[str, float]:
    """A sender who waits for each answer, and readers who are away: what appending costs."""
    await load.push(sender, conversation_id, 1, 1)  # the first of a conversation makes its membership rows
    counted = await Counted(node).begin()
    await load.push(sender, conversation_id, 1, messages)
    return await counted.per(messages)


async def senders(node: Node, devices: Sequence[Device], conversation_ids: Sequence[str], messages: int) -> dict[str, float]:
    """All of them send at once, each waiting for each answer, to its conversation: a thousand messages, as counted."""
    each = max(1, messages // len(devices))
    counted = await Counted(node).begin()
    await asyncio.gather(*(load.push(device, where, 1, each) for device, where in zip(devices, conversation_ids, strict=True)))
    return {name: round(1_000 * count) for name, count in (await counted.per(each * len(devices))).items()}


async def measure(folder: Path, keyspace: Keyspace, members: int, messages: int, loads: Sequence[int]) -> list[dict[str, object]]:
    """All figures."""
    figures: list[dict[str, object]] = []
    async with over_cql(folder, keyspace) as node:
        target = Tidewire(node)
        people = await target.people(max(members, 2 * max(loads)), f"cost.{new_envelope_id()[-6:]}.")
        ann, ben = people[:2]
        # all groups first: nobody acks, and a device whose window is full is told of no new one
        group_id, *ones = [await target.group(people[:size]) for size in (members, *(max(2, count) for count in loads))]
        direct = await one_sender(node, ann, load.direct(ann, ben), messages)
        figures.append({"figure": "a direct message, appended", **direct})
        figures.append(
            {"figure": f"a message to a group of {members}, appended", **await one_sender(node, ann, group_id, messages)}
        )
        for count, one in zip(loads, ones, strict=True):
            writers = people[:count]
            several = [load.direct(writer, other) for writer, other in zip(writers, people[count : 2 * count], strict=True)]
            for device, where in zip(writers, several, strict=True):
                await load.push(device, where, 1, 1)
            for name, places in (("one conversation", [one] * count), ("a conversation each", several)):
                thousand = await senders(node, writers, places, messages)
                figures.append({"figure": f"1,000 messages of {count} senders, {name}", **thousand})
        await asyncio.gather(*(device.close() for device in people))
    return figures


def main() -> None:
    """Start a Cassandra and count on it."""
    parser = argparse.ArgumentParser(description="Counts what a message costs on a CQL database.")
    parser.add_argument("--messages", type=int, default=1_000, help="of each load")
    parser.add_argument("--members", type=int, default=256, help="of the group")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = CassandraNode.alone(folder / "cassandra")
        database.start()
        try:
            database.wait()
            keyspace = Keyspace(database, "cost")
            for figure in run(measure(folder / "node", keyspace, arguments.members, arguments.messages, LOADS)):
                print(json.dumps(figure), flush=True)
            keyspace.close()
        finally:
            database.kill()


if __name__ == "__main__":
    main()
