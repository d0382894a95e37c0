"""The bridge to scylla-driver beside acsylla, a driver in C++: `python -m tests.bench.cql`. Install acsylla by hand; nothing else needs it.

Both write the same rows to the same Cassandra from one event loop, in turns, plain and with a condition. What counts is the ratio of
one run: requests a second, and CPU of this process per request.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import acsylla  # type: ignore[import-not-found]

from server.adapters.cql.opening import open_cql
from server.adapters.cql.session import Bound, Kind, Statement
from server.kit.loops import run
from server.kit.system import SystemClock
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.keyspaces import Keyspace

PLAIN = "INSERT INTO bench (id, body) VALUES (?, ?)"
CONDITIONAL = PLAIN + " IF NOT EXISTS"
BODY = b"x" * 200
COUNT, WIDTH, ROUNDS = 3_000, 64, 3

Ask = Callable[[str, int], Awaitable[object]]


async def measured(ask: Ask, first: int) -> tuple[float, float]:
    """Requests a second, and µs of CPU per request."""
    ids = iter(range(first, first + COUNT))

    async def one() -> None:
        for number in ids:
            await ask(str(number), number)

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(one() for _ in range(WIDTH)))
    return COUNT / (time.monotonic() - began), 1e6 * (time.process_time() - cpu) / COUNT


async def compare(keyspace: Keyspace) -> None:
    """Print one line of JSON per kind of write."""
    stores = await open_cql(keyspace.settings, SystemClock(), retention_s=60)
    plain, conditional = Statement(PLAIN, Kind.WRITE), Statement(CONDITIONAL, Kind.CONDITIONAL)
    await stores.cql.prepare([plain, conditional])
    cluster = acsylla.create_cluster(
        [keyspace.node.host],
        keyspace.node.port,
        protocol_version=4,
        consistency="LOCAL_QUORUM",
        serial_consistency="LOCAL_SERIAL",
    )
    other = await cluster.create_session(keyspace="bench")
    prepared = {text: await other.create_prepared(text) for text in (PLAIN, CONDITIONAL)}

    def native(text: str) -> Ask:
        async def ask(key: str, number: int) -> object:
            statement = prepared[text].bind()
            statement.bind_list([key, BODY])
            return await other.execute(statement)

        return ask

    asks: dict[str, dict[str, Ask]] = {
        "plain": {"bridge": lambda key, _: stores.cql.write(plain, key, BODY), "acsylla": native(PLAIN)},
        "conditional": {
            "bridge": lambda key, _: stores.cql.conditional(Bound(conditional, (key, BODY))),
            "acsylla": native(CONDITIONAL),
        },
    }
    first = 0
    for kind, drivers in asks.items():
        best: dict[str, tuple[float, float]] = {}
        for _ in range(ROUNDS):
            for name, ask in drivers.items():
                first += COUNT
                best[name] = max(best.get(name, (0.0, 0.0)), await measured(ask, first))
        report(kind, best)
    await other.close()
    await stores.close()


def report(kind: str, best: dict[str, tuple[float, float]]) -> None:
    """One line of JSON."""
    (rate, cpu), (native_rate, native_cpu) = best["bridge"], best["acsylla"]
    figures = {"bridge_per_s": round(rate), "acsylla_per_s": round(native_rate), "rate_ratio": round(rate / native_rate, 2)}
    print(json.dumps({"write": kind, **figures, "bridge_cpu_us": round(cpu), "acsylla_cpu_us": round(native_cpu)}))


def main() -> None:
    """Start a Cassandra and compare on it."""
    with tempfile.TemporaryDirectory() as folder:
        node = CassandraNode.alone(Path(folder))
        node.start()
        try:
            node.wait()
            keyspace = Keyspace(node, "bench")
            keyspace.session.execute("CREATE TABLE bench (id text PRIMARY KEY, body blob)")
            run(compare(keyspace))
            keyspace.close()
        finally:
            node.kill()


if __name__ == "__main__":
    main()
