"""Participants of group calls, made of aiortc: real ICE, DTLS, SRTP, and real encoders and decoders."""

from __future__ import annotations

import asyncio
import fractions
from collections import Counter
from collections.abc import Mapping

import av
import numpy
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from calls.domain.tracks import Description, Source
from calls.ports.forwarding import DownOffered, Forwarding, ForwardingEvent, Place


class Tone(AudioStreamTrack):
    """Sound: a square wave at half of full scale."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        wave = numpy.where(numpy.arange(frame.samples) // 20 % 2, 16_000, -16_000).astype(numpy.int16)
        frame.planes[0].update(wave.tobytes())
        return frame


class Shade(VideoStreamTrack):
    """A picture of one grey: which, tells who it is from."""

    def __init__(self, grey: int) -> None:
        super().__init__()
        self._grey = grey

    async def recv(self) -> av.VideoFrame:
        stamp, base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(numpy.full((240, 160), self._grey, numpy.uint8), format="gray").reformat(
            width=160, height=120, format="yuv420p"
        )
        frame = av.VideoFrame.from_ndarray(numpy.full((120, 160), self._grey, numpy.uint8), format="gray").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = stamp, fractions.Fraction(base)
        return frame


class Peer:
    """One participant: two connections, and what came of each track."""

    def __init__(self, unit: Forwarding, place: Place, sends: Mapping[Source, MediaStreamTrack]) -> None:
        self.unit = unit
        self.place = place
        self.sends = sends
        # By its default aiortc leaves the second picture of a bundle on a transport that is not there.
        self.up, self.down = (RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)) for _ in range(2))
        self.down.on("track", self._track)
        self.frames: Counter[str] = Counter()
        """Decoded, by kind."""
        self.greys: Counter[int] = Counter()
        """The mean grey of each picture."""
        self.offers: list[DownOffered] = []
        self._readers: list[asyncio.Task[None]] = []

    async def join(self) -> None:
        """Offer, and take the answer."""
        for track in self.sends.values():
            self.up.addTransceiver(track, direction="sendonly")
        await self.up.setLocalDescription(await self.up.createOffer())
        mids = [one.mid for one in self.up.getTransceivers()]
        answer = await self.unit.join(
            self.place, Description(1, self.up.localDescription.sdp), dict(zip(mids, self.sends, strict=True))
        )
        await self.up.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))

    async def offered(self, event: DownOffered) -> None:
        """Answer the unit's offer."""
        self.offers.append(event)
        await self.down.setRemoteDescription(RTCSessionDescription(event.offer.sdp, "offer"))
        await self.down.setLocalDescription(await self.down.createAnswer())
        await self.unit.answered(self.place, Description(event.offer.revision, self.down.localDescription.sdp))

    def _track(self, track: MediaStreamTrack) -> None:
        self._readers.append(asyncio.ensure_future(self._read(track)))

    async def _read(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            self.frames[track.kind] += 1
            if isinstance(frame, av.VideoFrame):
                self.greys[int(frame.to_ndarray(format="gray").mean())] += 1

    async def close(self) -> None:
        """Go without a word to signalling."""
        for reader in self._readers:
            reader.cancel()
        await self.up.close()
        await self.down.close()


class Signalling:
    """Takes the unit's events: offers go to their peers, one after the other; the rest is kept."""

    def __init__(self) -> None:
        self.events: list[ForwardingEvent] = []
        self.peers: dict[str, Peer] = {}
        self.happened = asyncio.Event()
        self._queue: asyncio.Queue[DownOffered] = asyncio.Queue()

    def emit(self, event: ForwardingEvent) -> None:
        """As the unit calls it."""
        self.events.append(event)
        self.happened.set()
        if isinstance(event, DownOffered):
            self._queue.put_nowait(event)

    async def run(self) -> None:
        """Deliver offers for as long as the test goes."""
        while True:
            event = await self._queue.get()
            peer = self.peers.get(event.place.participant_id)
            if peer is not None:
                await peer.offered(event)
