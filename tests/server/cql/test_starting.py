"""A node, a migration and a database that is not there yet, does not answer, or will not have them: what an operator reads."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tidewire import Client

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.migrations import known_migrations
from server.adapters.cql.opening import migrate, open_cql
from server.kit.store import StoreAway, StoreError
from server.kit.system import SystemClock
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.server import KEYSTORE_PASSWORD
from tests.support.certificates import Authority
from tests.support.cluster import SECRET
from tests.support.node import Node, NotStarted, free_port, server
from tests.support.proxy import Line

pytestmark = pytest.mark.process


def settings(port: int, **more: object) -> dict[str, object]:
    """Of a node over a database on this port."""
    return {"store": "cql", "cql_port": port, "pepper": SECRET, **more}


async def until_logged(node: Node, words: str) -> None:
    """Wait until the node's stderr has these words."""
    async with asyncio.timeout(30):
        while not node.log.exists() or words not in node.log.read_text():
            await asyncio.sleep(0.02)


async def test_a_database_that_is_not_there_is_waited_for_aloud_and_not_for_ever(tmp_path: Path) -> None:
    port = free_port()
    node = Node(tmp_path / "node", **settings(port, store_wait_s=3, log_format="json"))
    with pytest.raises(NotStarted) as end:
        await node.start()
    assert end.value.code == 1
    *told, last = (written := node.log.read_text()).splitlines()
    (waiting,) = map(json.loads, told)
    assert waiting["event"] == "waiting for the store" and waiting["level"] == "warning" and waiting["seconds_left"] <= 3
    sentence = f"the database at 127.0.0.1, port {port}, cannot be used: nobody listens there"
    assert (waiting["error"], last) == (sentence, f"{sentence} (waited 3 s: store_wait_s)"), "not a word of the driver's"
    assert "Traceback" not in written
    assert await server("migrate", **settings(port, store_wait_s=0)) == (1, sentence)


async def ended(node: Node, starting: asyncio.Future[None]) -> NotStarted:
    """How it ends after SIGTERM, which is soon."""
    os.kill(node.pid, signal.SIGTERM)
    with pytest.raises(NotStarted) as error:
        await asyncio.wait_for(starting, 5)
    return error.value


async def test_a_node_that_waits_ends_at_once_when_it_is_told_to(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", **settings(free_port(), store_wait_s=600))
    starting = asyncio.ensure_future(node.start())
    await until_logged(node, "waiting for the store")
    end = await ended(node, starting)
    assert end.code == 0 and "stopped before it was up" in end.log


async def test_it_does_so_also_while_a_database_takes_the_connection_and_says_nothing(tmp_path: Path) -> None:
    taken = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await reader.read()
        writer.close()

    deaf = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with deaf:
        node = Node(tmp_path / "node", **settings(deaf.sockets[0].getsockname()[1], store_wait_s=600))
        starting = asyncio.ensure_future(node.start())
        await asyncio.wait_for(taken.wait(), 30)
        assert (await ended(node, starting)).code == 0  # the driver's own attempt takes ten seconds


# -- one that asks for TLS and a login ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Of the guarded database."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def guarded(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraNode]:
    """A Cassandra that is not started yet."""
    store = authority.keystore("cassandra", KEYSTORE_PASSWORD)
    node = CassandraNode.alone(tmp_path_factory.mktemp("guarded"), keystore=store)
    yield node
    node.kill()


@pytest.fixture
def running(guarded: CassandraNode) -> CassandraNode:
    """The same, once it is up."""
    if not guarded.is_started:
        guarded.start()
    guarded.wait()
    return guarded


@pytest.fixture
def right(guarded: CassandraNode, authority: Authority) -> CqlSettings:
    """What it takes."""
    login = {"username": "cassandra", "password": "cassandra", "tls_ca": authority.ca}
    return CqlSettings((guarded.host,), guarded.port, local_dc="datacenter1", replication={"datacenter1": 1}, **login)


@pytest.mark.timeout(240)
async def test_a_migration_that_comes_before_its_database_goes_on_once_it_is_there(
    guarded: CassandraNode, authority: Authority
) -> None:
    given = settings(guarded.port, cql_user="cassandra", cql_password="cassandra", cql_ca=authority.ca, store_wait_s=120)
    migrating = asyncio.ensure_future(server("migrate", **given, cql_replication="datacenter1:1"))
    guarded.start()
    code, said = await migrating
    assert code == 0 and "waiting for the store" in said and said.endswith(f"done: {known_migrations()[-1].name}")


@pytest.mark.usefixtures("running")
async def test_a_node_that_comes_before_its_database_goes_on_once_it_is_there(
    guarded: CassandraNode, right: CqlSettings, authority: Authority, tmp_path: Path
) -> None:
    await migrate(right)
    line = Line(guarded.port)
    line.refusing = True
    await line.start()
    node = Node(tmp_path / "node", **settings(line.port, cql_user="cassandra", cql_password="cassandra", cql_ca=authority.ca))
    starting = asyncio.ensure_future(node.start(within_s=60))
    try:
        await until_logged(node, "waiting for the store")
        line.refusing = False
        await starting
        async with Client.open(node.address, tmp_path / "ann.db") as ann:
            await ann.register_username("ann")
        assert await node.stop() == 0
        assert "Traceback" not in node.log.read_text()
    finally:
        await node.close()
        await line.close()


@pytest.mark.usefixtures("running")
async def test_what_the_database_will_not_take_is_said_at_once_in_one_sentence(
    right: CqlSettings, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other").ca
    wrong = {
        "does not take the login of cassandra: see cql_user and cql_password": replace(right, password="guess"),
        "asks for a login: set cql_user and cql_password": replace(right, username=""),
        f"cql_ca = {other} does not vouch for: self-signed certificate in certificate chain": replace(right, tls_ca=other),
        f"cql_ca = {tmp_path / 'none'} cannot be used: No such file or directory": replace(right, tls_ca=tmp_path / "none"),
        "cql_ca = .*p12 cannot be used: it holds no certificate": replace(right, tls_ca=authority.ca.with_name("cassandra.p12")),
        "has no node in data centre elsewhere: set cql_dc": replace(right, local_dc="elsewhere"),
    }
    for sentence, settings in wrong.items():
        with pytest.raises(StoreError, match=sentence) as error:
            await open_cql(settings, SystemClock(), retention_s=1)
        assert not isinstance(error.value, StoreAway), "to wait would not help"
        assert "\n" not in str(error.value)
    with pytest.raises(StoreAway, match="if it asks for TLS, set cql_ca"):
        await open_cql(replace(right, tls_ca=None), SystemClock(), retention_s=1)
    await migrate(right)


@pytest.mark.usefixtures("running")
async def test_a_node_with_a_wrong_password_ends_with_one_line(
    guarded: CassandraNode, authority: Authority, tmp_path: Path
) -> None:
    given = settings(guarded.port, cql_user="cassandra", cql_password="guess", cql_ca=authority.ca)
    node = Node(tmp_path / "node", **given)
    with pytest.raises(NotStarted) as end:
        await node.start()
    assert end.value.code == 1
    *told, line = node.log.read_text().splitlines()
    assert all("waiting for the store" in each for each in told), "a busy database may time out first"
    assert line.endswith("does not take the login of cassandra: see cql_user and cql_password")
