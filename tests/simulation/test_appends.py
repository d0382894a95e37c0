"""Random schedules of the append rounds; each bug that is planted must be found."""

from __future__ import annotations

import pytest

from tests.simulation.appends import BUGS, play

SCHEDULES = 1_500


def test_no_schedule_loses_or_doubles_anything() -> None:
    for seed in range(SCHEDULES):
        assert play(seed) == "", f"replay with: python -m tests.simulation.run --appends --seed {seed}"


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert any(play(seed, bug) for seed in range(SCHEDULES))
