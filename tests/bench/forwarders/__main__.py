"""`python -m tests.bench.forwarders`: ours and Janus, the same load, in turns. One JSON line per run, then one per figure."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.forwarders.janus import Janus
from tests.bench.forwarders.legs import stay_on
from tests.bench.forwarders.medians import lines, shapes
from tests.bench.forwarders.ours import Ours, OursCompiled
from tests.bench.forwarders.run import Plan, measured

OTHER_MAX = 0.15
"""Cores that others use on the server's core: a run with more is done again, `--tries` times at most."""
LATE_P99_MAX_MS = 20.0


def own_address() -> str:
    """An address of this machine that is not of loopback: Janus takes none of loopback, and both get the same. Nothing leaves the machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forwarders", description=__doc__)
    parser.add_argument("--servers", default="tidewire,tidewire-compiled,janus")
    parser.add_argument("--shapes", default="1x4,1x8,1x16,1x24,1x32,16x4", help="rooms x parties")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--warm", type=float, default=3.0)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--tries", type=int, default=2)
    parser.add_argument("--address", default="", help="for media; default: this machine's own, not of loopback")
    parser.add_argument("--out", type=Path, help="appends the rows of runs here, too")
    return parser.parse_args(arguments)


def disturbed(row: dict[str, Any]) -> list[str]:
    """By what else ran here."""
    found = []
    if row["other_on_core"] > OTHER_MAX:
        found.append(f"others used {row['other_on_core']:.2f} of the server's core")
    if row["load_late_ms"][1] > LATE_P99_MAX_MS:
        found.append(f"the load was {row['load_late_ms'][1]:.0f} ms late")
    if row["load_drops"]:
        found.append(f"the load lost {row['load_drops']}")
    return found


async def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All runs, in turns."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:] or cores))
    stay_on(options.address or own_address())
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        servers = {
            made.name: made
            for made in (
                kind(Path(name), options.address or own_address())
                for kind in (Ours, OursCompiled, Janus)
                if kind.name in options.servers.split(",")
            )
        }
        try:
            for shape in options.shapes.split(","):
                rooms, parties = map(int, shape.split("x"))
                plan = Plan(rooms, parties, options.seconds, options.warm, cores[0])
                for repetition in range(options.repetitions):
                    for server in servers.values():
                        for _ in range(options.tries):
                            row = await measured(server, plan) | {"repetition": repetition}
                            row["disturbed"] = disturbed(row)
                            said = json.dumps(row)
                            print(said, flush=True)
                            if options.out is not None:
                                with options.out.open("a") as out:
                                    out.write(said + "\n")
                            if not row["disturbed"]:
                                break
                        rows.append(row)
        finally:
            for server in servers.values():
                await server.end()
    return rows


def main() -> None:
    """Run, and print figures."""
    for line in lines(shapes(asyncio.run(run(parsed(sys.argv[1:]))))):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
