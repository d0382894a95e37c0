"""DTLS and SRTP by aiortc and pylibsrtp. The only file that knows names of theirs which are not public: `tests/calls/test_private_names.py`
fails when one of them goes.

Public `Session.protect` allocates and copies; here libsrtp works in place. It writes up to 148 bytes behind what it is given, without
looking: so lengths are checked here, and buffers have room.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from socket import htonl
from typing import Any

from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from calls.domain.limits import SECOND_NS
from calls.domain.renewal import Renewal
from calls.ports.media import BUFFER_BYTES, PLAIN_BYTES_MAX, Buffer, Cipher, Clock

log = logging.getLogger(__name__)
WAITING_MAX = 32
"""DTLS datagrams of one handshake that were not looked at yet."""
SUPPORTED = ("sha-256", "sha-384", "sha-512")
LAP_S = 0.02
"""One handshake begins at a time, and no sooner: they run where packets do."""
STARTING_MAX = 256
protect, unprotect = lib.srtp_protect, lib.srtp_unprotect


def protect_address() -> int:
    """Where libsrtp's function is, for C that was not built with pylibsrtp."""
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))


class SrtpCipher:
    """Two libsrtp sessions."""

    __slots__ = ("_incoming", "_inside", "_length", "_outgoing", "_outside")

    def __init__(self, incoming: Session, outgoing: Session) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._inside: Any = incoming._srtp[0]
        self._outside: Any = outgoing._srtp[0]
        self._length: Any = ffi.new("int *")

    @property
    def outgoing(self) -> Any:
        """libsrtp's session for what goes out. It ends with this object."""
        return self._outside

    @property
    def outgoing_address(self) -> int:
        """Where it is, for C that was not built with pylibsrtp."""
        return int(ffi.cast("uintptr_t", self._outside))

    def unprotect(self, buffer: Buffer, length: int) -> int:
        """The length of the RTP packet, or 0."""
        # What `_work` does, here and below once more: for every packet.
        if not 0 < length <= BUFFER_BYTES:
            return 0
        said = self._length
        said[0] = length
        return 0 if unprotect(self._inside, buffer.pointer, said) else said[0]  # type: ignore[no-any-return]

    def unprotect_control(self, buffer: Buffer, length: int) -> int:
        """The length of the RTCP packet, or 0."""
        return self._work(lib.srtp_unprotect_rtcp, self._inside, buffer, length, BUFFER_BYTES)

    def protect(self, buffer: Buffer, length: int) -> int:
        """The length of the SRTP packet, or 0."""
        if not 0 < length <= PLAIN_BYTES_MAX:
            return 0
        said = self._length
        said[0] = length
        return 0 if protect(self._outside, buffer.pointer, said) else said[0]  # type: ignore[no-any-return]

    def protect_control(self, buffer: Buffer, length: int) -> int:
        """The length of the SRTCP packet, or 0."""
        return self._work(lib.srtp_protect_rtcp, self._outside, buffer, length, PLAIN_BYTES_MAX)

    def _work(self, function: Any, session: Any, buffer: Buffer, length: int, most: int) -> int:
        if not 0 < length <= most:
            return 0
        said = self._length
        said[0] = length
        return int(said[0]) if function(session, buffer.pointer, said) == 0 else 0

    def forget(self, ssrc: int) -> None:
        """Drop the stream's state; none there: nothing happens."""
        lib.srtp_remove_stream(self._outside, htonl(ssrc))

    def forget_incoming(self, ssrc: int) -> None:
        """Drop the state of a stream that comes in; none there: nothing happens."""
        lib.srtp_remove_stream(self._inside, htonl(ssrc))


def looped() -> tuple[SrtpCipher, SrtpCipher]:
    """Two that know one key, of the profile that is negotiated first: what one protects, the other unprotects."""
    profile = SRTP_PROFILES[0]
    key = secrets.token_bytes(profile.key_length + profile.salt_length)

    def session(direction: int) -> Session:
        return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp_profile))

    ways = session(Policy.SSRC_ANY_INBOUND), session(Policy.SSRC_ANY_OUTBOUND)
    return SrtpCipher(*ways), SrtpCipher(*ways)


class _Pipe:
    """What aiortc takes for an ICE transport: it asks for a role, and for datagrams."""

    role = "controlling"  # Makes us the server of DTLS.

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MAX)
        self._deliver = send

    async def _recv(self) -> bytes:
        return await self.arrived.get()

    async def _send(self, data: bytes) -> None:
        self._deliver(data)


class DtlsHandshake:
    """One transport's DTLS."""

    def __init__(
        self,
        certificate: RTCCertificate,
        starting: asyncio.Queue[DtlsHandshake],
        send: Callable[[bytes], None],
        connected: Callable[[Cipher], None],
        over: Callable[[], None],
    ) -> None:
        self._pipe = _Pipe(send)
        self._transport = RTCDtlsTransport(self._pipe, [certificate])  # type: ignore[arg-type]
        prints = {one.algorithm: one.value for one in certificate.getFingerprints()}
        self.fingerprint = f"sha-256 {prints['sha-256']}"
        self._starting = starting
        self._connected, self._over = connected, over
        self._peer: RTCDtlsParameters | None = None
        self._closed = asyncio.Event()
        self._queued = self.ended = False
        self.task: asyncio.Task[None] | None = None

    def begin(self, fingerprints: tuple[tuple[str, str], ...]) -> None:
        """The client's certificate; the handshake starts with its first datagram."""
        self._peer = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints])
        self._queue()

    def feed(self, datagram: bytes) -> None:
        """Keep it for the handshake."""
        if not self.ended and not self._pipe.arrived.full():
            self._pipe.arrived.put_nowait(datagram)
            self._queue()

    def _queue(self) -> None:
        if not self._queued and self._peer is not None and not self._pipe.arrived.empty() and not self._starting.full():
            self._queued = True
            self._starting.put_nowait(self)

    async def run(self) -> None:
        """To the keys, and to the end; cancelling it closes it."""
        assert self._peer is not None
        transport = self._transport
        transport.on("statechange", self._changed)
        try:
            await transport.start(self._peer)
            if transport.state == "connected" and not self.ended:
                self._connected(SrtpCipher(transport._rx_srtp, transport._tx_srtp))
                await self._closed.wait()
        except Exception as error:  # noqa: BLE001 -- whatever a client's certificate does, the other calls go on
            log.warning("handshake broke", extra={"kind": type(error).__name__})
            self._tell()
        finally:
            try:
                await transport.stop()
            finally:
                # Each leads back here: without this the keys and OpenSSL's state would wait for the collector, which looks seldom.
                transport.remove_all_listeners()
                self.task = None

    def _changed(self) -> None:
        if self._transport.state in ("failed", "closed"):
            self._tell()

    def _tell(self) -> None:
        self._closed.set()
        if not self.ended:
            self.ended = True
            self._over()

    def end(self) -> None:
        """Close it: the client is told with an alert."""
        self.ended = True
        if self.task is not None:
            self.task.cancel()


class DtlsHandshakes:
    """All handshakes of the process. No certificate is ever written anywhere."""

    def __init__(self, clock: Clock, certificate_s: int, starting: asyncio.Queue[DtlsHandshake]) -> None:
        self._clock = clock
        self._renewal = Renewal(certificate_s * SECOND_NS, clock.now_ns())
        self._certificate = RTCCertificate.generateCertificate()
        self._starting = starting

    def make(self, send: Callable[[bytes], None], connected: Callable[[Cipher], None], over: Callable[[], None]) -> DtlsHandshake:
        """One more."""
        if self._renewal.due(self._clock.now_ns()):
            self._certificate = RTCCertificate.generateCertificate()
        return DtlsHandshake(self._certificate, self._starting, send, connected, over)


@asynccontextmanager
async def dtls_handshakes(clock: Clock, certificate_s: int) -> AsyncIterator[DtlsHandshakes]:
    """Handshakes, their tasks children of this. `certificate_s`: for how long one certificate serves new ones, in seconds."""
    starting: asyncio.Queue[DtlsHandshake] = asyncio.Queue(STARTING_MAX)
    running: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as tasks:
        pace = tasks.create_task(_start(starting, running, tasks), name="handshakes")
        try:
            yield DtlsHandshakes(clock, certificate_s, starting)
        finally:
            pace.cancel()
            for task in running:
                task.cancel()


async def _start(starting: asyncio.Queue[DtlsHandshake], running: set[asyncio.Task[None]], tasks: asyncio.TaskGroup) -> None:
    while True:
        handshake = await starting.get()
        if not handshake.ended:
            task = handshake.task = tasks.create_task(handshake.run(), name="handshake")
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(LAP_S)
