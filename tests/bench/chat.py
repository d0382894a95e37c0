"""Figures of a real node on this machine, per CPU-second of its process, one JSON line each. `make bench`.

The load comes from raw streams in this process, so that the SDK's own cost does not count. Every message is durable, delivered
and acked before it is counted. The limits on commands are raised, and the first line says so.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, account_pb2_grpc, chat_pb2, chat_pb2_grpc, group_pb2, group_pb2_grpc

from tests.support.node import Node

RAISED = {name: 10_000_000 for name in ("commands_per_s", "commands_burst", "address_commands_per_s", "address_commands_burst")}
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kib(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


class Device:
    """One raw stream."""

    def __init__(self, address: str, credentials: account_pb2.Credentials) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.account_id = credentials.account_id
        self.metadata = (("authorization", f"Bearer {credentials.access_token}"),)
        self.call = chat_pb2_grpc.ChatServiceStub(self.channel).Connect(metadata=self.metadata)
        self.seqs: dict[str, int] = {}

    async def hello(self) -> None:
        """Open the stream and wait for CaughtUp."""
        await self.call.write(chat_pb2.ConnectRequest(commands=[chat_pb2.Command(hello=chat_pb2.Hello(last=True))]))
        while not any(event.HasField("caught_up") for event in (await self.call.read()).events):
            pass

    async def send(self, conversation_id: str, count: int = 1) -> None:
        """Send texts of 200 bytes in one frame."""
        known = self.seqs.get(conversation_id, 0)
        frame = chat_pb2.ConnectRequest()
        for _ in range(count):
            send = frame.commands.add().send
            send.conversation_id, send.envelope_id, send.known_seq = conversation_id, new_envelope_id(), known
            send.body.text.text = "x" * 200
        await self.call.write(frame)

    async def take(self, ack_every: int = 32) -> tuple[int, int]:
        """Read a frame and ack what came: (results, envelopes)."""
        results = envelopes = 0
        for event in (await self.call.read()).events:
            which = event.WhichOneof("event")
            if which == "envelope":
                envelopes += 1
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


async def people(node: Node, count: int, prefix: str) -> list[Device]:
    """Register and connect."""
    channel = grpc.aio.insecure_channel(node.address)
    stub = account_pb2_grpc.AccountServiceStub(channel)
    made = []
    for number in range(count):
        request = account_pb2.RegisterUsernameRequest(username=f"{prefix}{number}")
        made.append(Device(node.address, (await stub.RegisterUsername(request)).credentials))
    await asyncio.gather(*(device.hello() for device in made))
    await channel.close()
    return made


async def pair(sender: Device, receiver: Device, window: int, count: int) -> None:
    """`count` messages from one to the other, at most `window` on their way."""
    conversation_id = "d:" + ":".join(sorted((sender.account_id, receiver.account_id)))
    sent = done = delivered = unacked = 0

    async def receive() -> None:
        nonlocal delivered, unacked
        while delivered < count:
            _, envelopes = await receiver.take()
            delivered += envelopes
            unacked += envelopes
            if unacked >= 32 or delivered == count or window == 1:
                unacked = 0
                await receiver.ack()

    async def push() -> None:
        nonlocal sent, done
        while done < count:
            room = min(window - (sent - done), count - sent)
            if room > 0:
                sent += room
                await sender.send(conversation_id, room)
            results, _ = await sender.take()
            done += results

    await asyncio.gather(push(), receive())


def line(**figures: object) -> None:
    """Print one figure."""
    print(json.dumps(figures), flush=True)


async def pairs(node: Node, devices: list[Device], window: int, count: int) -> None:
    """All pairs at once."""
    half = len(devices) // 2
    before, began = cpu_s(node.pid), time.perf_counter()
    await asyncio.gather(*(pair(devices[n], devices[half + n], window, count) for n in range(half)))
    used, wall = cpu_s(node.pid) - before, time.perf_counter() - began
    line(figure=f"{half} pairs, window {window}", per_cpu_s=round(half * count / used), per_s=round(half * count / wall))


async def group(node: Node, devices: list[Device], messages: int) -> None:
    """One group of everybody, one message at a time, acks held back."""
    stub = group_pb2_grpc.GroupServiceStub(devices[0].channel)
    request = group_pb2.CreateGroupRequest(
        change=group_pb2.ChangeId(envelope_id=new_envelope_id()), title="all", account_ids=[d.account_id for d in devices[1:]]
    )
    made = await stub.CreateGroup(request, metadata=devices[0].metadata)
    group_id = made.conversation_id

    async def until(device: Device, seq: int) -> None:
        while device.seqs.get(group_id, 0) < seq:
            await device.take()
        if seq % 16 == 0:
            await device.ack()

    await asyncio.gather(*(until(device, 1) for device in devices))
    before, began = cpu_s(node.pid), time.perf_counter()
    for seq in range(2, messages + 2):
        await devices[0].send(group_id)
        await asyncio.gather(*(until(device, seq) for device in devices))
    used, wall = cpu_s(node.pid) - before, time.perf_counter() - began
    deliveries = messages * (len(devices) - 1)
    line(figure=f"group of {len(devices)}", deliveries_per_cpu_s=round(deliveries / used), per_s=round(deliveries / wall))


async def main() -> None:
    """Run all."""
    line(note="limits on commands are raised; client and server share this machine's cores", cores=os.cpu_count())
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder), registrations_per_address_hour=1_000_000, **RAISED)
        await node.start()
        try:
            devices = await people(node, 100, "pair")
            await pairs(node, devices, 16, 400)
            await pairs(node, devices, 1, 40)
            before = resident_kib(node.pid)
            idle = await people(node, 256, "crowd")
            line(figure="memory per idle connected device", kib=round((resident_kib(node.pid) - before) / len(idle), 1))
            await group(node, idle, 64)
        finally:
            await node.stop()


if __name__ == "__main__":
    asyncio.run(main())
