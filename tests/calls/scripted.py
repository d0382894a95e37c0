"""Participants whose every byte the test writes: real STUN, DTLS and SRTP over sockets of their own, and RTP by hand."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp import Session

from calls.domain import sdp
from calls.domain.limits import ForwarderLimits
from calls.domain.rtp import AUDIO_LEVEL, MID, REPAIRED_RID, RID
from calls.domain.tracks import Description, Source
from calls.ports.forwarding import DownOffered, Forwarding, Place

OPUS, VP8, RTX = 111, 96, 97
EXTENSIONS = f"a=extmap:4 {MID}\r\na=extmap:10 {RID}\r\na=extmap:11 {REPAIRED_RID}\r\na=extmap:1 {AUDIO_LEVEL}\r\n"
LIMITS = ForwarderLimits()


async def until(what: Callable[[], object], limit_s: float = 20) -> None:
    """Wait for it."""
    async with asyncio.timeout(limit_s):
        while not what():
            await asyncio.sleep(0.005)


def check(ufrag: str, password: str, nominates: bool = True, fingerprint: bool = True, transaction: bytes = b"") -> bytes:
    """A binding request; `transaction`: twelve bytes, empty for any."""
    name = f"{ufrag}:them".encode()
    message = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + (transaction or secrets.token_bytes(12))
    message += pack("!HH", 0x0006, len(name)) + name + bytes(-len(name) % 4)
    message += pack("!HH", 0x0025, 0) if nominates else b""
    message = message[:2] + pack("!H", len(message) + 24 - 20) + message[4:]
    message += pack("!HH", 0x0008, 20) + hmac.digest(password.encode(), message, "sha1")
    if fingerprint:
        message = message[:2] + pack("!H", len(message) + 8 - 20) + message[4:]
        message += pack("!HHI", 0x8028, 4, zlib.crc32(message) ^ 0x5354554E)
    return message


def rtp(
    ssrc: int,
    sequence: int,
    timestamp: int,
    payload: bytes,
    payload_type: int,
    *,
    marker: bool = False,
    mid: str = "",
    rid: str = "",
    repaired: str = "",
    level: int | None = None,
) -> bytes:
    """A packet, with one-byte extensions 1, 4, 10 and 11."""
    named = ((4, mid.encode()), (10, rid.encode()), (11, repaired.encode()), (1, b"" if level is None else bytes((level,))))
    block = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in named if value)
    block += bytes(-len(block) % 4)
    first, second = 0x90 if block else 0x80, (0x80 if marker else 0) | payload_type
    head = pack("!BBHII", first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + (pack("!HH", 0xBEDE, len(block) // 4) + block if block else b"") + payload


def picture(number: int, keyframe: bool, height: int = 90, rest: bytes = b"") -> bytes:
    """A VP8 payload of one packet, with PictureID and TL0PICIDX."""
    head = pack("!BBHB", 0x90, 0xC0, 0x8000 | number & 0x7FFF, number & 0xFF)
    clear = b"\x10\x02\x00\x9d\x01\x2a" + pack("<HH", height * 16 // 9, height) if keyframe else b"\x11\x02\x00"
    return head + clear + (rest or pack("!I", number))


@dataclass(frozen=True)
class Got:
    """An RTP packet that came, read anew."""

    raw: bytes
    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


def got(raw: bytes, plain: bytes) -> Got:
    """Read it: all that this unit sends has one block of extensions, and no more."""
    _, second, sequence, timestamp, ssrc, _, words = unpack_from("!BBHIIHH", plain)
    return Got(raw, ssrc, sequence, timestamp, second & 0x7F, plain[16 + 4 * words :])


class _Pipe:
    role = "controlled"  # Makes us the client of DTLS.

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.arrived.get()

    async def _send(self, data: bytes) -> None:
        self._wire.send(data)


class Wire:
    """One transport: up or down."""

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.remote_ufrag = self.remote_password = self.theirs = ""
        self.unit = ("", 0)
        self.raw: list[bytes] = []
        """Every datagram that came, by any socket."""
        self.responses = 0
        self.media: list[Got] = []
        self.control: list[bytes] = []
        self.broken = 0
        self._sockets: list[socket.socket] = []
        self.socket = self.another_socket()
        self._pipe = _Pipe(self)
        self.dtls: RTCDtlsTransport | None = None
        self.inside: Session | None = None
        self.outside: Session | None = None

    def another_socket(self) -> socket.socket:
        """With an address of its own."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(("127.0.0.1", 0))
        self._sockets.append(made)
        asyncio.get_running_loop().add_reader(made, self._readable, made)
        return made

    @property
    def attributes(self) -> str:
        """This end, as lines of a section."""
        prints = {one.algorithm: one.value for one in self.certificate.getFingerprints()}
        return (
            f"a=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.password}\r\na=fingerprint:sha-256 {prints['sha-256']}\r\n"
            "a=setup:active\r\na=rtcp-mux\r\n"
        )

    def described(self, text: str) -> None:
        """The unit's end, from its description."""
        media = sdp.read(text, LIMITS)
        assert isinstance(media, tuple)
        one = next(one for one in media if one.ufrag)
        self.remote_ufrag, self.remote_password = one.ufrag, one.password
        self.theirs = " ".join(one.fingerprints[0])
        self._fingerprints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in one.fingerprints]
        words = next(line for line in text.split("\r\n") if line.startswith("a=candidate")).split()
        self.unit = (words[4], int(words[5]))

    def _readable(self, by: socket.socket) -> None:
        while True:
            try:
                data = by.recv(2_048)
            except (BlockingIOError, ConnectionError):
                return
            self.raw.append(data)
            if data[0] < 4:
                self.responses += data[:2] == b"\x01\x01"
            elif data[0] < 64:
                self._pipe.arrived.put_nowait(data)
            elif self.inside is not None:
                try:
                    if 192 <= data[1] < 224:
                        self.control.append(self.inside.unprotect_rtcp(data))
                    else:
                        self.media.append(got(data, self.inside.unprotect(data)))
                except Exception:
                    self.broken += 1

    def send(self, data: bytes, by: socket.socket | None = None) -> None:
        """As it is."""
        (by or self.socket).sendto(data, self.unit)

    async def checks(self, nominates: bool = True, by: socket.socket | None = None) -> None:
        """One valid check, and its response."""
        before = self.responses
        self.send(check(self.remote_ufrag, self.remote_password, nominates), by)
        await until(lambda: self.responses > before)

    async def connect(self) -> None:
        """A check, then DTLS, then keys."""
        await self.checks()
        self.dtls = RTCDtlsTransport(self._pipe, [self.certificate])  # type: ignore[arg-type]
        await self.dtls.start(RTCDtlsParameters(self._fingerprints))
        assert self.dtls.state == "connected"
        self.inside, self.outside = self.dtls._rx_srtp, self.dtls._tx_srtp

    def sends(self, packet: bytes, by: socket.socket | None = None) -> None:
        """RTP, protected."""
        assert self.outside is not None
        self.send(self.outside.protect(packet), by)

    def reports(self, packet: bytes) -> None:
        """RTCP, protected."""
        assert self.outside is not None
        self.send(self.outside.protect_rtcp(packet))

    async def close(self) -> None:
        """With DTLS's last word, if it stood."""
        if self.dtls is not None:
            await self.dtls.stop()
            self.dtls = None
        for one in self._sockets:
            asyncio.get_running_loop().remove_reader(one)
            one.close()
        self._sockets.clear()


def section(source: Source, mid: str, wire: Wire, direction: str = "sendonly", rids: Sequence[str] = ()) -> str:
    """Of an offer."""
    if source is Source.MICROPHONE:
        lines = f"m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\na=rtpmap:{OPUS} opus/48000/2\r\n"
    else:
        lines = f"m=video 9 UDP/TLS/RTP/SAVPF {VP8} {RTX}\r\na=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} nack\r\n"
        lines += f"a=rtcp-fb:{VP8} nack pli\r\na=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n"
    lines += f"c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n{EXTENSIONS}{wire.attributes}"
    lines += "".join(f"a=rid:{rid} send\r\n" for rid in rids)
    return lines + (f"a=simulcast:send {';'.join(rids)}\r\n" if rids else "")


class Scripted:
    """One participant."""

    def __init__(self, unit: Forwarding, place: Place, sends: Mapping[Source, Sequence[str]], *, rtx: bool = True) -> None:
        """Args:
        sends: with the names of layers; empty: one layer.
        rtx: takes repair streams.
        """
        self.unit = unit
        self.place = place
        self.rtx = rtx
        self.sources = list(sends)
        self.rids = sends
        self.up, self.down = Wire(), Wire()
        self.arrived: asyncio.Queue[DownOffered] = asyncio.Queue()
        self.offers: list[DownOffered] = []
        self.answers = 0
        self.revision = 0
        self._answering = asyncio.ensure_future(self._answer())

    def offer(self) -> str:
        """Of the up transport."""
        head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        return head + "".join(
            section(source, str(number), self.up, rids=self.rids[source]) for number, source in enumerate(self.sources)
        )

    async def offers_again(self) -> None:
        """Also the first time: up to the answer."""
        self.revision += 1
        named = {str(number): source for number, source in enumerate(self.sources)}
        answer = await self.unit.join(self.place, Description(self.revision, self.offer()), named)
        self.up.described(answer.sdp)

    async def join(self) -> None:
        """Up to the keys."""
        await self.offers_again()
        await self.up.connect()

    async def _answer(self) -> None:
        """Each offer of the unit, in its order."""
        while True:
            await self._offered(await self.arrived.get())

    async def _offered(self, event: DownOffered) -> None:
        """Answer it; the first time, connect."""
        self.offers.append(event)
        self.down.described(event.offer.sdp)
        media = sdp.read(event.offer.sdp, LIMITS)
        assert isinstance(media, tuple)
        lines = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        for one in media:
            payloads = [payload for payload in one.payloads if self.rtx or payload.name != "rtx"]
            numbers = " ".join(str(payload.number) for payload in payloads)
            lines += f"m={one.kind} 9 {one.protocol} {numbers}\r\nc=IN IP4 0.0.0.0\r\na=mid:{one.mid}\r\n"
            lines += f"a={'recvonly' if one.sends else 'inactive'}\r\n{self.down.attributes}"
            lines += "".join(f"a=rtpmap:{payload.number} {payload.name}/{payload.clock_rate}\r\n" for payload in payloads)
        await self.unit.answered(self.place, Description(event.offer.revision, lines))
        if self.down.dtls is None:
            await self.down.connect()
        self.answers += 1

    def ssrc_of(self, track_id: str, rtx: bool = False) -> int:
        """Under which the last offer says that a track comes."""
        event = self.offers[-1]
        mid = next(at.mid for at in event.tracks if at.track.track_id == track_id)
        media = sdp.read(event.offer.sdp, LIMITS)
        assert isinstance(media, tuple)
        return next(one for one in media if one.mid == mid).ssrcs[rtx]

    def of(self, track_id: str, rtx: bool = False) -> list[Got]:
        """What came of it."""
        ssrc = self.ssrc_of(track_id, rtx)
        return [one for one in self.down.media if one.ssrc == ssrc]

    async def close(self) -> None:
        """Go without a word to signalling."""
        self._answering.cancel()
        await self.up.close()
        await self.down.close()
