"""Our side: a node, and `python -m calls` as an operator starts it, its caps raised to what the bench asks for."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidewire.v1 import call_pb2

from tests.bench.forwarders.party import Party, Through
from tests.bench.forwarders.servers import on_core
from tests.support.calls_world import SCOPES, Device, people
from tests.support.media import service_token
from tests.support.node import Node, free_port

CAPS = {
    "participants_max": 64,
    "group_audio_max": 64,
    "group_video_max": 64,
    "frame_bytes_max": 1_048_576,
    "video_senders_max": 64,
    "audio_last_n": 64,
    "video_last_n": 64,
    "sections_max": 512,
    "load_call_max": 100,
    "load_join_max": 100,
    "load_video_max": 100,
    "load_shed": 100,
    "egress_bps_max": 10_000_000_000,
    "calls_burst": 10_000,
    "address_calls_burst": 100_000,
    "address_calls_per_s": 100_000,
}
"""Everybody gets everybody, and nothing is refused or shed."""


class OurSeat:
    """By the wire's own frames, over gRPC."""

    def __init__(self, device: _Device, others: set[_Device], conversation_id: str, party: Party) -> None:
        """`others`: of which the device is, and is not when it has left: what is kept of a closed one would keep its connection, too."""
        self.party = party
        self._device = device
        self._others = others
        self._conversation_id = conversation_id
        self._answering: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()

    async def join(self) -> None:
        """Offers, and answers whatever the unit offers from then on."""
        party = self.party
        await party.gather()
        self._answering = asyncio.ensure_future(self._answer())
        sections = [
            call_pb2.SectionSource(mid="0", source=call_pb2.TRACK_SOURCE_MICROPHONE),
            call_pb2.SectionSource(mid="1", source=call_pb2.TRACK_SOURCE_CAMERA),
        ]
        offer = call_pb2.CallDescription(revision=1, sdp=party.offer())
        command = call_pb2.JoinGroupCall(conversation_id=self._conversation_id, offer=offer, sections=sections)
        response = await self._device.say(join=command)
        if response.WhichOneof("event") != "joined":
            raise ConnectionError(f"the unit says {response}")
        await party.answered(response.joined.answer.sdp)

    async def _answer(self) -> None:
        while True:
            offered = await self._device.next_offer()
            answer = call_pb2.CallDescription(revision=offered.revision, sdp=await self.party.offered(offered.sdp))
            response = await self._device.say(
                answer_down=call_pb2.AnswerDown(conversation_id=self._conversation_id, answer=answer)
            )
            if response.WhichOneof("event") != "done":
                raise ConnectionError(f"the unit says {response}")
            if self.party.streams:
                await self.party.connects(offered.sdp)
            self._changed.set()

    async def complete(self, streams: int) -> None:
        """Waits for offers."""
        assert self._answering is not None
        async with asyncio.timeout(60):
            while len(self.party.streams) < streams or not self.party.down.connected:
                waiting = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({waiting, self._answering}, return_when=asyncio.FIRST_COMPLETED)
                if self._answering.done():
                    self._answering.result()
                self._changed.clear()

    async def leave(self) -> None:
        """Says so, and closes."""
        await self._device.say(leave=call_pb2.LeaveGroupCall(conversation_id=self._conversation_id))
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        await self.party.close()
        await self._device.close()
        self._others.discard(self._device)


class _Device(Device):
    """One that hears offers without an end to its patience."""

    async def next_offer(self) -> Any:
        """The unit's next one."""
        while True:
            async with self._came:
                for response in self.told:
                    if response.WhichOneof("event") == "down_offer":
                        self.told = [one for one in self.told if one.ref]
                        return response.down_offer.offer
                await self._came.wait()


class Ours:
    """`Server` over the real process."""

    name = "tidewire"
    fan_out = "python"

    def __init__(self, folder: Path, address: str) -> None:
        """`address`: for media."""
        self.pid = 0
        self._folder = folder / self.name
        self._address = address
        self._node = Node(self._folder / "node")
        self._token = ""
        self._people: list[tuple[str, str, str]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._grpc = ""
        self._devices: set[_Device] = set()

    async def start(self, core: int) -> None:
        """The node is started once, and stays; it shares the load's core."""
        if not self._token:
            self._token = await service_token(self._folder / "node", "calls", *SCOPES)
            await self._node.start()
        port = free_port()
        self._grpc = f"127.0.0.1:{port}"
        settings: dict[str, object] = {
            "grpc_listen": self._grpc,
            "http_listen": "127.0.0.1:0",
            "internal_listen": "127.0.0.1:0",
            "media_listen": f"{self._address}:{free_port(self._address)}",
            "data_dir": self._folder / f"calls{port}",
            "node": f"127.0.0.1:{self._node.internal_port}",
            "node_token": self._token,
            "fan_out": self.fan_out,
            **CAPS,
        }
        arguments = [f"--set={name}={value}" for name, value in settings.items()]
        with on_core(core), (self._folder / "calls.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "calls", *arguments), stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            said = await self._process.stdout.readline()
        if b"Calls are up" not in said:
            raise OSError((self._folder / "calls.log").read_text()[-2_000:])
        self.pid = self._process.pid

    async def seats(self, count: int, first: int, through: Sequence[Through | None] = ()) -> list[OurSeat]:
        """A group of so many."""
        while len(self._people) < first + count:
            self._people += await people(self._node, 1)
        devices = []
        for token, account_id, device_id in self._people[first : first + count]:
            device = _Device(self._node.address, self._grpc, token, account_id, device_id)
            await device.connect()
            devices.append(device)
        self._devices.update(devices)
        conversation_id = await devices[0].group(*devices[1:])
        ways = [*through, *[None] * count]
        return [OurSeat(one, self._devices, conversation_id, Party(first + at, True, ways[at])) for at, one in enumerate(devices)]

    async def close(self) -> None:
        """Ends the process of calls; the next `start` has another one."""
        while self._devices:
            await self._devices.pop().close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 30)
            except TimeoutError:
                os.kill(self._process.pid, 9)
                await self._process.wait()

    async def end(self) -> None:
        """Ends the node, too."""
        await self.close()
        await self._node.close()


class OursCompiled(Ours):
    """The same, with the fan-out in C."""

    name = "tidewire-compiled"
    fan_out = "compiled"
