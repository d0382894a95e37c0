"""A database that does not answer, or is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.opening import open_cql
from server.kit.refusal import Reason, Refused
from server.kit.store import StoreAway, StoreError
from server.kit.system import SystemClock
from server.ports.log import Appended, Behind, Unknown
from tests.server.cql.conftest import Opened
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import DIRECT, GROUP, created, entry
from tests.support.certificates import Authority
from tests.support.node import free_port
from tests.support.proxy import Line, Way

pytestmark = pytest.mark.process


@pytest.fixture
async def line(keyspace: Keyspace) -> AsyncIterator[Line]:
    """A way to the database that can be held and cut."""
    line = Line(keyspace.node.port)
    await line.start()
    yield line
    await line.close()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[CassandraNode]:
    """A node that may be killed."""
    node = CassandraNode.alone(tmp_path)
    node.start()
    try:
        node.wait()
        yield node
    finally:
        node.kill()


async def test_b7_an_append_whose_answer_is_lost_stays_unknown_until_its_slot_is_read(opened: Opened, line: Line) -> None:
    stores = await opened(port=line.port, request_timeout_s=0.4)
    await stores.log.append(DIRECT, 0, [entry(1)])
    line.hold(Way.DOWN)
    for _ in range(3):
        assert await stores.log.append(DIRECT, 1, [entry(2)]) == Unknown()
    line.release()
    direct = await opened()
    while (await direct.log.heads([DIRECT]))[DIRECT].seq < 2:
        await asyncio.sleep(0)
    outcome = await settled(stores.log, [entry(2)])
    assert outcome == Behind((entry(2),)), "it had landed: the round finds its own envelope in it"
    assert [each.seq for each in await direct.log.entries(DIRECT, 0, 10)] == [1, 2]


async def settled(log: object, entries: list[object]) -> object:
    """Propose the same slot until it is filled, as the round does."""
    while (outcome := await log.append(DIRECT, 1, entries)) == Unknown():  # type: ignore[attr-defined]
        pass
    return outcome


async def test_b7_an_unsettled_slot_is_never_refused_even_when_nothing_can_be_sent(opened: Opened, line: Line) -> None:
    stores = await opened(port=line.port, request_timeout_s=0.4)
    await stores.log.append(DIRECT, 0, [entry(1)])
    line.hold(Way.UP)
    assert await stores.log.append(DIRECT, 1, [entry(2)]) == Unknown()
    line.refusing = True
    line.cut()
    for _ in range(3):
        assert await stores.log.append(DIRECT, 1, [entry(2)]) == Unknown()
    line.refusing = False
    line.release()
    assert await settled(stores.log, [entry(2)]) in (Appended(2), Behind((entry(2),)))
    assert [each.seq for each in await (await opened()).log.entries(DIRECT, 0, 10)] == [1, 2]


async def test_a_database_that_is_killed_refuses_and_serves_again_when_it_is_back(mortal: CassandraNode) -> None:
    keyspace = await asyncio.to_thread(Keyspace, mortal, "mortal")
    keyspace.close()
    stores = await open_cql(keyspace.settings, SystemClock(), retention_s=86_400)
    await stores.log.append(DIRECT, 0, [entry(1), entry(2)])
    await stores.log.append(GROUP, 0, [created("alice", "bob")])
    mortal.kill()
    for work in (stores.log.heads([DIRECT]), stores.positions.of_device("a"), stores.accounts.find("username:alice")):
        with pytest.raises(Refused) as refused:
            await work
        assert refused.value.refusal.reason is Reason.UNAVAILABLE and refused.value.refusal.retry_after_ms
    before: object = None
    try:
        before = await stores.log.append(DIRECT, 2, [entry(3)])
        assert before == Unknown()
    except Refused as error:
        assert error.refusal.reason is Reason.UNAVAILABLE
    mortal.start()
    await asyncio.to_thread(mortal.wait)
    async with asyncio.timeout(60):
        while True:
            try:
                outcome = await stores.log.append(DIRECT, 2, [entry(3)])
            except Refused:
                await asyncio.sleep(0.1)  # the driver has not found it yet
                continue
            if outcome != Unknown():
                break
    assert outcome in (Appended(3), Behind((entry(3),)))
    assert [each.seq for each in await stores.log.entries(DIRECT, 0, 10)] == [1, 2, 3], "kill -9 took nothing"
    await stores.close()


async def test_a_database_that_is_away_is_told_in_one_sentence_at_the_start() -> None:
    with pytest.raises(StoreError, match=r"the database at 127\.0\.0\.1, port \d+, cannot be used") as error:
        await open_cql(CqlSettings(("127.0.0.1",), free_port()), SystemClock(), retention_s=1)
    assert "\n" not in str(error.value)
    with pytest.raises(StoreError, match="the database at no.such.place.invalid, port 9042, cannot be used"):
        await open_cql(CqlSettings(("no.such.place.invalid",)), SystemClock(), retention_s=1)


async def test_a_database_that_forgets_when_it_is_killed_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    forgetful = CassandraNode.alone(tmp_path, durable=False)
    forgetful.start()
    try:
        await asyncio.to_thread(forgetful.wait)
        keyspace = await asyncio.to_thread(Keyspace, forgetful, "forgetful")
        keyspace.close()
        await (await open_cql(keyspace.settings, SystemClock(), retention_s=86_400)).close()
    finally:
        forgetful.kill()
    assert "commitlog_sync is periodic" in caplog.text


async def test_a_durable_database_is_not_warned_of(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    await opened()
    assert "commitlog_sync" not in caplog.text


async def test_a_database_without_tls_is_told_from_one_that_is_away(cassandra: CassandraNode, tmp_path: Path) -> None:
    settings = CqlSettings((cassandra.host,), cassandra.port, tls_ca=Authority(tmp_path).ca)
    with pytest.raises(StoreError, match="does not speak TLS: leave out cql_ca") as error:
        await open_cql(settings, SystemClock(), retention_s=1)
    assert not isinstance(error.value, StoreAway)
