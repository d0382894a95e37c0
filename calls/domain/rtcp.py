"""RTCP (RFC 3550, 4585, 5104, 5506): compound packets to values, and the reports this unit writes.

One broken part refuses the whole compound: it authenticated, so its sender is broken, too. Types that mean nothing here are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from

from calls.domain.drop import Drop

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
BLOCKS_MAX = 31
PARTS_MAX = 32
NACKS_MAX = 512


@dataclass(frozen=True, slots=True)
class Report:
    """A block about one stream: `fraction` in 1/256, `jitter` in its clock's units, `last` and `delay` in 1/65,536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last: int
    delay: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """How timestamps stand to the sender's clock: `ntp` in 1/2^32 s since 1900."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Nack:
    """Sequence numbers of a stream that the receiver lacks."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """PLI or FIR: a decoder cannot go on."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Remb:
    """What a receiver believes to have room for, in bit/s, in all its streams."""

    bits_per_s: int


@dataclass(frozen=True, slots=True)
class Bye:
    """Streams that end."""

    ssrcs: tuple[int, ...]


Part = SenderReport | Report | Nack | KeyframeWanted | Remb | Bye


def read(data: bytes) -> list[Part] | Drop:
    """The parts of a compound packet, reduced-size ones too, or a refusal."""
    found: list[Part] = []
    at, size = 0, len(data)
    if size < 8:
        return Drop.BROKEN
    for _ in range(PARTS_MAX):
        if at == size:
            return found
        if at + 4 > size:
            return Drop.BROKEN
        first, kind, words = unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first & 0xC0 != 0x80 or end > size:
            return Drop.BROKEN
        body = data[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                return Drop.BROKEN
            body = body[: -body[-1]]
        parts = _part(kind, first & 0x1F, body)
        if parts is None:
            return Drop.BROKEN
        found += parts
        at = end
    return Drop.BROKEN


def _part(kind: int, count: int, body: bytes) -> list[Part] | None:
    """What one part says; None: it is broken."""
    if kind == SR:
        if len(body) < 24 + 24 * count:
            return None
        ssrc, ntp, timestamp, packets, octets = unpack_from("!IQIII", body)
        return [SenderReport(ssrc, ntp, timestamp, packets, octets), *_blocks(body, 24, count)]
    if kind == RR:
        return list(_blocks(body, 4, count)) if len(body) >= 4 + 24 * count else None
    if kind == BYE:
        return [Bye(unpack_from(f"!{count}I", body))] if len(body) >= 4 * count else None
    if kind == RTPFB:
        return _transport_feedback(count, body)
    if kind == PSFB:
        return _payload_feedback(count, body)
    return []


def _blocks(body: bytes, at: int, count: int) -> Iterable[Report]:
    for index in range(count):
        ssrc, word, highest, jitter, last, delay = unpack_from("!IIIIII", body, at + 24 * index)
        lost = word & 0xFFFFFF
        yield Report(ssrc, word >> 24, lost - 0x1000000 if lost & 0x800000 else lost, highest, jitter, last, delay)


def _transport_feedback(form: int, body: bytes) -> list[Part] | None:
    if len(body) < 8:
        return None
    if form != 1:
        return []
    if len(body) % 4:
        return None
    sequences: list[int] = []
    for at in range(8, len(body), 4):
        first, mask = unpack_from("!HH", body, at)
        sequences += [first + 1 + bit & 0xFFFF for bit in range(-1, 16) if bit < 0 or mask >> bit & 1]
        if len(sequences) > NACKS_MAX:
            return None
    return [Nack(unpack_from("!I", body, 4)[0], tuple(sequences))]


def _payload_feedback(form: int, body: bytes) -> list[Part] | None:
    if len(body) < 8:
        return None
    media = unpack_from("!I", body, 4)[0]
    if form == 1:
        return [KeyframeWanted(media)]
    if form == 4:
        return [KeyframeWanted(unpack_from("!I", body, at)[0]) for at in range(8, len(body) - 7, 8)]
    if form == 15 and body[8:12] == b"REMB":
        if len(body) < 16 or len(body) < 16 + 4 * body[12]:
            return None
        word = unpack_from("!I", body, 12)[0] & 0xFFFFFF
        return [Remb((word & 0x3FFFF) << (word >> 18))]
    return []


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(report: SenderReport, cname: str) -> bytes:
    """SR, and SDES with the name that ties a participant's streams together."""
    body = pack("!IQIII", report.ssrc, report.ntp, report.timestamp, report.packets, report.octets)
    return _framed(SR, 0, body) + names(report.ssrc, cname)


def names(ssrc: int, cname: str) -> bytes:
    """SDES with a CNAME."""
    item = pack("!IBB", ssrc, 1, len(cname)) + cname.encode("ascii") + b"\0"
    return _framed(SDES, 1, item + bytes(-len(item) % 4))


def receiver_report(ssrc: int, reports: Sequence[Report]) -> bytes:
    """RR about at most 31 streams."""
    body = pack("!I", ssrc)
    for block in reports[:BLOCKS_MAX]:
        word = block.fraction << 24 | block.lost & 0xFFFFFF
        body += pack("!IIIIII", block.ssrc, word, block.highest, block.jitter, block.last, block.delay)
    return _framed(RR, min(len(reports), BLOCKS_MAX), body)


def nack(ssrc: int, media: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK (RFC 4585 §6.2.1): pairs of a number and a mask of the sixteen that follow it."""
    body = pack("!II", ssrc, media)
    at = 0
    while at < len(sequences):
        first, mask = sequences[at], 0
        at += 1
        while at < len(sequences) and 0 < (ahead := sequences[at] - first & 0xFFFF) <= 16:
            mask |= 1 << ahead - 1
            at += 1
        body += pack("!HH", first, mask)
    return _framed(RTPFB, 1, body)


def picture_loss(ssrc: int, media: int) -> bytes:
    """PLI (RFC 4585 §6.3.1)."""
    return _framed(PSFB, 1, pack("!II", ssrc, media))


def remb(ssrc: int, bits_per_s: int, media: Sequence[int]) -> bytes:
    """What the publisher may send in all, in bit/s (draft-alvestrand-rmcat-remb-03). The mantissa has 18 bits: rounded down."""
    exponent = max(0, bits_per_s.bit_length() - 18)
    word = len(media) << 24 | exponent << 18 | bits_per_s >> exponent
    return _framed(PSFB, 15, pack("!II4sI", ssrc, 0, b"REMB", word) + b"".join([pack("!I", one) for one in media]))


def bye(ssrcs: Sequence[int]) -> bytes:
    """These streams of ours end."""
    return _framed(BYE, len(ssrcs), pack(f"!{len(ssrcs)}I", *ssrcs))
