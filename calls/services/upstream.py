"""What one participant sends: its packets to whoever takes them, and our reports back to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from calls.domain import rtcp, rtp
from calls.domain.arrivals import Arrivals
from calls.domain.codecs import VP8, starts_keyframe, vp8_height
from calls.domain.drop import Drop
from calls.domain.layer import Layer
from calls.domain.limits import ForwarderLimits
from calls.domain.speakers import Voice
from calls.domain.streams import Streams
from calls.domain.tracks import Source
from calls.services.egress import Egress
from calls.services.leg import Leg
from calls.services.publication import Publication


class Watcher(Protocol):
    """Who has to know that something new flows."""

    def layer_came(self, publication: Publication) -> None:
        """The track has one layer more, or another SSRC for one."""
        ...


class Upstream:
    """The receiver of an up leg."""

    def __init__(self, leg: Leg, ssrc: int, egress: Egress, watcher: Watcher, limits: ForwarderLimits) -> None:
        self.leg = leg
        self.voice = Voice()
        self.publications: dict[str, Publication] = {}
        """By mid."""
        self.streams = Streams(limits.ssrcs_max, limits.layers_max)
        self.packets = 0
        self._ssrc = ssrc
        self._egress = egress
        self._watcher = watcher
        self._limits = limits
        self._ids: Mapping[int, int] = {}
        self._arrivals = Arrivals()

    def describe(self, ids: Mapping[int, int]) -> None:
        """The client's extension ids, as its last offer has them."""
        self._ids = ids

    def media(self, data: bytes, now_ns: int) -> Drop | None:
        """The hot path: read once, then to everybody."""
        packet = rtp.read(data, self._ids, now_ns)
        if isinstance(packet, Drop):
            return packet
        self.packets += 1
        if packet.wide is not None:
            self._arrivals.heard(packet.wide, now_ns)
        stream = self.streams.stream(packet)
        if isinstance(stream, Drop):
            return stream
        incoming, layer = stream.incoming, stream.layer
        if stream.repair:
            self.leg.strays.heard(packet.ssrc)
            unwrapped = rtp.unwrap(packet, incoming.repairs[packet.payload_type], layer.ssrc)
            if isinstance(unwrapped, Drop):
                return unwrapped
        publication = self.publications[incoming.mid]
        packet.layer = layer.index
        payload = packet.wire[packet.start :]
        packet.keyframe, packet.vp8 = starts_keyframe(incoming.codec, payload, packet.descriptor)
        if publication.flowing.get(layer.index) is not layer:
            self.leg.strays.heard(packet.ssrc)
            self._watcher.layer_came(publication)
        drop = layer.accept(packet, now_ns)
        if layer.lost_now:
            self._ask_again(layer, now_ns)
        if drop is not None:
            return drop
        if publication.muted:
            layer.withhold(packet)
            return Drop.MUTED
        if incoming.track.source is Source.MICROPHONE:
            if packet.level is not None:
                self.voice.heard(packet.level, now_ns)
        elif packet.keyframe:
            if incoming.codec is VP8:
                layer.height = vp8_height(payload) or layer.height
            layer.forget_missing()
            publication.request(layer.index).came()
        self._egress.forward(packet, publication, now_ns)
        return None

    def control(self, data: bytes, now_ns: int) -> Drop | None:
        """The publisher's reports end here: what subscribers get is made of them."""
        parts = rtcp.read(data)
        if isinstance(parts, Drop):
            return parts
        for part in parts:
            if isinstance(part, rtcp.SenderReport):
                stream = self.streams.known(part.ssrc)
                if stream is not None and not stream.repair:
                    stream.layer.told(part, now_ns)
        return None

    def _layers(self) -> list[Layer]:
        return [layer for one in self.publications.values() for layer in one.incoming.layers.values()]

    def _ask_again(self, layer: Layer, now_ns: int) -> None:
        missing = layer.nacks(now_ns)
        if missing:
            self._egress.control(self.leg, rtcp.nack(self._ssrc, layer.ssrc, missing))

    def ask_for_keyframe(self, publication: Publication, index: int, now_ns: int) -> None:
        """Somebody needs one: ask the publisher, if it is time to."""
        layer = publication.incoming.layers.get(index)
        request = publication.request(index)
        request.want()
        if layer is not None and request.due(now_ns):
            self._egress.control(self.leg, rtcp.picture_loss(self._ssrc, layer.ssrc))

    def tick(self, now_ns: int) -> None:
        """Every 50 ms: what is missing is asked for again, and keyframes that did not come; strangers are forgotten."""
        self.leg.tidy(self.streams.ssrcs)
        for publication in self.publications.values():
            for index, layer in publication.incoming.layers.items():
                if layer.repairs:
                    self._ask_again(layer, now_ns)
                if layer.needs_keyframe:
                    layer.needs_keyframe = False
                    publication.request(index).want()
                request = publication.request(index)
                takers = publication.takers.get(index)
                if takers is not None and takers.feeds and request.due(now_ns):
                    self._egress.control(self.leg, rtcp.picture_loss(self._ssrc, layer.ssrc))

    def feedback(self) -> None:
        """Every 100 ms: when what arrived."""
        layers = self._layers()
        report = self._arrivals.feedback(self._ssrc, layers[0].ssrc if layers else 0)
        if report is not None:
            self._egress.control(self.leg, report)

    def report(self, now_ns: int) -> None:
        """Every second: how its streams arrive, and what it may send in all."""
        layers = [layer for layer in self._layers() if layer.highest >= 0]
        for layer in layers:
            layer.measure(now_ns)
        if layers:
            blocks = [layer.report(now_ns) for layer in layers]
            report = rtcp.receiver_report(self._ssrc, blocks)
            report += rtcp.remb(self._ssrc, self._limits.uplink_bps_max, [layer.ssrc for layer in layers])
            self._egress.control(self.leg, report)
