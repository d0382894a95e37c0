"""`python -m tests.bench.forwarders.hot_path [--fan-out=compiled] [parties]`: what a packet costs in the forwarding unit, without the system.

Real legs, keys and packets, one thread: packets of a full room are given to the unit as if they had been read, and what it would send is
dropped. Runs hot, which the same code in a process that is woken for every packet is not: for the difference between two versions of it, not
for its cost in use. Then: what reading costs, for datagrams that wait on a real socket, with `recvmmsg` and one by one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from calls.adapters.buffers import Memory, buffers
from calls.adapters.mmsg import BatchedDatagrams, library
from calls.adapters.sendto import SingleDatagrams
from calls.adapters.udp import opened, packed
from calls.domain.limits import ForwarderLimits
from calls.domain.tracks import Source
from tests.calls.rooms import Camera, Microphone, Room, a_room
from tests.calls.scripted import until

LIMITS = ForwarderLimits(
    participants_max=64,
    video_senders_max=64,
    audio_last_n=64,
    video_last_n=64,
    load_call_max=100,
    load_join_max=100,
    load_video_max=100,
    egress_bps_max=10**12,
)
PACKETS, BURST, TURNS = 2_000, 4, 5
OPUS, PICTURE = b"\x78" + bytes(79), bytes(860)
BOTH: dict[Source, tuple[str, ...]] = {Source.MICROPHONE: (), Source.CAMERA: ()}


class Given:
    """Stands in for reading and sending."""

    def __init__(self, datagrams: Any) -> None:
        self._datagrams = datagrams
        self._buffers = buffers(BURST)
        self._packets: list[tuple[bytes, bytes]] = []
        self.sent = 0
        datagrams.burst, datagrams.flush = self.burst, self.flush

    def give(self, packets: list[tuple[bytes, bytes]]) -> None:
        """To be read next."""
        self._packets = packets[::-1]

    @property
    def left(self) -> bool:
        """Something was not read yet."""
        return bool(self._packets)

    def burst(self) -> Iterator[tuple[Memory, int, bytes]]:
        """As `Datagrams` has it."""
        for buffer in self._buffers[: len(self._packets)]:
            data, address = self._packets.pop()
            buffer.memory[: len(data)] = data
            yield buffer, len(data), address

    def flush(self) -> None:
        """Drop the batch."""
        self.sent += self._datagrams.taken
        self._datagrams.taken = 0


async def full(room: Room, parties: int) -> list[tuple[Microphone, Camera]]:
    """Everybody is in and gets everybody."""
    people = [await room.joined(f"p{number}", BOTH) for number in range(parties)]
    await until(lambda: all(one.offers and len(one.offers[-1].tracks) == 2 * (parties - 1) for one in people))
    await until(lambda: all(one.answers == len(one.offers) for one in people))
    sends = [(Microphone(one.up, 1_000 + n, "0"), Camera(one.up, 2_000 + n, "1")) for n, one in enumerate(people)]

    def flows() -> bool:
        for microphone, camera in sends:
            microphone.speak(OPUS)
            camera.show(keyframe=True, rest=PICTURE)
        return all(len({got.ssrc for got in one.down.media}) == 2 * (parties - 1) for one in people)

    await until(flows)
    return sends


async def handled(parties: int, fan_out: str) -> dict[str, Any]:
    """Of packets as they come: 50 of sound for 70 of pictures."""
    async with a_room(LIMITS, fan_out=fan_out) as room:
        sends = await full(room, parties)
        unit: Any = room.unit
        asyncio.get_running_loop().remove_reader(unit.mux._datagrams._udp)
        given, took = Given(unit.mux._datagrams), []
        gc.collect()
        gc.disable()
        for _ in range(TURNS):
            packets = []
            for number in range(PACKETS):
                microphone, camera = sends[number % parties]
                sound = number // parties % 12 < 5
                packet = microphone.packet(OPUS) if sound else camera.packet(rest=PICTURE)
                wire = microphone.wire
                assert wire.outside is not None
                packets.append((wire.outside.protect(packet), packed(wire.socket.getsockname())))
            given.give(packets)
            given.sent, began = 0, time.thread_time()
            while given.left:
                unit.mux.readable()
            took.append(time.thread_time() - began)
        gc.enable()
        one = median(took) / PACKETS * 1e6
        return {
            "figure": "handling, µs per packet in",
            "fan_out": fan_out,
            "parties": parties,
            "to_each": given.sent / PACKETS,
            "us": round(one, 1),
        }


def read(batched: bool, waiting: int) -> dict[str, Any]:
    """Of so many datagrams that wait."""
    loaded = library() if batched else None
    udp = opened("127.0.0.1", 0, 1_048_576, 1_048_576)
    datagrams: Any = BatchedDatagrams(udp, loaded) if loaded is not None else SingleDatagrams(udp)
    took = []
    with udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(500):
            for _ in range(waiting):
                sender.sendto(PICTURE, ("127.0.0.1", datagrams.port))
            began = time.thread_time_ns()
            count = sum(1 for _ in datagrams.burst())
            took.append((time.thread_time_ns() - began) / count)
    how = "recvmmsg" if batched else "one by one"
    return {"figure": f"reading {how}, µs per packet", "waiting": waiting, "us": round(median(took) / 1e3, 1)}


if __name__ == "__main__":
    how = "compiled" if "--fan-out=compiled" in sys.argv else "python"
    for parties in [int(word) for word in sys.argv[1:] if word.isdigit()] or [2, 4, 8, 24]:
        print(json.dumps(asyncio.run(handled(parties, how))), flush=True)
    for waiting in (1, 4, 16):
        for batched in (True, False):
            print(json.dumps(read(batched, waiting)), flush=True)
