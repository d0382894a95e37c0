"""What a packet costs on this machine: tried at the start, so that admission refuses before it hurts.

A tenth of a second of what the unit does most (unprotect and read what comes, protect and send what goes), on real keys and a real socket of
this machine's own, beside what the same took on the machine that the costs in use were measured on. In use a packet costs more than here,
where everything is hot: so the ratio counts, not the figure.
"""

from __future__ import annotations

import socket
import time
from struct import pack

from calls.adapters.aiortc_dtls import looped
from calls.adapters.buffers import buffers
from calls.adapters.mmsg import BatchedDatagrams, library
from calls.adapters.sendto import SingleDatagrams
from calls.adapters.udp import BATCH, packed
from calls.domain import rtp
from calls.domain.admission import Costs, scaled

REFERENCE = Costs(in_cost=3.53e-6, out_cost=3.98e-6)
"""The same trial, with batches, on the machine on which the costs of `Costs` were measured."""
ROUND, ROUNDS = 256, 24
PAYLOAD = bytes(860)
EXTENSIONS = b"\xbe\xde\x00\x01\x10\x50\x00\x00"
IDS = {1: rtp.KINDS[rtp.AUDIO_LEVEL]}


def measured(batched: bool = True) -> Costs:
    """The costs of a packet in use here. Takes about 0.1 s, for which nothing waits yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        for one in (udp, sink):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        loaded = library() if batched else None
        datagrams = BatchedDatagrams(udp, loaded) if loaded is not None else SingleDatagrams(udp)
        return scaled(_tried(datagrams, packed(sink.getsockname())), REFERENCE)


def _tried(datagrams: BatchedDatagrams | SingleDatagrams, sink: bytes) -> Costs:
    """The best round of each: whatever else the machine did makes one slower, and none faster."""
    sender, receiver = looped()
    kept = buffers(ROUND)
    coming, going = [], []
    for number in range(ROUNDS):
        lengths = []
        for index, buffer in enumerate(kept):
            head = pack("!BBHII", 0x90, 96, (number * ROUND + index) & 0xFFFF, index, 7)
            plain = head + EXTENSIONS + PAYLOAD
            buffer.memory[: len(plain)] = plain
            lengths.append(sender.protect(buffer, len(plain)))
        began = time.thread_time()
        for buffer, length in zip(kept, lengths):
            plain_length = receiver.unprotect(buffer, length)
            packet = rtp.read(bytes(buffer.memory[:plain_length]), IDS, 0)
        coming.append((time.thread_time() - began) / ROUND)
        assert isinstance(packet, rtp.Packet), "it was made here"
        began = time.thread_time()
        for index in range(ROUND):
            out = datagrams.buffer()
            out.memory[: len(packet.wire)] = packet.wire
            out.memory[2:4] = (index + number * ROUND & 0xFFFF).to_bytes(2, "big")
            out.memory[8:12] = b"\0\0\0\x09"
            datagrams.send(sender.protect(out, len(packet.wire)), sink)
            if index % BATCH == BATCH - 1:
                datagrams.flush()
        datagrams.flush()
        going.append((time.thread_time() - began) / ROUND)
    return Costs(min(coming), min(going))
