"""What one subscriber gets: one stream without seams, and no number for two contents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from calls.domain.codecs import OPUS, VP8, Vp8
from calls.domain.layer import RING, Layer
from calls.domain.rtcp import Report, SenderReport
from calls.domain.rtp import Packet
from calls.domain.run import JUMP_MAX
from calls.domain.subscription import AGAIN_NS, Mapped, Subscription
from tests.calls.domain.media import MS, packet

FIRST, TIME = 100, 5_000


class Flow:
    """Layers, and a subscription to them."""

    def __init__(self, layers: int = 1) -> None:
        self.layers = {index: Layer(index + 1, 90_000, index, True) for index in range(layers)}
        self.subscription = Subscription(VP8, 77, 78, self.layers, FIRST, TIME)

    def comes(
        self, sequence: int, timestamp: int = 0, now_ms: int = 0, *, layer: int = 0, key: bool = False, vp8: Vp8 | None = None
    ) -> Mapped | None:
        one = packet(sequence, timestamp, layer=layer, keyframe=key, payload=b"x%d" % sequence, vp8=vp8 or Vp8())
        assert self.layers[layer].accept(one, now_ms * MS) is None
        return self.subscription.map(one, now_ms * MS)


def test_nothing_flows_before_the_keyframe_of_what_is_wanted() -> None:
    flow = Flow()
    assert flow.comes(1, key=True) is None and not flow.subscription.waits
    assert flow.subscription.want(0) and flow.subscription.waits and not flow.subscription.want(0)
    assert flow.comes(2) is None
    assert flow.comes(3, 9_000, key=True) == (96, FIRST, TIME, 77)
    assert flow.comes(4, 12_000) == (96, FIRST + 1, TIME + 3_000, 77)
    assert flow.subscription.switched and not flow.subscription.waits and not flow.subscription.shifted


def test_what_is_from_before_the_keyframe_is_never_sent() -> None:
    flow = Flow()
    flow.subscription.want(0)
    flow.layers[0].accept(packet(1), 0)
    assert flow.comes(4, key=True) == (96, FIRST, TIME, 77)
    assert flow.comes(3) is None and flow.comes(2) is None
    assert flow.comes(6) == (96, FIRST + 2, TIME, 77) and flow.comes(5) == (96, FIRST + 1, TIME, 77)


def test_the_old_layer_flows_until_the_new_ones_keyframe() -> None:
    flow = Flow(2)
    flow.subscription.want(0)
    flow.comes(1, 0, key=True, vp8=Vp8(2, 15, 40, 4, 7))
    flow.subscription.want(1)
    assert flow.comes(900, 50_000, layer=1) is None
    assert flow.comes(2, 3_000, 33, vp8=Vp8(2, 15, 41, 4, 8)) == (96, FIRST + 1, TIME + 3_000, 77)
    # 33 ms later by the clock, which is all that is known: 3,000 units of it. Pictures go on counting.
    assert flow.comes(901, 60_000, 66, layer=1, key=True, vp8=Vp8(2, 15, 9, 4, 3)) == (96, FIRST + 2, TIME + 5_970, 77)
    assert (flow.subscription.pictures, flow.subscription.tl0s) == (42 - 9, 9 - 3) and flow.subscription.shifted
    assert flow.comes(3, 6_000) is None
    assert flow.comes(902, 63_000, layer=1) == (96, FIRST + 3, TIME + 8_970, 77)


def test_sender_reports_align_layers_exactly_if_they_make_sense() -> None:
    for ntp, ahead in ((10 << 32, 4_500), (99 << 32, 3_600)):
        flow = Flow(2)
        flow.subscription.want(0)
        flow.comes(1, 0, key=True)
        flow.layers[0].told(SenderReport(1, 10 << 32, 0, 0, 0), 0)
        flow.layers[1].told(SenderReport(2, ntp, 20_000, 0, 0), 0)
        flow.subscription.want(1)
        assert flow.comes(5, 24_500, 40, layer=1, key=True) == (96, FIRST + 1, TIME + ahead, 77)


def test_codecs_without_counters_are_switched_as_they_are() -> None:
    flow = Flow(2)
    flow.subscription.codec = OPUS
    flow.subscription.want(0)
    flow.comes(1, key=True)
    flow.subscription.want(1)
    flow.comes(5, layer=1, key=True, vp8=Vp8(2, 15, 3, 4, 4))
    assert not flow.subscription.shifted


def test_a_pause_ends_at_once_and_goes_on_with_a_keyframe_and_the_next_number() -> None:
    flow = Flow()
    assert not flow.subscription.want(None)
    flow.subscription.want(0)
    flow.comes(1, 0, key=True)
    assert flow.subscription.want(None) and not flow.subscription.waits
    assert flow.comes(2, 3_000) is None
    flow.subscription.want(0)
    assert flow.comes(3, 6_000) is None
    assert flow.comes(4, 9_000, key=True) == (96, FIRST + 1, TIME + 9_000, 77)


def test_another_stream_of_the_same_layer_waits_for_its_keyframe_and_goes_on_in_time() -> None:
    flow = Flow()
    flow.subscription.want(0)
    flow.comes(500, 0, key=True)
    flow.subscription.replaced(1)
    assert not flow.subscription.waits
    flow.layers[0] = Layer(9, 90_000, 0, True)
    flow.subscription.replaced(0)
    assert flow.subscription.waits and flow.subscription.again([FIRST], 0) == []
    assert flow.comes(500, 70_000, 20) is None
    assert flow.comes(501, 70_000, 40, key=True) == (96, FIRST + 1, TIME + 3_600, 77)


def test_a_jump_far_ahead_begins_an_epoch_with_a_keyframe() -> None:
    flow = Flow(2)
    flow.subscription.want(0)
    flow.comes(1, key=True)
    assert flow.comes(2 + JUMP_MAX) is None and flow.subscription.waits
    assert flow.comes(3 + JUMP_MAX, key=True) == (96, FIRST + 1, TIME, 77)
    # Also when another layer is wanted: nothing of the old one can be sent until then.
    flow.subscription.want(1)
    assert flow.comes(9 + 2 * JUMP_MAX, key=True) is None and flow.subscription.current is None


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 30), st.booleans(), st.sampled_from([None, 0, 1, "replace"])), max_size=60
    )
)
def test_no_number_ever_stands_for_two_contents(steps: list[tuple[int, int, bool, object]]) -> None:
    flow, sent = Flow(2), dict[int, tuple[int, int, bytes, int]]()
    bases, made = [1_000, 5_000], [0, 0]
    flow.subscription.want(0)
    for layer, ahead, key, order in steps:
        if order == "replace":
            flow.layers[layer] = Layer(made[layer] + 10, 90_000, layer, True)
            flow.subscription.replaced(layer)
            made[layer] += 1
            bases[layer] -= 40
        elif order in (None, 0, 1):
            flow.subscription.want(order)  # type: ignore[arg-type]
        one = packet(bases[layer] + ahead, layer=layer, keyframe=key, payload=b"%d" % ahead)
        bases[layer] += ahead // 3
        if flow.layers[layer].accept(one, 0) is not None:
            continue
        mapped = flow.subscription.map(one, 0)
        if mapped is not None:
            content = (layer, made[layer], one.wire, one.order)
            assert sent.setdefault(mapped[1], content) == content
        for once_more in flow.subscription.again(range(FIRST, FIRST + 60), 10**9 * len(sent)):
            layer_now = flow.subscription.current
            assert layer_now is not None
            content = (layer_now, made[layer_now], once_more.packet.wire, once_more.packet.order)
            assert sent.setdefault(once_more.mapped[1], content) == content


def test_what_the_subscriber_lacks_is_sent_again_as_it_was_and_at_most_every_30_ms() -> None:
    flow = Flow()
    assert flow.subscription.again([FIRST], 0) == []
    flow.subscription.want(0)
    flow.comes(1, key=True)
    mapped = flow.comes(2, 3_000)
    (again,) = flow.subscription.again([FIRST + 1, FIRST - 1, FIRST + 50], 0)
    assert again.mapped == mapped and again.original is None and isinstance(again.packet, Packet)
    assert flow.subscription.again([FIRST + 1], AGAIN_NS - 1) == []
    assert len(flow.subscription.again([FIRST + 1], AGAIN_NS)) == 1


def test_repairs_have_a_stream_of_their_own_with_numbers_of_its_own() -> None:
    flow = Flow()
    flow.subscription.rtx = True
    flow.subscription.want(0)
    flow.comes(1, key=True)
    flow.comes(2)
    one, two = flow.subscription.again([FIRST, FIRST + 1], 0)
    assert (one.mapped, one.original) == ((97, FIRST, TIME, 78), FIRST)
    assert (two.mapped, two.original) == ((97, FIRST + 1, TIME, 78), FIRST + 1)
    (three,) = flow.subscription.again([FIRST], AGAIN_NS)
    assert three.mapped[1] == FIRST + 2


def test_memory_of_what_was_sent_again_is_bounded() -> None:
    flow = Flow()
    flow.subscription.want(0)
    flow.comes(0, key=True)
    for sequence in range(1, 2 * RING + 50):
        flow.comes(sequence)
        flow.subscription.again([FIRST + sequence], 0)
    assert len(flow.subscription._again) <= RING + 1


def test_reports_carry_our_own_counters_and_the_round_trip_is_by_our_own_clock() -> None:
    flow = Flow()
    assert flow.subscription.report(0) is None
    flow.subscription.want(0)
    flow.comes(1, 9_000, key=True)
    assert flow.subscription.report(0) is None
    flow.layers[0].told(SenderReport(1, 0x0000_0007_8000_0000, 12_000, 999, 999), 0)
    report = flow.subscription.report(1_000 * MS)
    assert report == SenderReport(77, 0x0000_0007_8000_0000, TIME + 3_000, 1, 2)
    flow.subscription.heard(Report(77, 64, 0, 0, 0, 0x0007_8000, 65_536 // 2), 1_600 * MS)
    assert flow.subscription.loss == 0.25 and flow.subscription.round_trip_ns == 100 * MS
    flow.subscription.heard(Report(77, 0, 0, 0, 0, 1, 0), 1_700 * MS)
    assert flow.subscription.loss == 0 and flow.subscription.round_trip_ns == 100 * MS


def test_nothing_was_sent_yet_so_there_is_nothing_to_report() -> None:
    flow = Flow()
    flow.layers[0].told(SenderReport(1, 1, 1, 1, 1), 0)
    flow.subscription.current = 0
    assert flow.subscription.report(0) is None
