"""RTP packets: read once, in the one form that subscribers get."""

from __future__ import annotations

from struct import pack

import pytest

from calls.domain import rtp
from calls.domain.drop import Drop
from calls.domain.rtp import Packet

IDS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8}
HEAD = pack("!BBHII", 0x80, 0xE0, 5, 6, 7)
SECOND_NS = 1_000_000_000


def with_block(profile: int, block: bytes, payload: bytes = b"payload") -> bytes:
    block += bytes(-len(block) % 4)
    return b"\x90" + HEAD[1:] + pack("!HH", profile, len(block) // 4) + block + payload


def short(number: int, value: bytes) -> bytes:
    return bytes((number << 4 | len(value) - 1,)) + value


def wide(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value


def read(data: bytes) -> Packet:
    packet = rtp.read(data, IDS, SECOND_NS)
    assert isinstance(packet, Packet)
    return packet


def test_a_packet_gets_our_own_extensions_and_loses_csrcs_and_padding() -> None:
    packet = read(pack("!BBHII", 0xA2, 0xE0, 5, 6, 7) + bytes(8) + b"payload" + b"\0\0\x03")
    assert (packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc) == (0x80, 96, 5, 6, 7)
    assert packet.wire == b"\x90" + HEAD[1:] + b"\xbe\xde\x00\x01\x12\x04\x00\x00payload"
    assert packet.wire[packet.start :] == b"payload" and not packet.empty


@pytest.mark.parametrize("encode", [short, wide])
def test_what_is_for_subscribers_goes_on_and_the_rest_is_read(encode: object) -> None:
    make = short if encode is short else wide
    block = b"\0" + make(2, b"\x85") + make(3, b"\x01") + make(4, b"\x80\x00\x01") + make(8, b"\x01\x02")
    block += make(5, b"mid") + make(6, b"rid") + make(7, b"was") + make(9, b"unknown")
    packet = read(with_block(0xBEDE if make is short else 0x1000, block))
    assert (packet.level, packet.descriptor, packet.wide) == (5, b"\x80\x00\x01", 0x0102)
    assert (packet.mid, packet.rid, packet.repaired) == ("mid", "rid", "was")
    expected = b"\x12\x04\x00\x00" + short(2, b"\x85") + short(3, b"\x01") + short(4, b"\x80\x00\x01")
    expected += bytes(-len(expected) % 4)
    assert packet.wire == b"\x90" + HEAD[1:] + b"\xbe\xde" + pack("!H", len(expected) // 4) + expected + b"payload"


@pytest.mark.parametrize("number", [2, 3])
def test_one_byte_alone_goes_on_in_the_same_form(number: int) -> None:
    packet = read(with_block(0xBEDE, short(number, b"\x85") + short(5, b"mid")))
    assert packet.wire[12:24] == b"\xbe\xde\x00\x02" + b"\x12\x04\x00\x00" + short(number, b"\x85") + b"\0\0"
    assert packet.wire[packet.start :] == b"payload" and packet.octets == 7


def test_a_long_value_needs_the_two_byte_form() -> None:
    packet = read(with_block(0x1001, wide(4, bytes(range(17)))))
    assert packet.wire[12:16] == b"\x10\x00\x00\x06" and packet.wire[16:18] == b"\x01\x03"
    assert wide(4, bytes(range(17))) in packet.wire


def test_values_of_a_wrong_size_and_repeated_ones_are_left_out() -> None:
    block = wide(2, b"ab") + wide(2, b"\x01") + wide(2, b"\x02") + wide(3, b"") + wide(4, b"") + wide(4, b"a") + wide(4, b"b")
    block += wide(8, b"abc") + wide(5, b"") + wide(6, b"x" * 33) + wide(1, b"abc")
    packet = read(with_block(0x1000, block))
    assert (packet.level, packet.descriptor, packet.wide, packet.mid, packet.rid) == (1, b"a", None, "", "")
    assert packet.wire.endswith(b"payload") and len(packet.wire) == packet.start + 7


def test_other_blocks_are_passed_over_and_fifteen_ends_one() -> None:
    assert read(with_block(0x1234, b"whatever")).wire[12:16] == b"\xbe\xde\x00\x01"
    assert read(with_block(0xBEDE, b"\xf0" + short(2, b"\x05"))).level is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:11],
        b"\x40" + HEAD[1:],
        b"\x8f" + HEAD[1:] + bytes(20),
        b"\x90" + HEAD[1:] + b"\xbe\xde",
        b"\x90" + HEAD[1:] + b"\xbe\xde\x00\x09" + bytes(8),
        with_block(0xBEDE, b"\x2f\0\0\0"),
        with_block(0x1000, b"\x01\x03\0\0"),
        with_block(0x1000, b"\0\0\0\x01"),
        b"\xa0" + HEAD[1:] + b"\x00",
        b"\xa0" + HEAD[1:] + b"\x09",
    ],
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    assert rtp.read(data, IDS, 0) is Drop.BROKEN


def test_what_would_not_fit_is_refused() -> None:
    most = rtp.WIRE_BYTES_MAX - 20
    assert len(read(HEAD + bytes(most)).wire) == rtp.WIRE_BYTES_MAX
    assert rtp.read(HEAD + bytes(most + 1), IDS, 0) is Drop.TOO_LONG


def test_a_repair_becomes_what_it_repairs_and_the_other_way_round() -> None:
    packet = read(HEAD + b"\x12\x34payload")
    again = rtp.unwrap(packet, 96, 99)
    assert isinstance(again, Packet) and (again.sequence, again.ssrc, again.payload_type) == (0x1234, 99, 96)
    assert again.wire[again.start :] == b"payload"
    assert rtp.wrap(again.wire, again.start, 0x1234)[again.start :] == b"\x12\x34payload"


@pytest.mark.parametrize(("payload", "drop"), [(b"", Drop.PADDING), (b"\x01", Drop.BROKEN), (b"\x01\x02", Drop.PADDING)])
def test_repairs_of_nothing_are_probes(payload: bytes, drop: Drop) -> None:
    assert rtp.unwrap(read(HEAD + payload), 96, 99) is drop
