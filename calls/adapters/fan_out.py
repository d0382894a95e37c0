"""Fan-out over any socket and any keys: what the two faster ones are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from calls.domain.codecs import shift_vp8
from calls.domain.rtp import PATCH, Packet
from calls.ports.media import Datagrams, Target


class SingleFanOut:
    """`FanOut` by the ports' own means."""

    def __init__(self, datagrams: Datagrams) -> None:
        self._datagrams = datagrams

    def prepared(self, targets: Sequence[Target]) -> object:
        """As they are."""
        return targets

    def forward(self, packet: Packet, prepared: object) -> int:
        """One after the other."""
        wire, sent = packet.wire, 0
        for (number, offset, times, ssrc, shifted, pictures, tl0s), cipher, address in cast("Sequence[Target]", prepared):
            buffer = self._datagrams.buffer()
            buffer.memory[: len(wire)] = wire
            sequence, timestamp = packet.order + offset & 0xFFFF, packet.timestamp + times & 0xFFFFFFFF
            PATCH.pack_into(buffer.memory, 1, packet.marker | number, sequence, timestamp, ssrc)
            if shifted:
                shift_vp8(buffer.memory, packet.start, packet.vp8, pictures, tl0s)
            length = cipher.protect(buffer, len(wire))
            if length:
                self._datagrams.send(length, address)
                sent += 1
        return sent
