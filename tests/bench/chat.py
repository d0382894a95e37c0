"""Figures of a real node on this machine, per CPU-second of its process, one JSON line each. `make bench`.

Every load runs against the node and then against a bare grpc.aio stream with the same frames (`tests/bench/bare.py`): the
transport's limit on this machine at this moment, which both share with the client. `of_bare` is the ratio of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, account_pb2_grpc, group_pb2, group_pb2_grpc

from server.kit.loops import run
from tests.bench import load
from tests.bench.bare import GROUP
from tests.bench.load import Device, Meter
from tests.support.node import Node

RAISED = {
    **{name: 10_000_000 for name in ("commands_per_s", "commands_burst", "address_commands_per_s", "address_commands_burst")},
    "registrations_per_address_hour": 1_000_000,
}
PAIRS, CROWD, AWAY, IDLE = 50, 256, 100, 1_000


def line(**figures: object) -> None:
    """Print one figure."""
    print(json.dumps(figures), flush=True)


class Tidewire:
    """The node as what is measured."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.pid = node.pid

    async def people(self, count: int, prefix: str) -> list[Device]:
        """So many accounts with a stream each."""
        async with grpc.aio.insecure_channel(self._node.address) as channel:
            stub = account_pb2_grpc.AccountServiceStub(channel)
            made = []
            for number in range(count):
                request = account_pb2.RegisterUsernameRequest(username=f"{prefix}{number}")
                credentials = (await stub.RegisterUsername(request)).credentials
                made.append(Device(self._node.address, credentials.account_id, credentials.access_token))
        await asyncio.gather(*(device.ready() for device in made))
        return made

    async def group(self, devices: Sequence[Device]) -> str:
        """A group of all of them, which they all know."""
        request = group_pb2.CreateGroupRequest(
            change=group_pb2.ChangeId(envelope_id=new_envelope_id()), title="all", account_ids=[d.account_id for d in devices[1:]]
        )
        made = await group_pb2_grpc.GroupServiceStub(devices[0].channel).CreateGroup(request, metadata=devices[0].metadata)
        group_id = str(made.conversation_id)

        async def knows(device: Device) -> None:
            while group_id not in device.seqs:
                await device.take()

        await asyncio.gather(*(knows(device) for device in devices))
        return group_id


class Bare:
    """The bare stream as what is measured."""

    def __init__(self, pid: int, address: str) -> None:
        self.pid = pid
        self._address = address

    async def people(self, count: int, prefix: str) -> list[Device]:
        """So many streams; whoever says a name is that account."""
        made = [Device(self._address, f"{prefix}{number}", f"{prefix}{number}") for number in range(count)]
        await asyncio.gather(*(device.ready() for device in made))
        return made

    async def group(self, devices: Sequence[Device]) -> str:
        """The one group that there is: everybody connected."""
        return GROUP


Target = Tidewire | Bare


@asynccontextmanager
async def tidewire(folder: Path) -> AsyncIterator[Tidewire]:
    """A node with raised rate limits."""
    node = Node(folder, **RAISED)
    await node.start()
    try:
        yield Tidewire(node)
    finally:
        await node.stop()


@asynccontextmanager
async def bare() -> AsyncIterator[Bare]:
    """The bare server."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.bare", stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Bare(process.pid, f"127.0.0.1:{int(await process.stdout.readline())}")
    finally:
        process.kill()
        await process.wait()


async def window(target: Target, size: int, count: int) -> dict[str, float]:
    """All pairs at once at one window."""
    devices = await target.people(2 * PAIRS, f"w{size}.{new_envelope_id()[-6:]}.")
    await load.pairs(devices, size, count // 4)  # the first time costs more
    meter = Meter(target.pid)
    await load.pairs(devices, size, count)
    figures = meter.rates(PAIRS * count)
    await _leave(devices)
    return {**figures}


async def crowd(target: Target, messages: int) -> dict[str, float]:
    """One group, all online."""
    devices = await target.people(CROWD, f"crowd.{new_envelope_id()[-6:]}.")
    group_id = await target.group(devices)
    await load.group(devices, group_id, messages // 4)
    meter = Meter(target.pid)
    await load.group(devices, group_id, messages)
    figures = meter.rates(messages * (CROWD - 1))
    await _leave(devices)
    return {**figures}


async def idle(target: Target, count: int) -> dict[str, float]:
    """What a connected device costs in memory that does nothing."""
    before = load.resident_kib(target.pid)
    devices = await target.people(count, "idle")
    kib = (load.resident_kib(target.pid) - before) / count
    await _leave(devices)
    return {"idle_kib": round(kib, 1)}


async def latency(target: Target, per_s: int, seconds: int) -> dict[str, float]:
    """From sending to the other device, at a modest steady load."""
    devices = await target.people(2 * PAIRS, "calm")
    await load.latencies(devices, per_s, 2)
    took = await load.latencies(devices, per_s, seconds)
    await _leave(devices)
    return {f"p{share}_ms": round(took[len(took) * share // 100], 2) for share in (50, 95, 99)}


async def catch_up(target: Target, missed: int) -> dict[str, float]:
    """Devices that come back, each to a direct conversation of its own with so many envelopes that it lacks."""
    senders = await target.people(AWAY, "writer")
    receivers = await target.people(AWAY, "away")
    for device in receivers:
        await device.close()
    work = [load.push(a, load.direct(a, b), 16, missed) for a, b in zip(senders, receivers, strict=True)]
    await asyncio.gather(*work)
    await _leave(senders)
    back = [Device(target._node.address, d.account_id, d.metadata[0][1].removeprefix("Bearer ")) for d in receivers]  # type: ignore[union-attr]
    meter = Meter(target.pid)
    await asyncio.gather(*(device.hello() for device in back))
    await asyncio.gather(*(load.receive(device, missed, load.HELD_BACK) for device in back))
    figures = meter.rates(AWAY * missed)
    await _leave(back)
    return {**figures}


async def _leave(devices: Sequence[Device]) -> None:
    await asyncio.gather(*(device.close() for device in devices))


def rows(folder: Path) -> int:
    """Rows of the log."""
    with sqlite3.connect(f"file:{folder}/tidewire.db?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


def beside(name: str, node: dict[str, float], limit: dict[str, float], **more: object) -> None:
    """A figure beside the bare stream's."""
    key = next(key for key in ("per_cpu_s", "p50_ms", "idle_kib") if key in node)
    line(figure=name, **node, bare=limit, of_bare=round(node[key] / limit[key], 2), **more)


async def main(scale: float) -> None:
    """Run all; `scale` shortens or lengthens the loads."""
    line(note="limits on commands are raised; client and servers share this machine's cores", cores=os.cpu_count())

    def times(count: int) -> int:
        return max(4, round(count * scale))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with tidewire(folder) as node, bare() as limit:
            # first of all, so that no memory of an earlier load is used again
            beside(
                "resident memory per idle device", await idle(node, times(IDLE)), await idle(limit, times(IDLE)), asked_at_most=60
            )
            before, messages = rows(folder), times(128)
            of_node = await crowd(node, messages)
            written = (rows(folder) - before - 1) / (messages + messages // 4)  # one row made the group
            beside(f"group of {CROWD}, deliveries", of_node, await crowd(limit, messages), asked=15_000, rows_per_message=written)
            beside(
                f"{PAIRS} pairs, window 16", await window(node, 16, times(800)), await window(limit, 16, times(800)), asked=10_000
            )
            beside(f"{PAIRS} pairs, window 1", await window(node, 1, times(100)), await window(limit, 1, times(100)), asked=2_500)
            seconds = max(2, round(10 * scale))
            beside(
                "latency at 200 msg/s", await latency(node, 200, seconds), await latency(limit, 200, seconds), asked="3 / 15 ms"
            )
            line(figure=f"catch-up of {AWAY} devices", missed=times(1000), **await catch_up(node, times(1000)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures a node on this machine.")
    parser.add_argument("--scale", type=float, default=1.0, help="shorter or longer loads")
    run(main(parser.parse_args().scale))
