"""A rolling restart under load: three nodes over CQL and Redis, each restarted in turn. Prints one JSON line.

How long devices are away is from the end of a stream to the Welcome of the next, on the device.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tidewire import Client, Connected, Disconnected, Message

from tests.support.cassandra import CassandraNode
from tests.support.cluster import Nodes
from tests.support.redis import RedisServer


@dataclass
class Seen:
    """What one device saw."""

    client: Client
    username: str
    away_s: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """For ever."""
        events = self.client.listen()
        gone = 0.0
        while True:
            match await events.get():
                case Disconnected():
                    gone = gone or time.monotonic()
                case Connected():
                    if gone:
                        self.away_s.append(time.monotonic() - gone)
                    gone = 0.0
                case Message() as message if not message.mine:
                    self.texts.append(message.text)


async def roll(folder: Path, cassandra: CassandraNode, pairs: int, interval_s: float) -> dict[str, object]:
    """`pairs` of people who write to one another every `interval_s`, each on any of three nodes, while all nodes are restarted."""
    redis = RedisServer(folder / "redis")
    await redis.start()
    nodes = Nodes(folder, redis, [cassandra.host], cassandra.port, "rolling")
    try:
        await nodes.start()
        return await _rolled(folder, nodes, pairs, interval_s)
    finally:
        await nodes.close()
        await redis.close()


async def _rolled(folder: Path, nodes: Nodes, pairs: int, interval_s: float) -> dict[str, object]:
    async with AsyncExitStack() as stack:
        seen: list[Seen] = []
        for number in range(2 * pairs):
            client = await stack.enter_async_context(Client.open(nodes.address, folder / f"{number}.db"))
            await client.register_username(f"somebody{number}")
            await client.caught_up()
            seen.append(Seen(client, f"somebody{number}"))
        watching = [asyncio.ensure_future(one.watch()) for one in seen]
        rolled = asyncio.Event()
        conversations = [await seen[n].client.direct(seen[n ^ 1].username) for n in range(2 * pairs)]
        written = await asyncio.gather(
            *(_write(seen[n], conversations[n], rolled, interval_s) for n in range(2 * pairs)), _restart(nodes, rolled)
        )
        async with asyncio.timeout(30):
            for number, texts in enumerate(written[:-1]):
                while len(seen[number ^ 1].texts) < len(texts):
                    await asyncio.sleep(0.05)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    away_ms = sorted(round(1000 * s) for one in seen for s in one.away_s)
    return {
        "figure": "rolling restart of three nodes",
        "devices": len(seen),
        "envelopes": sum(len(texts) for texts in written[:-1]),
        "lost_or_doubled": sum(seen[number ^ 1].texts != texts for number, texts in enumerate(written[:-1])),
        "reconnects": len(away_ms),
        "away_ms": {"p50": _at(away_ms, 0.5), "p99": _at(away_ms, 0.99), "max": away_ms[-1]},
    }


async def _restart(nodes: Nodes, rolled: asyncio.Event) -> list[str]:
    for node in nodes.all:
        assert await node.stop() == 0, node.log.read_text()[-2_000:]
        await node.start()
    rolled.set()
    return []


async def _write(one: Seen, conversation_id: str, rolled: asyncio.Event, interval_s: float) -> list[str]:
    texts: list[str] = []
    while not rolled.is_set():
        texts.append(f"{len(texts)}")
        await (await one.client.send(conversation_id, texts[-1]))
        await asyncio.sleep(interval_s)
    return texts


def _at(values: list[int], share: float) -> int:
    return values[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--interval", type=float, default=0.2, metavar="SECONDS")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cassandra = CassandraNode.alone(Path(name) / "cassandra")
        cassandra.start()
        try:
            cassandra.wait()
            print(json.dumps(asyncio.run(roll(Path(name), cassandra, arguments.pairs, arguments.interval))))
        finally:
            cassandra.kill()


if __name__ == "__main__":
    main()
