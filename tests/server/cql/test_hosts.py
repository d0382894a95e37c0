"""In which order the database's nodes are asked, when one of them stands still."""

from __future__ import annotations

import asyncio

import pytest
from cassandra.policies import RoundRobinPolicy

from server.adapters.cql.hosts import AnsweringFirst
from server.adapters.cql.opening import CqlSettings, migrate, open_cql
from server.adapters.world import SystemClock
from tests.support.cassandra import Ring
from tests.support.cast import DIRECT


def order() -> AnsweringFirst:
    """Over three hosts, which begin by turns."""
    policy = AnsweringFirst(RoundRobinPolicy())
    policy.populate(None, ["a", "b", "c"])
    return policy


def plans(policy: AnsweringFirst) -> list[list[str]]:
    """The next three."""
    return [list(policy.make_query_plan()) for _ in range(3)]


def test_who_left_a_request_without_an_answer_is_asked_last_until_it_answers() -> None:
    policy = order()
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"}
    policy.over(["b", "c"], "c")
    assert all(plan[-1] == "b" and set(plan) == {"a", "b", "c"} for plan in plans(policy))
    policy.over(["b"], "b")
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"}


def test_where_nobody_answers_all_are_asked() -> None:
    policy = order()
    policy.over(["a", "b", "c"], None)
    assert {plan[0] for plan in plans(policy)} == {"a", "b", "c"} and all(len(plan) == 3 for plan in plans(policy))


@pytest.mark.process
@pytest.mark.timeout(240)
async def test_a_frozen_node_holds_up_one_request_and_not_all_that_follow(ring: Ring) -> None:
    settings = CqlSettings(tuple(ring.contact_points), ring.port, "hosts")
    await migrate(settings)
    stores = await open_cql(settings, SystemClock(), retention_s=86_400)
    policy = stores.cql.hosts
    frozen = ring.nodes[1]
    frozen.freeze()
    try:
        async with asyncio.timeout(30):
            while all(str(host.address) != frozen.host for host in policy.silent()):
                await stores.log.heads([DIRECT])
        firsts = {str(next(iter(policy.make_query_plan())).address) for _ in range(6)}
        assert firsts == {node.host for node in ring.nodes} - {frozen.host}
    finally:
        frozen.thaw()
    await asyncio.to_thread(ring.settle)
    async with asyncio.timeout(30):
        while policy.silent():
            await stores.log.heads([DIRECT])
    await stores.close()
