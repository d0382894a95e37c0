"""Which SSRC of a publisher is what: told by the description, or latched from the names that its first packets carry.

An SSRC alone is never believed: one that nobody named has to say MID (RFC 9143) and, of a simulcast track, RID (RFC 8852), or be the only one
that its payload type can mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from calls.domain.codecs import Codec
from calls.domain.drop import Drop
from calls.domain.layer import Layer
from calls.domain.rtp import Packet
from calls.domain.tracks import Track


@dataclass(slots=True)
class Incoming:
    """A track as it comes in.

    Attributes:
        codecs: by the publisher's payload type; `repairs`: from its RTX payload types to the media's.
        rids: names of the layers, the lowest index first; empty: one layer without a name.
        ssrcs: what the description names, with the layer's index; `rtx_ssrcs`: of repairs.
    """

    mid: str
    track: Track
    codec: Codec
    codecs: Mapping[int, Codec]
    repairs: Mapping[int, int]
    rids: tuple[str, ...] = ()
    ssrcs: dict[int, int] = field(default_factory=dict)
    rtx_ssrcs: dict[int, int] = field(default_factory=dict)
    layers: dict[int, Layer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An SSRC: media of a layer, or repairs of it."""

    incoming: Incoming
    layer: Layer
    repair: bool


class Streams:
    """Of one publisher."""

    def __init__(self, ssrcs_max: int, layers_max: int) -> None:
        self._ssrcs_max = ssrcs_max
        self._layers_max = layers_max
        self._known: dict[int, Stream] = {}
        self._tracks: dict[str, Incoming] = {}

    @property
    def tracks(self) -> tuple[Incoming, ...]:
        """Every track, as its description came."""
        return tuple(self._tracks.values())

    @property
    def ssrcs(self) -> Collection[int]:
        """All that are latched."""
        return self._known.keys()

    def put(self, incoming: Incoming) -> None:
        """A track comes in, or its section was described anew."""
        self._tracks[incoming.mid] = incoming

    def remove(self, mid: str) -> tuple[int, ...]:
        """The track of this section is no more. Returns its SSRCs."""
        self._tracks.pop(mid, None)
        gone = tuple(ssrc for ssrc, stream in self._known.items() if stream.incoming.mid == mid)
        for ssrc in gone:
            del self._known[ssrc]
        return gone

    def stream(self, packet: Packet) -> Stream | Drop:
        """What this packet belongs to."""
        stream = self._known.get(packet.ssrc)
        if stream is None:
            return self._latch(packet)
        if packet.payload_type not in (stream.incoming.repairs if stream.repair else stream.incoming.codecs):
            return Drop.UNKNOWN_STREAM
        return stream

    def known(self, ssrc: int) -> Stream | None:
        """What was latched to this SSRC."""
        return self._known.get(ssrc)

    def _latch(self, packet: Packet) -> Stream | Drop:
        if len(self._known) >= self._ssrcs_max:
            return Drop.UNKNOWN_STREAM
        incoming = self._of(packet)
        if incoming is None:
            return Drop.UNKNOWN_STREAM
        repair = packet.payload_type in incoming.repairs
        if not repair and packet.payload_type not in incoming.codecs:
            return Drop.UNKNOWN_STREAM
        index = self._index(packet, incoming, repair)
        if index is None or index >= self._layers_max:
            return Drop.UNKNOWN_STREAM
        layer = incoming.layers.get(index)
        if repair and layer is None:
            return Drop.UNKNOWN_STREAM
        if layer is None or (not repair and layer.ssrc != packet.ssrc):
            self._known = {s: one for s, one in self._known.items() if one.incoming is not incoming or one.layer is not layer}
            codec = incoming.codecs[packet.payload_type]
            layer = incoming.layers[index] = Layer(packet.ssrc, codec.clock_rate, index, incoming.track.source.video)
        stream = self._known[packet.ssrc] = Stream(incoming, layer, repair)
        return stream

    def _of(self, packet: Packet) -> Incoming | None:
        """The track: by MID, by what the description says of the SSRC, else by a payload type that only one has."""
        if packet.mid:
            return self._tracks.get(packet.mid)
        for incoming in self._tracks.values():
            if packet.ssrc in incoming.ssrcs or packet.ssrc in incoming.rtx_ssrcs:
                return incoming
        able = [one for one in self._tracks.values() if packet.payload_type in one.codecs or packet.payload_type in one.repairs]
        return able[0] if len(able) == 1 else None

    @staticmethod
    def _index(packet: Packet, incoming: Incoming, repair: bool) -> int | None:
        """Which layer of its track; None: it does not say."""
        named = (incoming.rtx_ssrcs if repair else incoming.ssrcs).get(packet.ssrc)
        if named is not None:
            return named
        if not incoming.rids:
            return 0 if not (incoming.rtx_ssrcs if repair else incoming.ssrcs) else None
        rid = packet.repaired if repair else packet.rid
        return incoming.rids.index(rid) if rid in incoming.rids else None
