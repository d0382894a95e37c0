"""One stream of a publisher: its order, what is missing of it, and what can be sent again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from calls.domain.drop import Drop
from calls.domain.layer import MISSING_MAX, NACK_AGAIN_NS, NACK_TRIES_MAX, RING, Layer, media_time
from calls.domain.rtcp import SenderReport
from tests.calls.domain.media import MS, packet


def a_layer(repairs: bool = True) -> Layer:
    return Layer(1, 90_000, 0, repairs)


def test_numbers_grow_across_the_end_of_sixteen_bits() -> None:
    layer, orders = a_layer(), []
    for sequence in (65_534, 65_535, 0, 1):
        one = packet(sequence)
        assert layer.accept(one, 1) is None
        orders.append(one.order)
    assert orders == list(range(orders[0], orders[0] + 4)) and layer.received == 4


def test_what_was_there_what_is_too_old_and_what_is_from_before_the_beginning_is_dropped() -> None:
    layer = a_layer()
    for sequence in (10, 12, 13):
        layer.accept(packet(sequence), 1)
    assert layer.accept(packet(12), 1) is layer.accept(packet(9), 1) is Drop.REPEATED
    assert layer.accept(packet(11), 1) is None
    assert layer.accept(packet(11), 1) is Drop.REPEATED
    layer.accept(packet(13 + RING), 1)
    assert layer.accept(packet(13), 1) is Drop.REPEATED


def test_probes_leave_no_holes() -> None:
    layer = a_layer()
    first, second = packet(10), packet(13)
    late = packet(11)
    layer.accept(first, 1)
    assert layer.accept(packet(12, payload=b""), 1) is Drop.PADDING
    layer.accept(second, 1)
    assert second.order == first.order + 2  # 11 is missing, and 12 never was.
    assert layer.accept(late, 1) is None and late.order == first.order + 1
    assert layer.accept(packet(12, payload=b""), 1) is Drop.REPEATED
    assert layer.sent(late.order) is late


@given(st.permutations(range(20)))
def test_whatever_the_order_of_arrival_each_has_one_place(order: list[int]) -> None:
    layer, places = a_layer(), {}
    layer.accept(packet(99), 1)
    for sequence in order:
        one = packet(100 + sequence)
        assert layer.accept(one, 1) is None
        places[sequence] = one.order
    assert [places[sequence] - places[0] for sequence in range(20)] == list(range(20))
    assert not layer.nacks(10**12)


def test_what_is_missing_is_asked_for_at_once_then_every_80_ms_and_then_a_keyframe_has_to_mend_it() -> None:
    layer = a_layer()
    layer.accept(packet(1), 0)
    layer.accept(packet(4), 0)
    assert layer.lost_now and layer.nacks(0) == [2, 3]
    assert layer.nacks(NACK_AGAIN_NS - 1) == []
    layer.accept(packet(3), 0)
    assert not layer.lost_now
    for tries in range(1, NACK_TRIES_MAX):
        assert layer.nacks(tries * NACK_AGAIN_NS) == [2]
    assert not layer.needs_keyframe
    assert layer.nacks(NACK_TRIES_MAX * NACK_AGAIN_NS) == [] and layer.needs_keyframe
    layer.forget_missing()
    assert not layer.needs_keyframe


def test_what_the_sender_cannot_have_any_more_is_not_asked_for() -> None:
    layer = a_layer()
    layer.accept(packet(1), 0)
    layer.accept(packet(3), 0)
    for sequence in range(4, 4 + RING):
        layer.accept(packet(sequence), 0)
    assert layer.nacks(0) == [] and layer.needs_keyframe


def test_a_great_gap_needs_a_keyframe_and_audio_is_not_repaired() -> None:
    layer = a_layer()
    layer.accept(packet(1), 0)
    layer.accept(packet(3 + MISSING_MAX), 0)
    assert layer.needs_keyframe and not layer.lost_now and layer.nacks(0) == []
    sound = a_layer(repairs=False)
    sound.accept(packet(1), 0)
    sound.accept(packet(9), 0)
    assert not sound.lost_now and not sound.needs_keyframe and sound.nacks(0) == []


def test_what_is_withheld_counts_and_nobody_gets_it() -> None:
    layer, one = a_layer(), packet(1)
    layer.accept(one, 0)
    layer.withhold(one)
    assert layer.received == 1 and layer.sent(one.order) is None


def test_bits_are_counted_between_two_looks() -> None:
    layer = a_layer()
    layer.measure(0)
    layer.accept(packet(1, payload=bytes(988)), 0)
    layer.measure(1_000 * MS)
    assert layer.bits_per_s == 0  # Nobody knows since when.
    layer.accept(packet(2, payload=bytes(988)), 0)
    layer.measure(1_500 * MS)
    assert layer.bits_per_s == 16_000
    layer.measure(1_500 * MS)
    assert layer.bits_per_s == 16_000


def test_our_report_tells_loss_jitter_and_the_senders_clock() -> None:
    layer = a_layer()
    empty = layer.report(0)
    assert (empty.fraction, empty.lost, empty.highest, empty.last, empty.delay) == (0, 0, 0, 0, 0)
    for sequence in (65_535, 0, 2, 3):
        layer.accept(packet(sequence, 3_000 * sequence), sequence * 100 * MS)
    layer.told(SenderReport(1, 0x1234_5678_9ABC_0000, 0, 0, 0), 1_000 * MS)
    report = layer.report(1_500 * MS)
    assert (report.ssrc, report.lost, report.last, report.delay) == (1, 1, 0x5678_9ABC, 32_768)
    assert report.highest == 0x2_0003 and report.fraction == 256 // 5 and report.jitter > 0
    assert layer.report(2_000 * MS).fraction == 0
    # More than were expected came: none is lost.
    layer.received += 9
    assert layer.report(2_500 * MS).lost == -8


def test_a_sender_report_tells_the_time_before_and_after_it() -> None:
    report = SenderReport(1, 100 << 32, 90_000, 0, 0)
    assert media_time(report, 180_000, 90_000) == 101 and media_time(report, 0, 90_000) == 99
