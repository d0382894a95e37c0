"""Raw streams that load a server and measure it: the SDK's own cost does not count.

A message counts when it is durable (as far as the server makes it so), delivered and acked.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import chat_pb2, chat_pb2_grpc

TICKS = os.sysconf("SC_CLK_TCK")
TEXT = "x" * 200
HELD_BACK = 32
"""Envelopes that a device stores before it acks, as the SDK does."""


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kib(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


class Meter:
    """What a server used between two moments."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu, self._wall = cpu_s(pid), time.perf_counter()

    def rates(self, count: int) -> dict[str, int]:
        """`count` things, per CPU-second and per second, since this meter was made."""
        used, wall = cpu_s(self._pid) - self._cpu, time.perf_counter() - self._wall
        return {"per_cpu_s": round(count / max(used, 1 / TICKS)), "per_s": round(count / wall)}


class Device:
    """One raw stream of one account."""

    def __init__(self, address: str, account_id: str, token: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.account_id = account_id
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.call: Any = None
        self.seqs: dict[str, int] = {}

    async def hello(self) -> None:
        """Open the stream; what it brings is read by `take`."""
        self.call = chat_pb2_grpc.ChatServiceStub(self.channel).Connect(metadata=self.metadata)
        await self.call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=chat_pb2.Hello(last=True))]))

    async def ready(self) -> None:
        """Open the stream and wait for CaughtUp."""
        await self.hello()
        while not any(event.HasField("caught_up") for event in (await self.call.read()).events):
            pass

    async def send(self, conversation_id: str, envelope_ids: Sequence[str]) -> None:
        """Send texts of 200 bytes in one frame."""
        known = self.seqs.get(conversation_id, 0)
        frame = chat_pb2.ConnectRequest()
        for envelope_id in envelope_ids:
            send = frame.commands.add().send
            send.conversation_id, send.envelope_id, send.known_seq = conversation_id, envelope_id, known
            send.body.text.text = TEXT
        await self.call.write(frame)

    async def take(self) -> tuple[int, Sequence[str]]:
        """Read a frame: how many results, and the ids of the envelopes."""
        results = 0
        envelopes: list[str] = []
        for event in (await self.call.read()).events:
            which = event.WhichOneof("event")
            if which == "envelope":
                envelopes.append(event.envelope.header.envelope_id)
                self.seqs[event.envelope.conversation_id] = event.envelope.seq
            elif which == "send_result":
                assert event.send_result.HasField("sent"), event
                results += 1
                known = self.seqs.get(event.send_result.conversation_id, 0)
                self.seqs[event.send_result.conversation_id] = max(known, event.send_result.sent.seq)
        return results, envelopes

    async def ack(self) -> None:
        """Ack everything."""
        frame = chat_pb2.ConnectRequest()
        for conversation_id, seq in self.seqs.items():
            frame.commands.add().ack.CopyFrom(chat_pb2.Ack(conversation_id=conversation_id, up_to_seq=seq))
        await self.call.write(frame)

    async def close(self) -> None:
        """End the stream."""
        self.call.cancel()
        await self.channel.close()


def direct(one: Device, other: Device) -> str:
    """The conversation of two."""
    return "d:" + ":".join(sorted((one.account_id, other.account_id)))


def halves(devices: Sequence[Device]) -> Iterable[tuple[Device, Device]]:
    """Pairs of a sender and a receiver."""
    return zip(devices[: len(devices) // 2], devices[len(devices) // 2 :], strict=True)


async def receive(device: Device, count: int, every: int) -> None:
    """Take `count` envelopes, acking every so many."""
    delivered = unacked = 0
    while delivered < count:
        came = len((await device.take())[1])
        delivered, unacked = delivered + came, unacked + came
        if unacked >= every or delivered == count:
            unacked = 0
            await device.ack()


async def push(device: Device, conversation_id: str, window: int, count: int) -> None:
    """Send `count` messages, at most `window` on their way to the log."""
    sent = done = 0
    while done < count:
        room = min(window - (sent - done), count - sent)
        if room > 0:
            sent += room
            await device.send(conversation_id, [new_envelope_id() for _ in range(room)])
        done += (await device.take())[0]


async def pairs(devices: Sequence[Device], window: int, count: int) -> None:
    """All pairs at once, `count` messages each."""
    every = 1 if window == 1 else HELD_BACK
    work = [(push(a, direct(a, b), window, count), receive(b, count, every)) for a, b in halves(devices)]
    await asyncio.gather(*(half for pair in work for half in pair))


async def group(devices: Sequence[Device], group_id: str, messages: int) -> None:
    """One message at a time from the first to all the others; acks held back."""

    async def until(device: Device, seq: int) -> None:
        while device.seqs.get(group_id, 0) < seq:
            await device.take()
        if seq % HELD_BACK == 0:
            await device.ack()

    first = devices[0].seqs[group_id] = max(device.seqs.get(group_id, 0) for device in devices)
    for seq in range(first + 1, first + messages + 1):
        await devices[0].send(group_id, [new_envelope_id()])
        await asyncio.gather(*(until(device, seq) for device in devices))


async def latencies(devices: Sequence[Device], per_s: int, seconds: int) -> list[float]:
    """Milliseconds from the moment a message was due to be sent until the other device has it, with `per_s` spread evenly.

    The clock starts at the planned moment, so that a stall counts for every message that it holds up.
    """
    clock = time.perf_counter  # the loop's own counts whole milliseconds
    due: dict[str, float] = {}
    out: list[float] = []
    couples = list(halves(devices))
    count = per_s * seconds // len(couples)

    async def hear(device: Device) -> None:
        heard = 0
        while heard < count:
            ids = (await device.take())[1]
            now = clock()
            out.extend(1000 * (now - due[envelope_id]) for envelope_id in ids)
            heard += len(ids)
            if ids:
                await device.ack()

    async def answers(device: Device) -> None:
        done = 0
        while done < count:
            done += (await device.take())[0]

    async def say(number: int, sender: Device, receiver: Device) -> None:
        for turn in range(count):
            at = began + (turn * len(couples) + number) / per_s
            await asyncio.sleep(max(0.0, at - clock()))
            envelope_id = new_envelope_id()
            due[envelope_id] = at
            await sender.send(direct(sender, receiver), [envelope_id])

    began = clock() + 0.2
    async with asyncio.TaskGroup() as tasks:
        for number, (sender, receiver) in enumerate(couples):
            tasks.create_task(say(number, sender, receiver))
            tasks.create_task(answers(sender))
            tasks.create_task(hear(receiver))
    return sorted(out)
