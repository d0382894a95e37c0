"""One RTP stream of a publisher: its sequence, what is missing of it, and the last packets, for whoever lost them.

Sequence numbers are extended to grow for ever. Probes for bandwidth have numbers, too, and are not forwarded: `order` counts without them,
so that subscribers see no holes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from calls.domain.drop import Drop
from calls.domain.rtcp import Report, SenderReport
from calls.domain.rtp import Packet

RING = 1_024
MISSING_MAX = 200
NACK_AGAIN_NS = 80_000_000
NACK_TRIES_MAX = 8


class Layer:
    """`accept` is the hot path; everything else is asked by ticks and reports.

    Attributes:
        needs_keyframe: what is missing will not come: ask for a keyframe. Whoever does clears it.
        lost_now: a gap opened with the last packet: `nacks` has something at once.
        height: of its pictures, in pixels; 0: not known.
        bits_per_s: as of the last `measure`.
    """

    __slots__ = (
        "ssrc", "clock_rate", "index", "repairs", "needs_keyframe", "lost_now", "highest", "received", "bytes", "sender_report",
        "heard_ns", "height", "bits_per_s", "_measured", "_base", "_ring", "_skipped", "_skips", "_missing", "_jitter", "_transit",
        "_expected_before", "_received_before", "_report_ns",
    )  # fmt: skip

    def __init__(self, ssrc: int, clock_rate: int, index: int, repairs: bool) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.index = index
        self.repairs = repairs
        self.needs_keyframe = self.lost_now = False
        self.highest = -1
        self.received = self.bytes = 0
        self.sender_report: SenderReport | None = None
        self.heard_ns = 0
        self.height = self.bits_per_s = 0
        self._measured = (0, 0)
        self._base = 0
        self._ring: list[Packet | None] = [None] * RING
        self._skipped = 0
        self._skips: deque[int] = deque(maxlen=RING)
        self._missing: dict[int, list[int]] = {}
        self._jitter = 0.0
        self._transit: int | None = None
        self._expected_before = self._received_before = 0
        self._report_ns = 0

    def accept(self, packet: Packet, now_ns: int) -> Drop | None:
        """Take a packet in: its `order` is set, it can be sent again. Or why it is not forwarded."""
        self.lost_now = False
        highest = self.highest
        if highest < 0:
            place = self.highest = self._base = packet.sequence + 0x10000
        else:
            ahead = packet.sequence - highest & 0xFFFF
            place = highest + ahead if ahead < 0x8000 else highest + ahead - 0x10000
            if place > highest:
                if place > highest + 1:
                    self._gap(highest + 1, place, now_ns)
                self.highest = place
            elif place <= highest - RING or place < self._base or not self._late(place):
                return Drop.REPEATED
        self.received += 1
        self.heard_ns = now_ns
        if not packet.octets and place == self.highest:
            self._skipped += 1
            self._skips.append(place)
            return Drop.PADDING
        order = place - (self._skipped if place == self.highest else self._skipped_before(place))
        packet.order = order
        self._ring[order % RING] = packet
        self.bytes += len(packet.wire)
        # Jitter (RFC 3550 §6.4.1), in units of the clock.
        transit = now_ns * self.clock_rate // 1_000_000_000 - packet.timestamp
        if self._transit is not None:
            change = transit - self._transit & 0xFFFFFFFF
            if change >= 0x80000000:
                change = 0x100000000 - change
            self._jitter += (change - self._jitter) / 16
        self._transit = transit
        return None

    def measure(self, now_ns: int) -> None:
        """Look how much came since the last time: `bits_per_s`."""
        since, before = self._measured
        if now_ns > since:
            self.bits_per_s = (self.bytes - before) * 8_000_000_000 // (now_ns - since) if since else 0
        self._measured = (now_ns, self.bytes)

    def _late(self, place: int) -> bool:
        """A packet behind the highest: is it a new one?"""
        if place in self._skips:
            return False
        self._missing.pop(place, None)
        return self.sent(place - self._skipped_before(place)) is None

    def _skipped_before(self, place: int) -> int:
        return self._skipped - len(self._skips) + bisect_left(self._skips, place)

    def sent(self, order: int) -> Packet | None:
        """The packet of this order, while the ring has it."""
        packet = self._ring[order % RING]
        return packet if packet is not None and packet.order == order else None

    def withhold(self, packet: Packet) -> None:
        """The packet counts as received, and nobody gets it, not by asking for it either."""
        self._ring[packet.order % RING] = None

    def _gap(self, first: int, end: int, now_ns: int) -> None:
        if not self.repairs:
            return
        if end - first + len(self._missing) > MISSING_MAX:
            self._missing.clear()
            self.needs_keyframe = True
            return
        for place in range(first, end):
            self._missing[place] = [0, now_ns]
        self.lost_now = True

    def nacks(self, now_ns: int) -> list[int]:
        """Sequence numbers to ask for now: each at once, then every 80 ms, at most eight times; then a keyframe has to mend it."""
        due = []
        for place, state in list(self._missing.items()):
            if state[0] >= NACK_TRIES_MAX or place <= self.highest - RING:
                del self._missing[place]
                self.needs_keyframe = True
            elif state[1] <= now_ns:
                state[0] += 1
                state[1] = now_ns + NACK_AGAIN_NS
                due.append(place & 0xFFFF)
        return due

    def forget_missing(self) -> None:
        """A keyframe came: what was lost before it is of no use."""
        self._missing.clear()
        self.needs_keyframe = False

    def told(self, report: SenderReport, now_ns: int) -> None:
        """The publisher's sender report: how its timestamps stand to its clock."""
        self.sender_report = report
        self._report_ns = now_ns

    def report(self, now_ns: int) -> Report:
        """Our block of a receiver report, about the time since the last one."""
        expected = self.highest - self._base + 1 if self.highest >= 0 else 0
        interval, got = expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = expected, self.received
        lost = max(0, interval - got)
        last, delay = 0, 0
        if self.sender_report is not None:
            last = self.sender_report.ntp >> 16 & 0xFFFFFFFF
            delay = (now_ns - self._report_ns) * 65_536 // 1_000_000_000 & 0xFFFFFFFF
        return Report(
            ssrc=self.ssrc,
            fraction=min(255, lost * 256 // interval) if interval > 0 else 0,
            lost=max(-0x800000, min(0x7FFFFF, expected - self.received)),
            highest=self.highest & 0xFFFFFFFF if self.highest >= 0 else 0,
            jitter=int(self._jitter) & 0xFFFFFFFF,
            last=last,
            delay=delay,
        )


def media_time(report: SenderReport, timestamp: int, clock_rate: int) -> float:
    """The publisher's clock, in seconds, at a timestamp: as its sender report says."""
    ticks = timestamp - report.timestamp & 0xFFFFFFFF
    if ticks >= 0x80000000:
        ticks -= 0x100000000
    return report.ntp / 4_294_967_296 + ticks / clock_rate
