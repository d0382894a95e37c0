"""The media of a call on aiortc: the only file of the SDK that knows it. Needs the extra `calls`."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2

try:
    from aiortc import (
        InvalidStateError,
        RTCBundlePolicy,
        RTCConfiguration,
        RTCIceServer,
        RTCIceTransportPolicy,
        RTCPeerConnection,
        RTCSessionDescription,
    )
    from aiortc.rtcicetransport import ICE_TRANSPORT_POLICIES, connection_kwargs
    from aiortc.sdp import SessionDescription, candidate_from_sdp
except ImportError as error:
    raise TidewireError("calls need aiortc: pip install 'tidewire[calls]'") from error

Track = Any
"""An aiortc `MediaStreamTrack`."""
Source = Track | Callable[[], Track] | None
"""What is sent: a track, or what opens one once the call is taken; None: nothing."""
CLOSES_S = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """How well it flows, from the first packet to now. Times in milliseconds."""

    received_packets: int = 0
    lost_packets: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float = 0.0
    """0: not known."""


class Peer:
    """One connection."""

    def __init__(self, ice: call_pb2.IceServers, flows: Callable[[bool], None], came: Callable[[Track], None]) -> None:
        """`flows`: told when media begins to flow, and when it does not any more; `came`: told of each track of the other side."""
        servers, policy = _ways(ice)
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE, iceTransportPolicy=policy)
        )
        self._flows = flows
        self._described: RTCSessionDescription | None = None
        self._gathering: asyncio.Future[None] | None = None
        self._early: list[call_pb2.IceCandidate] = []
        self._pc.on("connectionstatechange", self._changed)
        self._pc.on("track", came)

    def _changed(self) -> None:
        if self._pc.connectionState == "connected":
            self._flows(True)
        elif self._pc.connectionState in ("failed", "disconnected", "closed"):
            self._flows(False)

    def wants(self, *kinds: str) -> None:
        """Send and receive "audio" or "video"; what is sent comes with `send`."""
        for kind in kinds:
            self._pc.addTransceiver(kind, direction="sendrecv")

    def publishes(self, kind: str) -> None:
        """Send "audio" or "video", and receive none for it; what is sent comes with `send`."""
        self._pc.addTransceiver(kind, direction="sendonly")

    def sections(self) -> list[tuple[str, str, Track]]:
        """Section, kind and the track that comes by it, once there is a description."""
        return [(one.mid, one.kind, one.receiver.track) for one in self._pc.getTransceivers() if one.mid is not None]

    def send(self, kind: str, source: Source) -> None:
        """Send a track, in the place of what was sent of this kind.

        Raises:
            TidewireError: it cannot be opened.
        """
        try:
            track = source() if callable(source) else source
        except TidewireError:
            raise
        except Exception as error:  # it is the app's, and must not end the client
            raise TidewireError(f"the {kind} cannot be opened: {error}") from error
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == kind and transceiver.sender.track is None:
                transceiver.sender.replaceTrack(track)
                return

    async def offer(self) -> str:
        """An offer of what there is, with all candidates.

        Raises:
            TidewireError: the connection was closed meanwhile.
        """
        await self._say(await self._new_offer())
        return str(self._pc.localDescription.sdp)

    async def describe(self) -> tuple[str, list[tuple[str, str]]]:
        """An offer of what there is, and its sections with their kinds. It has no candidates: for a side that sees where checks come from.
        `gather` comes next, once the relays are known.

        Raises:
            TidewireError: the connection was closed meanwhile.
        """
        self._described = await self._new_offer()
        sdp = str(self._described.sdp)
        return sdp, [(section.rtp.muxId, section.kind) for section in SessionDescription.parse(sdp).media]

    async def gather(self, ice: call_pb2.IceServers) -> None:
        """Look for ways, by these relays, too: they were not known when the connection was made and described.

        Raises:
            TidewireError: the connection was closed meanwhile.
        """
        servers, policy = _ways(ice)
        for transceiver in self._pc.getTransceivers():
            # aiortc takes relays before it describes; what it gathers by has them as they are when it begins.
            connection = transceiver.sender.transport.transport.iceGatherer._connection
            connection._transport_policy = ICE_TRANSPORT_POLICIES[policy]
            for name, value in connection_kwargs(servers).items():
                setattr(connection, name, value)
        await self._say(self._described)

    async def _new_offer(self) -> RTCSessionDescription:
        try:
            return await self._pc.createOffer()
        except InvalidStateError as error:
            raise TidewireError("the call is over") from error

    async def _say(self, description: RTCSessionDescription | None) -> None:
        try:
            self._gathering = asyncio.ensure_future(self._pc.setLocalDescription(description))
            await asyncio.shield(self._gathering)
        except InvalidStateError as error:
            raise TidewireError("the call is over") from error

    async def answer(self, offer: str) -> str:
        """The answer to an offer, with all candidates.

        Raises:
            TidewireError: it is no offer, or the connection was closed meanwhile.
        """
        await self._take(offer, "offer")
        try:
            described = await self._pc.createAnswer()
        except InvalidStateError as error:
            raise TidewireError("the call is over") from error
        await self._say(described)
        return str(self._pc.localDescription.sdp)

    async def take_answer(self, answer: str) -> None:
        """The other side's answer.

        Raises:
            TidewireError: it is no answer to what was offered.
        """
        await self._take(answer, "answer")

    async def _take(self, sdp: str, kind: str) -> None:
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
        except Exception as error:
            raise TidewireError(f"the other side's {kind} cannot be used: {error}") from error
        early, self._early = self._early, []
        for candidate in early:
            await self.add(candidate)

    async def add(self, candidate: call_pb2.IceCandidate) -> None:
        """A way to reach the other side. One that comes before its description waits; one that cannot be read is passed over."""
        if self._pc.remoteDescription is None:
            self._early.append(candidate)
            return
        try:
            found = candidate_from_sdp(candidate.candidate.removeprefix("candidate:")) if candidate.candidate else None
            if found is not None:
                found.sdpMid, found.sdpMLineIndex = candidate.mid, candidate.line
            await self._pc.addIceCandidate(found)
        except (ValueError, IndexError, AssertionError):
            return

    async def figures(self) -> Figures:
        """How well it flows."""
        found: dict[str, float] = dict.fromkeys((field.name for field in dataclasses.fields(Figures)), 0)
        for one in (await self._pc.getStats()).values():
            if one.type == "inbound-rtp":
                found["received_packets"] += one.packetsReceived
                found["lost_packets"] += one.packetsLost
                found["jitter_ms"] = max(found["jitter_ms"], one.jitter / 48 if one.kind == "audio" else one.jitter / 90)
            elif one.type == "outbound-rtp":
                found["sent_packets"] += one.packetsSent
                found["sent_bytes"] += one.bytesSent
            elif one.type == "remote-inbound-rtp":
                found["round_trip_ms"] = max(found["round_trip_ms"], 1_000 * (one.roundTripTime or 0))
            elif one.type == "transport":
                found["received_bytes"] += one.bytesReceived
        whole = {name: int(value) for name, value in found.items() if not name.endswith("_ms")}
        return Figures(**whole, jitter_ms=found["jitter_ms"], round_trip_ms=found["round_trip_ms"])  # type: ignore[arg-type]

    def roads(self) -> set[str]:
        """The kinds of the addresses of this side: "host", "srflx", "relay"."""
        found = [transceiver.sender.transport.transport.iceGatherer for transceiver in self._pc.getTransceivers()]
        return {candidate.type for gatherer in found for candidate in gatherer.getLocalCandidates()}

    async def close(self) -> None:
        """End it."""
        self._pc.remove_all_listeners()
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=CLOSES_S)  # a relay that answered later would stay open
        async with asyncio.timeout(CLOSES_S):
            await self._pc.close()


def _ways(ice: call_pb2.IceServers) -> tuple[list[RTCIceServer], RTCIceTransportPolicy]:
    servers = [
        RTCIceServer(urls=list(server.urls), username=server.username or None, credential=server.credential or None)
        for server in ice.servers
    ]
    return servers, RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL
