"""What one subscriber gets of one track: packets of the publisher's layers, as one stream of its own without seams.

Sequence numbers are the layer's plus an offset, and the same number never stands for two contents: SRTP's nonce is made of it. So a switch
to another layer, which waits for a keyframe there, begins an epoch at the number after the last one, and what would map below the epoch
is never sent. Within an epoch the mapping is fixed, and what is sent again under the same number is the same, byte for byte. A layer that
comes in another stream, and one that jumps far ahead, begin an epoch, too: numbers of the one mean nothing in the other, and libsrtp guesses
the upper bits of a number by the one before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls.domain.codecs import VP8, Codec
from calls.domain.layer import RING, Layer, media_time
from calls.domain.rtcp import Report, SenderReport
from calls.domain.rtp import Packet
from calls.domain.run import JUMP_MAX, Rewrite, Run

FIRST_SEQUENCE_MAX = 0x4000
"""The first sequence number is below this, so that it does not roll over soon after the beginning (RFC 3711 §3.3.1)."""
GONE = -1
"""In place of a layer whose stream is no more."""
AGAIN_NS = 30_000_000
REPORTS_KEPT = 8
Mapped = tuple[int, int, int, int]
"""Marker and payload type, sequence number, timestamp, SSRC."""


@dataclass(frozen=True, slots=True)
class Again:
    """A packet to send once more; `original`: the sequence number that its repair stream tells; None: on the same stream."""

    packet: Packet
    mapped: Mapped
    original: int | None


class Subscription:
    """One egress stream.

    Attributes:
        layers: of the publisher's track, by index; they may come and go.
        wanted: the layer to be on; None: paused.
        current: the layer that flows; None: none does yet.
        switched: `current` has changed with the last packet: whoever keeps lists of who takes which layer makes them anew.
        pictures, tl0s: by how much VP8's counters are moved; `shifted`: one of them is.
        round_trip_ns: to the subscriber and back; None: not known yet.
        loss: of the last report, 0 … 1.
    """

    __slots__ = (
        "codec", "ssrc", "rtx_ssrc", "rtx", "layers", "wanted", "current", "switched", "pictures", "tl0s", "round_trip_ns", "loss",
        "shifted", "_number", "_offset", "_epoch", "_last", "_first", "_times", "_last_layer", "_latest", "_last_ns", "_pictured",
        "_begins", "_packets", "_octets", "_again", "_rtx_sequence", "_reports", "_run", "_taken",
    )  # fmt: skip

    def __init__(self, codec: Codec, ssrc: int, rtx_ssrc: int, layers: Mapping[int, Layer], first: int, timestamp: int) -> None:
        """Args:
        first: the first sequence number, also of the repair stream; less than `FIRST_SEQUENCE_MAX`.
        timestamp: the first timestamp.
        """
        self.codec = codec
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.rtx = False
        self.layers = layers
        self.wanted: int | None = None
        self.current: int | None = None
        self.switched = False
        self.pictures = self.tl0s = 0
        self.shifted = False
        self._number = codec.payload_type
        self.round_trip_ns: int | None = None
        self.loss = 0.0
        self._offset = self._times = 0
        self._epoch = self._first = self._rtx_sequence = first
        self._last = first - 1
        self._last_layer: int | None = None
        self._begins = timestamp
        self._latest: Packet | None = None
        self._pictured: Packet | None = None
        self._last_ns = 0
        self._packets = self._octets = 0
        self._again: dict[int, int] = {}
        self._reports: deque[tuple[int, int]] = deque(maxlen=REPORTS_KEPT)
        self._run: Run | None = None
        self._taken = (0, 0)

    @property
    def rewrite(self) -> Rewrite:
        """What differs in every packet, until the layer is switched."""
        return Rewrite(self._number, self._offset, self._times, self.ssrc, self.shifted, self.pictures, self.tl0s)

    def follow(self, run: Run | None) -> None:
        """From now on it has what the run takes, and not what another one does; None: only what `map` is given."""
        self._settle()
        self._run = run
        if run is not None:
            self._taken = run.packets, run.octets

    def newest(self, order: int) -> bool:
        """The packet of this order is the newest that it has."""
        self._settle()
        return self._last == order + self._offset

    def _settle(self) -> None:
        """What the run took is its own. Before anything else is asked or done."""
        run = self._run
        if run is None or run.packets == self._taken[0]:
            return
        packets, octets = self._taken
        self._packets += run.packets - packets
        self._octets += run.octets - octets
        self._taken = run.packets, run.octets
        self._last, self._latest, self._last_ns = run.last + self._offset, run.latest, run.latest_ns
        if run.pictured is not None:
            self._pictured = run.pictured

    def map(self, packet: Packet, now_ns: int) -> Mapped | None:
        """What differs in the packet for this subscriber; None: it does not get it."""
        self._settle()
        sequence = packet.order + self._offset
        if packet.layer != self.current or sequence > self._last + JUMP_MAX:
            if packet.layer != self.wanted or not packet.keyframe:
                if packet.layer == self.current:
                    self.current, self.switched = None, True
                return None
            self._switch(packet, now_ns)
            sequence = packet.order + self._offset
        if sequence > self._last:
            self._last, self._latest, self._last_ns = sequence, packet, now_ns
            if packet.vp8.picture_bits:
                self._pictured = packet
        elif sequence < self._epoch:
            return None
        self._packets += 1
        self._octets += packet.octets
        return packet.marker | self._number, sequence & 0xFFFF, packet.timestamp + self._times & 0xFFFFFFFF, self.ssrc

    def _switch(self, packet: Packet, now_ns: int) -> None:
        self._offset = self._last + 1 - packet.order
        self._epoch = self._last + 1
        self._again.clear()
        if self._last_layer != packet.layer:
            if self._latest is None:
                self._times = self._begins - packet.timestamp
            else:
                ahead = max(1, round(self._elapsed(packet, self._latest, now_ns) * self.codec.clock_rate))
                self._times += self._latest.timestamp + ahead - packet.timestamp
                if self.codec is VP8:
                    self._shift(packet)
        self.current = self._last_layer = packet.layer
        self.switched = True

    def _shift(self, packet: Packet) -> None:
        """VP8's counters go on after the last picture's."""
        picture = tl0 = 0
        if self._pictured is not None:
            picture, tl0 = self._pictured.vp8.picture + self.pictures, self._pictured.vp8.tl0 + self.tl0s
        self.pictures, self.tl0s = picture + 1 - packet.vp8.picture, tl0 + 1 - packet.vp8.tl0
        self.shifted = bool(self.pictures or self.tl0s)

    def _elapsed(self, packet: Packet, latest: Packet, now_ns: int) -> float:
        """Seconds of media from the last packet sent to this one of another layer: by both sender reports, if they make sense."""
        waited = (now_ns - self._last_ns) / 1e9
        before = self.layers.get(self._last_layer if self._last_layer is not None else GONE)
        after = self.layers.get(packet.layer)
        if before is None or after is None or before.sender_report is None or after.sender_report is None:
            return waited
        elapsed = media_time(after.sender_report, packet.timestamp, after.clock_rate) - media_time(
            before.sender_report, latest.timestamp, before.clock_rate
        )
        return elapsed if abs(elapsed - waited) < 1 else waited

    def want(self, layer: int | None) -> bool:
        """Be on this layer from its next keyframe on; None: pause at once. True: something changed."""
        self._settle()
        if layer is None:
            changed = self.wanted is not None or self.current is not None
            self.wanted = self.current = None
            return changed
        changed, self.wanted = self.wanted != layer, layer
        return changed

    def replaced(self, layer: int) -> None:
        """The layer comes in another stream from now on: it begins with a keyframe, and nothing of the stream before is sent again."""
        self._settle()
        if self.current == layer:
            self.current = None
        if self._last_layer == layer:
            self._last_layer = GONE

    @property
    def waits(self) -> bool:
        """It needs a keyframe of the layer that it wants."""
        return self.wanted is not None and self.wanted != self.current

    def again(self, sequences: Sequence[int], now_ns: int) -> list[Again]:
        """The packets that the subscriber lacks, of those that the ring has; each at most every 30 ms, none from before the epoch."""
        self._settle()
        layer = self.layers.get(self.current) if self.current is not None else None
        if layer is None:
            return []
        if len(self._again) > RING:
            self._again.clear()
        found = []
        for sequence in sequences:
            place = self._last - (self._last - sequence & 0xFFFF)
            before = self._again.get(place)
            if place < self._epoch or (before is not None and now_ns - before < AGAIN_NS):
                continue
            packet = layer.sent(place - self._offset)
            if packet is None:
                continue
            self._again[place] = now_ns
            timestamp = packet.timestamp + self._times & 0xFFFFFFFF
            if self.rtx and self.codec.rtx_payload_type is not None:
                mapped = packet.marker | self.codec.rtx_payload_type, self._rtx_sequence & 0xFFFF, timestamp, self.rtx_ssrc
                self._rtx_sequence += 1
                found.append(Again(packet, mapped, sequence))
            else:
                found.append(Again(packet, (packet.marker | self.codec.payload_type, sequence, timestamp, self.ssrc), None))
        return found

    def report(self, now_ns: int) -> SenderReport | None:
        """The publisher's sender report of the current layer, for this stream; None: there is none yet, or nothing was sent."""
        self._settle()
        layer = self.layers.get(self.current) if self.current is not None else None
        if layer is None or layer.sender_report is None or not self._packets:
            return None
        report = layer.sender_report
        self._reports.append((report.ntp >> 16 & 0xFFFFFFFF, now_ns))
        timestamp = report.timestamp + self._times & 0xFFFFFFFF
        return SenderReport(self.ssrc, report.ntp, timestamp, self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF)

    def heard(self, report: Report, now_ns: int) -> None:
        """The subscriber's report. Its LSR is of the publisher's clock: so it is looked up when we sent it, by our own."""
        self.loss = report.fraction / 256
        for last, sent_ns in reversed(self._reports):
            if last == report.last:
                self.round_trip_ns = max(0, now_ns - sent_ns - report.delay * 1_000_000_000 // 65_536)
                return
