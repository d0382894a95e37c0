"""The oracle's own judgement, where it once erred."""

from __future__ import annotations

import pytest

from server.domain.envelope import Entry, Header, Kind
from server.ports.log import PositionRow
from tests.simulation.oracle import Oracle, Violation, Witness
from tests.simulation.world import World

RETENTION_S, HEADER_RETENTION_S = 120, 180
TALK = "d:alice:bob"


@pytest.fixture
def world() -> World:
    return World(seed=1)


@pytest.fixture
def oracle(world: World) -> Oracle:
    oracle = Oracle(world, RETENTION_S, HEADER_RETENTION_S)
    oracle.begin(TALK, ("alice", "bob"))
    return oracle


@pytest.fixture
def linking(oracle: Oracle) -> Witness:
    """A device that is listed and has read its account's hints, on a node that stands still then."""
    witness = Witness("bob-2", "bob", linking=True)
    oracle.listed(witness)
    return witness


def says(oracle: Oracle, seq: int) -> None:
    """Alice says something."""
    header = Header(f"id-{seq}", "alice", "alice-1", Kind.TEXT, at_ms=oracle.world.now_ms)
    oracle.appended(TALK, Entry(seq, header, b"hi"))


def test_what_grew_old_while_a_device_was_linked_need_not_come(world: World, oracle: Oracle, linking: Witness) -> None:
    says(oracle, 1)
    world.now_ms += 1000 * HEADER_RETENTION_S
    oracle.forgotten(TALK, 1)
    linking.linking = False
    oracle.gap(linking, TALK, 1, 1)
    assert linking.covered[TALK] == {1}


def test_what_is_forgotten_while_a_linked_device_is_not_seen_for_the_retention_need_not_come(
    world: World, oracle: Oracle, linking: Witness
) -> None:
    world.now_ms += 1000 * RETENTION_S
    says(oracle, 1)
    oracle.forgotten(TALK, 1)
    linking.linking = False
    oracle.gap(linking, TALK, 1, 1)
    assert linking.covered[TALK] == {1}


def test_what_is_forgotten_before_that_is_lost(world: World, oracle: Oracle, linking: Witness) -> None:
    says(oracle, 1)
    world.now_ms += 1000 * RETENTION_S - 1
    oracle.forgotten(TALK, 1)
    linking.linking = False
    with pytest.raises(Violation, match="LOST BY GAP: d:alice:bob/1 on bob-2"):
        oracle.gap(linking, TALK, 1, 1)


def test_a_row_of_a_device_that_is_being_linked_says_where_it_starts(oracle: Oracle, linking: Witness) -> None:
    says(oracle, 1)
    oracle.position(PositionRow(TALK, "bob", "bob-2", 1, 0, ((1, 1),)))
    assert linking.start == {TALK: 1}
    linking.linking = False
    with pytest.raises(Violation, match="ACKED BUT NOT STORED"):
        oracle.position(PositionRow(TALK, "bob", "bob-2", 2, 0, ()))
