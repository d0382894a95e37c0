"""When a publisher's packets arrived, for its congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01).

Every 100 ms the publisher is told of each packet that arrived since: in steps of 250 µs, at most 400 packets at a time.
"""

from __future__ import annotations

from struct import pack

TICK_NS = 250_000
REFERENCE_NS = 64_000_000
PACKETS_MAX = 400
LOST, SMALL, LARGE = 0, 1, 2


class Arrivals:
    """Of one transport."""

    __slots__ = ("_arrived", "_came", "_count", "_highest", "_next")

    def __init__(self) -> None:
        self._came: list[tuple[int, int]] = []
        self._arrived: dict[int, int] = {}
        self._count = 0
        self._highest: int | None = None
        self._next: int | None = None

    def heard(self, wide: int, now_ns: int) -> None:
        """A packet with this transport-wide number arrived. Every packet has one: so it is looked at when a report is made."""
        self._came.append((wide, now_ns))

    def _take(self, wide: int, now_ns: int) -> None:
        if self._highest is None:
            place = wide + 0x10000
            self._highest = self._next = place
        else:
            ahead = wide - self._highest & 0xFFFF
            place = self._highest + (ahead if ahead < 0x8000 else ahead - 0x10000)
            self._highest = max(self._highest, place)
        if len(self._arrived) < 4 * PACKETS_MAX:
            self._arrived.setdefault(place, now_ns)

    def feedback(self, ssrc: int, media: int) -> bytes | None:
        """The next report; None: nothing arrived since the last one."""
        for wide, now_ns in self._came:
            self._take(wide, now_ns)
        self._came.clear()
        if not self._arrived or self._next is None:
            return None
        late = min(self._arrived)
        first = late if late < self._next else self._next
        # After a long silence the packets in between are not listed: whoever misses them sees that by the numbers.
        if min(self._arrived) - first > PACKETS_MAX // 2:
            first = min(self._arrived)
        last = min(max(self._arrived), first + PACKETS_MAX - 1)
        statuses, deltas = bytearray(), bytearray()
        reference = self._arrived[min(place for place in self._arrived if place >= first)] // REFERENCE_NS
        before = reference * REFERENCE_NS // TICK_NS
        for place in range(first, last + 1):
            arrived = self._arrived.pop(place, None)
            if arrived is None:
                statuses.append(LOST)
                continue
            delta = max(-0x8000, min(0x7FFF, arrived // TICK_NS - before))
            before += delta
            if 0 <= delta <= 0xFF:
                statuses.append(SMALL)
                deltas.append(delta)
            else:
                statuses.append(LARGE)
                deltas += pack("!h", delta)
        self._next = max(self._next, last + 1)
        head = pack("!IIHHI", ssrc, media, first & 0xFFFF, len(statuses), (reference & 0xFFFFFF) << 8 | self._count & 0xFF)
        self._count += 1
        body = head + _chunks(statuses) + bytes(deltas)
        padding = -len(body) % 4
        if padding:
            body += bytes(padding - 1) + bytes((padding,))
        return pack("!BBH", 0x8F | (0x20 if padding else 0), 205, len(body) // 4) + body


def _chunks(statuses: bytearray) -> bytes:
    """Runs of one status, and vectors of seven of two bits."""
    chunks, at = b"", 0
    while at < len(statuses):
        run = 1
        while at + run < len(statuses) and run < 0x1FFF and statuses[at + run] == statuses[at]:
            run += 1
        if run >= 7 or at + run == len(statuses):
            chunks += pack("!H", statuses[at] << 13 | run)
            at += run
            continue
        seven = statuses[at : at + 7]
        word = 0xC000
        for place, status in enumerate(seven):
            word |= status << 12 - 2 * place
        chunks += pack("!H", word)
        at += 7
    return chunks
