"""One UDP socket and what both ways of using it share: how it is opened, and addresses as bytes.

On a socket for IPv6 both families meet; IPv4 addresses have their own form there, too.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from dataclasses import dataclass

log = logging.getLogger(__name__)
BURST = 64
BATCH = 128
SO_TIMESTAMPNS = 35
MAPPED = bytes(10) + b"\xff\xff"
READ_BYTES = 1_501
"""One more than is taken: so a datagram that is too long shows itself."""


@dataclass(slots=True)
class Counts:
    """Since the start. `lost`: datagrams that the system did not take."""

    received: int = 0
    sent: int = 0
    lost: int = 0
    sends: int = 0
    reads: int = 0


def opened(host: str, port: int, receive_buffer_bytes: int, send_buffer_bytes: int) -> socket.socket:
    """A bound, non-blocking socket. What the system gave of the buffers is logged: it says nothing by itself when it gives less.

    Args:
        port: 0: any.

    Raises:
        OSError: the address is not here, or taken.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        udp.setblocking(False)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    # Linux says twice what it took, for its own accounts.
    receives, sends = (udp.getsockopt(socket.SOL_SOCKET, one) // 2 for one in (socket.SO_RCVBUF, socket.SO_SNDBUF))
    given = {
        "receive_bytes": receives,
        "asked_receive_bytes": receive_buffer_bytes,
        "send_bytes": sends,
        "asked_send_bytes": send_buffer_bytes,
    }
    if receives < receive_buffer_bytes or sends < send_buffer_bytes:
        log.warning("media socket has smaller buffers than asked: raise net.core.rmem_max and wmem_max", extra=given)
    else:
        log.info("media socket has its buffers", extra=given)
    return udp


def packed(name: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """Port and IP address as bytes."""
    return name[1].to_bytes(2, "big") + _plain(ipaddress.ip_address(name[0].partition("%")[0]).packed)


def _plain(address: bytes) -> bytes:
    return address[12:] if address.startswith(MAPPED) else address


def named(address: bytes, six: bool) -> tuple[str, int]:
    """Port and IP address as Python's sockets take them."""
    plain = address[2:]
    if six and len(plain) == 4:
        plain = MAPPED + plain
    return str(ipaddress.ip_address(plain)), int.from_bytes(address[:2], "big")


def to_sockaddr(address: bytes, six: bool) -> bytes:
    """As C takes it."""
    if not six:
        return struct.pack("=H", socket.AF_INET) + address + bytes(8)
    plain = address[2:] if len(address) == 18 else MAPPED + address[2:]
    return struct.pack("=H", socket.AF_INET6) + address[:2] + bytes(4) + plain + bytes(4)


def from_sockaddr(raw: bytes, six: bool) -> bytes:
    """From C's form."""
    return raw[2:8] if not six else raw[2:4] + _plain(raw[8:24])
