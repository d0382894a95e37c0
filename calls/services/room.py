"""One life of a call: who is in, what flows between them, and what signalling hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from calls.domain.admission import Planned
from calls.domain.limits import SECOND_NS, ForwarderLimits
from calls.domain.speakers import Floor, last_n
from calls.domain.tracks import Description, Source, Track
from calls.domain.turns import Turns
from calls.domain.uplink import Uplink
from calls.ports.forwarding import (
    DownOffered,
    ForwardingEvent,
    MediaGone,
    MediaLost,
    MediaUp,
    Place,
    Published,
    Speakers,
    TrackAt,
)  # fmt: skip
from calls.services.downstream import Downstream
from calls.services.publication import Publication
from calls.services.upstream import Upstream

SECOND_TICKS = 40
STANDS_TICKS = 8


@dataclass(slots=True)
class Party:
    """A participant.

    Attributes:
        identity: the certificate of its up transport: another one is another client.
        ufrag: of its last offer: another one is an ICE restart.
        up_told: media flowed.
        lost_ns: since when nothing is heard of it; None: it is.
        muted: sources that an admin muted.
        answered_ns: when its first answer came; None: none did.
        phase: by how many ticks its reports come before those of phase 0: if all came at once, they would hold media up.
    """

    place: Place
    up: Upstream
    down: Downstream
    identity: tuple[tuple[str, str], ...]
    ufrag: str
    up_told: bool = False
    lost_ns: int | None = None
    muted: set[Source] = field(default_factory=set)
    answered_ns: int | None = None
    phase: int = 0

    def due(self, number: int, ticks: int) -> bool:
        """It is this party's turn, once in so many ticks."""
        return not (number + self.phase) % ticks

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What it sends."""
        return tuple(one.incoming.track for one in self.up.publications.values())


Describe = Callable[[Downstream], str]


class Room:
    """Changes come from the forwarder; packets find their way without it."""

    def __init__(
        self, call_id: str, era_id: str, emit: Callable[[ForwardingEvent], None], describe: Describe, limits: ForwarderLimits
    ) -> None:
        self.call_id = call_id
        self.era_id = era_id
        self.parties: dict[str, Party] = {}
        self.shed = False
        self._emit = emit
        self._describe = describe
        self._limits = limits
        self._floor = Floor()
        self._dirty = False
        self._turns = Turns()

    @property
    def planned(self) -> Planned:
        """What it may need at worst."""
        tracks = [one for party in self.parties.values() for one in party.up.publications.values()]
        video = [one for one in tracks if one.incoming.track.source.video]
        layers = sum(max(1, len(one.incoming.rids)) for one in video)
        return Planned(len(self.parties), len(tracks) - len(video), len(video), layers)

    def enter(self, party: Party, now_ns: int) -> None:
        """A participant comes in: it gets what the others send."""
        self.parties[party.place.participant_id] = party
        for other in self.parties.values():
            if other is not party:
                for publication in other.up.publications.values():
                    party.down.add(publication, now_ns)

    def publish(self, party: Party, uplink: Uplink, now_ns: int) -> None:
        """What the participant sends from now on."""
        before = party.tracks
        offered = {one.mid: one for one in uplink.tracks}
        for mid, publication in list(party.up.publications.items()):
            now = offered.get(mid)
            if now is not None and (now.track, now.codecs, now.rids) == _shape(publication):
                # The same track, described once more: its streams go on.
                publication.incoming.repairs = now.repairs
                publication.incoming.ssrcs, publication.incoming.rtx_ssrcs = now.ssrcs, now.rtx_ssrcs
                del offered[mid]
            else:
                self._withdraw(party, mid, now_ns)
        for mid, incoming in offered.items():
            publication = party.up.publications[mid] = Publication(incoming)
            publication.muted = incoming.track.source in party.muted
            party.up.streams.put(incoming)
            for other in self.parties.values():
                if other is not party:
                    other.down.add(publication, now_ns)
        party.up.describe(uplink.ids)
        self._dirty = True
        if party.tracks != before:
            self._emit(Published(party.place, party.tracks))

    def _withdraw(self, party: Party, mid: str, now_ns: int) -> None:
        publication = party.up.publications.pop(mid)
        party.up.streams.remove(mid)
        for other in self.parties.values():
            other.down.remove(publication, now_ns)

    def exit(self, party: Party, now_ns: int) -> None:
        """A participant is out: so are its tracks, and its feeds of the others'."""
        self.parties.pop(party.place.participant_id, None)
        for mid in list(party.up.publications):
            self._withdraw(party, mid, now_ns)
        for feed in list(party.down.feeds.values()):
            party.down.remove(feed.publication, now_ns)
        self._dirty = True

    def mute(self, party: Party, source: Source, muted: bool) -> None:
        """Whatever the client says, nothing of the source is forwarded, or it is again."""
        (party.muted.add if muted else party.muted.discard)(source)
        for publication in party.up.publications.values():
            if publication.incoming.track.source is source:
                publication.muted = muted
        self._dirty = True

    def layer_came(self, publication: Publication) -> None:
        """A layer flows that did not: it has its list at once, and its subscribers choose at the next tick; of audio, now."""
        publication.retarget()
        self._dirty = True

    def dirty(self) -> None:
        """Something that layers are chosen by has changed."""
        self._dirty = True

    def tick(self, number: int, now_ns: int) -> list[Party]:
        """Every 25 ms. Returns who is gone, for the forwarder to put out."""
        parties = self.parties.values()
        for party in parties:
            if party.due(number, 2):
                party.up.tick(now_ns)
                party.down.leg.tidy(())
            if party.due(number, 4):
                party.up.feedback()
        if number % 12 == 0:
            self._listen(now_ns)
        if self._dirty:
            self._dirty = False
            self._turns.all(self.parties)
        choosing = self._turns.take([name for name, one in self.parties.items() if one.due(number, SECOND_TICKS)], self.parties)
        if choosing:
            self._choose(choosing, now_ns)
        self.pass_on(now_ns)
        gone = []
        for party in parties:
            if party.due(number, SECOND_TICKS):
                party.up.report(now_ns)
                party.down.report(now_ns)
            # Of one whose media flows it is enough to look a few times a second.
            if (party.up_told and not party.due(number, STANDS_TICKS)) or self._stands(party, now_ns):
                self._offer(party, now_ns)
            else:
                gone.append(party)
        return gone

    def pass_on(self, now_ns: int) -> None:
        """Wishes for keyframes, from subscribers to publishers."""
        for party in self.parties.values():
            for asked in party.down.asked:
                owner = self.parties.get(asked.publication.incoming.track.participant_id)
                if owner is not None:
                    owner.up.ask_for_keyframe(asked.publication, asked.layer, now_ns)
            party.down.asked.clear()

    def _listen(self, now_ns: int) -> None:
        voices = {name: party.up.voice for name, party in self.parties.items() if Source.MICROPHONE not in party.muted}
        recent = self._floor.recent
        if self._floor.look(voices, now_ns):
            self._emit(Speakers(self.call_id, self.era_id, self._floor.speakers))
        self._dirty |= self._floor.recent != recent

    def _choose(self, names: Sequence[str], now_ns: int) -> None:
        """What these parties get."""
        limits, recent = self._limits, self._floor.recent
        talking = [name for name, party in self.parties.items() if any(not one.source.video for one in party.tracks)]
        seen = {name: [one for one in party.tracks if one.source.video] for name, party in self.parties.items()}
        owners = [name for name, tracks in seen.items() if tracks]
        for name in names:
            party = self.parties[name]
            heard = last_n(recent, [one for one in talking if one != name], limits.audio_last_n)
            others = [one for one in owners if one != name]
            heights = party.down.heights
            pinned = [one for one in others if any(heights.get(track.track_id, 0) > 0 for track in seen[one])]
            visible = last_n(recent, others, limits.video_last_n, pinned)
            order = sorted((one for one in others if one in visible), key=lambda one: (one not in pinned, _rank(recent, one)))
            party.down.choose(heard, [track for one in order for track in seen[one]], self.shed, now_ns)

    def _stands(self, party: Party, now_ns: int) -> bool:
        """Watch over the participant's transports. False: it is gone, and signalling was told."""
        limits, up, down = self._limits, party.up.leg, party.down.leg
        up.look(now_ns)
        down.look(now_ns)
        if up.alive and not up.closed:
            party.lost_ns = None
            if not party.up_told:
                party.up_told = True
                self._emit(MediaUp(party.place))
        elif not party.up_told and party.lost_ns is None:
            if now_ns - up.since_ns > limits.connect_s * SECOND_NS or up.closed:
                return self._gone(party, "failed")
        elif party.lost_ns is None:
            party.lost_ns, party.up_told = now_ns, False
            self._emit(MediaLost(party.place))
        elif now_ns - party.lost_ns > (limits.gone_s - limits.lost_s) * SECOND_NS:
            return self._gone(party, "network")
        answered = party.answered_ns
        if answered is not None and down.cipher is None and now_ns - answered > limits.connect_s * SECOND_NS:
            return self._gone(party, "failed")
        return True

    def _gone(self, party: Party, reason: str) -> bool:
        self._emit(MediaGone(party.place, reason))
        return False

    def _offer(self, party: Party, now_ns: int) -> None:
        negotiation = party.down.negotiation
        if negotiation.offer(now_ns):
            tracks = tuple(TrackAt(line.mid, line.track) for line in negotiation.lines if line.track is not None)
            offer = Description(negotiation.revision, self._describe(party.down))
            self._emit(DownOffered(party.place, offer, tracks))


def _rank(recent: tuple[str, ...], name: str) -> int:
    return recent.index(name) if name in recent else len(recent)


def _shape(publication: Publication) -> tuple[Track, Mapping[int, object], tuple[str, ...]]:
    incoming = publication.incoming
    return incoming.track, incoming.codecs, incoming.rids
