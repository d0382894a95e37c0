"""The forwarding unit: calls, their participants, and the one socket that all their media goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calls.domain import sdp
from calls.domain.admission import Costs, Planned, admits, planned, sheds
from calls.domain.drop import Drop
from calls.domain.limits import SECOND_NS, ForwarderLimits
from calls.domain.sdp_writer import Section, Transport, write
from calls.domain.tracks import Description, Source
from calls.domain.uplink import Uplink, read_offer
from calls.ports.forwarding import ForwardingEvent, Place
from calls.ports.media import Cipher, Clock, Datagrams, FanOut, Handshakes
from calls.services.downstream import Downstream
from calls.services.egress import Egress
from calls.services.leg import Entropy, Leg, new_credentials
from calls.services.mux import Mux
from calls.services.room import SECOND_TICKS, Party, Room
from calls.services.upstream import Upstream
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded, unavailable

TICK_NS = 25_000_000
MEASURE_TICKS = 40
EMPTY = Planned(0, 0, 0, 0)


class Forwarder:
    """Implements `Forwarding`. Everything of it runs on one event loop; nothing of it waits."""

    def __init__(
        self,
        datagrams: Datagrams,
        fan_out: FanOut,
        handshakes: Handshakes,
        clock: Clock,
        entropy: Entropy,
        emit: Callable[[ForwardingEvent], None],
        advertised: Sequence[str],
        limits: ForwarderLimits,
        costs: Costs,
    ) -> None:
        """Args:
        entropy: so many random bytes.
        emit: is told what happens, in order; has to return at once.
        advertised: IP addresses by which clients reach the socket.
        """
        self.limits = limits
        self.load = 0.0
        """The share of a core that was used of late."""
        self.mux = Mux(datagrams, clock, limits)
        self.egress = Egress(datagrams, fan_out)
        self._handshakes = handshakes
        self._clock = clock
        self._entropy = entropy
        self._emit = emit
        self._candidates = tuple((address, datagrams.port) for address in advertised)
        self._costs = costs
        self._rooms: dict[tuple[str, str], Room] = {}
        self._ticks = self._joins = 0
        self._measured = (clock.now_ns(), clock.core_ns())

    @property
    def busy(self) -> bool:
        """There is a call, so ticks are needed."""
        return bool(self._rooms)

    @property
    def drops(self) -> Mapping[Drop, int]:
        """Datagrams that went nowhere, by why."""
        return self.mux.drops

    async def join(self, place: Place, offer: Description, sources: Mapping[str, Source]) -> Description:
        """Take a participant in, or its new offer, and answer."""
        now_ns = self._clock.now_ns()
        media = sdp.read(offer.sdp, self.limits)
        uplink = media if isinstance(media, Refusal) else read_offer(media, sources, place.participant_id, self.limits)
        if isinstance(uplink, Refusal):
            raise Refused(uplink)
        room = self._rooms.get((place.call_id, place.era_id))
        party = room.parties.get(place.participant_id) if room is not None else None
        if room is not None and party is not None and party.identity != uplink.fingerprints:
            self._put_out(room, party, now_ns)
            party, room = None, self._rooms.get((place.call_id, place.era_id))
        if room is None or party is None:
            self._admit(room, uplink)
            if room is None:
                room = Room(place.call_id, place.era_id, self._emit, self._describe, self.limits)
                self._rooms[place.call_id, place.era_id] = room
            party = self._party(place, uplink, room, now_ns)
            room.enter(party, now_ns)
        else:
            self._more_video(room, party, uplink)
            if party.ufrag != uplink.ufrag:
                party.ufrag = uplink.ufrag
                self.mux.renew(party.up.leg, new_credentials(self._entropy))
        room.publish(party, uplink, now_ns)
        return Description(offer.revision, self._write(party.up.leg, uplink.sections, "passive", offer.revision))

    @property
    def share(self) -> float:
        """Of a core: the greater of what is planned for its calls and what was measured."""
        return max(self.load, planned([one.planned for one in self._rooms.values()], self._costs, self.limits).core)

    def _admit(self, room: Room | None, uplink: Uplink) -> None:
        limits = self.limits
        if room is None and len(self._rooms) >= limits.calls_max:
            raise Refused(unavailable(f"{len(self._rooms)} calls, of at most {limits.calls_max}"))
        if room is not None and len(room.parties) >= limits.participants_max:
            raise Refused(limit_exceeded("participants_max", limits.participants_max, len(room.parties) + 1))
        video = [one for one in uplink.tracks if one.track.source.video]
        self._check_senders(room, bool(video), None)
        calls = [one.planned for one in self._rooms.values() if one is not room]
        from_now = room.planned if room is not None else EMPTY
        layers = sum(max(1, len(one.rids)) for one in video)
        calls.append(from_now.after(len(uplink.tracks) - len(video), len(video), layers))
        why = admits(planned(calls, self._costs, limits), self.load, room is None, bool(video), limits)
        if why is not None:
            raise Refused(unavailable(why))

    def _check_senders(self, room: Room | None, video: bool, but: Party | None) -> None:
        """The cap on who sends pictures."""
        if not video or room is None:
            return
        senders = sum(any(track.source.video for track in one.tracks) for one in room.parties.values() if one is not but)
        if senders >= self.limits.video_senders_max:
            raise Refused(limit_exceeded("video_senders_max", self.limits.video_senders_max, senders + 1))

    def _more_video(self, room: Room, party: Party, uplink: Uplink) -> None:
        """One that is in would send more pictures than before."""
        before = sum(one.source.video for one in party.tracks)
        video = sum(one.track.source.video for one in uplink.tracks)
        self._check_senders(room, video > 0 and not before, party)
        if video > before and self.load > self.limits.load_video_max:
            raise Refused(
                unavailable(f"load {self.load:.2f} of a core, of at most {self.limits.load_video_max:.2f} for more video")
            )

    def _leg(self, now_ns: int) -> Leg:
        leg = Leg(new_credentials(self._entropy), self.limits, now_ns)

        def connected(cipher: Cipher) -> None:
            leg.cipher = cipher
            leg.look(self._clock.now_ns())

        leg.handshake = self._handshakes.make(lambda datagram: self.egress.plain(leg, datagram), connected, leg.close)
        self.mux.add(leg)
        return leg

    def _party(self, place: Place, uplink: Uplink, room: Room, now_ns: int) -> Party:
        up, down = self._leg(now_ns), self._leg(now_ns)
        upstream = Upstream(up, up.fresh_ssrc(self._entropy), self.egress, room, self.limits)
        downstream = Downstream(place.participant_id, down, self.egress, self._entropy, self.limits)
        up.receiver, down.receiver = upstream, downstream
        assert up.handshake is not None
        up.handshake.begin(uplink.fingerprints)
        self._joins += 1
        return Party(place, upstream, downstream, uplink.fingerprints, uplink.ufrag, phase=self._joins % SECOND_TICKS)

    def _write(self, leg: Leg, sections: Sequence[Section], setup: str, version: int) -> str:
        credentials = leg.credentials[0]
        assert leg.handshake is not None
        transport = Transport(
            credentials.ufrag.decode(), credentials.password.decode(), leg.handshake.fingerprint, setup, self._candidates
        )
        session = int.from_bytes(leg.credentials[0].ufrag[:7], "big")
        return write(sections, transport, session, version)

    def _describe(self, down: Downstream) -> str:
        return self._write(down.leg, down.sections(), "actpass", down.negotiation.revision)

    def _find(self, place: Place) -> tuple[Room, Party]:
        room = self._rooms.get((place.call_id, place.era_id))
        party = room.parties.get(place.participant_id) if room is not None else None
        if room is None or party is None:
            raise Refused(Refusal(Reason.NOT_FOUND, detail="no such participant in this call", subject="participant_id"))
        return room, party

    async def answered(self, place: Place, answer: Description) -> None:
        """The client's answer to an offer; one to another revision is ignored."""
        room, party = self._find(place)
        now_ns, down = self._clock.now_ns(), party.down
        if not down.negotiation.outstanding or answer.revision != down.negotiation.revision:
            return
        media = sdp.read(answer.sdp, self.limits)
        refusal = media if isinstance(media, Refusal) else down.answered(media)
        if refusal is not None or isinstance(media, Refusal):
            raise Refused(refusal or sdp.invalid("no description"))
        down.negotiation.answered(answer.revision, now_ns)
        taken = next((one for one in media if one.receives), None)
        if party.answered_ns is None and taken is not None:
            party.answered_ns = now_ns
            assert down.leg.handshake is not None
            down.leg.handshake.begin(taken.fingerprints)
        room.dirty()

    async def restart(self, place: Place) -> None:
        """Offer the down transport again, with new credentials."""
        _, party = self._find(place)
        self.mux.renew(party.down.leg, new_credentials(self._entropy))
        party.down.negotiation.restart(self._clock.now_ns())

    async def watch(self, place: Place, heights: Mapping[str, int]) -> None:
        """How high the participant shows each picture."""
        room, party = self._find(place)
        party.down.heights = dict(list(heights.items())[: self.limits.sections_max])
        room.dirty()

    async def mute(self, place: Place, source: Source, muted: bool) -> None:
        """Drop what it sends of this source, or let it pass."""
        room, party = self._find(place)
        room.mute(party, source, muted)

    async def leave(self, place: Place) -> None:
        """Put a participant out."""
        room = self._rooms.get((place.call_id, place.era_id))
        party = room.parties.get(place.participant_id) if room is not None else None
        if room is not None and party is not None:
            self._put_out(room, party, self._clock.now_ns())
            self.egress.flush()

    async def end(self, call_id: str, era_id: str) -> None:
        """End a life of a call."""
        room = self._rooms.get((call_id, era_id))
        for party in list(room.parties.values()) if room is not None else []:
            assert room is not None
            self._put_out(room, party, self._clock.now_ns())
        self._rooms.pop((call_id, era_id), None)
        self.egress.flush()

    def close(self) -> None:
        """End everything; nothing is told."""
        for room in list(self._rooms.values()):
            for party in list(room.parties.values()):
                self._put_out(room, party, self._clock.now_ns())
        self._rooms.clear()
        self.egress.flush()

    def _put_out(self, room: Room, party: Party, now_ns: int) -> None:
        room.exit(party, now_ns)
        for leg in (party.up.leg, party.down.leg):
            assert leg.handshake is not None
            # The alert that closes DTLS still has to find its way; then nothing leads here any more.
            leg.handshake.end()
            self.mux.remove(leg)
            leg.close()
            # They refer to the leg: without this its keys would wait for the collector, which looks seldom.
            leg.handshake = leg.receiver = None
        if not room.parties:
            self._rooms.pop((room.call_id, room.era_id), None)

    def tick(self) -> None:
        """Every 25 ms while there are calls."""
        now_ns = self._clock.now_ns()
        try:
            for room in list(self._rooms.values()):
                for party in room.tick(self._ticks, now_ns):
                    self._put_out(room, party, now_ns)
            if self._ticks % MEASURE_TICKS == 0:
                self._measure(now_ns)
        finally:
            self._ticks += 1
            self.egress.flush()

    def _measure(self, now_ns: int) -> None:
        """The load, and whether to shed."""
        core_ns = self._clock.core_ns()
        since, used = self._measured
        if now_ns - since >= SECOND_NS // 2:
            self.load += ((core_ns - used) / (now_ns - since) - self.load) / 2
            self._measured = (now_ns, core_ns)
        shed = sheds(self.load, self.mux.take_age_ns() / 1e6, self.limits)
        for room in self._rooms.values():
            if room.shed != shed:
                room.shed = shed
                room.dirty()
