"""What a forwarder reads of a payload: whether a keyframe begins here, and where VP8 keeps the numbers that have to stay continuous.

These bytes stay clear when frames are encrypted end to end: ten of a VP8 keyframe, three of other frames, one of Opus.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack_into, unpack_from
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as this unit offers it to subscribers.

    Attributes:
        payload_type: of the media to subscribers, and `rtx_payload_type` of what is sent again (RFC 4588); None: not of audio.
    """

    name: str
    clock_rate: int
    channels: int
    payload_type: int
    rtx_payload_type: int | None
    parameters: str


OPUS = Codec("opus", 48_000, 2, 111, None, "minptime=10;useinbandfec=1;usedtx=1")
VP8 = Codec("VP8", 90_000, 0, 96, 97, "")
VP9 = Codec("VP9", 90_000, 0, 98, 99, "profile-id=0")
H264 = Codec("H264", 90_000, 0, 102, 103, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
AV1 = Codec("AV1", 90_000, 0, 45, 46, "")
AUDIO = (OPUS,)
VIDEO = (VP8, H264, VP9, AV1)


class Vp8(NamedTuple):
    """Where a VP8 payload descriptor (RFC 7741 §4.2) has its counters: offsets from the payload's beginning; 0: it has none."""

    picture_at: int = 0
    picture_bits: int = 0
    picture: int = 0
    tl0_at: int = 0
    tl0: int = 0


NO_VP8 = Vp8()


def read_vp8(payload: bytes | memoryview) -> tuple[bool, Vp8]:
    """Whether a keyframe begins in this packet, and its counters. What is cut off has none, and begins nothing."""
    size = len(payload)
    if size < 2:
        return False, NO_VP8
    first, at, picture_at, bits, picture, tl0_at, tl0 = payload[0], 1, 0, 0, 0, 0, 0
    if first & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            if size < at + 2:
                return False, NO_VP8
            picture_at = at
            if payload[at] & 0x80:
                bits, picture = 15, unpack_from("!H", payload, at)[0] & 0x7FFF
            else:
                bits, picture = 7, payload[at]
            at += 2 if bits == 15 else 1
        if flags & 0x40:
            if size < at + 1:
                return False, NO_VP8
            tl0_at, tl0 = at, payload[at]
            at += 1
        at += 1 if flags & 0x30 else 0
    starts = size > at and first & 0x17 == 0x10 and not payload[at] & 1
    return starts, Vp8(picture_at, bits, picture, tl0_at, tl0)


def vp8_height(payload: bytes | memoryview) -> int:
    """The height of the keyframe that begins in this packet, in pixels, of its clear bytes (RFC 6386 §9.1); 0: it does not say."""
    at = 1
    if payload[0] & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += (flags >> 6 & 1) + bool(flags & 0x30)
    if len(payload) < at + 10 or bytes(payload[at + 3 : at + 6]) != b"\x9d\x01\x2a":
        return 0
    return (payload[at + 8] | payload[at + 9] << 8) & 0x3FFF


def shift_vp8(buffer: memoryview | bytearray, start: int, vp8: Vp8, pictures: int, tl0s: int) -> None:
    """Move the counters of the descriptor at `start`: the picture's by `pictures`, TL0PICIDX by `tl0s`. Lengths stay."""
    if vp8.picture_bits == 15:
        pack_into("!H", buffer, start + vp8.picture_at, 0x8000 | (vp8.picture + pictures) & 0x7FFF)
    elif vp8.picture_bits:
        buffer[start + vp8.picture_at] = (vp8.picture + pictures) & 0x7F
    if vp8.tl0_at:
        buffer[start + vp8.tl0_at] = (vp8.tl0 + tl0s) & 0xFF


def h264_keyframe(payload: bytes | memoryview) -> bool:
    """An IDR picture or its parameters begin here: alone, aggregated (STAP-A) or as the first fragment (FU-A) (RFC 6184)."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == 28:
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F in (5, 7)
    if kind != 24:
        return kind in (5, 7)
    at = 1
    while at + 2 < len(payload):
        if payload[at + 2] & 0x1F in (5, 7):
            return True
        at += 2 + int(unpack_from("!H", payload, at)[0])
    return False


def vp9_keyframe(payload: bytes | memoryview) -> bool:
    """A frame begins here that is not predicted from others, of the lowest spatial layer (RFC 9628 §4.2)."""
    if not payload or payload[0] & 0x48 != 0x08:
        return False
    if not payload[0] & 0x20:
        return True
    at = 1
    if payload[0] & 0x80:
        at += 2 if len(payload) > 1 and payload[1] & 0x80 else 1
    return len(payload) > at and payload[at] & 0x0E == 0


def av1_keyframe(payload: bytes | memoryview, descriptor: bytes | memoryview | None) -> bool:
    """The dependency descriptor says start of frame and brings a template structure; without one, the aggregation header's N bit."""
    if descriptor is not None:
        return len(descriptor) > 3 and bool(descriptor[0] & 0x80) and bool(descriptor[3] & 0x80)
    return bool(payload) and bool(payload[0] & 0x08)


def starts_keyframe(codec: Codec, payload: bytes | memoryview, descriptor: bytes | memoryview | None) -> tuple[bool, Vp8]:
    """Whether a decoder can begin with this packet, and VP8's counters. Of audio every packet will do."""
    if codec is OPUS:
        return True, NO_VP8
    if codec is VP8:
        return read_vp8(payload)
    if codec is H264:
        return h264_keyframe(payload), NO_VP8
    if codec is VP9:
        return vp9_keyframe(payload), NO_VP8
    return av1_keyframe(payload, descriptor), NO_VP8
