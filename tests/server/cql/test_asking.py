"""Requests whose connection ends under them, with the driver played by a script."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.policies import RoundRobinPolicy

from server.adapters.cql.hosts import AnsweringFirst
from server.adapters.cql.session import Bound, Cql, Kind, Statement
from server.kit.refusal import Refused

READ = Statement("SELECT", Kind.READ)
WRITE = Statement("INSERT", Kind.WRITE)
CONDITIONAL = Statement("UPDATE IF", Kind.CONDITIONAL)
CUT = NoHostAvailable("nobody", {"a": ConnectionShutdown("heartbeat timeout")})
NOBODY = NoHostAvailable("nobody", {})


class Driver:
    """A session of the driver's whose requests end as the script says."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)

    def get_execution_profile(self, _: Any) -> Any:
        """As the driver's."""
        return SimpleNamespace(load_balancing_policy=AnsweringFirst(RoundRobinPolicy()))

    def prepare(self, _: str) -> Any:
        """As the driver's."""
        return SimpleNamespace(bind=lambda values: values)

    def execute_async(self, _: Any) -> Any:
        """As the driver's."""
        outcome = self.outcomes.pop(0)

        def add_callbacks(answered: Callable[[Any], None], failed: Callable[[Any], None]) -> None:
            (failed if isinstance(outcome, Exception) else answered)(outcome)

        return SimpleNamespace(add_callbacks=add_callbacks, attempted_hosts=["a"], coordinator_host="a", has_more_pages=False)


async def asking(*outcomes: Any) -> tuple[Cql, Driver]:
    """A session with the statements prepared, over a scripted driver."""
    driver: Any = Driver(*outcomes)
    cql = Cql(None, driver)
    await cql.prepare([READ, WRITE, CONDITIONAL])
    return cql, driver


async def test_what_may_be_repeated_is_asked_once_more_when_its_connection_ended_and_nobody_else_was_left() -> None:
    cql, driver = await asking(CUT, [(1,)], CUT, [])
    assert await cql.read(READ) == [(1,)]
    await cql.write(WRITE)
    assert driver.outcomes == [] and cql.usage.failures == 0


async def test_it_is_asked_twice_and_no_more() -> None:
    cql, driver = await asking(CUT, CUT, [(1,)])
    with pytest.raises(Refused):
        await cql.read(READ)
    assert len(driver.outcomes) == 1 and cql.usage.failures == 1


async def test_where_nobody_could_be_asked_nothing_is_repeated() -> None:
    cql, driver = await asking(NOBODY, [(1,)])
    with pytest.raises(Refused):
        await cql.read(READ)
    assert len(driver.outcomes) == 1


async def test_a_conditional_statement_is_sent_once() -> None:
    cql, driver = await asking(CUT, [(True,)])
    with pytest.raises(Refused):
        await cql.conditional(Bound(CONDITIONAL, ()))
    assert len(driver.outcomes) == 1
