"""What of a client's offer this unit takes, and the sections of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls.domain.codecs import AUDIO, VIDEO, Codec
from calls.domain.limits import ForwarderLimits
from calls.domain.rtp import KINDS
from calls.domain.sdp import Media, Payload, invalid
from calls.domain.sdp_writer import Section
from calls.domain.streams import Incoming
from calls.domain.tracks import Source, Track
from server.kit.refusal import Refusal, limit_exceeded

FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")


@dataclass(frozen=True, slots=True)
class Uplink:
    """An offer that can be answered.

    Attributes:
        tracks: what the client sends.
        sections: of the answer, in the offer's order.
        ids: from the client's extension ids to the numbers of `rtp.KINDS`.
        fingerprints: of the client; all that are supported have to fit.
        ufrag: of the client: another one than before is an ICE restart.
    """

    tracks: tuple[Incoming, ...]
    sections: tuple[Section, ...]
    ids: Mapping[int, int]
    fingerprints: tuple[tuple[str, str], ...]
    ufrag: str


def read_offer(
    media: Sequence[Media], sources: Mapping[str, Source], participant_id: str, limits: ForwarderLimits
) -> Uplink | Refusal:
    """Take the offer, or say why not. Sections that `sources` does not name, and data channels, are rejected in the answer."""
    tracks: list[Incoming] = []
    sections: list[Section] = []
    ids: dict[int, int] = {}
    first = None
    for one in media:
        source = sources.get(one.mid)
        taken = None
        if source is not None and one.port and one.kind in ("audio", "video"):
            refusal = _fits(one, source)
            if refusal is not None:
                return refusal
            taken = _take(one, source, participant_id) if one.sends else None
            first = first or one
        sections.append(_answer(one, taken, source is not None))
        if taken is not None:
            tracks.append(taken)
            ids |= {number: KINDS[uri] for number, uri in one.extensions.items() if uri in KINDS}
    unknown = set(sources) - {one.mid for one in media}
    if unknown:
        return invalid(f"the offer has no media section {sorted(unknown)[0][:40]}")
    if first is None:
        return invalid("the offer has no media section that sources name")
    refusal = _counted(tracks, limits)
    return refusal or Uplink(tuple(tracks), tuple(sections), ids, first.fingerprints, first.ufrag)


def _fits(media: Media, source: Source) -> Refusal | None:
    if (media.kind == "video") != source.video:
        return invalid(f"section {media.mid} is {media.kind}, and {source.value} is not")
    if media.setup == "passive":
        return invalid(f"section {media.mid} has setup:passive: the client has to open DTLS")
    if not media.fingerprints or not media.ufrag or not media.password:
        return invalid(f"section {media.mid} lacks a fingerprint or ICE credentials")
    if not media.mux:
        return invalid(f"section {media.mid} lacks rtcp-mux")
    return None


def _counted(tracks: Sequence[Incoming], limits: ForwarderLimits) -> Refusal | None:
    for name, limit, actual in (
        ("audio_tracks_max", limits.audio_tracks_max, sum(not one.track.source.video for one in tracks)),
        ("video_tracks_max", limits.video_tracks_max, sum(one.track.source.video for one in tracks)),
        ("layers_max", limits.layers_max, max((len(one.rids) for one in tracks), default=0)),
        ("ssrcs_max", limits.ssrcs_max, sum(len(one.ssrcs) + len(one.rtx_ssrcs) for one in tracks)),
    ):
        if actual > limit:
            return limit_exceeded(name, limit, actual)
    if len({one.track.source for one in tracks}) != len(tracks):
        return invalid("two sections are of the same source")
    return None


def _codec(media: Media) -> tuple[Codec, Payload] | None:
    """The first of ours that is offered; H.264 in the packetization mode that cuts frames."""
    for codec in AUDIO if media.kind == "audio" else VIDEO:
        for payload in media.payloads:
            if payload.name.lower() != codec.name.lower() or payload.clock_rate != codec.clock_rate:
                continue
            if codec.name == "H264" and payload.parameter("packetization-mode") != "1":
                continue
            if codec.name == "VP9" and payload.parameter("profile-id") not in (None, "0"):
                continue
            return codec, payload
    return None


def _repair(media: Media, payload: Payload) -> Payload | None:
    return next(
        (one for one in media.payloads if one.name.lower() == "rtx" and one.parameter("apt") == str(payload.number)), None
    )


def _take(media: Media, source: Source, participant_id: str) -> Incoming | None:
    """The track; None: no codec of ours."""
    found = _codec(media)
    if found is None:
        return None
    codec, payload = found
    repair = _repair(media, payload)
    incoming = Incoming(media.mid, Track(participant_id, source), codec, {payload.number: codec}, {}, media.rids)
    if repair is not None:
        incoming.repairs = {repair.number: payload.number}
    if media.rids:
        return incoming
    pairs = {ssrcs[0]: ssrcs[1] for semantics, ssrcs in media.groups if semantics == "FID" and len(ssrcs) == 2}
    layers = next((ssrcs for semantics, ssrcs in media.groups if semantics == "SIM" and ssrcs), None)
    if layers is None:
        layers = tuple(ssrc for ssrc in media.ssrcs if ssrc not in pairs.values())[:1]
    incoming.ssrcs = {ssrc: index for index, ssrc in enumerate(layers)}
    incoming.rtx_ssrcs = {pairs[ssrc]: index for ssrc, index in incoming.ssrcs.items() if ssrc in pairs}
    return incoming


def _answer(media: Media, taken: Incoming | None, named: bool) -> Section:
    if not named or not media.port or media.kind not in ("audio", "video"):
        return Section(media.kind, media.mid, media.protocol, media.formats, rejected=True)
    found = _codec(media)
    if found is None:
        return Section(media.kind, media.mid, media.protocol, media.formats, rejected=True)
    payload = found[1]
    wanted = FEEDBACK if media.kind == "video" else ("transport-cc",)
    feedback = tuple(said for said in wanted if said in payload.feedback)
    # The sender's own parameters go back to it: they fit by definition (RFC 3264 §6.1).
    payloads = [Payload(payload.number, payload.name, payload.clock_rate, payload.channels, payload.parameters, feedback)]
    repair = _repair(media, payload)
    if repair is not None:
        payloads.append(Payload(repair.number, repair.name, repair.clock_rate, 0, repair.parameters))
    return Section(
        media.kind,
        media.mid,
        media.protocol,
        media.formats,
        "recvonly" if taken is not None else "inactive",
        tuple(payloads),
        {number: uri for number, uri in media.extensions.items() if uri in KINDS},
        taken.rids if taken is not None else (),
    )
