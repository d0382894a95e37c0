"""One transport of a party: ICE and DTLS by aioice and aiortc, and its socket once they are done."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import aioice.ice
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.sdp import MediaDescription, candidate_to_sdp
from pylibsrtp import Session

RECEIVE_BYTES = 2_000_000
SO_TIMESTAMPNS = 35
CONNECT_S = 15


def stay_on(address: str) -> None:
    """From now on parties have this address alone, and bear with a server that answers no checks for a while."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]
    aioice.ice.CONSENT_FAILURES = 1_000


class Leg:
    """Up or down."""

    def __init__(self, certificate: RTCCertificate, controlling: bool) -> None:
        """`controlling`: its role in ICE; it has to be known before the other end's first check."""
        self._gatherer = RTCIceGatherer(iceServers=[])
        self._gatherer._connection.ice_controlling = controlling
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [certificate])
        self._protocol: Any = None
        self.remote = ("", 0)
        self.socket: socket.socket | None = None
        """A second handle on its socket, from `take` on."""
        self.connected = False

    async def gather(self) -> None:
        """Its candidates."""
        await self._gatherer.gather()

    def attributes(self, candidates: bool = True) -> str:
        """This end, as lines of a section of a description."""
        mine, prints = self._gatherer.getLocalParameters(), self._dtls.getLocalParameters().fingerprints
        print_ = next(one for one in prints if one.algorithm == "sha-256")
        lines = [
            f"a=ice-ufrag:{mine.usernameFragment}",
            f"a=ice-pwd:{mine.password}",
            f"a=fingerprint:sha-256 {print_.value}",
            "a=setup:active",
            "a=rtcp-mux",
            "a=rtcp-rsize",
        ]
        if candidates:
            lines += [f"a=candidate:{candidate_to_sdp(one)}" for one in self._gatherer.getLocalCandidates()]
            lines.append("a=end-of-candidates")
        return "".join(f"{line}\r\n" for line in lines)

    async def connect(self, described: MediaDescription) -> None:
        """Up to the keys.

        Args:
            described: a section of the server's.

        Raises:
            ConnectionError: not within `CONNECT_S`.
        """
        for candidate in described.ice_candidates:
            await self._ice.addRemoteCandidate(candidate)
        await self._ice.addRemoteCandidate(None)
        self._dtls._set_role("client")
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._ice.start(described.ice)
                if self._ice.state == "completed":
                    await self._dtls.start(described.dtls)
        except TimeoutError:
            pass
        if self._dtls.state != "connected":
            raise ConnectionError(f"ICE is {self._ice.state}, DTLS {self._dtls.state}")
        self.connected = True

    @property
    def inside(self) -> Session:
        """Opens what comes."""
        return self._dtls._rx_srtp

    @property
    def outside(self) -> Session:
        """Seals what goes."""
        return self._dtls._tx_srtp

    def take(self) -> socket.socket:
        """The event loop reads it no more: whoever takes it does, and gives back what is not media."""
        connection = self._ice._connection
        pair = connection._nominated[1]
        self._protocol, self.remote = pair.protocol, pair.remote_addr
        given = self._protocol.transport.get_extra_info("socket")
        asyncio.get_running_loop()._remove_reader(given.fileno())  # type: ignore[attr-defined]
        self.socket = socket.socket(fileno=os.dup(given.fileno()))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return self.socket

    def came(self, data: bytes) -> None:
        """Something that is not media, on the event loop."""
        self._protocol.datagram_received(data, self.remote)

    async def close(self) -> None:
        """End it; its socket, too."""
        if self.connected:
            await self._dtls.stop()
        await self._ice.stop()
        if self.socket is not None:
            self.socket.close()
