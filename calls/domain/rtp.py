"""RTP packets (RFC 3550): read once when they come in, and written once in the form in which every subscriber gets them.

In that form only eleven bytes differ from subscriber to subscriber: marker and payload type, sequence number, timestamp, SSRC. It has no CSRC
and no padding, and our own extension ids (RFC 8285): abs-send-time first, then what is passed on of the publisher's. What goes from
hop to hop (MID, RID, transport-wide sequence numbers) is read and left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct, pack, unpack_from

from calls.domain.codecs import NO_VP8, Vp8
from calls.domain.drop import Drop

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ORIENTATION = "urn:3gpp:video-orientation"
DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

OWN_IDS = {ABS_SEND_TIME: 1, AUDIO_LEVEL: 2, ORIENTATION: 3, DESCRIPTOR: 4}
"""Extensions that subscribers get, and the ids they get them by."""
KINDS = {**OWN_IDS, MID: 5, RID: 6, REPAIRED_RID: 7, TRANSPORT_WIDE: 8}
"""Extensions that are read. `ids` of a transport lead from the publisher's numbers to these."""
NAME_BYTES_MAX = 32
NO_NAMES: Mapping[int, bytes] = {}
HEADER = 12
PATCH = Struct("!BHII")
"""Marker and payload type, sequence number, timestamp, SSRC: what differs for a subscriber, from the second byte of a packet on."""
WIRE_BYTES_MAX = 1_480
"""Of a packet as it goes out, before SRTP's trailer: what came in within 1,500 bytes, with what abs-send-time can add."""


class Packet:
    """One packet, authenticated and read.

    Attributes:
        order: its place in what its layer forwards, without holes for padding; set by the layer.
        layer: of which it is, and `keyframe` and `vp8`; set by who knows its codec.
        wire: the form for subscribers, with the payload, of `octets` bytes, from `start`.
        level: the audio level, 0 (loudest) … 127 (silence), in -dBov; None: it has none.
        descriptor: AV1's dependency descriptor.
        wide: the transport-wide sequence number.
        names: what tells to what it belongs, by the numbers of `KINDS`.
    """

    __slots__ = (
        "ssrc", "sequence", "order", "timestamp", "payload_type", "marker", "wire", "start", "octets", "keyframe", "vp8", "layer",
        "level", "descriptor", "wide", "names",
    )  # fmt: skip

    def __init__(self, ssrc: int, sequence: int, timestamp: int, payload_type: int, marker: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp
        self.payload_type = payload_type
        self.marker = marker
        self.order = -1
        self.wire = b""
        self.start = HEADER
        self.octets = 0
        self.keyframe = False
        self.vp8: Vp8 = NO_VP8
        self.layer = 0
        self.level: int | None = None
        self.descriptor: bytes | None = None
        self.wide: int | None = None
        self.names: Mapping[int, bytes] = NO_NAMES

    @property
    def mid(self) -> str:
        """The section that it belongs to. Asked for an SSRC that is new, so not read for every packet."""
        return self.names.get(5, b"").decode("ascii", "replace")

    @property
    def rid(self) -> str:
        """The layer that it belongs to."""
        return self.names.get(6, b"").decode("ascii", "replace")

    @property
    def repaired(self) -> str:
        """The layer that it repairs."""
        return self.names.get(7, b"").decode("ascii", "replace")

    @property
    def empty(self) -> bool:
        """It has no payload: a probe."""
        return not self.octets


def abs_send_time(now_ns: int) -> bytes:
    """24 bits of seconds with 18 behind the point."""
    return ((now_ns << 18) // 1_000_000_000 & 0xFFFFFF).to_bytes(3, "big")


def read(data: bytes, ids: Mapping[int, int], now_ns: int) -> Packet | Drop:
    """The packet, its form for subscribers made.

    Args:
        ids: from the publisher's extension ids to the numbers of `KINDS`.
        now_ns: becomes abs-send-time, since it leaves in the same turn.
    """
    size = len(data)
    if size < HEADER:
        return Drop.BROKEN
    first, second, sequence, timestamp, ssrc = unpack_from("!BBHII", data)
    start = HEADER + 4 * (first & 0x0F)
    if first & 0xC0 != 0x80 or start > size:
        return Drop.BROKEN
    packet = Packet(ssrc, sequence, timestamp, second & 0x7F, second & 0x80)
    kept: list[tuple[int, bytes]] = []
    if first & 0x10:
        if start + 4 > size:
            return Drop.BROKEN
        profile, words = unpack_from("!HH", data, start)
        extensions, start = start + 4, start + 4 + 4 * words
        if start > size:
            return Drop.BROKEN
        if profile == 0xBEDE:
            broken = _one_byte(packet, kept, data, extensions, start, ids)
        elif profile & 0xFFF0 == 0x1000:
            broken = _two_byte(packet, kept, data[extensions:start], ids)
        else:
            broken = False
        if broken:
            return Drop.BROKEN
    end = size
    if first & 0x20:
        padding = data[-1]
        if not 0 < padding <= size - start:
            return Drop.BROKEN
        end -= padding
    head = _extensions(kept, now_ns)
    packet.start = HEADER + len(head)
    packet.octets = end - start
    packet.wire = b"\x90" + data[1:HEADER] + head + data[start:end]
    return packet if len(packet.wire) <= WIRE_BYTES_MAX else Drop.TOO_LONG


def _one_byte(packet: Packet, kept: list[tuple[int, bytes]], data: bytes, at: int, stop: int, ids: Mapping[int, int]) -> bool:
    """Take what the block has. True: it is broken."""
    while at < stop:
        byte = data[at]
        if not byte:
            at += 1
            continue
        if byte >= 0xF0:
            return False
        end = at + 2 + (byte & 0x0F)
        if end > stop:
            return True
        kind = ids.get(byte >> 4)
        # What `_take` does with it, here once more: every packet has one.
        if kind == 8 and end == at + 3:
            packet.wide = data[at + 1] << 8 | data[at + 2]
        elif kind is not None:
            _take(packet, kept, kind, data[at + 1 : end])
        at = end
    return False


def _two_byte(packet: Packet, kept: list[tuple[int, bytes]], block: bytes, ids: Mapping[int, int]) -> bool:
    at, size = 0, len(block)
    while at < size:
        number = block[at]
        if not number:
            at += 1
            continue
        if at + 2 > size or at + 2 + block[at + 1] > size:
            return True
        length = block[at + 1]
        kind = ids.get(number)
        if kind is not None:
            _take(packet, kept, kind, block[at + 2 : at + 2 + length])
        at += 2 + length
    return False


def _take(packet: Packet, kept: list[tuple[int, bytes]], kind: int, value: bytes) -> None:
    """One extension. Values of another size than theirs are left out; the first of a kind counts."""
    if kind == 2:
        if len(value) == 1 and packet.level is None:
            packet.level = value[0] & 0x7F
            kept.append((kind, value))
    elif kind == 8:
        if len(value) == 2:
            packet.wide = value[0] << 8 | value[1]
    elif kind == 3:
        if len(value) == 1:
            kept.append((kind, value))
    elif kind == 4:
        if value and packet.descriptor is None:
            packet.descriptor = value
            kept.append((kind, value))
    elif kind >= 5 and 0 < len(value) <= NAME_BYTES_MAX:
        packet.names = {**packet.names, kind: value} if packet.names else {kind: value}


def _extensions(kept: list[tuple[int, bytes]], now_ns: int) -> bytes:
    """The block: abs-send-time at a fixed place, one-byte form unless a value is longer than 16 bytes."""
    time = abs_send_time(now_ns)
    if not kept:
        return b"\xbe\xde\x00\x01\x12" + time
    if len(kept) == 1 and len(kept[0][1]) == 1:
        # An audio level alone: every packet of a microphone has one.
        return b"\xbe\xde\x00\x02\x12" + time + bytes((kept[0][0] << 4, kept[0][1][0], 0, 0))
    if all(len(value) <= 16 for _, value in kept):
        block = b"\x12" + time + b"".join([bytes((kind << 4 | len(value) - 1,)) + value for kind, value in kept])
        profile = 0xBEDE
    else:
        block = b"\x01\x03" + time + b"".join([bytes((kind, len(value))) + value for kind, value in kept])
        profile = 0x1000
    block += bytes(-len(block) % 4)
    return pack("!HH", profile, len(block) // 4) + block


def unwrap(packet: Packet, payload_type: int, ssrc: int) -> Packet | Drop:
    """What an RTX packet (RFC 4588) sends again: the same packet, under its media's payload type and SSRC."""
    if packet.empty:
        return Drop.PADDING
    if len(packet.wire) < packet.start + 2:
        return Drop.BROKEN
    packet.sequence = packet.wire[packet.start] << 8 | packet.wire[packet.start + 1]
    packet.wire = packet.wire[: packet.start] + packet.wire[packet.start + 2 :]
    packet.octets -= 2
    packet.payload_type, packet.ssrc = payload_type, ssrc
    return Drop.PADDING if packet.empty else packet


def wrap(wire: bytes, start: int, sequence: int) -> bytes:
    """The packet as its repair stream carries it: the original sequence number before the payload."""
    return wire[:start] + pack("!H", sequence) + wire[start:]
