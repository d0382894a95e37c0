"""The forwarding unit's own ports: datagrams, keys, time.

What comes in and what goes out lies in buffers of a fixed size, in which SRTP works in place. An address is the port (2 bytes, big endian)
and then the IP address (4 or 16 bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from calls.domain.rtp import Packet
from calls.domain.run import Rewrite

DATAGRAM_BYTES_MAX = 1_500
BUFFER_BYTES = 1_664
TRAILER_BYTES_MAX = 148
"""SRTCP's index, tag and MKI: how far libsrtp may write behind what it was given."""
PLAIN_BYTES_MAX = BUFFER_BYTES - TRAILER_BYTES_MAX


class Buffer(Protocol):
    """`BUFFER_BYTES` of memory."""

    @property
    def memory(self) -> memoryview:
        """To be read and written."""
        ...

    @property
    def pointer(self) -> object:
        """The same memory, for C."""
        ...


class Datagrams(Protocol):
    """One UDP socket. Everything is at once or not at all; nothing waits."""

    @property
    def port(self) -> int:
        """It is bound to."""
        ...

    @property
    def age_ns(self) -> int:
        """Of the first datagram of the last burst, when it was read; 0: the system does not say."""
        ...

    def burst(self) -> Iterator[tuple[Buffer, int, bytes]]:
        """What has arrived, 64 datagrams at most: buffer, length, address. A buffer is valid until the next burst.
        A length above `DATAGRAM_BYTES_MAX` means that the datagram was cut."""
        ...

    def buffer(self) -> Buffer:
        """One to fill with what is to be sent; flushes by itself when all are taken."""
        ...

    def send(self, length: int, address: bytes) -> Buffer:
        """Take the last buffer into the batch. Returns the next one, as `buffer` does."""
        ...

    def flush(self) -> None:
        """Send the batch. What the system does not take is dropped and counted."""
        ...


class Cipher(Protocol):
    """The SRTP keys of one transport. Works in place, in either direction."""

    def unprotect(self, buffer: Buffer, length: int) -> int:
        """The length of the RTP packet; 0: it does not authenticate, or was there before."""
        ...

    def unprotect_control(self, buffer: Buffer, length: int) -> int:
        """The same of RTCP."""
        ...

    def protect(self, buffer: Buffer, length: int) -> int:
        """The length of the SRTP packet; 0: it cannot be protected, by its size for one."""
        ...

    def protect_control(self, buffer: Buffer, length: int) -> int:
        """The same of RTCP."""
        ...

    def forget(self, ssrc: int) -> None:
        """A stream of ours is over. Its SSRC is never used with these keys again."""
        ...

    def forget_incoming(self, ssrc: int) -> None:
        """The same of theirs, which may come again: as if it were new."""
        ...


class Target(NamedTuple):
    """Who takes a packet: how it differs there, by which keys it is protected, and where it goes."""

    rewrite: Rewrite
    cipher: Cipher
    address: bytes


class FanOut(Protocol):
    """One packet to many, as they take it: copied, rewritten, protected, queued for the next flush of `Datagrams`.

    Whatever does it, the same bytes go out.
    """

    def prepared(self, targets: Sequence[Target]) -> object:
        """These targets in its own form, which is good for as long as they stay as they are."""
        ...

    def forward(self, packet: Packet, prepared: object) -> int:
        """The packet to all of them, in their order. Returns to how many: one that cannot be protected is left out."""
        ...


class Handshake(Protocol):
    """DTLS of one transport, as the server of it (RFC 5764)."""

    @property
    def fingerprint(self) -> str:
        """Of our certificate for it, as descriptions say it: "sha-256 AB:CD:…". Never another one."""
        ...

    def begin(self, fingerprints: tuple[tuple[str, str], ...]) -> None:
        """The certificate that the client said it has: algorithm and value."""
        ...

    def feed(self, datagram: bytes) -> None:
        """A DTLS datagram came. More than a handshake needs are dropped."""
        ...

    def end(self) -> None:
        """Close it. Nothing is told any more."""
        ...


class Handshakes(Protocol):
    """Makes them, with one certificate for all that are made within some days."""

    def make(self, send: Callable[[bytes], None], connected: Callable[[Cipher], None], over: Callable[[], None]) -> Handshake:
        """One more. `connected` is told once, with the keys; `over` when it failed, or when the client closed it."""
        ...


class Clock(Protocol):
    """Time of the media path."""

    def now_ns(self) -> int:
        """Monotonic."""
        ...

    def core_ns(self) -> int:
        """What this process has used of a core."""
        ...
