"""RTCP: what is written is read as it was, and what is broken is refused as a whole."""

from __future__ import annotations

from struct import pack

import pytest

from calls.domain import rtcp
from calls.domain.drop import Drop
from calls.domain.rtcp import Bye, KeyframeWanted, Nack, Part, Remb, Report, SenderReport

BLOCK = Report(2, 3, -4, 5, 6, 7, 8)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (rtcp.receiver_report(1, [BLOCK]), [BLOCK]),
        (rtcp.receiver_report(1, [BLOCK] * 40), [BLOCK] * 31),
        (rtcp.sender_report(SenderReport(1, 2, 3, 4, 5), "cname"), [SenderReport(1, 2, 3, 4, 5)]),
        (rtcp.nack(1, 2, [65_530, 65_535, 3, 700]), [Nack(2, (65_530, 65_535, 3, 700))]),
        (rtcp.picture_loss(1, 2), [KeyframeWanted(2)]),
        (rtcp.remb(1, 1_000, [2]), [Remb(1_000)]),
        (rtcp.bye([4, 5]), [Bye((4, 5))]),
        (rtcp.bye([]) + rtcp.picture_loss(1, 2), [Bye(()), KeyframeWanted(2)]),
        (pack("!BBHIIII", 0x84, 206, 4, 1, 0, 9, 1 << 24), [KeyframeWanted(9)]),  # FIR
        (pack("!BBHII", 0x8F, 206, 2, 1, 0), []),  # An application's own.
        (pack("!BBHII", 0x82, 206, 2, 1, 2), []),
        (pack("!BBHII", 0x8F, 205, 2, 1, 2), []),  # Transport-wide feedback.
        (pack("!BBHI", 0x80, 204, 1, 1), []),  # APP
        (pack("!BBHII", 0xA0, 204, 2, 1, 4), []),  # Padded.
        (pack("!BBHIQIII4s", 0x80, 200, 7, 1, 2, 3, 4, 5, b"more"), [SenderReport(1, 2, 3, 4, 5)]),
    ],
)
def test_what_is_whole_is_read(data: bytes, parts: list[Part]) -> None:
    assert rtcp.read(data) == parts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        rtcp.bye([]),  # Less than any packet.
        rtcp.bye([1])[:-1],
        rtcp.picture_loss(1, 2) + b"\x80\xc9",
        b"\x40" + rtcp.bye([1])[1:],
        pack("!BBHI", 0xA0, 204, 1, 0),  # Padding of nothing,
        pack("!BBHI", 0xA0, 204, 1, 9),  # of more than there is,
        pack("!BBHBBHI", 0xA0, 204, 0, 0x80, 204, 1, 1),  # and without a body.
        pack("!BBHI", 0x81, 201, 1, 1),
        pack("!BBHI", 0x80, 200, 1, 1),
        pack("!BBHI", 0x82, 203, 1, 1),
        pack("!BBHI", 0x81, 205, 1, 1),
        pack("!BBHI", 0x81, 206, 1, 1),
        pack("!BBHII4s", 0x8F, 206, 3, 1, 0, b"REMB"),
        pack("!BBHII4sI", 0x8F, 206, 4, 1, 0, b"REMB", 9 << 24),
        pack("!BBHIIII", 0xA1, 205, 4, 1, 2, 3, 1),  # A pair cut by padding.
        pack("!BBHII", 0x81, 205, 2 + 40, 1, 2) + b"\0\0\xff\xff" * 40,  # 680 lost ones.
        rtcp.bye([1]) * 33,
    ],
)
def test_what_is_broken_refuses_the_whole(data: bytes) -> None:
    assert rtcp.read(data) is Drop.BROKEN


@pytest.mark.parametrize("bits_per_s", [0, 1, 262_143, 262_144, 2_500_000, 10**9, 2**40 + 1])
def test_an_estimate_is_rounded_down_to_eighteen_bits(bits_per_s: int) -> None:
    parts = rtcp.read(rtcp.remb(1, bits_per_s, [2, 3]))
    assert isinstance(parts, list) and isinstance(parts[0], Remb)
    assert bits_per_s * (1 - 2**-17) <= parts[0].bits_per_s <= bits_per_s


def test_a_name_is_padded_to_a_word() -> None:
    for name in ("", "a", "ab", "abc", "abcd"):
        data = rtcp.names(7, name)
        assert len(data) % 4 == 0 and data[8:10] == bytes((1, len(name))) and data[10:].rstrip(b"\0") == name.encode()
