"""Which layer a subscriber gets: by height, by its downlink, by the unit's load; and trials of what an estimate holds back."""

from __future__ import annotations

import pytest

from calls.domain.layer_choice import HEADROOM_NS, Choice, Offered, Shown, fitting, within
from calls.domain.probe import BACKOFF_MAX_NS, BACKOFF_NS, GRACE_NS, TRIAL_NS, WAIT_NS

SECOND_NS = 1_000_000_000
LADDER = (Offered(0, 90, 100), Offered(1, 180, 300), Offered(2, 360, 1_000))


def shown(name: str = "a", height: int | None = None, layers: tuple[Offered, ...] = LADDER) -> Shown:
    return Shown(name, height, layers)


@pytest.mark.parametrize(
    ("height", "shed", "layer"),
    [
        (None, False, 2),
        (None, True, 1),
        (0, False, None),
        (1, False, 0),
        (90, False, 0),
        (91, False, 1),
        (9_999, False, 2),
        (360, True, 1),
    ],
)
def test_the_lowest_layer_that_fills_the_height(height: int | None, shed: bool, layer: int | None) -> None:
    assert fitting(shown(height=height), shed) == layer


def test_a_single_layer_is_not_shed_and_none_is_none() -> None:
    assert fitting(shown(layers=LADDER[1:2]), shed=True) == 1 and fitting(shown(layers=())) is None


@pytest.mark.parametrize(
    ("bits_per_s", "layers"),
    [
        (None, {"a": 2, "b": 2}),
        (0, {"a": 0, "b": 0}),  # The lowest in any case.
        (450, {"a": 1, "b": 0}),  # The most wanted first,
        (700, {"a": 1, "b": 1}),  # one step of each at a time.
        (1_500, {"a": 2, "b": 1}),
        (9_999, {"a": 2, "b": 2}),
    ],
)
def test_all_together_fit_the_downlink(bits_per_s: int | None, layers: dict[str, int]) -> None:
    assert within([shown("a"), shown("b"), shown("c", 0)], bits_per_s) == layers


class Viewer:
    """A subscriber that looks every second; what it gets fills a link of so many bit/s, or its estimate follows as browsers' do."""

    def __init__(self, *pictures: Shown) -> None:
        self.choice, self.now, self.pictures = Choice(), 0, pictures or (shown(),)

    def look(self, bits_per_s: int | None, seconds: int = 1, loss: float = 0.0) -> dict[str, int]:
        for _ in range(seconds):
            self.now += SECOND_NS
            self.choice.look(self.pictures, bits_per_s, self.now, loss=loss)
        return self.choice.layers

    @property
    def sent(self) -> int:
        return sum(LADDER[layer].bits_per_s for layer in self.choice.layers.values())


def test_down_at_once_and_up_after_five_seconds_of_room() -> None:
    viewer = Viewer()
    assert viewer.look(None) == {"a": 2}
    assert viewer.look(400) == {"a": 1}
    # With loss nothing is tried: what is left is what the estimate says.
    assert viewer.look(1_200, 5, loss=0.2) == {"a": 1}
    assert viewer.look(1_200, loss=0.2) == {"a": 2}
    viewer.look(400)
    viewer.look(1_200, 4, loss=0.2)
    assert viewer.look(400) == {"a": 1}
    assert viewer.look(1_200, HEADROOM_NS // SECOND_NS, loss=0.2) == {"a": 1}  # The room was gone in between.


def test_a_greater_tile_needs_no_headroom_and_a_hidden_one_is_paused() -> None:
    viewer = Viewer(shown(height=90))
    assert viewer.look(9_999) == {"a": 0}
    viewer.pictures = (shown(height=360),)
    assert viewer.look(9_999) == {"a": 2}
    viewer.pictures = (shown(height=0),)
    assert viewer.look(9_999) == {}


def test_room_for_what_is_no_longer_shown_is_forgotten() -> None:
    viewer = Viewer(shown("a"), shown("b"))
    viewer.look(1_400, 1)
    viewer.look(500, 1)
    viewer.look(9_999, 3)
    viewer.pictures = (shown("a"),)
    viewer.look(9_999, 1)
    viewer.pictures = (shown("a"), shown("b"))
    assert viewer.look(9_999, 1)["b"] == 2  # Like one that was never there.


def test_a_layer_that_flows_no_longer_is_not_held() -> None:
    viewer = Viewer()
    viewer.look(400)
    viewer.pictures = (shown(layers=(LADDER[0], LADDER[2])),)
    viewer.look(9_999)
    assert viewer.choice.layers == {"a": 2}


def test_it_says_whether_something_changed() -> None:
    choice = Choice()
    assert choice.look([shown()], None, 1) and not choice.look([shown()], None, 2)


WAIT, GRACE, TRIAL, BACKOFF = (span // SECOND_NS for span in (WAIT_NS, GRACE_NS, TRIAL_NS, BACKOFF_NS))


def held() -> Viewer:
    """A viewer on the lowest layer whose estimate is one and a half times that."""
    viewer = Viewer()
    assert viewer.look(150) == {"a": 0}
    return viewer


def test_what_the_estimate_alone_holds_back_is_tried_and_kept_when_the_estimate_follows() -> None:
    viewer = held()
    assert viewer.look(150, WAIT - 1) == {"a": 0}
    assert viewer.look(150) == {"a": 1}
    for estimate in (150, 170, 200, 240, 290, 330, 360):
        assert viewer.look(estimate) == {"a": 1}
    # The estimate bears it now; the next step is tried in its turn.
    assert viewer.look(450, WAIT - 1) == {"a": 1}
    assert viewer.look(450) == {"a": 2}


def test_an_estimate_that_falls_below_what_was_sent_ends_the_trial_at_once() -> None:
    viewer = held()
    assert viewer.look(150, WAIT) == {"a": 1}
    assert viewer.look(99) == {"a": 0}


def test_loss_ends_the_trial_at_once() -> None:
    viewer = held()
    assert viewer.look(150, WAIT) == {"a": 1}
    assert viewer.look(150, loss=0.2) == {"a": 0}


def test_an_estimate_that_turns_after_the_grace_ends_the_trial() -> None:
    viewer = held()
    viewer.look(150, WAIT)
    assert viewer.look(220, GRACE - 1) == {"a": 1}
    assert viewer.look(215) == {"a": 1}
    assert viewer.look(205) == {"a": 0}


def test_an_estimate_that_never_gets_there_ends_the_trial() -> None:
    viewer = held()
    viewer.look(150, WAIT)
    assert viewer.look(200, TRIAL - 1) == {"a": 1}
    assert viewer.look(200) == {"a": 0}


def test_each_trial_that_failed_doubles_the_wait_to_a_limit() -> None:
    viewer, waits = held(), []
    for _ in range(7):
        waited = 0
        while viewer.look(150) == {"a": 0}:
            waited += 1
        waits.append(waited + 1)
        assert viewer.look(99) == {"a": 0}
    assert waits == [WAIT, *(min(BACKOFF * 2**step, BACKOFF_MAX_NS // SECOND_NS) for step in range(6))]


def test_a_trial_that_went_well_forgives_those_that_failed() -> None:
    viewer = held()
    viewer.look(150, WAIT)
    viewer.look(99)
    while viewer.look(150) == {"a": 0}:
        pass
    viewer.look(360)  # Borne.
    assert viewer.look(150, WAIT - 1) == {"a": 0}
    while viewer.look(150) == {"a": 0}:
        pass
    viewer.look(99)
    waited = 0
    while viewer.look(150) == {"a": 0}:
        waited += 1
    assert waited + 1 == BACKOFF


def test_nothing_is_tried_while_there_is_congestion() -> None:
    for bits_per_s, loss in ((99, 0.0), (150, 0.2)):
        viewer = Viewer()
        viewer.look(bits_per_s, 60, loss)
        assert viewer.choice.layers == {"a": 0}
    viewer = held()
    viewer.look(150, WAIT - 2)
    viewer.look(99)
    assert viewer.look(150, WAIT) == {"a": 0}  # Calm begins anew.


def test_a_trial_ends_with_the_wish_for_it_and_without_an_estimate_nothing_is_held_back() -> None:
    viewer = held()
    viewer.look(150, WAIT)
    viewer.pictures = (shown(height=90),)
    assert viewer.look(150) == {"a": 0}
    viewer.pictures = (shown(),)
    viewer.look(150, WAIT + 1)
    assert viewer.look(None) == {"a": 2}


def test_the_most_wanted_is_tried_first_and_one_at_a_time() -> None:
    viewer = Viewer(shown("a"), shown("b"))
    viewer.look(250)
    assert viewer.look(250, WAIT) == {"a": 1, "b": 0}
    assert viewer.look(300, TRIAL - 1) == {"a": 1, "b": 0}


def test_a_trial_that_makes_other_layers_fall_has_failed() -> None:
    viewer = Viewer()
    viewer.look(400)
    assert viewer.look(400, WAIT) == {"a": 2}
    assert viewer.look(310) == {"a": 0}
