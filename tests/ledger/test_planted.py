"""The ledger fails when the product is broken: each planted bug is found, in the scenario that the healthy product survives."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.ledger.crew import Crew
from tests.ledger.scenarios import PLANTED, WINDOW, Planted, judged, pair

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


@asynccontextmanager
async def playing(crew: Crew) -> AsyncIterator[Crew]:
    try:
        yield crew
    finally:
        await crew.close()


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.bug)
async def test_a_planted_bug_is_found(planted: Planted, tmp_path: Path) -> None:
    module = f"tests.ledger.planted.{planted.bug}"
    broken = {"server": module} if planted.in_server else {"device": module}
    async with playing(Crew(tmp_path, **broken, window_envelopes_max=WINDOW)) as crew:  # type: ignore[arg-type]
        await planted.scenario(crew, await pair(crew))
        faults = await judged(crew, patience_s=1.5)
    assert [fault for fault in faults if re.search(planted.says, fault)], faults


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.scenario.__name__)
async def test_the_healthy_product_survives_the_same(planted: Planted, tmp_path: Path) -> None:
    async with playing(Crew(tmp_path, window_envelopes_max=WINDOW)) as crew:
        await planted.scenario(crew, await pair(crew))
        assert await judged(crew, patience_s=20) == []
