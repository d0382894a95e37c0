"""`tidewire-load` over a cluster: three nodes, Redis and a CQL database. Prints one JSON line for each pattern; the reports go to --out.

Besides the command's own patterns there is `drain`: steady, and half way one node is told to stop (SIGTERM) and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.chat import RAISED
from tests.support.cassandra import CassandraNode, Ring
from tests.support.cluster import Nodes
from tests.support.redis import RedisServer

PATTERNS = ("steady", "storm", "huge-group", "drain")
SHOWN = ("sent", "delivered", "latency_ms", "caught_up_again_s", "throttled", "server", "errors")


async def run(folder: Path, contact_points: Sequence[str], port: int, given: argparse.Namespace) -> int:
    """Every pattern, one after the other; the worst exit code."""
    redis = RedisServer(folder / "redis")
    await redis.start()
    nodes = Nodes(folder, redis, contact_points, port, "load", **RAISED)
    try:
        await nodes.start()
        return max([await _pattern(nodes, pattern, given) for pattern in given.patterns])
    finally:
        await nodes.close()
        await redis.close()


async def _pattern(nodes: Nodes, pattern: str, given: argparse.Namespace) -> int:
    out = given.out / pattern
    options: dict[str, object] = {
        "--server": nodes.address,
        "--metrics": ",".join(f"127.0.0.1:{node.http_port}" for node in nodes.all),
        "--accounts": given.group if pattern == "huge-group" else given.accounts,
        "--rate": given.group_rate if pattern == "huge-group" else given.rate,
        "--pattern": "steady" if pattern == "drain" else pattern,
        "--seconds": given.seconds,
        "--processes": given.processes,
        "--settle": 120,
        "--out": out,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidewire.load"),
        *(str(word) for option in options.items() for word in option),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    drained = None
    while line := (await process.stderr.readline()).decode():
        print(line, end="", file=sys.stderr)
        words = line.split()
        if drained is None and pattern == "drain" and words[0] == "sending:" and 2 * int(words[1]) >= given.seconds:
            drained = asyncio.ensure_future(_drain(nodes))
    code = await process.wait()
    if drained is not None:
        await drained
    print(json.dumps({"pattern": pattern, "exit": code, **_shown(out / "report.json")}), flush=True)
    return code


def _shown(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    told = json.loads(path.read_text())
    return {"devices": told["plan"]["accounts"], "seconds": told["plan"]["seconds"], **{name: told[name] for name in SHOWN}}


async def _drain(nodes: Nodes) -> None:
    node = nodes.all[0]
    code = await node.stop()
    assert code == 0, node.log.read_text()[-2_000:]
    await node.start()


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=PATTERNS, metavar="PATTERN", help=", ".join(PATTERNS))
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--group", type=int, default=256, help="accounts, and members, of the huge group")
    parser.add_argument("--group-rate", type=float, default=2)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--database", type=int, choices=(1, 3), default=1, help="nodes of Cassandra")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    given = parser.parse_args()
    if wrong := set(given.patterns) - set(PATTERNS):
        parser.error(f"there is no pattern {', '.join(sorted(wrong))}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Ring(folder / "ring") if given.database == 3 else CassandraNode.alone(folder / "cassandra")
        database.start()
        try:
            if isinstance(database, Ring):
                return asyncio.run(run(folder, database.contact_points, database.port, given))
            database.wait()
            return asyncio.run(run(folder, [database.host], database.port, given))
        finally:
            if isinstance(database, Ring):
                database.close()
            else:
                database.kill()


if __name__ == "__main__":
    sys.exit(main())
