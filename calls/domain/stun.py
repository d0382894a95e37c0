"""Connectivity checks as a lite agent sees them: a binding request gets its response, or nothing (RFC 8445 §2.5, RFC 8489).

Whoever sends a check has to be found first (`local_ufrag`, which reads no more than it must), then its password proves it.
"""

from __future__ import annotations

import hmac
import zlib
from dataclasses import dataclass
from struct import pack, unpack_from

from calls.domain.drop import Drop

COOKIE = 0x2112A442
REQUEST, RESPONSE = 0x0001, 0x0101
USERNAME, INTEGRITY, FINGERPRINT = 0x0006, 0x0008, 0x8028
XOR_MAPPED_ADDRESS, USE_CANDIDATE = 0x0020, 0x0025
ATTRIBUTES_MAX = 32
UFRAG_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Check:
    """A check whose password was right.

    Attributes:
        transaction: 12 bytes that the response repeats.
        nominates: it carries USE-CANDIDATE: the client has chosen this path.
    """

    transaction: bytes
    nominates: bool


def local_ufrag(datagram: bytes) -> bytes | None:
    """Our half of the USERNAME of a binding request (before the `:`); None: this is no check of ours."""
    if len(datagram) < 28 or unpack_from("!HHI", datagram) != (REQUEST, len(datagram) - 20, COOKIE):
        return None
    offset = 20
    for _ in range(ATTRIBUTES_MAX):
        if offset + 4 > len(datagram):
            return None
        kind, length = unpack_from("!HH", datagram, offset)
        if kind == USERNAME:
            name = datagram[offset + 4 : offset + 4 + length]
            ufrag, colon, _ = name.partition(b":")
            return ufrag if colon and len(name) == length <= UFRAG_BYTES_MAX else None
        offset += 4 + (length + 3 & ~3)
    return None


def read_check(datagram: bytes, password: bytes) -> Check | Drop:
    """The check, if `password` made its MESSAGE-INTEGRITY. What stands behind that, but FINGERPRINT, is not believed (RFC 8489 §14.5)."""
    if len(datagram) < 28 or unpack_from("!HHI", datagram) != (REQUEST, len(datagram) - 20, COOKIE):
        return Drop.NOT_A_CHECK
    offset, nominates, proven = 20, False, False
    for _ in range(ATTRIBUTES_MAX):
        if offset == len(datagram):
            return Check(bytes(datagram[8:20]), nominates) if proven else Drop.WRONG_INTEGRITY
        if offset + 4 > len(datagram):
            return Drop.BROKEN
        kind, length = unpack_from("!HH", datagram, offset)
        value = datagram[offset + 4 : offset + 4 + length]
        after = offset + 4 + (length + 3 & ~3)
        if after > len(datagram):
            return Drop.BROKEN
        if kind == FINGERPRINT:
            if len(value) != 4 or unpack_from("!I", value)[0] != _fingerprint(datagram[:offset]):
                return Drop.WRONG_INTEGRITY
        elif kind == INTEGRITY and not proven:
            if len(value) != 20 or not hmac.compare_digest(value, _integrity(datagram[:offset], password)):
                return Drop.WRONG_INTEGRITY
            proven = True
        elif kind == USE_CANDIDATE and not proven:
            nominates = True
        offset = after
    return Drop.BROKEN


def response(check: Check, password: bytes, address: bytes) -> bytes:
    """The success response: where the check came from, proven with the same password.

    Args:
        address: the port (2 bytes, big endian), then the IP address (4 or 16 bytes).
    """
    mask = pack("!HI", COOKIE >> 16, COOKIE) + check.transaction
    family = 1 if len(address) == 6 else 2
    mapped = bytes(a ^ m for a, m in zip(address, mask, strict=False))
    message = pack("!HHI", RESPONSE, 0, COOKIE) + check.transaction
    message += pack("!HHBB", XOR_MAPPED_ADDRESS, len(address) + 2, 0, family) + mapped
    message += pack("!HH", INTEGRITY, 20) + _integrity(message, password)
    message += pack("!HHI", FINGERPRINT, 4, _fingerprint(message))
    return pack("!HH", RESPONSE, len(message) - 20) + message[4:]


def _with_length(message: bytes, more: int) -> bytes:
    """The message, its length said as if `more` bytes followed: so both proofs are computed."""
    return bytes(message[:2]) + pack("!H", len(message) - 20 + more) + bytes(message[4:])


def _integrity(before: bytes, password: bytes) -> bytes:
    return hmac.digest(password, _with_length(before, 24), "sha1")


def _fingerprint(before: bytes) -> int:
    return zlib.crc32(_with_length(before, 8)) ^ 0x5354554E
