"""Every statement of the node, as the database sees it: consistency, and what may be tried twice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import PreparedStatement

from server.adapters.cql import appending, call_links, challenges, devices, opening
from server.adapters.cql.connecting import connected
from server.adapters.cql.session import Bound, Cql, Kind, Statement
from tests.support.cassandra.keyspaces import Keyspace

ALL = [*opening.STATEMENTS, *(each for part in opening.PARTS for each in part.STATEMENTS)]
WITH_THE_HEAD = {appending.INSERT, appending.PUT_BODY}
"""Without a condition of their own, and sent in the batch whose condition is the head's alone."""
SAMPLES: dict[str, Any] = {"varchar": "x", "bigint": 1, "int": 1, "boolean": False, "blob": b"x"}


def of_log(statement: Statement) -> bool:
    """Whether it is about the log, where nothing but a body may end by itself."""
    return re.search(r"\b(log|conversations|memberships|positions_of_\w+)\b", statement.text) is not None


def test_a_statement_is_of_the_kind_that_its_text_says() -> None:
    for each in ALL:
        if each.text.startswith("SELECT"):
            assert each.kind in (Kind.READ, Kind.SERIAL_READ), each.text
        elif " IF " in each.text or each in WITH_THE_HEAD:
            assert each.kind is Kind.CONDITIONAL, each.text
        else:
            assert each.kind is Kind.WRITE, each.text


def test_what_may_be_tried_twice_has_the_same_effect_twice() -> None:
    counting = re.compile(r"(\w+)\s*=\s*\1\s*[+-]|\b(now|uuid|currenttimestamp|totimestamp)\s*\(", re.IGNORECASE)
    assert counting.search("UPDATE a SET tries = tries + 1") and counting.search("VALUES (now())"), "it would be seen"
    for each in ALL:
        assert not counting.search(each.text), each.text


def test_of_the_log_only_bodies_end_by_a_ttl_and_elsewhere_what_is_void_by_itself() -> None:
    expiring = {each for each in ALL if "TTL" in each.text}
    assert {each for each in expiring if of_log(each)} == {appending.PUT_BODY}
    assert "SET body = ?" in appending.PUT_BODY.text
    elsewhere = {challenges.PUT, challenges.REPLACE, challenges.COUNT, challenges.USE, challenges.LIST}
    elsewhere |= {devices.PUT_TOKEN, devices.SPEND, call_links.ADD, call_links.POINT}
    elsewhere |= {call_links.APPROVE, call_links.TOUCH}
    assert expiring - {appending.PUT_BODY} == elsewhere


def test_no_statement_reads_without_a_key_or_a_limit_but_those_of_few_rows() -> None:
    unbounded = {each.text.partition(" FROM ")[2] for each in ALL if each.text.startswith("SELECT") and not bounded(each.text)}
    assert unbounded == {"service_tokens"}, "an operator's list, as long as he made it"
    assert not [each.text for each in ALL if "ALLOW FILTERING" in each.text or " IN " in each.text]


def bounded(text: str) -> bool:
    """One partition, or so many rows."""
    return (
        "LIMIT ?" in text or re.search(r"WHERE \w+ = \?|WHERE key = 'epoch'|WHERE scope = 'all' AND name = '", text) is not None
    )


class Watched:
    """A session of the node's that notes what goes over the wire."""

    def __init__(self, cql: Cql, session: Session) -> None:
        self.cql = cql
        self._session = session
        self.sent: list[Any] = []
        session.add_request_init_listener(self.sent.append)

    def values(self, statement: Statement) -> list[Any]:
        """Something that fits each marker."""
        prepared: PreparedStatement = self._session.prepare(statement.text)
        return [sample(column.type.typename) for column in prepared.column_metadata]

    async def run(self, statement: Statement) -> Any:
        """What was sent for it."""
        self.sent.clear()
        bound = Bound(statement, self.values(statement))
        if statement.kind in (Kind.READ, Kind.SERIAL_READ):
            await self.cql.read(statement, *bound.values)
        elif statement.kind is Kind.WRITE:
            await self.cql.write(statement, *bound.values)
        elif statement in WITH_THE_HEAD:
            await self.cql.conditional(Bound(appending.MOVE, self.values(appending.MOVE)), bound)
        else:
            await self.cql.conditional(bound)
        (future,) = self.sent
        return future


def sample(typename: str) -> Any:
    """A value of a type."""
    return SAMPLES[typename] if typename in SAMPLES else {"set": set(), "list": [], "map": {}}[typename.partition("<")[0]]


@pytest.mark.process
@pytest.mark.parametrize("data_centres", ["one", "all"])
async def test_every_statement_goes_with_its_consistency_and_is_repeated_only_where_it_may_be(
    keyspace: Keyspace, data_centres: str
) -> None:
    cluster, session = await connected(keyspace.settings)
    cql = Cql(cluster, session, everywhere=data_centres == "all")
    here = (ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL)
    quorum, serial = here if data_centres == "one" else (ConsistencyLevel.QUORUM, ConsistencyLevel.SERIAL)
    try:
        await cql.prepare(ALL)
        watched = Watched(cql, session)
        for each in ALL:
            future = await watched.run(each)
            query, message = future.query, future.message
            assert query.is_idempotent is (each.kind is not Kind.CONDITIONAL), each.text
            assert message.consistency_level == (serial if each.kind is Kind.SERIAL_READ else quorum), each.text
            if each.kind is Kind.CONDITIONAL:
                assert message.serial_consistency_level == serial, each.text
                assert future._retry_policy.on_write_timeout(query, quorum, "CAS", 2, 0, 0)[0] == 1, "the driver sends it once"
            elif each.kind is Kind.WRITE:
                assert message.timestamp is not None, "a second try has the timestamp of the first"
        many = [Bound(appending.LIST, ["x"]), Bound(appending.LIST, ["x"])]
        watched.sent.clear()
        await cql.write_all(many)
        assert watched.sent[0].query.is_idempotent and watched.sent[0].message.consistency_level == quorum
    finally:
        await cql.close()
