"""A node that stood still while the log grew and was trimmed; and the bug that would have it write where others have been."""

from __future__ import annotations

import pytest

from server.adapters.cql.appending import Appending
from server.adapters.cql.rows import HEADER
from server.adapters.cql.session import Bound, Kind, Statement
from server.domain.append import Sent
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.ports.log import Snapshot
from tests.races.history import Ask, Operation
from tests.races.nodes import AppendPath, append_paths, log_of, proposal
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE, BOB, DIRECT, uuid

pytestmark = pytest.mark.process

KNOWN, HEAD, FLOOR = 10, 40, 36
MOVE = Statement("UPDATE log SET head = ?, changed_at_ms = ? WHERE conversation_id = ? AND bucket = ?", Kind.CONDITIONAL)
CLAIM = Statement(
    f"INSERT INTO log (conversation_id, bucket, seq, {HEADER}) VALUES (?,?,?,{','.join('?' * 11)}) IF NOT EXISTS",  # noqa: S608
    Kind.CONDITIONAL,
)


async def send(node: AppendPath, number: int, sender: str = ALICE) -> int:
    """The seq that a text was told."""
    outcome = await node.conversations.append(DIRECT, proposal(Operation(sender, uuid(number), Ask("text"), 0)))
    assert isinstance(outcome, Sent), outcome
    return outcome.seq


async def wakes(old: AppendPath, other: AppendPath) -> int:
    """The seq that a text is told by a node that knows the log up to KNOWN, which others have brought to HEAD and trimmed to FLOOR."""
    assert [await send(old, number) for number in range(1, KNOWN + 1)] == list(range(1, KNOWN + 1))
    for number in range(KNOWN + 1, HEAD + 1):
        await send(other, number, BOB)
    fold = (await other.conversations.open(DIRECT)).fold
    await other.stores.log.save_snapshot(DIRECT, Snapshot(HEAD, fold.dump()))
    await other.stores.log.drop_headers(DIRECT, FLOOR)
    outcome = await old.conversations.append(DIRECT, _late())
    assert isinstance(outcome, Sent), outcome
    return outcome.seq


def _late() -> Proposal:
    late = proposal(Operation(ALICE, uuid(99), Ask("text"), 0))
    late.known_seq = HEAD  # the device has everything, from another node
    return late


async def test_a1_a_node_that_stood_still_while_the_log_was_trimmed_uses_no_seq_again(keyspace: Keyspace) -> None:
    async with append_paths(keyspace.settings, 2, Limits()) as (old, other):
        assert await wakes(old, other) == HEAD + 1
    assert sorted(log_of(keyspace, DIRECT)) == list(range(FLOOR + 1, HEAD + 2))


async def test_with_a_condition_on_the_slot_in_place_of_the_heads_it_would(
    keyspace: Keyspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with append_paths(keyspace.settings, 2, Limits()) as (old, other):
        for node in (old, other):
            await node.stores.cql.prepare([MOVE, CLAIM])
        whole = Appending._batch

        def batch(self: Appending, conversation_id: str, bucket: int, begins: bool, *rest: object) -> list[Bound]:
            move, insert, *more = whole(self, conversation_id, bucket, begins, *rest)  # type: ignore[arg-type]
            return [Bound(MOVE, move.values[:4]), Bound(CLAIM, insert.values), *more]

        monkeypatch.setattr(Appending, "_batch", batch)
        assert await wakes(old, other) == KNOWN + 1, "a seq that bob's text had"
