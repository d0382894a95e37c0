"""Reads many sockets, many datagrams at once, and keeps what their clear RTP headers say. Needs Linux, and no compiler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from calls.adapters.mmsg import C, library

SLOTS = 4_096
DATAGRAM = 1_536
CONTROL = 64
MSG_DONTWAIT = 0x40
HEADER = np.dtype(
    {
        "names": ["first", "second", "sequence", "timestamp", "ssrc"],
        "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
        "offsets": [0, 1, 2, 4, 8],
        "itemsize": DATAGRAM,
    }
)
ARRIVAL = np.dtype({"names": ["seconds", "ns"], "formats": ["i8", "i8"], "offsets": [16, 24], "itemsize": CONTROL})
MESSAGE = np.dtype({"names": ["control", "length"], "formats": ["u8", "u4"], "offsets": [40, 56], "itemsize": 64})
ROW = np.dtype(
    [("ns", "i8"), ("who", "u2"), ("ssrc", "u4"), ("sequence", "u2"), ("marker", "?"), ("size", "u2"), ("timestamp", "u4")]
)


@dataclass(slots=True)
class Round:
    """What one round found: rows of media, places of one in so many of them, and everything else."""

    rows: Any
    samples: list[tuple[int, bytes, int]] = field(default_factory=list)
    """Socket, datagram, and when it arrived (ns, of the system's clock)."""
    others: list[tuple[int, bytes]] = field(default_factory=list)
    """Socket and datagram: RTCP, STUN, DTLS."""


class Drain:
    """Reads; whose the sockets are is known by their places in the list."""

    def __init__(self, sample_every: int = 50) -> None:
        self._library = library()
        if self._library is None:
            raise OSError("the load needs recvmmsg: 64-bit Linux")
        self._every = sample_every
        self._seen = 0
        self._memory: Any = C.new("char[]", SLOTS * DATAGRAM)
        self._control: Any = C.new("char[]", SLOTS * CONTROL)
        self._vectors: Any = C.new("struct iovec[]", SLOTS)
        self._headers: Any = C.new("struct mmsghdr[]", SLOTS)
        for at in range(SLOTS):
            self._vectors[at].base, self._vectors[at].length = self._memory + at * DATAGRAM, DATAGRAM
            header = self._headers[at].header
            header.vectors, header.vectors_length = self._vectors + at, 1
            header.control, header.control_length = self._control + at * CONTROL, CONTROL
        self._bytes = C.buffer(self._memory)
        self._read = np.frombuffer(self._bytes, HEADER)
        self._arrived = np.frombuffer(C.buffer(self._control), ARRIVAL)
        self._messages = np.frombuffer(C.buffer(self._headers), MESSAGE)
        self._whose = np.zeros(SLOTS, np.uint16)

    def round(self, descriptors: list[int]) -> Round:
        """Read all of them once; what does not fit stays for the next round."""
        at = 0
        for who, descriptor in enumerate(descriptors):
            count = self._library.recvmmsg(descriptor, self._headers + at, SLOTS - at, MSG_DONTWAIT, C.NULL)
            if count > 0:
                self._whose[at : at + count] = who
                at += count
                if at == SLOTS:
                    break
        return self._look(at)

    def _look(self, count: int) -> Round:
        read, lengths = self._read[:count], self._messages["length"][:count]
        first, second = read["first"], read["second"]
        media = (first >= 128) & (first < 192) & ((second < 192) | (second >= 224)) & (lengths > 12)
        places = np.flatnonzero(media)
        rows = np.empty(len(places), ROW)
        arrived = self._arrived[places]
        rows["ns"] = arrived["seconds"] * 1_000_000_000 + arrived["ns"]
        rows["who"] = self._whose[places]
        rows["marker"] = second[places] >= 128
        rows["size"] = lengths[places]
        for name in ("ssrc", "sequence", "timestamp"):
            rows[name] = read[name][places]
        found = Round(rows)
        for place in range(-self._seen % self._every, len(places), self._every):
            found.samples.append((int(rows["who"][place]), self._datagram(int(places[place])), int(rows["ns"][place])))
        self._seen += len(places)
        for other in np.flatnonzero(~media):
            found.others.append((int(self._whose[other]), self._datagram(int(other))))
        self._messages["control"][:count] = CONTROL
        return found

    def _datagram(self, at: int) -> bytes:
        return bytes(self._bytes[at * DATAGRAM : at * DATAGRAM + int(self._messages["length"][at])])
