"""What a message costs on Cassandra does not grow with the conversation: counts, not speeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.cost import measure
from tests.support.cassandra.keyspaces import Keyspace

pytestmark = pytest.mark.process
APPENDED = {"conditional": 1, "row_written": 3}
"""One conditional round trip: the head moves, the header and the body are written. (A new group's members are read once besides.)"""


async def test_a_message_costs_the_same_in_a_direct_conversation_and_in_a_group(tmp_path: Path, keyspace: Keyspace) -> None:
    direct, group, one, each, crowded, spread = await measure(tmp_path / "node", keyspace, 24, 40, (1, 10))
    for figure in (direct, group):
        # whole numbers: what the node does now and then by itself is less than one per message
        assert {name: int(figure[name]) for name in APPENDED} == APPENDED, figure  # type: ignore[call-overload]
        assert float(str(figure["row_written"])) < 3.5, figure
    assert int(str(one["conditional"])) == int(str(each["conditional"])) == 1_000, "a sender who waits gathers nothing"
    assert int(str(crowded["conditional"])) < 1_000, "what several say in one conversation goes together"
    assert int(str(spread["conditional"])) == 1_000, "each conversation moves a head of its own"
