"""What goes out: copied, patched in eleven bytes, protected, queued."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from calls.domain.codecs import shift_vp8
from calls.domain.rtp import Packet, wrap
from calls.domain.subscription import Again
from calls.ports.media import Datagrams
from calls.services.leg import Leg
from calls.services.publication import Feed

PATCH = Struct("!BHII")


class Egress:
    """Over the unit's socket. Whoever calls sees to the flush: the reader after a burst, the ticker after a tick."""

    def __init__(self, datagrams: Datagrams) -> None:
        self._datagrams = datagrams
        self.packets = 0

    def forward(self, packet: Packet, feeds: Iterable[Feed], now_ns: int) -> bool:
        """One packet to all who take it. True: a feed has switched layers."""
        datagrams, wire, patch = self._datagrams, packet.wire, PATCH.pack_into
        size, switched, sent = len(wire), False, 0
        buffer = datagrams.buffer()
        for feed in feeds:
            leg = feed.leg
            if not leg.open:
                continue
            subscription = feed.subscription
            mapped = subscription.map(packet, now_ns)
            if mapped is None:
                continue
            if subscription.switched:
                switched = True
            memory = buffer.memory
            memory[:size] = wire
            number, sequence, timestamp, ssrc = mapped
            patch(memory, 1, number, sequence, timestamp, ssrc)
            if subscription.shifted:
                shift_vp8(memory, packet.start, packet.vp8, subscription.pictures, subscription.tl0s)
            length = leg.cipher.protect(buffer, size)  # type: ignore[union-attr]  # An open leg has keys.
            if length:
                buffer = datagrams.send(length, leg.path.current)  # type: ignore[arg-type]  # And a path.
                sent += 1
        self.packets += sent
        return switched

    def again(self, feed: Feed, once_more: Again) -> None:
        """A packet that a subscriber lacks: the same bytes, or on the repair stream."""
        leg, packet, subscription = feed.leg, once_more.packet, feed.subscription
        if not leg.open or leg.cipher is None or leg.path.current is None:
            return
        buffer = self._datagrams.buffer()
        memory, wire, start = buffer.memory, packet.wire, packet.start
        if once_more.original is not None:
            wire, start = wrap(wire, start, once_more.original), start + 2
        memory[: len(wire)] = wire
        PATCH.pack_into(memory, 1, *once_more.mapped)
        if subscription.shifted:
            shift_vp8(memory, start, packet.vp8, subscription.pictures, subscription.tl0s)
        length = leg.cipher.protect(buffer, len(wire))
        if length:
            self._datagrams.send(length, leg.path.current)
            self.packets += 1

    def control(self, leg: Leg, report: bytes) -> None:
        """RTCP to a participant."""
        if not leg.open or leg.cipher is None or leg.path.current is None:
            return
        buffer = self._datagrams.buffer()
        buffer.memory[: len(report)] = report
        length = leg.cipher.protect_control(buffer, len(report))
        if length:
            self._datagrams.send(length, leg.path.current)

    def plain(self, leg: Leg, datagram: bytes) -> None:
        """A DTLS datagram, at once: a handshake runs between bursts."""
        if leg.path.current is not None and len(datagram) <= 1_500:
            self._datagrams.buffer().memory[: len(datagram)] = datagram
            self._datagrams.send(len(datagram), leg.path.current)
            self._datagrams.flush()

    def flush(self) -> None:
        """Send what is queued."""
        self._datagrams.flush()
