"""Datagrams with one system call each: where there is no Linux, or its calls for many at once cannot be reached."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

from calls.adapters.buffers import Memory, buffers
from calls.adapters.udp import BATCH, BURST, READ_BYTES, SO_TIMESTAMPNS, Counts, named, packed


class SingleDatagrams:
    """`Datagrams` over `recvmsg` and `sendto`."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._six = udp.family == socket.AF_INET6
        self.port: int = udp.getsockname()[1]
        self.counts = Counts()
        self.age_ns = 0
        """Of the first datagram of the last burst, when it was read."""
        self._inside = buffers(BURST)
        self._outside = buffers(BATCH)
        self._batch: list[tuple[int, bytes]] = []

    def burst(self) -> Iterator[tuple[Memory, int, bytes]]:
        """What has arrived."""
        for index, buffer in enumerate(self._inside):
            try:
                length, extra, _, name = self._udp.recvmsg_into([buffer.memory[:READ_BYTES]], 64)
            except (BlockingIOError, ConnectionError):
                # ConnectionError: an ICMP answer to something that was sent, which is no news.
                break
            if index == 0:
                self.counts.reads += 1
                self.age_ns = age_of(extra)
            self.counts.received += 1
            yield buffer, length, packed(name)

    def buffer(self) -> Memory:
        """The next free one."""
        if len(self._batch) == BATCH:
            self.flush()
        return self._outside[len(self._batch)]

    def send(self, length: int, address: bytes) -> Memory:
        """Take it into the batch."""
        self._batch.append((length, address))
        return self.buffer()

    def flush(self) -> None:
        """Send the batch."""
        for buffer, (length, address) in zip(self._outside, self._batch, strict=False):
            try:
                self._udp.sendto(buffer.memory[:length], named(address, self._six))
                self.counts.sent += 1
            except OSError:
                self.counts.lost += 1
            self.counts.sends += 1
        self._batch.clear()


def age_of(extra: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since the kernel took the datagram; 0: it did not say."""
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) == 16:
            seconds, rest = struct.unpack("=qq", data)
            return max(0, time.time_ns() - int(seconds) * 1_000_000_000 - int(rest))
    return 0
