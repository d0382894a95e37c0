"""Rooms of scripted participants over a real unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from calls.adapters.forwarding_unit import forwarding
from calls.domain.drop import Drop
from calls.domain.limits import ForwarderLimits
from calls.domain.tracks import Source
from calls.ports.forwarding import DownOffered, ForwardingEvent, Place
from calls.services.forward import Forwarder
from tests.calls.scripted import OPUS, VP8, Scripted, Wire, picture, rtp, until

MICROPHONE: Mapping[Source, Sequence[str]] = {Source.MICROPHONE: ()}
CAMERA: Mapping[Source, Sequence[str]] = {Source.CAMERA: ()}
SIMULCAST: Mapping[Source, Sequence[str]] = {Source.CAMERA: ("q", "h", "f")}


class Room:
    """A unit, and who is in its call."""

    def __init__(self) -> None:
        self.unit: Forwarder
        self.events: list[ForwardingEvent] = []
        self.people: dict[str, Scripted] = {}

    def emit(self, event: ForwardingEvent) -> None:
        """As the unit calls it."""
        self.events.append(event)
        if isinstance(event, DownOffered) and event.place.participant_id in self.people:
            self.people[event.place.participant_id].arrived.put_nowait(event)

    def person(self, name: str, sends: Mapping[Source, Sequence[str]], *, rtx: bool = True, call: str = "call") -> Scripted:
        """Somebody who has not joined yet."""
        self.people[name] = Scripted(self.unit, Place(call, "era", name), sends, rtx=rtx)
        return self.people[name]

    async def joined(self, name: str, sends: Mapping[Source, Sequence[str]], *, rtx: bool = True) -> Scripted:
        """Somebody whose up transport stands."""
        person = self.person(name, sends, rtx=rtx)
        await person.join()
        return person

    async def pair(self, sends: Mapping[Source, Sequence[str]], *, rtx: bool = True) -> tuple[Scripted, Scripted]:
        """Ann, who sends, and Ben, who gets it and sends nothing of note."""
        ann = await self.joined("ann", sends)
        ben = await self.joined("ben", MICROPHONE, rtx=rtx)
        await until(lambda: ben.answers)
        return ann, ben

    async def counts(self, drop: Drop, count: int) -> None:
        """Wait until so many datagrams were dropped for it."""
        await until(lambda: self.unit.drops[drop] >= count)
        assert self.unit.drops[drop] == count

    def told(self, kind: type[ForwardingEvent]) -> list[ForwardingEvent]:
        """Events of a kind."""
        return [one for one in self.events if isinstance(one, kind)]


@asynccontextmanager
async def a_room(limits: ForwarderLimits | None = None, *, fan_out: str = "python", batched: bool = True) -> AsyncIterator[Room]:
    """A unit on a real socket."""
    room = Room()
    async with forwarding(room.emit, "127.0.0.1", 0, ["127.0.0.1"], limits, fan_out=fan_out, batched=batched) as unit:
        room.unit = unit
        try:
            yield room
        finally:
            for person in room.people.values():
                await person.close()


class Camera:
    """Pictures of one packet each, on one layer."""

    def __init__(self, wire: Wire, ssrc: int, mid: str, *, rid: str = "", height: int = 90, first: int = 1_000) -> None:
        self.wire = wire
        self.ssrc = ssrc
        self.mid = mid
        self.rid = rid
        self.height = height
        self.number = 0
        self.first = first

    def packet(self, *, keyframe: bool = False, rest: bytes = b"") -> bytes:
        """The next one."""
        payload = picture(self.number, keyframe, self.height, rest)
        self.number += 1
        return rtp(
            self.ssrc, self.first + self.number, 3_000 * self.number, payload, VP8, marker=True, mid=self.mid, rid=self.rid
        )

    def show(self, *, keyframe: bool = False, rest: bytes = b"") -> None:
        """Send it."""
        self.wire.sends(self.packet(keyframe=keyframe, rest=rest))


class Microphone:
    """Opus packets with content that counts."""

    def __init__(self, wire: Wire, ssrc: int, mid: str) -> None:
        self.wire, self.ssrc, self.mid, self.number = wire, ssrc, mid, 0
        self.level = 30
        """In -dBov."""

    def packet(self, payload: bytes = b"") -> bytes:
        """The next one."""
        self.number += 1
        return rtp(
            self.ssrc, self.number, 960 * self.number, payload or b"opus%d" % self.number, OPUS, mid=self.mid, level=self.level
        )

    def speak(self, payload: bytes = b"") -> None:
        """Send it."""
        self.wire.sends(self.packet(payload))

    async def heard(self, by: Scripted, track_id: str) -> None:
        """Speak until it is heard: the first packets may come before anybody listens."""

        def heard() -> bool:
            self.speak()
            return bool(by.of(track_id))

        await until(heard)
