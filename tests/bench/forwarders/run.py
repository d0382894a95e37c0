"""One measurement: rooms are filled, then media flows for a while."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.forwarders import figures, watch
from tests.bench.forwarders.driver import Driver
from tests.bench.forwarders.servers import Seat, Server


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        rooms, parties: so many rooms of so many.
        seconds: that are measured, after `warm_s` that are not.
        core: of the server.
    """

    rooms: int
    parties: int
    seconds: float
    warm_s: float
    core: int

    @property
    def people(self) -> int:
        """In all."""
        return self.rooms * self.parties

    @property
    def flows(self) -> int:
        """That come out: of everybody, to everybody in the room, sound and pictures."""
        return self.rooms * self.parties * (self.parties - 1) * 2


async def filled(server: Server, plan: Plan) -> list[Seat]:
    """Everybody has joined, one after the other, as fast as it goes; nothing is sent yet."""
    seats: list[Seat] = []
    for room in range(plan.rooms):
        seats += await server.seats(plan.parties, room * plan.parties, ())
    return seats


async def entered(seats: Sequence[Seat], plan: Plan) -> None:
    """They join, and each has the others' streams described."""
    for seat in seats:
        await seat.join()
    await asyncio.gather(*(seat.complete((plan.parties - 1) * 2) for seat in seats))


async def measured(server: Server, plan: Plan) -> dict[str, Any]:
    """A row: joins, memory, and media."""
    await server.start(plan.core)
    try:
        return await _measured(server, plan)
    finally:
        await server.close()


async def _measured(server: Server, plan: Plan) -> dict[str, Any]:
    row: dict[str, Any] = {"server": server.name, "rooms": plan.rooms, "parties": plan.parties}
    before_ms = watch.calibration_ms()
    empty = watch.resident_bytes(server.pid)
    seats = await filled(server, plan)
    driver = Driver()
    try:
        began, used_s = time.monotonic(), watch.ever_cpu_s(server.pid)
        await entered(seats, plan)
        used_s = watch.ever_cpu_s(server.pid) - used_s
        row |= {
            "join_cpu_ms": round(used_s * 1e3 / plan.people, 1),
            "join_wall_ms": round((time.monotonic() - began) * 1e3 / plan.people, 1),
        }
        # A collection would hold the load up, and what it then sends at once would wait in the server.
        gc.collect()
        gc.disable()
        driver.start()
        for seat in seats:
            driver.add(seat.party)
        await _flowing(driver, plan)
        row |= await _window(server, driver, plan)
        row["resident_mb"] = round(watch.resident_bytes(server.pid) / 1e6, 1)
        row["resident_kb_per_party"] = round((watch.resident_bytes(server.pid) - empty) / 1e3 / plan.people, 1)
        row["threads"] = watch.threads(server.pid)
    finally:
        driver.stop()
        gc.enable()
        await asyncio.gather(*(seat.leave() for seat in seats), return_exceptions=True)
    row["calibration_ms"] = [round(before_ms, 2), round(watch.calibration_ms(), 2)]
    row["faults"] = figures.faults(row)
    return row


async def _flowing(driver: Driver, plan: Plan) -> None:
    """Until all flows are there, or 20 s."""
    began = time.monotonic()
    while driver.flows() < plan.flows and time.monotonic() - began < 20:
        await asyncio.sleep(0.1)
    await asyncio.sleep(plan.warm_s)


async def _window(server: Server, driver: Driver, plan: Plan) -> dict[str, Any]:
    drops = watch.dropped(server.pid), watch.dropped(os.getpid())
    driver.record(True)
    sent, stopwatch = driver.sent, watch.Stopwatch(server.pid, plan.core)
    await asyncio.sleep(plan.seconds)
    used, sent = stopwatch.used(), driver.sent - sent
    await asyncio.sleep(0.05)  # what has arrived by then is read
    driver.record(False)
    after = watch.dropped(server.pid), watch.dropped(os.getpid())
    rows = driver.rows()
    seen = figures.flows(rows[(rows["ns"] >= used.began_ns) & (rows["ns"] < used.ended_ns)], used.seconds)
    late = figures.delays_ms(driver.late_ns)
    return {
        "cpu_us_per_packet": round(used.server * used.seconds * 1e6 / max(1, seen.packets), 2),
        "core": round(used.server, 3),
        "packets_in_per_s": round(sent / used.seconds),
        "packets_out_per_s": round(seen.packets / used.seconds),
        "flows": seen.seen,
        "flows_wanted": plan.flows,
        "lost": seen.lost,
        "delivered": round(seen.packets / max(1, sent * (plan.parties - 1)), 4),
        "fps_median": round(seen.fps_median, 1),
        "fps_min": round(seen.fps_min, 1),
        "audio_ms": figures.delays_ms(driver.delays[False]),
        "video_ms": figures.delays_ms(driver.delays[True]),
        "proved": sum(map(len, driver.delays.values())),
        "wrong": sum(driver.wrong.values()),
        "server_drops": after[0] - drops[0],
        "load_drops": after[1] - drops[1],
        "load_core": round(used.load, 3),
        "load_late_ms": late,
        "other_on_core": round(used.other_on_core, 3),
        "other": round(used.other, 3),
    }
