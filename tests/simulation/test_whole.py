"""Random schedules of nodes and devices; each bug that is planted must be found."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.workers import Done, begin, work

pytestmark = pytest.mark.process
SCHEDULES = 1_000
SCHEDULES_PER_BUG = 1_200
KEPT = {3_000_582: "a node stands still for longer than headers are kept while it links a device"}
"""Seeds beyond those that once failed, and what comes together in them."""


@pytest.mark.timeout(600)
def test_no_schedule_breaks_a_promise() -> None:
    half = SCHEDULES // 2
    done = work([["--first", str(first), "--count", str(half)] for first in (0, half)], 600)
    assert sum(one.schedules for one in done) == SCHEDULES
    failed = [failure for one in done for failure in one.failed]
    assert not failed, "\n".join(
        f"seed {seed}: {violation}; replay with: python -m tests.simulation.run --seed {seed} --trace"
        for seed, violation in failed[:10]
    )


@pytest.mark.parametrize("seed", KEPT)
def test_a_seed_that_once_failed_is_clean(seed: int) -> None:
    ((schedules, _, failed),) = work([["--first", str(seed), "--count", "1"]], 60)
    assert (schedules, failed) == (1, []), KEPT[seed]


@pytest.fixture(scope="module")
def found() -> dict[str, Done]:
    """What was found of each planted bug."""
    shares = [["--first", "0", "--count", str(SCHEDULES_PER_BUG), "--bug", name] for name in BUGS]
    return dict(zip(BUGS, work(shares, 300), strict=True))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, found: dict[str, Done]) -> None:
    assert found[bug].failed, f"{bug} was not found in {SCHEDULES_PER_BUG} schedules"
    ((_, violation),) = found[bug].failed
    misfit = violation.startswith("PROCESS DIED") and any(
        name in violation for name in ("TypeError", "AttributeError", "NameError")
    )
    assert not misfit, f"{bug} does not fit the product any more: {violation}"


def test_a_seed_replays_step_by_step_in_another_process() -> None:
    first, second = (begin(["--seed", "3", "--trace"]) for _ in range(2))
    (one, _), (other, _) = first.communicate(timeout=60), second.communicate(timeout=60)
    assert one == other and one.count("\n") > 300
    assert one.rstrip().endswith("seed 3: clean")
