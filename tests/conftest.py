"""Options of the whole suite, and the servers that several of its parts use."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.cassandra import CassandraNode, Ring
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.redis import RedisServer

# In the background of a script it is ignored, and what tests start would not hear a Ctrl-C either.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("tidewire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tidewire")
"""How long an example takes, and how long it is to be found, says what else the machine does: by its default Hypothesis fails after 0.2 s."""

_started: list[str] = []
"""Processes that the running test has started, in the words of their command lines."""


def _note_process(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork"):
        _started.append(f"{event} {arguments[:2]}")


sys.addaudithook(_note_process)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """What the end of another module has started is not this test's."""
    _started.clear()


@pytest.fixture(autouse=True)
def _says_that_it_starts_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """`make unit` runs what is not marked `process`: so none of that may start one."""
    yield
    assert not _started or request.node.get_closest_marker("process"), f"to be marked `process`, since it starts {_started}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cuts N`, `--seconds N`, `--seed N`: how much is done to the ledger and to the one over a cluster, and from what it follows."""
    parser.addoption("--cuts", type=int, default=200, help="connections that the ledger cuts")
    parser.addoption(
        "--seconds", type=int, default=1, help="how long parts of a cluster are killed; at least until each was once"
    )
    parser.addoption("--crash-step", type=int, default=6, help="the media worker dies at every so-manieth moment of uploads")
    parser.addoption("--seed", type=int, default=1, help="of a ledger's plan")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a worker of several (`-n 3 --dist loadgroup`) takes as a whole: all that shares a database or a browser, else a file.

    What lasts longest comes first.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    first = ["cassandra", "browser"]
    items.sort(key=lambda item: first.index(group(item)) if group(item) in first else len(first))


def group(item: pytest.Item) -> str:
    """The name of what a test is run with."""
    used = set(getattr(item, "fixturenames", ()))
    parameters = getattr(getattr(item, "callspec", None), "id", "").split("-")
    if used & {"cassandra", "keyspace", "ring"} or "cql" in parameters:
        return "cassandra"
    if used & {"place"}:
        return "browser"
    return item.location[0]


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraNode]:
    """A real Cassandra of one node, for all tests that do it no harm."""
    node = CassandraNode.alone(tmp_path_factory.mktemp("cassandra"))
    node.start()
    try:
        node.wait()
        yield node
    finally:
        node.kill()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A real Redis with nothing in it."""
    server = RedisServer(tmp_path / "redis")
    await server.start()
    yield server
    await server.close()


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """A real Cassandra of three nodes, which tests may kill and freeze, and leave whole."""
    nodes = Ring(tmp_path_factory.mktemp("ring"))
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.close()


@pytest.fixture(scope="session")
def _keyspace(cassandra: CassandraNode) -> Iterator[Keyspace]:
    kept = Keyspace(cassandra, "contracts")
    yield kept
    kept.close()


@pytest.fixture
def keyspace(_keyspace: Keyspace) -> Keyspace:
    """A keyspace with the node's schema and nothing in it."""
    _keyspace.empty()
    return _keyspace
