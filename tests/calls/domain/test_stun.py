"""Checks, as a lite agent answers them."""

from __future__ import annotations

from struct import pack

import pytest

from calls.domain import stun
from calls.domain.drop import Drop
from calls.domain.stun import Check
from tests.calls.scripted import check

WHOLE = check("ours", "password", transaction=bytes(range(12)))


def long(attributes: bytes) -> bytes:
    """A request with these attributes."""
    return b"\x00\x01" + pack("!H", len(attributes)) + b"\x21\x12\xa4\x42" + bytes(12) + attributes


def attribute(kind: int, value: bytes) -> bytes:
    return pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        WHOLE[:27],
        b"\x01\x01" + WHOLE[2:],  # A response.
        WHOLE[:2] + b"\x00\x00" + WHOLE[4:],  # Another length than it has.
        WHOLE[:4] + b"\0\0\0\0" + WHOLE[8:],  # No magic cookie.
        long(bytes(10)),
        long(attribute(0x8022, b"abc") + b"\0\0"),  # Ends within an attribute's head.
        long(attribute(0x8022, b"abcd") * 33),  # Too many.
        long(attribute(stun.USERNAME, b"nobody at all")),  # Without a colon.
        long(attribute(stun.USERNAME, b"x" * 300 + b":y")),
        long(pack("!HH", stun.USERNAME, 500) + b"a:b1"),  # Longer than the datagram.
    ],
)
def test_what_is_no_check_of_ours_names_no_transport(datagram: bytes) -> None:
    assert stun.local_ufrag(datagram) is None


def test_a_check_names_its_transport_and_its_password_proves_it() -> None:
    assert stun.local_ufrag(WHOLE) == b"ours"
    assert stun.local_ufrag(long(attribute(0x8022, b"abc") + attribute(stun.USERNAME, b"us:them"))) == b"us"
    assert stun.read_check(WHOLE, b"password") == Check(WHOLE[8:20], True)
    assert stun.read_check(WHOLE, b"passwort") is Drop.WRONG_INTEGRITY
    plain = check("ours", "password", nominates=False, fingerprint=False)
    assert stun.read_check(plain, b"password") == Check(plain[8:20], False)


@pytest.mark.parametrize(
    ("datagram", "drop"),
    [
        (WHOLE[:27], Drop.NOT_A_CHECK),
        (long(attribute(stun.USERNAME, b"us:them")), Drop.WRONG_INTEGRITY),  # Proven by nothing.
        (long(attribute(stun.INTEGRITY, bytes(20))), Drop.WRONG_INTEGRITY),
        (long(attribute(stun.INTEGRITY, bytes(8))), Drop.WRONG_INTEGRITY),
        (long(attribute(stun.FINGERPRINT, bytes(4))), Drop.WRONG_INTEGRITY),
        (long(attribute(stun.FINGERPRINT, bytes(8))), Drop.WRONG_INTEGRITY),
        (long(bytes(10)), Drop.BROKEN),
        (long(pack("!HH", 0x8022, 9) + bytes(4)), Drop.BROKEN),
        (long(attribute(0x8022, b"abcd") * 33), Drop.BROKEN),
    ],
)
def test_what_does_not_prove_itself_is_refused(datagram: bytes, drop: Drop) -> None:
    assert stun.read_check(datagram, b"password") is drop


def test_a_nomination_behind_the_proof_is_not_believed() -> None:
    """RFC 8489 §14.5: what follows MESSAGE-INTEGRITY may be anyone's. A second one proves nothing more."""
    plain = check("ours", "password", nominates=False, fingerprint=False)
    forged = plain[20:] + attribute(stun.USE_CANDIDATE, b"") + attribute(stun.INTEGRITY, bytes(20))
    datagram = plain[:2] + pack("!H", len(forged)) + plain[4:20] + forged
    assert stun.read_check(datagram, b"password") == Check(plain[8:20], False)


@pytest.mark.parametrize("address", [b"\x12\x34\x7f\x00\x00\x01", b"\x12\x34" + bytes(range(16))])
def test_the_response_says_where_the_check_came_from_and_proves_it(address: bytes) -> None:
    answer = stun.response(Check(bytes(range(12)), True), b"password", address)
    assert answer[:2] == b"\x01\x01" and answer[8:20] == bytes(range(12)) and answer[2:4] == pack("!H", len(answer) - 20)
    mask = b"\x21\x12\x21\x12\xa4\x42" + bytes(range(12))
    assert bytes(a ^ b for a, b in zip(answer[26 : 24 + 2 + len(address)], mask)) == address
    assert answer[25] == (1 if len(address) == 6 else 2)
    # Read as a request, which is proven in the same way.
    assert isinstance(stun.read_check(b"\x00\x01" + answer[2:], b"password"), Drop)
    assert answer[-8:-4] == b"\x80\x28\x00\x04"
