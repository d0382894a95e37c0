"""Admission, speakers, keyframes, paths, arrivals: each a table or a few lines."""

from __future__ import annotations

from struct import unpack_from

import pytest

from calls.domain.admission import Costs, Planned, admits, planned, sheds
from calls.domain.arrivals import PACKETS_MAX, Arrivals
from calls.domain.keyframes import AGAIN_NS, AGAIN_TRIES_MAX, BACKOFF_NS, FLOOR_NS, QUIET_NS, KeyframeRequests, Wishes
from calls.domain.limits import ForwarderLimits
from calls.domain.path import CLAIM_NS, Path
from calls.domain.renewal import Renewal
from calls.domain.speakers import LEAD_NS, STALE_NS, Floor, Voice, last_n
from calls.domain.strays import Strays
from calls.domain.tracks import Source, Track
from tests.calls.domain.media import MS

LIMITS = ForwarderLimits()


def test_a_track_is_named_after_who_and_what() -> None:
    assert Track("ann", Source.SCREEN).track_id == "ann/screen" and Source.SCREEN.video and not Source.MICROPHONE.video


def test_what_serves_for_a_time_gives_way_at_the_first_need_after_it() -> None:
    renewal = Renewal(10, 5)
    assert [renewal.due(now_ns) for now_ns in (5, 14, 15, 15, 24, 90, 99, 100)] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


# Admission


def test_the_load_is_what_calls_may_become_at_worst_after_last_n() -> None:
    call = Planned(9, 9, 9, 9).after(1, 1, 3)
    assert call == Planned(10, 10, 10, 12)
    load = planned([call, Planned(0, 0, 0, 0)], Costs(1e-4, 1e-6), LIMITS)
    assert load.core == pytest.approx(1e-4 * (10 * 50 + 12 * 120) + 1e-6 * 9 * (5 * 50 + 9 * 120))
    assert load.bits_per_s == 9 * (5 * 40_000 + 9 * 1_700_000)


@pytest.mark.parametrize(
    ("core", "bits", "measured", "first", "video", "why"),
    [
        (0.60, 0, 0, True, True, None),
        (0.61, 0, 0, True, True, "planned load 0.61 of a core, of at most 0.60"),
        (0.61, 0, 0, False, True, None),
        (0.71, 0, 0, False, False, "planned load 0.71 of a core, of at most 0.70"),
        (0.1, 600_000_001, 0, False, False, "planned egress 600000001 bit/s, of at most 600000000"),
        (0.1, 0, 0.81, False, True, "measured load 0.81 of a core, of at most 0.80 for more video"),
        (0.1, 0, 0.81, False, False, None),
    ],
)
def test_refused_before_it_hurts(core: float, bits: int, measured: float, first: bool, video: bool, why: str | None) -> None:
    load = planned([], Costs(), LIMITS)
    assert (load.core, load.bits_per_s) == (0, 0)
    assert admits(type(load)(core, bits), measured, first, video, LIMITS) == why


@pytest.mark.parametrize(("measured", "age_ms", "shed"), [(0.85, 50, False), (0.86, 0, True), (0, 51, True)])
def test_greatest_layers_are_shed_before_anything_is_lost(measured: float, age_ms: float, shed: bool) -> None:
    assert sheds(measured, age_ms, LIMITS) is shed


# Speakers


class Hall:
    """Voices that go on at a level."""

    def __init__(self) -> None:
        self.floor, self.voices, self.ms = Floor(), dict[str, Voice](), 0

    def speak(self, for_ms: int = 300, **levels: int) -> tuple[str, ...]:
        for _ in range(for_ms // 20):
            self.ms += 20
            for name, level in levels.items():
                self.voices.setdefault(name, Voice()).heard(level, self.ms * MS)
        self.floor.look(self.voices, self.ms * MS)
        return self.floor.speakers


def test_the_loudest_has_the_floor_and_silence_has_none() -> None:
    hall = Hall()
    assert hall.speak(ann=127, ben=100) == ()
    assert hall.speak(ann=20, ben=30, eve=100) == ("ann", "ben")
    assert hall.floor.recent == ("ann", "ben")
    assert not hall.floor.look(hall.voices, hall.ms * MS)
    assert hall.floor.look(hall.voices, hall.ms * MS + STALE_NS) and hall.floor.speakers == ()
    assert hall.floor.recent == ("ann", "ben")
    del hall.voices["ann"]
    hall.floor.look(hall.voices, hall.ms * MS)
    assert "ann" not in hall.floor.recent


def test_the_floor_is_taken_by_who_is_clearly_louder_for_a_while() -> None:
    hall = Hall()
    hall.speak(900, ann=40)
    assert hall.speak(900, ann=40, ben=37)[0] == "ann"  # Not clearly.
    assert hall.speak(900, ann=40, ben=20)[0] == "ann"  # Not for long yet.
    assert hall.speak(int(LEAD_NS / MS), ann=40, ben=20)[0] == "ben"
    assert hall.speak(900, ann=40, ben=20, eve=5)[0] == "ben"
    assert hall.speak(900, ann=2, ben=20, eve=127)[0] == "ben"  # Another challenger begins anew.
    assert hall.speak(900, ann=2, ben=127, eve=127)[0] == "ann"  # Who has the floor fell silent.


def test_those_behind_the_first_keep_their_places() -> None:
    hall = Hall()
    hall.speak(900, ann=5, ben=30)
    hall.speak(900, ann=5, ben=30, eve=60)
    assert hall.speak(900, ann=5, ben=50, eve=20) == ("ann", "ben", "eve")


@pytest.mark.parametrize(
    ("recent", "everybody", "limit", "pinned", "those"),
    [
        ((), ("a", "b", "c"), 2, (), {"a", "b"}),
        (("c",), ("a", "b", "c"), 2, (), {"c", "a"}),
        (("c", "x"), ("a", "b", "c"), 2, ("c",), {"a", "b", "c"}),
        ((), ("a",), 0, (), set()),
    ],
)
def test_last_n(
    recent: tuple[str, ...], everybody: tuple[str, ...], limit: int, pinned: tuple[str, ...], those: set[str]
) -> None:
    assert last_n(recent, everybody, limit, pinned) == those


# Keyframes


def test_who_always_wishes_waits_longer_each_time_and_is_forgiven_after_a_while() -> None:
    wishes, now, granted = Wishes(), 0, []
    for _ in range(400):
        if wishes.granted(now):
            granted.append(now)
        now += 100 * MS
    gaps = [b - a for a, b in zip(granted, granted[1:])]
    assert gaps[:5] == [BACKOFF_NS * 2**step for step in range(5)] and max(gaps) == 16 * BACKOFF_NS
    last = granted[-1]
    assert wishes.granted(last + QUIET_NS) and wishes.granted(last + QUIET_NS + BACKOFF_NS)


def test_a_publisher_is_asked_once_for_all_and_again_until_it_obeys_or_never_will() -> None:
    asked = KeyframeRequests()
    assert not asked.due(0)
    asked.want()
    asked.want()
    assert asked.due(0) and not asked.due(AGAIN_NS - 1) and asked.due(AGAIN_NS)
    asked.came()
    assert not asked.due(5 * AGAIN_NS)
    asked.want()
    assert not asked.due(AGAIN_NS + FLOOR_NS - 1) and asked.due(AGAIN_NS + FLOOR_NS)
    times = sum(asked.due(number * AGAIN_NS) for number in range(3, 30))
    assert times == AGAIN_TRIES_MAX - 1 and not asked.pending


# Paths

A, B, C = b"\0\1\x7f\0\0\1", b"\0\2\x7f\0\0\1", b"\0\3\x7f\0\0\1"


def test_the_first_check_chooses_a_path_and_a_nomination_another_one() -> None:
    path = Path(4)
    assert path.silent_ns(5) is None and path.addresses == ()
    path.checked(A, nominates=False, bound=False, now_ns=1)
    path.checked(B, nominates=False, bound=False, now_ns=2)
    assert path.current == A
    path.checked(B, nominates=True, bound=False, now_ns=3)
    assert path.current == B and path.addresses == (A, B) and path.silent_ns(5) == 2


def test_with_keys_only_what_authenticates_moves_the_path() -> None:
    path = Path(4)
    path.checked(A, nominates=True, bound=False, now_ns=1)
    path.checked(B, nominates=True, bound=True, now_ns=2)
    path.checked(C, nominates=False, bound=True, now_ns=3)
    assert path.current == A and not path.authenticated(A) and not path.authenticated(C)
    assert path.authenticated(B) and path.current == B and not path.authenticated(A)
    path.checked(A, nominates=True, bound=True, now_ns=4)
    path.checked(B, nominates=True, bound=True, now_ns=5)  # It stays where it is after all.
    assert not path.authenticated(A) and path.current == B


def test_one_address_too_many_takes_the_place_of_the_one_that_was_silent_for_longest() -> None:
    path = Path(2)
    path.checked(A, nominates=True, bound=False, now_ns=1)
    assert path.checked(B, nominates=True, bound=True, now_ns=2) is None
    assert path.checked(C, nominates=False, bound=True, now_ns=3) == B
    assert path.current == A and not path.authenticated(B)
    only = Path(1)
    only.checked(A, nominates=True, bound=True, now_ns=1)
    assert only.authenticated(A)
    assert only.checked(B, nominates=False, bound=True, now_ns=2) == A and only.current is None
    assert only.authenticated(B)


def test_an_address_that_is_forgotten_is_sent_nothing() -> None:
    path = Path(4)
    path.checked(A, nominates=True, bound=False, now_ns=1)
    path.checked(B, nominates=True, bound=True, now_ns=2)
    path.forget(B)
    assert path.current == A and not path.authenticated(B)
    path.forget(A)
    path.forget(C)
    assert path.current is None and path.addresses == ()


def test_who_was_at_an_address_asks_for_media_no_more_once_checks_come_from_others_alone() -> None:
    path = Path(4)
    assert not path.asks_for_media(0, 10)
    path.checked(A, nominates=True, bound=False, now_ns=1)
    path.checked(B, nominates=True, bound=True, now_ns=9)
    assert path.asks_for_media(10, 10) and not path.asks_for_media(11, 10) and path.silent_ns(11) == 2
    assert path.authenticated(B) and path.asks_for_media(11, 10)


def test_an_address_is_held_for_as_long_as_checks_come_from_it() -> None:
    path = Path(4)
    path.checked(A, nominates=True, bound=False, now_ns=1)
    assert path.holds(A, CLAIM_NS) and not path.holds(A, CLAIM_NS + 1) and not path.holds(B, 1)


# Strays


def test_the_newest_that_are_of_no_stream_are_kept_and_all_that_are_of_one() -> None:
    strays = Strays(2)
    for ssrc in (1, 2):
        strays.heard(ssrc)
    assert strays.take(()) == []
    for ssrc in (3, 4, 1, 5):
        strays.heard(ssrc)
    assert strays.take({2, 5}) == [3]
    assert strays.take({2, 5}) == []
    assert strays.take(()) == [2, 4], "of streams that are no more"


# Arrivals


def feedback(data: bytes) -> dict[int, int | None]:
    """By number: when it arrived, in units of 250 µs; None: it did not. As the draft says how to read it."""
    first, count, word = unpack_from("!HHI", data, 12)
    now, at, statuses = (word >> 8) * 256, 20, list[int]()
    while len(statuses) < count:
        chunk = unpack_from("!H", data, at)[0]
        at += 2
        if chunk & 0x8000:
            statuses += [chunk >> 12 - 2 * place & 3 for place in range(7)]
        else:
            statuses += [chunk >> 13 & 3] * (chunk & 0x1FFF)
    found = dict[int, int | None]()
    for index, status in enumerate(statuses[:count]):
        if status == 0:
            found[first + index & 0xFFFF] = None
            continue
        now += data[at] if status == 1 else unpack_from("!h", data, at)[0]
        at += status
        found[first + index & 0xFFFF] = now
    assert len(data) % 4 == 0 and unpack_from("!H", data, 2)[0] == len(data) // 4 - 1
    assert len(data) - at == (data[-1] if data[0] & 0x20 else 0)
    return found


def test_arrivals_are_told_in_steps_of_250_microseconds() -> None:
    arrivals = Arrivals()
    assert arrivals.feedback(1, 2) is None
    for number, ms in ((65_535, 1_000), (1, 1_010), (0, 1_100), (2, 1_090), (9, 9_000)):
        arrivals.heard(number, ms * MS)
    arrivals.heard(9, 9_999 * MS)  # The first arrival counts.
    report = arrivals.feedback(7, 8)
    assert report is not None and unpack_from("!II", report, 4) == (7, 8)
    read = feedback(report)
    assert [read[number] for number in (65_535, 0, 1, 2)] == [4_000, 4_400, 4_040, 4_360]
    assert all(read[number] is None for number in range(3, 9)) and read[9] == 36_000
    assert arrivals.feedback(7, 8) is None


def test_what_comes_late_is_told_late_and_what_never_came_once() -> None:
    arrivals = Arrivals()
    for number in (10, 12):
        arrivals.heard(number, 1_000 * MS)
    first = arrivals.feedback(1, 2)
    assert first is not None and list(feedback(first)) == [10, 11, 12]
    arrivals.heard(11, 1_001 * MS)
    arrivals.heard(14, 1_002 * MS)
    second = arrivals.feedback(1, 2)
    assert second is not None and feedback(second) == {11: 4_004, 12: None, 13: None, 14: 4_008}
    assert second[19] == 1  # Reports are counted.


def test_reports_are_bounded_and_long_silences_are_not_listed() -> None:
    arrivals = Arrivals()
    for number in range(5 * PACKETS_MAX):
        arrivals.heard(number, number * MS)
    told = []
    while (report := arrivals.feedback(1, 2)) is not None:
        told.append(feedback(report))
        assert len(report) < 1_300
    assert [len(one) for one in told] == [PACKETS_MAX] * 4
    arrivals.heard(30_000, 1)
    report = arrivals.feedback(1, 2)
    assert report is not None and list(feedback(report)) == [30_000]


@pytest.mark.parametrize("runs", [[1] * 7, [1] * 3, [1, 0, 1, 1, 0, 0, 1, 1, 0], [1] + [0] * 50 + [1] * 20, [1, 0] * 20 + [1]])
def test_every_pattern_of_loss_is_told_as_it_was(runs: list[int]) -> None:
    arrivals = Arrivals()
    for number, there in enumerate(runs):
        if there:
            arrivals.heard(number, 1_000 * MS + number * 70 * MS)
    report = arrivals.feedback(1, 2)
    assert report is not None
    read = feedback(report)
    last = max(number for number, there in enumerate(runs) if there)
    assert [read[number] is not None for number in range(last + 1)] == [bool(there) for there in runs[: last + 1]]
