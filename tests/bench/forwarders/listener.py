"""A party that sends and listens on the event loop as a browser does: it asks for what it lacks, and sends again what others lack."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from struct import unpack_from
from typing import Any

from pylibsrtp import Error

from calls.domain import rtcp
from calls.domain.codecs import read_vp8
from tests.bench.forwarders.legs import Leg
from tests.bench.forwarders.media import RTX, VP8, Track
from tests.bench.forwarders.party import Party
from tests.bench.forwarders.playout import Screen

SENT_KEPT = 512
NTP_EPOCH_S = 2_208_988_800
ASK_AGAIN_S = 0.1
ASK_S = 1.0
"""A packet is asked for until it is this late."""
KEYFRAME_AFTER_S = 0.3
KEYFRAME_AGAIN_S = 0.5


@dataclass(slots=True)
class Flow:
    """One SSRC that comes."""

    video: bool
    highest: int = -1
    first: int = -1
    heard: dict[int, float] = field(default_factory=dict)
    missing: dict[int, list[float]] = field(default_factory=dict)
    """Since when, and when it was asked for."""
    screen: Screen = field(default_factory=Screen)
    asked_s: float = 0.0
    told: tuple[int, float] = (0, 0.0)
    """Of its last sender report: the middle of its time, and when it came."""
    stuck_s: float | None = None


def extended(sequence: int, highest: int) -> int:
    """The number that grows for ever, near the highest one."""
    if highest < 0:
        return sequence + 0x10000
    ahead = sequence - highest & 0xFFFF
    return highest + (ahead if ahead < 0x8000 else ahead - 0x10000)


class Listener:
    """From its making on, until `close`."""

    def __init__(self, party: Party, repairs: dict[int, int]) -> None:
        """`repairs`: from the SSRC of a repair stream to that of its media, as the server's offer has them."""
        self.party = party
        self.flows: dict[int, Flow] = {}
        self._repairs = repairs
        self._sent: dict[int, bytes] = {}
        self._loop = asyncio.get_running_loop()
        for leg in (party.up, party.down):
            self._loop.add_reader(leg.take(), self._readable, leg)
        self._tasks = [
            asyncio.ensure_future(one)
            for one in (self._play(party.sound), self._play(party.pictures), self._look(), self._report())
        ]

    async def _play(self, track: Track) -> None:
        due = self._loop.time()
        while True:
            for packet in track.next():
                sealed = self.party.up.outside.protect(packet)
                if track is self.party.pictures:
                    self._sent[unpack_from("!H", packet, 2)[0]] = sealed
                    if len(self._sent) > SENT_KEPT:
                        del self._sent[next(iter(self._sent))]
                self._send(self.party.up, sealed)
            due += track.period_ns / 1e9
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    @staticmethod
    def _send(leg: Leg, data: bytes) -> None:
        assert leg.socket is not None
        try:
            leg.socket.sendto(data, leg.remote)
        except (BlockingIOError, ConnectionError):
            return

    def _readable(self, leg: Leg) -> None:
        assert leg.socket is not None
        while True:
            try:
                data = leg.socket.recv(2_048)
            except (BlockingIOError, ConnectionError):
                return
            if not 128 <= data[0] < 192:
                leg.came(data)
                continue
            try:
                if 192 <= data[1] < 224:
                    self._told(leg, leg.inside.unprotect_rtcp(data))
                else:
                    self._came(leg.inside.unprotect(data))
            except Error:
                continue

    def _told(self, leg: Leg, report: bytes) -> None:
        parts: Any = rtcp.read(report)
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, rtcp.SenderReport):
                if part.ssrc in self.flows:
                    self.flows[part.ssrc].told = part.ntp >> 16 & 0xFFFFFFFF, time.monotonic()
            elif leg is not self.party.up:
                continue
            elif isinstance(part, rtcp.KeyframeWanted):
                self.party.pictures.wanted = True
            elif isinstance(part, rtcp.Nack) and part.ssrc == self.party.pictures.ssrc:
                for sequence in part.sequences:
                    if sequence in self._sent:
                        self._send(leg, self._sent[sequence])

    def _came(self, packet: bytes) -> None:
        first, second, sequence, timestamp, ssrc = unpack_from("!BBHII", packet)
        start = 12 + 4 * (first & 15)
        if first & 0x10:
            start += 4 + 4 * int(unpack_from("!H", packet, start + 2)[0])
        number, at_ms = second & 0x7F, time.monotonic() * 1e3
        if number == RTX:
            ssrc, sequence, start = self._repairs.get(ssrc, 0), int(unpack_from("!H", packet, start)[0]), start + 2
            number = VP8
        flow = self.flows.get(ssrc)
        if flow is None:
            if not ssrc:
                return
            flow = self.flows[ssrc] = Flow(number == VP8)
        place = extended(sequence, flow.highest)
        if flow.first < 0:
            flow.first = place
        for lacking in range(flow.highest + 1, place) if flow.highest >= 0 else ():
            flow.missing[lacking] = [at_ms / 1e3, 0.0]
        flow.highest = max(flow.highest, place)
        flow.missing.pop(place, None)
        if place in flow.heard:
            return
        flow.heard[place] = at_ms
        if flow.video:
            payload = packet[start:]
            key, _ = read_vp8(payload)
            flow.screen.packet(place, timestamp, payload[0] & 0x17 == 0x10, bool(second & 0x80), key, at_ms)
            self._ask(ssrc, flow)

    def _ask(self, ssrc: int, flow: Flow) -> None:
        now = time.monotonic()
        due = []
        for place, state in list(flow.missing.items()):
            if now - state[0] > ASK_S:
                del flow.missing[place]
            elif now - state[1] > ASK_AGAIN_S:
                state[1] = now
                due.append(place & 0xFFFF)
        if due:
            self._say(ssrc, flow, rtcp.nack(self.party.sound.ssrc, ssrc, due[:100]))

    def _say(self, ssrc: int, flow: Flow, wish: bytes) -> None:
        """Behind a receiver report about the stream, as browsers send it: by its block Janus knows which stream it is about, and by the
        round trip that follows from it for how long to keep packets that may be asked for."""
        last, came_s = flow.told
        delay = int((time.monotonic() - came_s) * 65_536) if last else 0
        block = rtcp.Report(ssrc, 0, 0, flow.highest & 0xFFFF, 0, last, delay)
        report = rtcp.receiver_report(self.party.sound.ssrc, [block])
        self._send(self.party.down, self.party.down.outside.protect_rtcp(report + wish))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            for ssrc, flow in self.flows.items():
                if not flow.video:
                    continue
                self._ask(ssrc, flow)
                if not flow.screen.stuck:
                    flow.stuck_s = None
                elif flow.stuck_s is None:
                    flow.stuck_s = now
                shown = flow.screen.shown
                late = now - (shown[-1][1] / 1e3 if shown else 0) > KEYFRAME_AFTER_S
                if flow.stuck_s is not None and late and now - flow.asked_s > KEYFRAME_AGAIN_S:
                    flow.asked_s = now
                    self._say(ssrc, flow, rtcp.picture_loss(self.party.sound.ssrc, ssrc))

    async def _report(self) -> None:
        """Once a second: sender reports, and a receiver report of each flow."""
        party = self.party
        while True:
            await asyncio.sleep(1)
            ntp = int((time.time() + NTP_EPOCH_S) * (1 << 32))
            for track in (party.sound, party.pictures):
                report = rtcp.SenderReport(track.ssrc, ntp, track.timestamp & 0xFFFFFFFF, track.sent, track.octets & 0xFFFFFFFF)
                self._send(party.up, party.up.outside.protect_rtcp(rtcp.sender_report(report, f"party{party.number}")))
            for ssrc, flow in self.flows.items():
                self._say(ssrc, flow, b"")

    async def close(self) -> None:
        """Send and read no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for leg in (self.party.up, self.party.down):
            if leg.socket is not None:
                self._loop.remove_reader(leg.socket)
