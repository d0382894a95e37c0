"""What goes out is what each subscription says by itself: keeping what stays the same, for all who take a layer, changes no byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from calls.adapters.buffers import Memory, buffers
from calls.adapters.fan_out import SingleFanOut
from calls.domain.codecs import VP8, Vp8, shift_vp8
from calls.domain.layer import Layer
from calls.domain.limits import ForwarderLimits
from calls.domain.rtcp import SenderReport
from calls.domain.rtp import HEADER, PATCH
from calls.domain.run import JUMP_MAX
from calls.domain.streams import Incoming
from calls.domain.subscription import Subscription
from calls.domain.tracks import Source, Track
from calls.ports.media import Buffer
from calls.services.egress import Egress
from calls.services.leg import Credentials, Leg
from calls.services.publication import Feed, Publication
from tests.calls.domain.media import packet

SUBSCRIBERS, LAYERS = 3, 2
ADDRESSES = (b"\x10\x00\x7f\x00\x00\x01", b"\x10\x01\x7f\x00\x00\x01")


class Tape:
    """`Datagrams` that keeps what is sent."""

    port, age_ns = 0, 0

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self._buffers = buffers(1)

    def burst(self) -> Iterator[tuple[Memory, int, bytes]]:
        yield from ()

    def buffer(self) -> Memory:
        return self._buffers[0]

    def send(self, length: int, address: bytes) -> Memory:
        self.sent.append((bytes(self._buffers[0].memory[:length]), address))
        return self._buffers[0]

    def flush(self) -> None:
        """Nothing waits."""


class Clear:
    """Keys that leave everything as it is."""

    def unprotect(self, buffer: Buffer, length: int) -> int:
        return length

    unprotect_control = protect = protect_control = unprotect

    def forget(self, ssrc: int) -> None:
        """Nothing is kept."""

    forget_incoming = forget


@dataclass(slots=True)
class Pair:
    """A feed, and a subscription like its own that is asked for every packet."""

    feed: Feed
    alone: Subscription


class Stage:
    """One track in two layers, and some who take it."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.egress = Egress(self.tape, SingleFanOut(self.tape))
        self.incoming = Incoming("0", Track("ann", Source.CAMERA), VP8, {}, {})
        self.publication = Publication(self.incoming)
        self.next = [0] * LAYERS
        self.pairs: list[Pair] = []
        self.said: dict[bytes, bytes] = {}
        """By SSRC and number: the datagram."""
        for index in range(LAYERS):
            self.replace(index)
        self.pairs = [self._pair(number) for number in range(SUBSCRIBERS)]
        self.publication.retarget()

    def _pair(self, number: int) -> Pair:
        leg = Leg(Credentials(b"u", b"p"), ForwarderLimits(), 0)
        leg.path.checked(ADDRESSES[0], True, False, 0)
        leg.cipher = Clear()
        leg.look(0)
        one, alone = (Subscription(VP8, 100 + number, 200 + number, self.incoming.layers, 50, 7_000) for _ in range(2))
        feed = Feed(self.publication, one, leg, f"p{number}", "ann")
        self.publication.feeds[feed.subscriber_id] = feed

        def moved() -> None:
            self.publication.stale = True

        leg.moved = moved
        return Pair(feed, alone)

    def replace(self, index: int) -> None:
        """The layer comes in another stream."""
        self.incoming.layers[index] = Layer(1_000 * index + self.next[index] + 1, 90_000, index, True)
        self.next[index] += 100
        for pair in self.pairs:
            pair.alone.replaced(index)
        self.publication.retarget()

    def want(self, number: int, layer: int | None) -> None:
        pair = self.pairs[number]
        pair.alone.want(layer)
        if pair.feed.subscription.want(layer):
            self.publication.retarget()

    def turn(self, number: int, now_ns: int) -> None:
        """Consent ends, or comes back."""
        leg = self.pairs[number].feed.leg
        leg.cipher = None if leg.open else Clear()
        leg.look(now_ns)

    def move(self, number: int, now_ns: int) -> None:
        """To its other address."""
        leg = self.pairs[number].feed.leg
        other = ADDRESSES[leg.path.current == ADDRESSES[0]]
        leg.path.checked(other, True, True, now_ns)
        assert leg.path.authenticated(other)
        leg.look(now_ns)

    def comes(self, index: int, ahead: int, key: bool, now_ns: int) -> None:
        """A packet, before or behind the newest; the same goes out as if each had been asked."""
        number = max(0, self.next[index] + ahead)
        self.next[index] = max(self.next[index], number)
        vp8 = Vp8(1, 15, number & 0x7FFF, 3, number & 0xFF)
        payload = b"\x80\x00\x00\x00" + b"%d.%d" % (index, number)
        one = packet(number, number * 3_000, layer=index, keyframe=key, payload=payload, vp8=vp8)
        if self.incoming.layers[index].accept(one, now_ns) is not None:
            return
        wanted = []
        for pair in self.pairs:
            leg = pair.feed.leg
            if leg.open and leg.path.current is not None and index in (pair.alone.current, pair.alone.wanted):
                mapped = pair.alone.map(one, now_ns)
                if mapped is not None:
                    memory = bytearray(one.wire)
                    PATCH.pack_into(memory, 1, *mapped)
                    if pair.alone.shifted:
                        shift_vp8(memory, HEADER, one.vp8, pair.alone.pictures, pair.alone.tl0s)
                    wanted.append((bytes(memory), leg.path.current))
        self.tape.sent.clear()
        self.egress.forward(one, self.publication, now_ns)
        assert sorted(self.tape.sent) == sorted(wanted)
        for data, _ in self.tape.sent:
            assert self.said.setdefault(data[8:12] + data[2:4], data) == data, "one number, one content"


STEPS = st.one_of(
    st.tuples(st.just("comes"), st.integers(0, LAYERS - 1), st.integers(-6, 3), st.booleans()),
    st.tuples(st.just("comes"), st.integers(0, LAYERS - 1), st.just(1), st.just(False)),
    st.tuples(st.just("comes"), st.integers(0, LAYERS - 1), st.just(JUMP_MAX + 5), st.booleans()),
    st.tuples(st.just("want"), st.integers(0, SUBSCRIBERS - 1), st.sampled_from([None, 0, 1]), st.just(False)),
    st.tuples(st.just("turn"), st.integers(0, SUBSCRIBERS - 1), st.just(0), st.just(False)),
    st.tuples(st.just("move"), st.integers(0, SUBSCRIBERS - 1), st.just(0), st.just(False)),
    st.tuples(st.just("replace"), st.integers(0, LAYERS - 1), st.just(0), st.just(False)),
    st.tuples(st.just("again"), st.integers(0, SUBSCRIBERS - 1), st.integers(0, 40), st.just(False)),
)


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=80))
def test_whatever_happens_the_same_goes_out_as_if_each_were_asked(steps: list[tuple[str, int, int | None, bool]]) -> None:
    stage = Stage()
    for number in range(SUBSCRIBERS):
        stage.want(number, 0)
    stage.comes(0, 1, True, 0)
    for tick, (what, which, value, key) in enumerate(steps):
        now_ns = tick * 20_000_000
        if what == "comes":
            stage.comes(which, value or 0, key, now_ns)
        elif what == "want":
            stage.want(which, value)
        elif what == "again":
            pair = stage.pairs[which]
            lacks = [50 + (value or 0) + more for more in range(8)]
            assert pair.feed.subscription.again(lacks, now_ns) == pair.alone.again(lacks, now_ns)
        elif what == "replace":
            stage.replace(which)
        else:
            getattr(stage, what)(which, now_ns)
    for layer in stage.incoming.layers.values():
        layer.told(SenderReport(layer.ssrc, 1, 9_000, 0, 0), 0)
    for pair in stage.pairs:
        assert pair.feed.subscription.rewrite == pair.alone.rewrite
        assert pair.feed.subscription.report(0) == pair.alone.report(0)


def test_a_switch_while_packets_flow_goes_on_after_the_last_of_them() -> None:
    stage = Stage()
    stage.want(0, 0)
    stage.comes(0, 1, True, 0)
    stage.want(0, 1)
    for _ in range(5):
        stage.comes(0, 1, False, 0)
    stage.comes(1, 1, True, 0)
    assert stage.pairs[0].feed.subscription.rewrite == stage.pairs[0].alone.rewrite


def test_late_ones_from_before_a_keyframe_go_to_nobody_however_many_come() -> None:
    stage = Stage()
    stage.comes(0, 1, True, 0)
    stage.want(0, 0)
    stage.comes(0, 10, True, 0)
    for behind in (-6, -4, -3, -1):
        stage.comes(0, behind, False, 0)
        assert stage.tape.sent == []
    stage.comes(0, 1, False, 0)
    assert len(stage.tape.sent) == 1


def test_nothing_goes_to_where_somebody_was() -> None:
    stage = Stage()
    for number in range(SUBSCRIBERS):
        stage.want(number, 0)
    for _ in range(4):
        stage.comes(0, 1, True, 0)
    assert [address for _, address in stage.tape.sent] == [ADDRESSES[0]] * 3
    stage.move(1, 0)
    stage.turn(2, 0)
    for _ in range(4):
        stage.comes(0, 1, False, 0)
        assert [address for _, address in stage.tape.sent] == [ADDRESSES[0], ADDRESSES[1]]
