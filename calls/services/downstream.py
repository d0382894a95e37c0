"""What one participant gets: its offers and their answers, its feeds, and its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls.domain import rtcp, sdp
from calls.domain.codecs import OPUS, VP8, Codec
from calls.domain.drop import Drop
from calls.domain.layer import Layer
from calls.domain.layer_choice import DEFAULT_HEIGHT, Choice, Offered, Shown
from calls.domain.limits import SECOND_NS, ForwarderLimits
from calls.domain.negotiation import Line, Negotiation
from calls.domain.rtp import OWN_IDS
from calls.domain.sdp import Media, Payload
from calls.domain.sdp_writer import Section, Sent
from calls.domain.subscription import FIRST_SEQUENCE_MAX, Subscription
from calls.domain.tracks import Track
from calls.services.egress import Egress
from calls.services.leg import Entropy, Leg
from calls.services.publication import Feed, Publication
from server.kit.refusal import Refusal

ESTIMATE_NS = 5 * SECOND_NS
"""An estimate of the downlink that was not repeated for so long is of no use."""
FLOWS_NS = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Asked:
    """A feed needs a keyframe of this layer."""

    publication: Publication
    layer: int


class Downstream:
    """The receiver of a down leg."""

    def __init__(self, participant_id: str, leg: Leg, egress: Egress, entropy: Entropy, limits: ForwarderLimits) -> None:
        self.participant_id = participant_id
        self.leg = leg
        self.negotiation = Negotiation(limits.gather_ms * 1_000_000, limits.sections_max)
        self.heights: dict[str, int] = {}
        self.feeds: dict[str, Feed] = {}
        """By track id."""
        self.asked: list[Asked] = []
        """What arrived packets asked for, for the room to pass on."""
        self._by_ssrc: dict[int, Feed] = {}
        self._choice = Choice()
        self._egress = egress
        self._entropy = entropy
        self._limits = limits
        self._estimate: tuple[int, int] | None = None
        leg.moved = self._moved

    def _moved(self) -> None:
        for feed in self.feeds.values():
            feed.publication.stale = True

    def add(self, publication: Publication, now_ns: int) -> None:
        """There is a track more to get."""
        track = publication.incoming.track
        if track.track_id in self.feeds:
            return
        entropy, leg = self._entropy, self.leg
        subscription = Subscription(
            publication.incoming.codec,
            leg.fresh_ssrc(entropy),
            leg.fresh_ssrc(entropy),
            publication.incoming.layers,
            int.from_bytes(entropy(2), "big") % FIRST_SEQUENCE_MAX,
            int.from_bytes(entropy(4), "big"),
        )
        feed = Feed(publication, subscription, leg, self.participant_id, _token(track.participant_id))
        self.feeds[track.track_id] = publication.feeds[self.participant_id] = feed
        self._by_ssrc[subscription.ssrc] = self._by_ssrc[subscription.rtx_ssrc] = feed
        self.negotiation.put(track, now_ns)

    def remove(self, publication: Publication, now_ns: int) -> None:
        """The track is no more: its streams end, and their state with them."""
        track = publication.incoming.track
        feed = self.feeds.pop(track.track_id, None)
        if feed is None:
            return
        self.negotiation.remove(track, now_ns)
        publication.feeds.pop(self.participant_id, None)
        publication.retarget()
        ssrcs = (feed.subscription.ssrc, feed.subscription.rtx_ssrc)
        self._egress.control(self.leg, rtcp.receiver_report(ssrcs[0], ()) + rtcp.bye(ssrcs[:1]))
        for ssrc in ssrcs:
            self._by_ssrc.pop(ssrc, None)
            if self.leg.cipher is not None:
                self.leg.cipher.forget(ssrc)

    def sections(self) -> list[Section]:
        """Of the next offer."""
        return [self._section(line) for line in self.negotiation.lines]

    def _section(self, line: Line) -> Section:
        kind = "video" if line.video else "audio"
        feed = self.feeds.get(line.track.track_id) if line.track is not None else None
        if line.track is None or feed is None:
            return Section(kind, line.mid, "UDP/TLS/RTP/SAVPF", (), "inactive", _payloads(_any(line.video)), OWN_EXTENSIONS)
        subscription = feed.subscription
        who = _token(line.track.participant_id)
        rtx = subscription.rtx_ssrc if subscription.codec.rtx_payload_type is not None else None
        sent = Sent(who, f"{who}.{line.track.source.value}", who, subscription.ssrc, rtx)
        payloads = _payloads(subscription.codec)
        return Section(kind, line.mid, "UDP/TLS/RTP/SAVPF", (), "sendonly", payloads, OWN_EXTENSIONS, (), sent)

    def answered(self, media: Sequence[Media]) -> Refusal | None:
        """What the client takes of the outstanding offer."""
        by_mid = {one.mid: one for one in media}
        lines = [(line, by_mid.get(line.mid)) for line in self.negotiation.lines]
        for line, one in lines:
            if one is None:
                return sdp.invalid(f"the answer lacks section {line.mid}")
            if one.receives and one.setup != "active":
                return sdp.invalid(f"section {line.mid} has setup:{one.setup}: the client has to open DTLS")
            if one.receives and not one.fingerprints:
                return sdp.invalid(f"section {line.mid} lacks a fingerprint")
        for line, one in lines:
            feed = self.feeds.get(line.track.track_id) if line.track is not None else None
            if feed is None or one is None:
                continue
            codec, numbers = feed.subscription.codec, {payload.number for payload in one.payloads}
            feed.active = one.receives and codec.payload_type in numbers
            feed.subscription.rtx = codec.rtx_payload_type in numbers
        return None

    def choose(self, audible: frozenset[str], visible: Sequence[Track], shed: bool, now_ns: int) -> None:
        """Which layers flow from now on.

        Args:
            audible: participants whose microphones pass.
            visible: pictures that pass, the most wanted first.
            shed: without the greatest layers.
        """
        shown = [self._shown(track, now_ns) for track in visible if track.track_id in self.feeds]
        estimate = self._estimate[0] if self._estimate is not None and now_ns - self._estimate[1] < ESTIMATE_NS else None
        loss = max((feed.subscription.loss for feed in self.feeds.values() if feed.subscription.current is not None), default=0.0)
        self._choice.look([one for one in shown if one is not None], estimate, now_ns, shed, loss)
        for track_id, feed in self.feeds.items():
            layer = self._choice.layers.get(track_id)
            track = feed.publication.incoming.track
            if not track.source.video:
                layer = 0 if track.participant_id in audible else None
            if not feed.active or feed.publication.muted:
                layer = None
            if feed.subscription.want(layer):
                feed.publication.retarget()
            if layer is not None and feed.subscription.waits and track.source.video:
                self.asked.append(Asked(feed.publication, layer))

    def _shown(self, track: Track, now_ns: int) -> Shown | None:
        feed = self.feeds[track.track_id]
        if not feed.active:
            return None
        flowing = [one for one in feed.publication.incoming.layers.values() if now_ns - one.heard_ns < FLOWS_NS]
        flowing.sort(key=lambda one: one.index)
        layers = tuple(Offered(one.index, height, one.bits_per_s) for one, height in zip(flowing, _heights(flowing), strict=True))
        return Shown(track.track_id, self.heights.get(track.track_id), layers)

    def media(self, data: bytes, now_ns: int) -> Drop | None:
        """Nothing is offered that a client could send here."""
        return Drop.UNKNOWN_STREAM

    def control(self, data: bytes, now_ns: int) -> Drop | None:
        """The subscriber's reports."""
        parts = rtcp.read(data)
        if isinstance(parts, Drop):
            return parts
        for part in parts:
            if isinstance(part, rtcp.Remb):
                self._estimate = (part.bits_per_s, now_ns)
                continue
            if isinstance(part, (rtcp.Bye, rtcp.SenderReport)):
                continue
            feed = self._by_ssrc.get(part.ssrc)
            if feed is None:
                continue
            if isinstance(part, rtcp.Nack):
                for once_more in feed.subscription.again(part.sequences[: self._limits.nack_packets_max], now_ns):
                    self._egress.again(feed, once_more)
            elif isinstance(part, rtcp.KeyframeWanted):
                wanted = feed.subscription.wanted
                if wanted is not None and feed.wishes.granted(now_ns):
                    self.asked.append(Asked(feed.publication, wanted))
            elif part.ssrc == feed.subscription.ssrc:
                feed.subscription.heard(part, now_ns)
        return None

    def report(self, now_ns: int) -> None:
        """Every second: the publishers' sender reports, of these streams."""
        for feed in self.feeds.values():
            report = feed.subscription.report(now_ns)
            if report is not None:
                self._egress.control(self.leg, rtcp.sender_report(report, feed.name))


OWN_EXTENSIONS: Mapping[int, str] = {number: uri for uri, number in OWN_IDS.items()}
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")


def _any(video: bool) -> Codec:
    return VP8 if video else OPUS


def _payloads(codec: Codec) -> tuple[Payload, ...]:
    feedback = FEEDBACK if codec.rtx_payload_type is not None else ()
    media = Payload(codec.payload_type, codec.name, codec.clock_rate, codec.channels, codec.parameters, feedback)
    if codec.rtx_payload_type is None:
        return (media,)
    return media, Payload(codec.rtx_payload_type, "rtx", codec.clock_rate, 0, f"apt={codec.payload_type}")


def _heights(layers: Sequence[Layer]) -> list[int]:
    """In pixels, the lowest layer first. Each is taken for twice the one below it, where no keyframe has said it yet."""
    known = next(((one.index, one.height) for one in layers if one.height), None)
    index, height = known or (max((one.index for one in layers), default=0), DEFAULT_HEIGHT)
    return [one.height or max(1, int(height * 2.0 ** (one.index - index))) for one in layers]


def _token(name: str) -> str:
    """A participant's id as msid and CNAME may have it."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "_" for one in name)[:64] or "_"
