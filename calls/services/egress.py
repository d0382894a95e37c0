"""What goes out: copied, patched in eleven bytes, protected, queued."""

from __future__ import annotations

from calls.domain.codecs import shift_vp8
from calls.domain.rtp import PATCH, Packet, wrap
from calls.domain.subscription import Again, Mapped
from calls.ports.media import Datagrams, FanOut
from calls.services.leg import Leg
from calls.services.publication import Feed, Publication, Takers


class Egress:
    """Over the unit's socket. Whoever calls sees to the flush: the reader after a burst, the ticker after a tick."""

    def __init__(self, datagrams: Datagrams, fan_out: FanOut) -> None:
        self._datagrams = datagrams
        self._fan_out = fan_out
        self.packets = 0

    def forward(self, packet: Packet, publication: Publication, now_ns: int) -> None:
        """One packet to all who take it."""
        if publication.stale:
            publication.retarget()
        takers = publication.takers[packet.layer]
        if (takers.waiting and packet.keyframe) or not takers.run.take(packet, now_ns):
            self._to_each(packet, publication, takers, now_ns)
            return
        prepared = takers.prepared
        if prepared is None:
            prepared = takers.prepared = self._fan_out.prepared(takers.targets)
        self.packets += self._fan_out.forward(packet, prepared)

    def _to_each(self, packet: Packet, publication: Publication, takers: Takers, now_ns: int) -> None:
        """One packet that may be something else for one of them than for another."""
        switched = False
        for feed in takers.feeds:
            if not feed.leg.open:
                continue
            mapped = feed.subscription.map(packet, now_ns)
            switched |= feed.subscription.switched
            if mapped is not None:
                self._send(feed, packet, packet.wire, packet.start, mapped)
        if switched:
            publication.retarget()
        elif takers.in_step(packet.order):
            takers.run.begin(packet.order)

    def again(self, feed: Feed, once_more: Again) -> None:
        """A packet that a subscriber lacks: the same bytes, or on the repair stream."""
        packet = once_more.packet
        wire, start = packet.wire, packet.start
        if once_more.original is not None:
            wire, start = wrap(wire, start, once_more.original), start + 2
        self._send(feed, packet, wire, start, once_more.mapped)

    def _send(self, feed: Feed, packet: Packet, wire: bytes, start: int, mapped: Mapped) -> None:
        leg, subscription = feed.leg, feed.subscription
        if not leg.open or leg.cipher is None or leg.path.current is None:
            return
        buffer = self._datagrams.buffer()
        memory = buffer.memory
        memory[: len(wire)] = wire
        PATCH.pack_into(memory, 1, *mapped)
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
