"""What all who take a layer have taken: kept once, and nobody's numbers are other than if each had been asked."""

from __future__ import annotations

from calls.domain.codecs import VP8, Vp8
from calls.domain.layer import Layer
from calls.domain.rtcp import SenderReport
from calls.domain.rtp import Packet
from calls.domain.run import JUMP_MAX, Rewrite, Run
from calls.domain.subscription import AGAIN_NS, Subscription
from tests.calls.domain.media import MS, packet

FIRST, TIME = 100, 5_000


class Flow:
    """A layer, a subscription to it, and a run."""

    def __init__(self) -> None:
        self.layers = {index: Layer(index + 1, 90_000, index, True) for index in (0, 1)}
        self.subscription = Subscription(VP8, 77, 78, self.layers, FIRST, TIME)
        self.run = Run()
        self.subscription.want(0)
        assert self.subscription.map(self.came(1, key=True), 0) is not None
        self.subscription.follow(self.run)

    def came(self, sequence: int, *, layer: int = 0, key: bool = False, vp8: Vp8 | None = None) -> Packet:
        one = packet(sequence, 3_000 * sequence, layer=layer, keyframe=key, payload=b"x%d" % sequence, vp8=vp8 or Vp8())
        assert self.layers[layer].accept(one, sequence * MS) is None
        return one

    def taken(self, sequence: int, vp8: Vp8 | None = None) -> bool:
        return self.run.take(self.came(sequence, vp8=vp8), sequence * MS)


def test_a_run_begins_with_what_each_has_and_goes_on_in_order() -> None:
    flow = Flow()
    assert not flow.taken(2), "it has not begun"
    late, newest = flow.came(4), flow.came(5)
    assert flow.subscription.map(newest, 0) is not None and flow.subscription.newest(newest.order)
    flow.run.begin(newest.order)
    assert not flow.run.take(late, 0) and not flow.run.take(newest, 0)
    assert flow.taken(6) and not flow.taken(7 + JUMP_MAX)


def test_what_the_run_took_the_subscriber_has() -> None:
    flow = Flow()
    flow.run.begin(flow.layers[0].highest)
    assert flow.taken(2) and flow.taken(3)
    assert flow.subscription.rewrite == Rewrite(96, FIRST - 0x10001, TIME - 3_000, 77)
    assert [one.mapped[1] for one in flow.subscription.again([FIRST + 1, FIRST + 2, FIRST + 3], AGAIN_NS)] == [101, 102]
    flow.layers[0].told(SenderReport(1, 1, 9_000, 0, 0), 0)
    report = flow.subscription.report(0)
    assert report is not None and (report.packets, report.octets) == (3, 6)
    assert flow.subscription.map(flow.came(4), 0) == (96, FIRST + 3, TIME + 9_000, 77)


def test_a_switch_goes_on_after_the_last_of_the_run_in_numbers_and_counters() -> None:
    flow = Flow()
    flow.run.begin(flow.layers[0].highest)
    assert flow.taken(2, Vp8(1, 15, 500, 3, 9)) and flow.taken(3)
    flow.subscription.want(1)
    assert flow.subscription.map(flow.came(900, layer=1, key=True, vp8=Vp8(1, 15, 40, 3, 200)), 4 * MS) is not None
    rewrite = flow.subscription.rewrite
    assert rewrite.offset + 0x10000 + 900 == FIRST + 3 and rewrite.shifted
    assert (40 + rewrite.pictures, 200 + rewrite.tl0s) == (501, 10)


def test_who_follows_another_run_or_none_has_what_the_first_one_took_once() -> None:
    flow, other = Flow(), Run()
    flow.run.begin(flow.layers[0].highest)
    assert flow.taken(2)
    flow.subscription.follow(other)
    assert flow.taken(3), "of others"
    flow.subscription.follow(None)
    flow.subscription.follow(None)
    flow.layers[0].told(SenderReport(1, 1, 9_000, 0, 0), 0)
    report = flow.subscription.report(0)
    assert report is not None and report.packets == 2
