"""A rolling restart: every node in turn, while people write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.rolling import roll
from tests.support.cassandra import CassandraNode

pytestmark = pytest.mark.process


async def test_nothing_is_lost_or_doubled_while_all_nodes_are_restarted_one_after_the_other(
    tmp_path: Path, cassandra: CassandraNode
) -> None:
    figures = await roll(tmp_path, cassandra, pairs=4, interval_s=0.1)
    assert figures["lost_or_doubled"] == 0
    assert isinstance(figures["reconnects"], int) and figures["reconnects"] >= 8, "every device was on some node"
