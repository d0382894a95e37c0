"""What a party sends: packets of the size and rate of Opus and VP8, with its number and the time of sending at their end.

| | packets/s | bytes of payload | kbit/s |
|---|---|---|---|
| sound | 50 | 80 | 32 |
| pictures, 640×360 at 30 a second in 2, 2 and 3 packets | 70 | 890 | 498 |

Neither server decodes, so pictures are noise behind the header of a VP8 frame; keyframes are those that are asked for.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from dataclasses import dataclass

OPUS, VP8, RTX = 111, 96, 97
LEVEL, ABS_SEND_TIME, MID, WIDE = 1, 2, 4, 5
"""Ids of header extensions, as offered."""
MAGIC = b"TWBN"
STAMP = struct.Struct("!4sIq")
SOUND_BYTES, PICTURE_BYTES = 80, 890
SOUND_PERIOD_NS, PICTURE_PERIOD_NS = 20_000_000, 33_333_333
PACKETS_OF_PICTURE = (2, 2, 3)
PACKETS_PER_S = 120
"""Of one party."""
FIRST_SEQUENCE_MAX = 10_000
HEAD = struct.Struct("!BBHII")
KEYFRAME = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", 640, 360)
DELTA = b"\x11\x02\x00"


@dataclass(slots=True)
class Wide:
    """Numbers the packets of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01); not `on`: the server does not want them."""

    on: bool = False
    last: int = 0


class Track:
    """An RTP stream. The kinds below say what is in it."""

    payload_type = 0
    clock_rate = 0
    period_ns = 0

    def __init__(self, party: int, mid: str, wide: Wide) -> None:
        self.ssrc = secrets.randbits(31) | 1
        self.party = party
        self.mid = mid.encode()
        self.sequence = secrets.randbelow(FIRST_SEQUENCE_MAX)
        self.timestamp = secrets.randbits(31)
        self.sent = self.octets = 0
        self._wide = wide

    def _packet(self, payload: bytes, marker: bool, extensions: bytes) -> bytes:
        extensions += bytes((MID << 4 | len(self.mid) - 1,)) + self.mid
        if self._wide.on:
            self._wide.last = self._wide.last + 1 & 0xFFFF
            extensions += struct.pack("!BH", WIDE << 4 | 1, self._wide.last)
        extensions += bytes(-len(extensions) % 4)
        self.sequence = self.sequence + 1 & 0xFFFF
        self.sent += 1
        self.octets += len(payload) + STAMP.size
        head = HEAD.pack(0x90, marker << 7 | self.payload_type, self.sequence, self.timestamp & 0xFFFFFFFF, self.ssrc)
        stamp = STAMP.pack(MAGIC, self.party, time.time_ns())
        return head + struct.pack("!HH", 0xBEDE, len(extensions) // 4) + extensions + payload + stamp

    def next(self) -> list[bytes]:
        """The packets that are due now."""
        raise NotImplementedError


class Sound(Track):
    """Opus in packets of 20 ms. Who is loud takes turns, so that speakers change."""

    payload_type, clock_rate, period_ns = OPUS, 48_000, SOUND_PERIOD_NS
    _noise = b"\x78" + os.urandom(SOUND_BYTES - STAMP.size - 1)

    def next(self) -> list[bytes]:
        """One packet."""
        self.timestamp += 960
        loud = (self.sent // 250 + self.party) % 4 == 0
        level = struct.pack("!BB", LEVEL << 4, 20 + self.party % 16 if loud else 90)
        return [self._packet(self._noise, False, level)]


class Pictures(Track):
    """VP8 with a PictureID, which counts the pictures."""

    payload_type, clock_rate, period_ns = VP8, 90_000, PICTURE_PERIOD_NS
    _noise = os.urandom(PICTURE_BYTES - STAMP.size)

    def __init__(self, party: int, mid: str, wide: Wide) -> None:
        super().__init__(party, mid, wide)
        self.number = 0
        self.wanted = True
        """The next one is a keyframe."""
        self.keyframes = 0

    def next(self) -> list[bytes]:
        """One picture."""
        self.timestamp += 3_000
        clear = KEYFRAME if self.wanted else DELTA
        self.keyframes += self.wanted
        self.wanted = False
        count = PACKETS_OF_PICTURE[self.number % 3]
        self.number += 1
        picture = struct.pack("!H", 0x8000 | self.number & 0x7FFF)
        sent = time.time_ns() * 262_144 // 1_000_000_000 & 0xFFFFFF
        extension = bytes((ABS_SEND_TIME << 4 | 2,)) + sent.to_bytes(3, "big")
        packets = []
        for at in range(count):
            first = not at
            begin = bytes((0x90 if first else 0x80, 0x80)) + picture + (clear if first else b"")
            packets.append(self._packet(begin + self._noise[len(begin) :], at == count - 1, extension))
        return packets
