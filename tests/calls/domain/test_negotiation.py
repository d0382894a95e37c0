"""Offers of the down transport: gathered, one at a time, with sections that are used again."""

from __future__ import annotations

from calls.domain.negotiation import Negotiation
from calls.domain.tracks import Source, Track

GATHER = 20


def of(name: str, source: Source = Source.CAMERA) -> Track:
    return Track(name, source)


def carried(negotiation: Negotiation) -> list[str | None]:
    return [line.track.participant_id if line.track is not None else None for line in negotiation.lines]


def agreed(*names: str, sections_max: int = 8) -> Negotiation:
    """Everybody's camera was offered and answered."""
    negotiation = Negotiation(GATHER, sections_max)
    for name in names:
        negotiation.put(of(name), 0)
    assert negotiation.offer(GATHER) and negotiation.answered(1, GATHER)
    return negotiation


def test_changes_are_gathered_into_one_offer() -> None:
    negotiation = Negotiation(GATHER, 8)
    assert not negotiation.offer(99)
    negotiation.put(of("ann"), 100)
    negotiation.put(of("ben", Source.MICROPHONE), 115)
    assert not negotiation.offer(119) and negotiation.offer(120)
    assert negotiation.revision == 1 and carried(negotiation) == ["ann", "ben"]
    assert [(line.mid, line.video) for line in negotiation.lines] == [("0", True), ("1", False)]
    assert not negotiation.offer(999)


def test_one_offer_is_outstanding_and_only_its_own_answer_counts() -> None:
    negotiation = Negotiation(GATHER, 8)
    assert not negotiation.answered(0, 0)
    negotiation.put(of("ann"), 0)
    negotiation.offer(GATHER)
    negotiation.put(of("ben"), GATHER)
    assert not negotiation.offer(10 * GATHER) and not negotiation.answered(7, 0)
    assert negotiation.missing() == {"ben/camera"}
    assert negotiation.answered(1, 10 * GATHER) and not negotiation.answered(1, 0)
    assert negotiation.offer(10 * GATHER) and negotiation.revision == 2 and not negotiation.missing()


def test_what_is_there_already_changes_nothing() -> None:
    negotiation = agreed("ann")
    negotiation.put(of("ann"), 50)
    negotiation.remove(of("eve"), 50)
    assert not negotiation.offer(999)


def test_a_section_of_one_who_left_is_used_again_once_an_answer_has_seen_it_inactive() -> None:
    negotiation = agreed("ann", "ben")
    negotiation.remove(of("ann"), 100)
    negotiation.put(of("eve"), 100)
    negotiation.put(of("ben", Source.MICROPHONE), 100)
    assert negotiation.offer(120) and carried(negotiation) == [None, "ben", "eve", "ben"]
    negotiation.put(of("fay"), 121)
    assert negotiation.answered(2, 130) and negotiation.offer(150)
    assert carried(negotiation) == ["fay", "ben", "eve", "ben"]


def test_sections_have_a_maximum_and_what_waits_for_one_gets_it_in_the_end() -> None:
    negotiation = agreed("ann", "ben", sections_max=2)
    negotiation.put(of("eve"), 100)
    negotiation.remove(of("ann"), 100)
    assert negotiation.offer(120) and negotiation.missing() == {"eve/camera"}
    assert negotiation.answered(2, 200) and not negotiation.offer(200 + GATHER - 1) and negotiation.offer(200 + GATHER)
    assert carried(negotiation) == ["eve", "ben"] and not negotiation.missing()


def test_one_who_came_and_went_leaves_nothing_to_offer() -> None:
    negotiation = Negotiation(GATHER, 8)
    negotiation.put(of("ann"), 0)
    negotiation.remove(of("ann"), 1)
    assert not negotiation.offer(GATHER) and negotiation.revision == 0


def test_a_restart_offers_anew_at_once_whatever_is_outstanding() -> None:
    negotiation = agreed("ann")
    negotiation.remove(of("ann"), 100)
    negotiation.offer(120)
    negotiation.restart(121)
    assert negotiation.offer(121) and negotiation.revision == 3
    assert not negotiation.answered(2, 122) and negotiation.answered(3, 122)
