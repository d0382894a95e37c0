"""`python -m tests.bench.forwarders.soak [minutes [address]]`: people join calls, talk and leave, all the time, and the process is watched.

Once a minute it prints descriptors, threads, resident memory and what of calls is left; between rounds everybody has left, so what is then
there is what stays. At the end a verdict: the last quarter is held beside the second one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.bench.forwarders import watch
from tests.bench.forwarders.__main__ import own_address
from tests.bench.forwarders.driver import Driver
from tests.bench.forwarders.legs import stay_on
from tests.bench.forwarders.ours import Ours
from tests.bench.forwarders.servers import Server

ROOMS, PARTIES, TALK_S = 3, 4, 2.0
PRINT_S = 60.0
DESCRIPTORS_MORE_MAX = 8
THREADS_MORE_MAX = 2
RESIDENT_MORE_MAX = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What the process has while nobody is in a call."""

    minute: float
    joins: int
    descriptors: int
    threads: int
    resident_mb: float
    flows_missing: int


async def visit(server: Server, first: int) -> tuple[int, int]:
    """A room fills, talks, and empties. Returns how many joined, and how many flows never came."""
    seats = await server.seats(PARTIES, first, ())
    driver = Driver()
    try:
        for seat in seats:
            await seat.join()
        await asyncio.gather(*(seat.complete((PARTIES - 1) * 2) for seat in seats))
        driver.start()
        for seat in seats:
            driver.add(seat.party)
        await asyncio.sleep(TALK_S)
        return len(seats), PARTIES * (PARTIES - 1) * 2 - driver.flows()
    finally:
        driver.stop()
        for seat in seats:
            await seat.leave()


def verdict(looks: list[Look]) -> list[str]:
    """What grows, of the median of the last quarter beside that of the second; empty: nothing does."""
    quarter = max(1, len(looks) // 4)
    before, after = looks[quarter : 2 * quarter] or looks[:1], looks[-quarter:]

    def both(name: str) -> tuple[float, float]:
        return median(getattr(one, name) for one in before), median(getattr(one, name) for one in after)

    found = []
    for name, more in (("descriptors", DESCRIPTORS_MORE_MAX), ("threads", THREADS_MORE_MAX)):
        was, now = both(name)
        if now - was > more:
            found.append(f"{name}: {was:.0f}, then {now:.0f}")
    was, now = both("resident_mb")
    if now > was * (1 + RESIDENT_MORE_MAX):
        found.append(f"resident memory: {was:.1f} MB, then {now:.1f} MB")
    missing = sum(one.flows_missing for one in looks)
    if missing:
        found.append(f"{missing} flows never came")
    return found


async def soak(server: Server, minutes: float, core: int) -> list[Look]:
    """Rounds, until the time is over."""
    looks: list[Look] = []
    await server.start(core)
    joins = missing = 0
    began = printed = time.monotonic()
    try:
        while time.monotonic() - began < minutes * 60:
            for joined, lacking in await asyncio.gather(*(visit(server, room * PARTIES) for room in range(ROOMS))):
                joins, missing = joins + joined, missing + lacking
            gc.collect()  # connections of devices that are gone end with their objects
            minute = round((time.monotonic() - began) / 60, 2)
            resident_mb = round(watch.resident_bytes(server.pid) / 1e6, 1)
            looks.append(Look(minute, joins, watch.descriptors(server.pid), watch.threads(server.pid), resident_mb, missing))
            missing = 0
            if time.monotonic() - printed >= PRINT_S or len(looks) == 1:
                printed = time.monotonic()
                print(json.dumps(asdict(looks[-1])), flush=True)
    finally:
        await server.close()
    return looks


async def main(minutes: float, address: str) -> int:
    """Exit code 1: something grows."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:] or cores))
    stay_on(address)
    with tempfile.TemporaryDirectory() as name:
        server = Ours(Path(name), address)
        try:
            looks = await soak(server, minutes, cores[0])
        finally:
            await server.end()
    print(json.dumps(asdict(looks[-1])))
    grows = verdict(looks)
    print(json.dumps({"verdict": "grows" if grows else "flat", "why": grows, "joins": looks[-1].joins}))
    return 1 if grows else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(asyncio.run(main(float(given[0]) if given else 30.0, given[1] if len(given) > 1 else own_address())))
