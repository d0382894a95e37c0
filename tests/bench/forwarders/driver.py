"""The thread that sends what is due and reads what has arrived, once parties are connected."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from pylibsrtp import Error, Session

from calls.domain import rtcp
from tests.bench.forwarders.drain import ROW, Drain
from tests.bench.forwarders.legs import Leg
from tests.bench.forwarders.media import MAGIC, STAMP, Track
from tests.bench.forwarders.party import Party

log = logging.getLogger(__name__)
ROUND_NS = 10_000_000
ROUNDS_PER_S = 100
REPORT_NS = 1_000_000_000
SWITCH_S = 0.0005
"""How long one thread may keep the other waiting for Python: so that what is read at one moment is of one moment."""
NTP_EPOCH_S = 2_208_988_800


@dataclass(slots=True)
class _Socket:
    leg: Leg
    descriptor: int
    party: Party
    inside: Session
    outside: Session

    def send(self, data: bytes) -> None:
        assert self.leg.socket is not None
        try:
            self.leg.socket.sendto(data, self.leg.remote)
        except (BlockingIOError, ConnectionError):
            log.debug("a datagram of the load was not taken")


class Driver:
    """Sends and reads for all parties that are given to it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._drain = Drain()
        self._new: list[Party] = []
        self._sockets: list[_Socket] = []
        self._descriptors: list[int] = []
        self._due: list[tuple[int, int, _Socket, Track]] = []
        self._order = itertools.count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._keep = False
        self._rows: list[Any] = []
        self._latest: dict[int, dict[int, int]] = {}
        self._told: dict[tuple[int, int], tuple[int, int]] = {}
        """Of each flow's last sender report, the middle of its time, and when it came."""
        self.delays: dict[bool, list[int]] = {False: [], True: []}
        """Nanoseconds from sending to the kernel's having it, of one packet in fifty; by whether they were of a picture."""
        self.wrong: Counter[str] = Counter()
        """Packets of that sample that could not be opened, or held something else."""
        self.sent = 0
        self.late_ns: list[int] = []
        """How late each packet was sent, by its plan."""

    def start(self) -> None:
        """Begin."""
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def add(self, party: Party) -> None:
        """From now on the party sends, and what it gets is read. On the event loop."""
        for leg in (party.up, party.down):
            leg.take()
        self._new.append(party)

    def record(self, on: bool) -> None:
        """Keep what is seen from now on, or no more."""
        if on:
            self._rows, self.delays, self.late_ns, self.wrong = [], {False: [], True: []}, [], Counter()
        self._keep = on

    def rows(self) -> Any:
        """What was kept: an array of `drain.ROW`."""
        return np.concatenate([np.empty(0, ROW), *self._rows])

    def flows(self) -> int:
        """How many are known by now: pairs of a socket and an SSRC."""
        return sum(len(one) for one in list(self._latest.values()))

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        read_at = report_at = time.monotonic_ns()
        turn = 0
        while not self._stopping.is_set():
            self._take_new()
            now = time.monotonic_ns()
            while self._due and self._due[0][0] <= now:
                self._send(now)
                now = time.monotonic_ns()
            if now >= read_at:
                self._read()
                self._receiver_reports(turn := (turn + 1) % ROUNDS_PER_S)
                read_at = max(read_at + ROUND_NS, now)
            if now >= report_at:
                self._sender_reports()
                report_at = now + REPORT_NS
            until = min(read_at, self._due[0][0] if self._due else read_at)
            time.sleep(max(0, until - time.monotonic_ns()) / 1e9)

    def _take_new(self) -> None:
        while self._new:
            party = self._new.pop(0)
            now = time.monotonic_ns()
            for leg in (party.up, party.down):
                assert leg.socket is not None
                made = _Socket(leg, leg.socket.fileno(), party, leg.inside, leg.outside)
                self._sockets.append(made)
                self._descriptors.append(made.descriptor)
                if leg is party.up:
                    for track in (party.sound, party.pictures):
                        # Parties do not speak all at the same moment.
                        first = now + track.period_ns * (party.number * 7 % 29) // 29
                        heapq.heappush(self._due, (first, next(self._order), made, track))

    def _send(self, now: int) -> None:
        due, order, through, track = self._due[0]
        heapq.heapreplace(self._due, (due + track.period_ns, order, through, track))
        if self._keep:
            self.late_ns.append(now - due)
        for packet in track.next():
            through.send(through.outside.protect(packet))
            self.sent += 1

    def _read(self) -> None:
        found = self._drain.round(self._descriptors)
        if self._keep and len(found.rows):
            self._rows.append(found.rows)
        if len(found.rows):
            self._learn(found.rows)
        for who, datagram, ns in found.samples:
            self._prove(self._sockets[who], datagram, ns)
        for who, datagram in found.others:
            self._other(who, datagram)

    def _learn(self, rows: Any) -> None:
        """The latest number of each flow."""
        keys = rows["who"].astype(np.int64) << 32 | rows["ssrc"]
        _, last = np.unique(keys[::-1], return_index=True)
        for who, ssrc, sequence in rows[["who", "ssrc", "sequence"]][::-1][last].tolist():
            self._latest.setdefault(who, {})[ssrc] = sequence

    def _prove(self, of: _Socket, datagram: bytes, ns: int) -> None:
        try:
            plain = of.inside.unprotect(datagram)
        except Error:
            self.wrong["not opened"] += 1
            return
        magic, _, sent = STAMP.unpack(plain[-STAMP.size :])
        if magic != MAGIC:
            self.wrong["other content"] += 1
        elif self._keep:
            self.delays[len(plain) > 400].append(ns - sent)

    def _other(self, who: int, datagram: bytes) -> None:
        of = self._sockets[who]
        if not 128 <= datagram[0] < 192:
            self._loop.call_soon_threadsafe(of.leg.came, datagram)
            return
        try:
            parts = rtcp.read(of.inside.unprotect_rtcp(datagram))
        except Error:
            self.wrong["report not opened"] += 1
            return
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, rtcp.KeyframeWanted) and of.leg is of.party.up:
                of.party.pictures.wanted = True
            elif isinstance(part, rtcp.SenderReport):
                self._told[who, part.ssrc] = part.ntp >> 16 & 0xFFFFFFFF, time.monotonic_ns()

    def _sender_reports(self) -> None:
        """Once a second, of each stream."""
        seconds = time.time()
        ntp = int((seconds + NTP_EPOCH_S) * (1 << 32))
        for one in self._sockets:
            party = one.party
            for track in (party.sound, party.pictures) if one.leg is party.up else ():
                report = rtcp.SenderReport(track.ssrc, ntp, track.timestamp & 0xFFFFFFFF, track.sent, track.octets & 0xFFFFFFFF)
                one.send(one.outside.protect_rtcp(rtcp.sender_report(report, f"party{party.number}")))

    def _receiver_reports(self, turn: int) -> None:
        """About each flow once a second, in a report of its own, as browsers do; spread over the second."""
        now = time.monotonic_ns()
        for who, flows in self._latest.items():
            one = self._sockets[who]
            for place, (ssrc, sequence) in enumerate(flows.items()):
                if (place + who) % ROUNDS_PER_S == turn:
                    last, came_ns = self._told.get((who, ssrc), (0, now))
                    delay = (now - came_ns) * 65_536 // 1_000_000_000 if last else 0
                    block = rtcp.Report(ssrc, 0, 0, sequence, 0, last, delay)
                    one.send(one.outside.protect_rtcp(rtcp.receiver_report(one.party.sound.ssrc, [block])))
