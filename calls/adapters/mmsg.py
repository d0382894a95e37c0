"""Datagrams with `recvmmsg` and `sendmmsg`: many for one system call. Through cffi's ABI mode, so no compiler is needed; Linux alone has them."""

from __future__ import annotations

import errno
import platform
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

import cffi

from calls.adapters.aiortc_dtls import SrtpCipher, protect
from calls.adapters.buffers import Memory, buffers
from calls.adapters.udp import BATCH, BURST, READ_BYTES, SO_TIMESTAMPNS, Counts, from_sockaddr, to_sockaddr
from calls.domain.codecs import shift_vp8
from calls.domain.rtp import PATCH, Packet
from calls.ports.media import PLAIN_BYTES_MAX, Target

NAME_BYTES = 28
CONTROL_BYTES = 64
NAMES_MAX = 4_096
"""Addresses that are kept in C's form."""
STAMPED = 32
"""Bytes of control data that a time takes."""
STAMP = struct.Struct("=iiqq")
MSG_DONTWAIT = 0x40

C = cffi.FFI()
C.cdef(
    """
    struct iovec { void *base; size_t length; };
    struct msghdr {
        void *name; unsigned int name_length; struct iovec *vectors; size_t vectors_length;
        void *control; size_t control_length; int flags;
    };
    struct mmsghdr { struct msghdr header; unsigned int length; };
    int sendmmsg(int, struct mmsghdr *, unsigned int, int);
    int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
    """
)


def library() -> Any | None:
    """The C library, if it has both calls; else None."""
    if platform.system() != "Linux" or struct.calcsize("P") != 8:
        return None
    try:
        loaded = C.dlopen(None)
        assert loaded.sendmmsg and loaded.recvmmsg
    except (OSError, AttributeError):
        return None
    return loaded


class _Row:
    """Headers for a row of buffers, and room for an address beside each."""

    def __init__(self, memory: list[Memory], name_bytes: int) -> None:
        count = len(memory)
        self.headers: Any = C.new("struct mmsghdr[]", count)
        self.vectors: Any = C.new("struct iovec[]", count)
        self.names: Any = C.new("char[]", count * NAME_BYTES)
        for index, buffer in enumerate(memory):
            self.vectors[index].base = buffer.pointer
            self.vectors[index].length = READ_BYTES
            header = self.headers[index].header
            header.name = self.names + index * NAME_BYTES
            header.name_length = name_bytes
            header.vectors = self.vectors + index
            header.vectors_length = 1


class BatchedDatagrams:
    """`Datagrams` over the two calls."""

    def __init__(self, udp: socket.socket, loaded: Any) -> None:
        self._udp = udp
        self._number = udp.fileno()
        self._six = udp.family == socket.AF_INET6
        self._library = loaded
        self.port: int = udp.getsockname()[1]
        self.counts = Counts()
        self.age_ns = 0
        """Of the first datagram of the last burst, when it was read."""
        self._inside, self._outside = buffers(BURST), buffers(BATCH)
        self._in, self._out = _Row(self._inside, NAME_BYTES), _Row(self._outside, NAME_BYTES if self._six else 16)
        self._names_in = [C.buffer(self._in.names + index * NAME_BYTES, NAME_BYTES) for index in range(BURST)]
        self._vectors_out = [self._out.vectors + index for index in range(BATCH)]
        # Addresses are copied here: what a batch points to has to stay until it is sent, whatever becomes of who was to get it.
        length = self._out.headers[0].header.name_length
        self._names_out = [memoryview(C.buffer(self._out.names + index * NAME_BYTES, length)) for index in range(BATCH)]
        self._headers_in = [self._in.headers + index for index in range(BURST)]
        self._control: Any = C.new("char[]", CONTROL_BYTES)
        self._stamp = C.buffer(self._control, CONTROL_BYTES)
        self._first = self._in.headers[0].header
        self._first.control = self._control
        self.taken = 0
        """Of the batch: so many wait to be sent."""
        self._names: dict[bytes, bytes] = {}

    @property
    def row(self) -> tuple[Any, Any, Any]:
        """The batch's memory, as C has it: its buffers, one after the other, their headers and vectors."""
        return self._outside[0].pointer, self._out.headers, self._out.vectors

    def burst(self) -> Iterator[tuple[Memory, int, bytes]]:
        """What has arrived."""
        first = self._first
        first.control_length = CONTROL_BYTES
        count = self._library.recvmmsg(self._number, self._in.headers, BURST, MSG_DONTWAIT, C.NULL)
        if count <= 0:
            return
        self.counts.reads += 1
        self.counts.received += count
        self._age(first)
        # Names keep their length: a socket has addresses of one size.
        headers, names, six, inside = self._headers_in, self._names_in, self._six, self._inside
        for index in range(count):
            name = names[index]
            yield inside[index], headers[index].length, from_sockaddr(name[:], True) if six else name[2:8]

    def _age(self, first: Any) -> None:
        self.age_ns = 0
        if first.control_length >= STAMPED:
            level, kind, seconds, rest = STAMP.unpack_from(self._stamp, 8)
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                self.age_ns = max(0, time.time_ns() - seconds * 1_000_000_000 - rest)

    def buffer(self) -> Memory:
        """The next free one."""
        if self.taken == BATCH:
            self.flush()
        return self._outside[self.taken]

    def send(self, length: int, address: bytes) -> Memory:
        """Take it into the batch."""
        index = self.taken
        self._names_out[index][:] = self.name(address)
        self._vectors_out[index].length = length
        self.taken = index = index + 1
        if index == BATCH:
            self.flush()
            index = 0
        return self._outside[index]

    def name(self, address: bytes) -> bytes:
        """The address as C takes it."""
        name = self._names.get(address)
        if name is None:
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            name = self._names[address] = to_sockaddr(address, self._six)
        return name

    def flush(self) -> None:
        """Send the batch. The call says how many it took: the rest is tried again, and dropped when the system is full."""
        at, count = 0, self.taken
        self.taken = 0
        while at < count:
            took = self._library.sendmmsg(self._number, self._out.headers + at, count - at, MSG_DONTWAIT)
            self.counts.sends += 1
            if took > 0:
                self.counts.sent += took
                at += took
            elif C.errno in (errno.EAGAIN, errno.ENOBUFS):
                self.counts.lost += count - at
                return
            elif C.errno != errno.EINTR:
                # One that cannot be sent, to an address without a route for one: it alone is left out.
                self.counts.lost += 1
                at += 1


class BatchedFanOut:
    """`FanOut` straight into the batch. For every packet and subscriber, so what `send` and `SrtpCipher.protect` do stands here once more."""

    def __init__(self, datagrams: BatchedDatagrams) -> None:
        self._datagrams = datagrams
        self._memory = [buffer.memory for buffer in datagrams._outside]
        self._pointers = [buffer.pointer for buffer in datagrams._outside]
        self._length: Any = C.new("int *")

    def prepared(self, targets: Sequence[Target]) -> object:
        """Keys and addresses as C takes them."""
        rows = []
        for rewrite, cipher, address in targets:
            assert isinstance(cipher, SrtpCipher)
            # The cipher itself stays in the row: its session ends with it.
            rows.append((*rewrite, cipher.outgoing, self._datagrams.name(address), cipher))
        return rows

    def forward(self, packet: Packet, prepared: Any) -> int:
        """One after the other."""
        wire, marker, order, time, size = packet.wire, packet.marker, packet.order, packet.timestamp, len(packet.wire)
        if size > PLAIN_BYTES_MAX:
            return 0
        datagrams, memories, pointers, said, patch = self._datagrams, self._memory, self._pointers, self._length, PATCH.pack_into
        names, vectors, index, sent = datagrams._names_out, datagrams._vectors_out, datagrams.taken, 0
        for number, offset, times, ssrc, shifted, pictures, tl0s, session, name, _ in prepared:
            if index == BATCH:
                datagrams.taken = index
                datagrams.flush()
                index = 0
            memory = memories[index]
            memory[:size] = wire
            patch(memory, 1, marker | number, order + offset & 0xFFFF, time + times & 0xFFFFFFFF, ssrc)
            if shifted:
                shift_vp8(memory, packet.start, packet.vp8, pictures, tl0s)
            said[0] = size
            if protect(session, pointers[index], said):
                continue
            names[index][:] = name
            vectors[index].length = said[0]
            index += 1
            sent += 1
        datagrams.taken = index
        return sent
