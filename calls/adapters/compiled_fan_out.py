"""Fan-out in C, where somebody has built it (`make accelerator`): the same bytes for less, in large calls above all.

It works on the batch of `BatchedDatagrams`, whose memory it is given. A library of another version is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cffi

from calls.adapters.aiortc_dtls import SrtpCipher, protect_address
from calls.adapters.mmsg import BatchedDatagrams
from calls.adapters.udp import BATCH
from calls.domain.rtp import Packet
from calls.ports.media import BUFFER_BYTES, PLAIN_BYTES_MAX, Target

LIBRARY = Path(__file__).parents[1] / "native" / "fan_out.so"
VERSION = 2
C = cffi.FFI()
C.cdef(
    """
    struct fan_packet {
        const void *wire; uint64_t order; uint32_t size, start, timestamp;
        uint16_t picture, picture_at, tl0_at; uint8_t marker, picture_bits, tl0;
    };
    struct fan_target { void *session, *name; uint64_t offset; uint32_t times, ssrc, pictures, tl0s; uint8_t number, shifted; };
    struct fan_batch { void *buffers, *headers, *vectors; uint32_t stride, capacity, taken; };
    int fan_out_version(void);
    uint32_t fan_out(void *, struct fan_batch *, const struct fan_packet *, const struct fan_target *, uint32_t, uint32_t, uint32_t *);
    """
)
WORD = 0xFFFFFFFF


class NotBuilt(Exception):
    """There is no library that could be used."""


def compiled(library: Path = LIBRARY) -> Any:
    """The library.

    Raises:
        NotBuilt
    """
    if not library.exists():
        msg = f"fan_out = compiled, and {library} is not there: build it with `make accelerator`, or set fan_out = python"
        raise NotBuilt(msg)
    try:
        loaded = C.dlopen(str(library))
        version = loaded.fan_out_version()
    except (OSError, AttributeError) as error:
        msg = f"fan_out = compiled, and {library} cannot be used here ({error}): build it again with `make accelerator`"
        raise NotBuilt(msg) from None
    if version != VERSION:
        msg = f"{library} is of version {version}, and {VERSION} is needed: build it again with `make accelerator`"
        raise NotBuilt(msg)
    return loaded


class CompiledFanOut:
    """`FanOut` by the library."""

    def __init__(self, datagrams: BatchedDatagrams, library: Any) -> None:
        self._datagrams = datagrams
        self._call = library.fan_out
        self._protect = C.cast("void *", protect_address())
        self._packet: Any = C.new("struct fan_packet *")
        self._sent: Any = C.new("uint32_t *")
        self._batch: Any = C.new("struct fan_batch *")
        buffers, headers, vectors = datagrams.row
        self._batch.buffers, self._batch.headers, self._batch.vectors = buffers, headers, vectors
        self._batch.stride, self._batch.capacity = BUFFER_BYTES, BATCH

    def prepared(self, targets: Sequence[Target]) -> object:
        """An array of them, and what has to live for as long as it does."""
        rows, kept = C.new("struct fan_target[]", max(1, len(targets))), []
        for row, (rewrite, cipher, address) in zip(rows, targets, strict=False):
            assert isinstance(cipher, SrtpCipher)
            name = self._datagrams.name(address)
            row.session, row.name = C.cast("void *", cipher.outgoing_address), C.from_buffer(name)
            row.number, row.shifted, row.ssrc = rewrite.number, rewrite.shifted, rewrite.ssrc
            row.offset, row.times = rewrite.offset & 0xFFFFFFFFFFFFFFFF, rewrite.times & WORD
            row.pictures, row.tl0s = rewrite.pictures & WORD, rewrite.tl0s & WORD
            kept.append((cipher, name))
        return rows, len(targets), kept

    def forward(self, packet: Packet, prepared: Any) -> int:
        """As many calls as batches."""
        targets, count, _ = prepared
        wire, vp8 = packet.wire, packet.vp8
        if not count or len(wire) > PLAIN_BYTES_MAX:
            return 0
        given, batch, sent, datagrams = self._packet, self._batch, self._sent, self._datagrams
        given.wire, given.size, given.start = C.from_buffer(wire), len(wire), packet.start
        given.order, given.timestamp, given.marker = packet.order, packet.timestamp, packet.marker
        given.picture_at, given.picture_bits, given.picture, given.tl0_at, given.tl0 = vp8
        at = sent[0] = 0
        while True:
            batch.taken = datagrams.taken
            at = self._call(self._protect, batch, given, targets, at, count, sent)
            datagrams.taken = batch.taken
            if at == count:
                return sent[0]  # type: ignore[no-any-return]
            datagrams.flush()
