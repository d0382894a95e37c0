"""What a packet costs on this machine: tried at the start, so that admission refuses before it hurts.

A tenth of a second of what the unit does most (unprotect and read what comes; copy, protect and send what goes, by the fan-out that is set),
on real keys and a real socket of this machine's own, beside what the same took on the machine that the costs in use were measured on. In use
a packet costs more than here, where everything is hot: so the ratio counts, not the figure.
"""

from __future__ import annotations

import socket
import time
from struct import pack

from calls.adapters.aiortc_dtls import SrtpCipher, looped
from calls.adapters.buffers import buffers
from calls.adapters.means import means
from calls.adapters.udp import packed
from calls.domain import rtp
from calls.domain.admission import Costs, scaled
from calls.domain.run import Rewrite
from calls.ports.media import Datagrams, FanOut, Target

REFERENCE = Costs(in_cost=3.53e-6, out_cost=3.66e-6)
"""The same trial, in Python and with batches, on the machine on which the costs of `Costs` were measured."""
ROUND, ROUNDS = 256, 24
TARGETS = 23
"""Who takes a packet in a call of 24, of which the costs in use are, too."""
PAYLOAD = bytes(860)
EXTENSIONS = b"\xbe\xde\x00\x01\x10\x50\x00\x00"
IDS = {1: rtp.KINDS[rtp.AUDIO_LEVEL]}


def measured(fan_out: str = "python", batched: bool = True) -> Costs:
    """The costs of a packet in use here. Takes about 0.1 s, for which nothing waits yet. The arguments are those of `means`.

    Raises:
        NotBuilt: the compiled fan-out cannot be used.
    """
    return scaled(tried(fan_out, batched), REFERENCE)


def tried(fan_out: str = "python", batched: bool = True) -> Costs:
    """What the trial took, as it is: beside `REFERENCE` it says what a packet costs in use. Takes and raises what `measured` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        for one in (udp, sink):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
        datagrams, copies = means(udp, fan_out, batched)
        packet, in_cost = _coming(*looped())
        return Costs(in_cost, _going(packet, datagrams, copies, packed(sink.getsockname())))


def _coming(sender: SrtpCipher, receiver: SrtpCipher) -> tuple[rtp.Packet, float]:
    """A packet, and what one costs. The best round, here and below: whatever else the machine did makes one slower, and none faster."""
    kept, took = buffers(ROUND), []
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
        took.append((time.thread_time() - began) / ROUND)
    assert isinstance(packet, rtp.Packet), "it was made here"
    return packet, min(took)


def _going(packet: rtp.Packet, datagrams: Datagrams, copies: FanOut, sink: bytes) -> float:
    """What a copy of it costs."""
    targets = [Target(Rewrite(96, 1, 2, ssrc), looped()[0], sink) for ssrc in range(1, TARGETS + 1)]
    prepared, took, packet.order = copies.prepared(targets), [], 0
    for _ in range(ROUNDS):
        sent = 0
        began = time.thread_time()
        while sent < ROUND:
            packet.order += 1
            copied = copies.forward(packet, prepared)
            assert copied, "it can be protected"
            sent += copied
        datagrams.flush()
        took.append((time.thread_time() - began) / sent)
    return min(took)
