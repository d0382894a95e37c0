"""Connecting to a CQL database, and what its refusals mean to an operator: what may pass if he waits, and what he has to mend."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from cassandra import AuthenticationFailed, InvalidRequest, Unauthorized, UnresolvableContactPoints
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.connection import ConnectionShutdown
from cassandra.policies import (
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    TokenAwarePolicy,
)
from cassandra.query import tuple_factory

from server.adapters.cql import migrations
from server.adapters.cql.hosts import AnsweringFirst
from server.adapters.cql.session import FAILURES
from server.kit.store import StoreAway, StoreError

logger = logging.getLogger(__name__)

SPECULATIVE_S = 0.5
"""A statement that can be repeated is tried on another node when the first has not answered for so long."""
_NOT_NOW = "Unable to perform authentication"
"""What a database says that cannot read its own roles yet."""
_UNVERIFIED = "certificate verify failed: "
ERRORS = (InvalidRequest, UnresolvableContactPoints, OSError, *FAILURES)
"""Whatever connecting raises."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CqlSettings:
    """Where the database is, and what is kept how there."""

    contact_points: tuple[str, ...]
    port: int = 9042
    keyspace: str = "tidewire"
    local_dc: str = ""
    """The data centre whose nodes are asked; "": that of the contact points."""
    replication: Mapping[str, int] = field(default_factory=dict)
    """Data centre → copies; used by `migrate` alone, when it makes the keyspace. Empty: 3 in the local one."""
    data_centres: Literal["one", "home", "all"] = "one"
    """Of a keyspace with copies in several data centres: "home": nodes run in the local one only, the others keep copies;
    "all": nodes run in several, and every quorum and condition spans them all. "one" refuses such a keyspace (log-attacks B5)."""
    username: str = ""
    password: str = field(default="", repr=False)
    tls_ca: Path | None = None
    """The certificate authority of the database's nodes; None: no TLS."""
    request_timeout_s: float = 2.5


async def connected(settings: CqlSettings) -> tuple[Cluster, Session]:
    """A session on the keyspace, whose schema was found to be the one that this version knows.

    When the caller is cancelled, it does not wait for the driver, which may be held up by a database that does not answer.

    Raises:
        StoreAway: the database is not there, or does not answer.
        StoreError: it will not have us, or its schema is older, newer or none. One sentence.
    """
    return await aside(lambda: connect(settings, with_keyspace=True))


def connect(settings: CqlSettings, *, with_keyspace: bool) -> tuple[Cluster, Session]:
    """`connected`, and the same without a keyspace, for `migrate`. Blocks."""
    try:
        cluster = _cluster(settings, _tls(settings.tls_ca), migrating=not with_keyspace)
    except ERRORS as error:
        raise store_error(settings, error) from error
    try:
        session = cluster.connect()
        if with_keyspace:
            migrations.check(session, settings.keyspace, migrations.known_migrations())
            _check_data_centres(session, settings)
            _warn_of_loss(session)
            session.set_keyspace(settings.keyspace)
        return cluster, session
    except ERRORS as error:
        cluster.shutdown()
        raise store_error(settings, error) from error
    except BaseException:
        cluster.shutdown()
        raise


def store_error(settings: CqlSettings, error: Exception) -> StoreError:
    """What an error means to the operator."""
    where = f"the database at {', '.join(settings.contact_points)}, port {settings.port},"
    if isinstance(error, NoHostAvailable):
        causes = error.errors if isinstance(error.errors, Mapping) else {}
        if not causes and settings.local_dc:
            return StoreError(f"{where} has no node in data centre {settings.local_dc}: set cql_dc to the name that it has")
        for cause in causes.values():
            if (mended := _to_mend(cause, settings)) is not None:
                return StoreError(f"{where} {mended}")
        reasons = sorted({_passing(cause, settings) for cause in causes.values()}) or [first_line(error)]
        return StoreAway(f"{where} cannot be used: {'; '.join(reasons)}")
    if (mended := _to_mend(error, settings)) is not None:
        return StoreError(f"{where} {mended}")
    sentence = f"{where} cannot be used: {first_line(error)}"
    return StoreError(sentence) if isinstance(error, InvalidRequest) else StoreAway(sentence)


def _to_mend(error: Exception, settings: CqlSettings) -> str | None:
    """What waiting does not mend; None: it may."""
    text = str(error)
    if isinstance(error, AuthenticationFailed) and _NOT_NOW not in text:
        if not settings.username:
            return "asks for a login: set cql_user and cql_password"
        return f"does not take the login of {settings.username}: see cql_user and cql_password"
    if isinstance(error, Unauthorized):
        return f"does not let {settings.username} do it: {first_line(error)}"
    # the driver wraps what Python's TLS says into an error of the socket
    if _UNVERIFIED in text:
        why = text.rpartition(_UNVERIFIED)[2].partition(" (_ssl")[0]
        return f"shows a certificate that cql_ca = {settings.tls_ca} does not vouch for: {why}"
    if "WRONG_VERSION_NUMBER" in text:
        return "does not speak TLS: leave out cql_ca, or switch on its client_encryption_options"
    return None


def _passing(error: Exception, settings: CqlSettings) -> str:
    """What waiting may mend."""
    if isinstance(error, (ConnectionResetError, ConnectionShutdown)) and settings.tls_ca is None:
        return "it closes the connection; if it asks for TLS, set cql_ca"
    return first_line(error)


def first_line(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, UnresolvableContactPoints):
        return "its name is not known"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    line = (str(error).splitlines() or [""])[0].rpartition("Last error: ")[2]
    return line[:300] or type(error).__name__


def _tls(ca: Path | None) -> ssl.SSLContext | None:
    """
    Raises:
        StoreError: the file cannot be used.
    """
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as error:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise StoreError(f"cql_ca = {ca} cannot be used: {why}") from error


async def aside(work: Callable[[], T]) -> T:
    """`asyncio.to_thread` in a thread that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else set_it())

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001  # it is the caller's
            failed = error
            settle(lambda: done.set_exception(failed))
        else:
            settle(lambda: done.set_result(result))

    threading.Thread(target=run, name="connecting", daemon=True).start()
    return await done


def _cluster(settings: CqlSettings, tls: ssl.SSLContext | None, *, migrating: bool) -> Cluster:
    profile = ExecutionProfile(
        AnsweringFirst(TokenAwarePolicy(DCAwareRoundRobinPolicy(settings.local_dc))),
        request_timeout=settings.request_timeout_s,
        row_factory=tuple_factory,
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(SPECULATIVE_S, 1),
    )
    auth = PlainTextAuthProvider(settings.username, settings.password) if settings.username else None
    return Cluster(
        list(settings.contact_points),
        settings.port,
        protocol_version=4,
        auth_provider=auth,
        ssl_context=tls,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ExponentialReconnectionPolicy(0.2, 5.0),
        idle_heartbeat_interval=2,  # a node that stands still is asked no more after 4 s
        idle_heartbeat_timeout=2,
        connect_timeout=5,
        max_schema_agreement_wait=30,
        schema_metadata_enabled=migrating,  # without it the driver does not wait for agreement
    )


def _check_data_centres(session: Session, settings: CqlSettings) -> None:
    row = session.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", (settings.keyspace,)).one()
    if places := orders_apart(row[0], settings.data_centres):
        raise StoreError(
            f"keyspace {settings.keyspace} has copies in {', '.join(places)}: say with data_centres whether nodes run in one (home)"
            " or in all of them, since each data centre would otherwise give out seqs of its own"
        )


def _warn_of_loss(session: Session) -> None:
    """With a periodic commit log a Cassandra node that is killed forgets what it acknowledged last, promises of Paxos included, so that
    a seq could be given out twice. ScyllaDB has no such table, and syncs conditional writes whatever its setting."""
    with suppress(InvalidRequest, *FAILURES):
        row = session.execute("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'").one()
        if row is not None and row[0] == "periodic":
            logger.warning(
                "the database's commitlog_sync is periodic: a node of it that dies can lose what was acknowledged as sent"
            )


def orders_apart(replication: Mapping[str, str], data_centres: str) -> list[str]:
    """The data centres that would each give out seqs of their own; []: none would (log-attacks B5)."""
    places = sorted(set(replication) - {"class", "replication_factor"})
    return places if len(places) > 1 and data_centres == "one" else []
