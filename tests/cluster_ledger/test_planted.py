"""What makes several nodes lose something is found: each planted bug, in the scenario that the healthy product survives."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.cluster_ledger.scenarios import PLANTED, Pair, Planted, compared_while_the_database_is_away, scene
from tests.ledger.scenarios import judged
from tests.support.cassandra import Ring

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

QUIET_S = 4.0
"""A bug has lost it for good when nothing has happened for so long: everything that heals comes sooner."""


@asynccontextmanager
async def playing(folder: Path, ring: Ring, module: str) -> AsyncIterator[Pair]:
    """Three nodes, and no device yet."""
    fleet = Pair(folder, ring, "scenarios", 1, server=module)
    try:
        await fleet.open()
        yield fleet
    finally:
        await fleet.close()


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.bug)
async def test_a_planted_bug_is_found(planted: Planted, tmp_path: Path, ring: Ring) -> None:
    async with playing(tmp_path, ring, f"tests.cluster_ledger.planted.{planted.bug}") as fleet:
        await planted.scenario(await scene(fleet, PLANTED.index(planted) + 1))
        faults = await judged(fleet, QUIET_S)
    assert [fault for fault in faults if re.search(planted.says, fault)], faults


async def test_the_healthy_product_survives_the_same(tmp_path: Path, ring: Ring) -> None:
    async with playing(tmp_path, ring, "tests.cluster_ledger.points") as fleet:
        scenarios = [*(planted.scenario for planted in PLANTED), compared_while_the_database_is_away]
        for number, scenario in enumerate(scenarios, len(PLANTED) + 1):
            await scenario(await scene(fleet, number))
            assert await judged(fleet, patience_s=20) == [], scenario.__name__
