"""Packets for the playbooks of the media path."""

from __future__ import annotations

from calls.domain.codecs import NO_VP8, Vp8
from calls.domain.rtp import HEADER, Packet

MS = 1_000_000


def packet(
    sequence: int, timestamp: int = 0, *, ssrc: int = 1, layer: int = 0, keyframe: bool = False, payload: bytes = b"x", vp8: Vp8 = NO_VP8,
    payload_type: int = 96, mid: str = "", rid: str = "", repaired: str = "",
) -> Packet:  # fmt: skip
    """A packet as the path has it after `read`."""
    made = Packet(ssrc, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, payload_type, 0)
    made.wire, made.start, made.octets = bytes(HEADER) + payload, HEADER, len(payload)
    made.layer, made.keyframe, made.vp8 = layer, keyframe, vp8
    made.names = {5: mid.encode(), 6: rid.encode(), 7: repaired.encode()}
    return made
