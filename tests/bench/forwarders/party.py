"""A party: two transports, what it sends, and its descriptions. How they travel is the server's business."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.sdp import MediaDescription, SessionDescription

from calls.domain.rtp import ABS_SEND_TIME as ABS_SEND_TIME_URI
from calls.domain.rtp import AUDIO_LEVEL, TRANSPORT_WIDE
from calls.domain.rtp import MID as MID_URI
from tests.bench.forwarders.legs import Leg
from tests.bench.forwarders.media import ABS_SEND_TIME, LEVEL, MID, OPUS, RTX, VP8, WIDE, Pictures, Sound, Wide

BEGIN = "v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
KEPT = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:", "a=mid:", "c=")
"""Lines of an offer that an answer repeats: this party can do whatever servers of these tests offer, but for ..."""
DROPPED = ("transport-cc", "transport-wide-cc", "transport-wide", "rtp-stream-id", "playout-delay", "abs-capture")
"""... these: it makes no such feedback."""
Through = Callable[[MediaDescription], MediaDescription]
"""Puts something between the party and the server: changes where the server says that it is."""


def sections(text: str) -> list[MediaDescription]:
    """Those of a description."""
    return SessionDescription.parse(text).media


def attached(text: str) -> MediaDescription:
    """The section of a description that has the transport's parameters."""
    return next(one for one in sections(text) if one.ice.usernameFragment and one.port)


class Party:
    """One of a call."""

    def __init__(self, number: int, lite: bool, through: Through | None = None) -> None:
        """Args:
        lite: the server is an ICE-lite agent, so the party controls where the server offers, too.
        through: None: straight to the server.
        """
        certificate = RTCCertificate.generateCertificate()
        self.number = number
        self.up, self.down = Leg(certificate, True), Leg(certificate, lite)
        wide = Wide()
        self.sound, self.pictures = Sound(number, "0", wide), Pictures(number, "1", wide)
        self._wide = wide
        self._through = through
        self._session = 0
        self.described = ""
        """The server's last offer."""
        self.streams: set[str] = set()
        """What the server's last offer says that it sends: mids."""

    async def gather(self) -> None:
        """Before the first description."""
        await asyncio.gather(self.up.gather(), self.down.gather())

    def offer(self) -> str:
        """Of the up transport."""
        lines = BEGIN.format(session=self.number + 1, version=1) + "a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n"
        for track, kind, numbers in ((self.sound, "audio", f"{OPUS}"), (self.pictures, "video", f"{VP8} {RTX}")):
            lines += f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}\r\nc=IN IP4 0.0.0.0\r\na=mid:{track.mid.decode()}\r\na=sendonly\r\n"
            lines += self.up.attributes(self._through is None)
            lines += f"a=extmap:{MID} {MID_URI}\r\na=extmap:{WIDE} {TRANSPORT_WIDE}\r\n"
            if kind == "audio":
                lines += f"a=extmap:{LEVEL} {AUDIO_LEVEL}\r\na=rtpmap:{OPUS} opus/48000/2\r\na=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n"
                lines += f"a=rtcp-fb:{OPUS} transport-cc\r\n"
            else:
                lines += f"a=extmap:{ABS_SEND_TIME} {ABS_SEND_TIME_URI}\r\na=rtpmap:{VP8} VP8/90000\r\n"
                lines += "".join(
                    f"a=rtcp-fb:{VP8} {one}\r\n" for one in ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
                )
                lines += f"a=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n"
            lines += f"a=msid:party{self.number} {kind}{self.number}\r\na=ssrc:{track.ssrc} cname:party{self.number}\r\n"
        return lines

    async def answered(self, text: str) -> None:
        """The server's answer: connect the up transport."""
        self._wide.on = TRANSPORT_WIDE in text
        await self.up.connect(self._way(attached(text)))

    def _way(self, described: MediaDescription) -> MediaDescription:
        return described if self._through is None else self._through(described)

    async def offered(self, text: str) -> str:
        """The server's offer of what it sends: the answer. `connects` is to follow."""
        self._session += 1
        self.described = text
        self.streams = {one.rtp.muxId for one in sections(text) if one.direction == "sendonly" and one.port}
        lines = BEGIN.format(session=self.number + 1, version=self._session)
        for line in text.splitlines():
            if line.startswith("a=group:"):
                lines += f"{line}\r\n"
            elif line.startswith("m="):
                lines += f"{line}\r\n{self.down.attributes(self._through is None)}"
            elif line in ("a=sendonly", "a=inactive", "a=recvonly"):
                lines += "a=recvonly\r\n" if line == "a=sendonly" else "a=inactive\r\n"
            elif "m=" in lines and line.startswith(KEPT) and not any(one in line for one in DROPPED):
                lines += f"{line}\r\n"
        return lines

    async def connects(self, text: str) -> None:
        """The first offer of the server was answered: connect the down transport."""
        if not self.down.connected:
            await self.down.connect(self._way(attached(text)))

    async def close(self) -> None:
        """Go."""
        await self.up.close()
        await self.down.close()
