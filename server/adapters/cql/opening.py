"""Opens all stores on a CQL database, or says in one sentence why it cannot; brings its schema up to date when asked to."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cassandra import ConsistencyLevel, InvalidRequest, UnresolvableContactPoints
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import (
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    TokenAwarePolicy,
)
from cassandra.query import SimpleStatement, tuple_factory

from server.adapters.cql import accounts, challenges, contacts, devices, handles, log, migrations, positions, services
from server.adapters.cql.accounts import CqlAccounts
from server.adapters.cql.challenges import CqlChallenges
from server.adapters.cql.contacts import CqlContacts
from server.adapters.cql.devices import CqlDevices
from server.adapters.cql.hosts import AnsweringFirst
from server.adapters.cql.log import CqlLog
from server.adapters.cql.migrations import Stage
from server.adapters.cql.positions import CqlMemberships, CqlPositions
from server.adapters.cql.services import CqlServiceTokens
from server.adapters.cql.session import FAILURES, Bound, Cql, Kind, Statement
from server.domain.refusal import Refused
from server.ports.store import StoreError
from server.ports.world import Clock

BEGIN_EPOCH = Statement("INSERT INTO meta (key, value) VALUES ('epoch', ?) IF NOT EXISTS", Kind.CONDITIONAL)
EPOCH = Statement("SELECT value FROM meta WHERE key = 'epoch'", Kind.SERIAL_READ)

logger = logging.getLogger(__name__)

PARTS = (log, positions, accounts, handles, contacts, devices, challenges, services)

SPECULATIVE_S = 0.5
"""A statement that can be repeated is tried on another node when the first has not answered for so long."""


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


@dataclass(frozen=True, slots=True)
class CqlStores:
    """All stores of a node, over one session."""

    log: CqlLog
    """Also `LogRetention`."""
    memberships: CqlMemberships
    positions: CqlPositions
    accounts: CqlAccounts
    contacts: CqlContacts
    devices: CqlDevices
    challenges: CqlChallenges
    service_tokens: CqlServiceTokens
    cql: Cql
    """For its `usage`."""

    async def close(self) -> None:
        """Wait for the appends under way, then close the session."""
        await self.log.close()
        await self.cql.close()


async def open_cql(settings: CqlSettings, clock: Clock, *, retention_s: int) -> CqlStores:
    """Connect, check the schema, prepare every statement.

    Args:
        retention_s: the TTL of a body that does not expire earlier.

    Raises:
        StoreError: the database is away, or its schema is older, newer or none. One sentence.
    """
    cluster, session = await asyncio.to_thread(_connected, settings, with_keyspace=True)
    cql = Cql(cluster, session, everywhere=settings.data_centres == "all")
    try:
        await cql.prepare([BEGIN_EPOCH, EPOCH, *(each for part in PARTS for each in part.STATEMENTS)])
        epoch = await _epoch(cql)
    except (Refused, *FAILURES) as error:
        await cql.close()
        raise StoreError(f"the database cannot be used: {_first_line(error)}") from error
    except BaseException:
        await cql.close()
        raise
    kept = CqlLog(cql, clock, retention_s=retention_s, epoch=epoch)
    people, own, pending = CqlContacts(cql), CqlDevices(cql, clock), CqlChallenges(cql)
    accounts_ = CqlAccounts(cql, clock, people, own, pending)
    tokens = CqlServiceTokens(cql)
    return CqlStores(kept, CqlMemberships(cql), CqlPositions(cql), accounts_, people, own, pending, tokens, cql)


async def migrate(settings: CqlSettings, stage: Stage = "pre") -> list[str]:
    """Make the keyspace if it is not there, and apply what its schema lacks; the names of what was applied.

    `stage` "pre": before nodes of this version start. "post": when no node of an older version runs any more.

    Raises:
        StoreError: the database is away, or its schema is newer or another one. One sentence.
    """

    return await asyncio.to_thread(migrate_blocking, settings, stage)


def migrate_blocking(settings: CqlSettings, stage: Stage = "pre") -> list[str]:
    """`migrate` where there is no event loop."""
    cluster, session = _connected(settings, with_keyspace=False)
    try:
        replication: Mapping[str, str | int] = dict(settings.replication) or {_local_dc(session): 3}
        return migrations.migrate(cluster, session, settings.keyspace, replication, migrations.known_migrations(), stage)
    except (InvalidRequest, *FAILURES) as error:
        raise StoreError(f"the schema cannot be changed: {_first_line(error)}") from error
    finally:
        cluster.shutdown()


def new_epoch_blocking(settings: CqlSettings) -> str:
    """Begin a new epoch, after a restore and before any node starts, so that devices take their logs again. Returns it. Blocks.

    Raises:
        StoreError: the database is away, or has no epoch to follow.
    """
    cluster, session = _connected(settings, with_keyspace=True)
    level = ConsistencyLevel.SERIAL if settings.data_centres == "all" else ConsistencyLevel.LOCAL_SERIAL
    try:
        read = SimpleStatement("SELECT value FROM meta WHERE key = 'epoch'", consistency_level=level)
        before = session.execute(read).one()
        if before is None:
            raise StoreError(f"keyspace {settings.keyspace} has no epoch yet: no node has ever run on it")
        move = SimpleStatement("UPDATE meta SET value = %s WHERE key = 'epoch' IF value = %s", serial_consistency_level=level)
        move.consistency_level = (
            ConsistencyLevel.LOCAL_QUORUM if level == ConsistencyLevel.LOCAL_SERIAL else ConsistencyLevel.QUORUM
        )
        move.is_idempotent = False
        epoch = secrets.token_hex(8)
        if not session.execute(move, (epoch, before[0])).one()[0]:
            raise StoreError("another program has changed the epoch at this very moment; see that no node runs, and try again")
        return epoch
    except (InvalidRequest, *FAILURES) as error:
        raise StoreError(f"the epoch cannot be changed: {_first_line(error)}") from error
    finally:
        cluster.shutdown()


async def _epoch(cql: Cql) -> str:
    with suppress(Refused):  # another node makes it at this very moment
        await cql.settled(Bound(BEGIN_EPOCH, (secrets.token_hex(8),)))
    return str((await cql.read(EPOCH))[0][0])


def _connected(settings: CqlSettings, *, with_keyspace: bool) -> tuple[Cluster, Session]:
    """Blocks."""
    where = f"the database at {', '.join(settings.contact_points)}, port {settings.port}, cannot be used"
    try:
        cluster = _cluster(settings, migrating=not with_keyspace)
    except (UnresolvableContactPoints, OSError) as error:
        raise StoreError(f"{where}: {_first_line(error)}") from error
    try:
        session = cluster.connect()
        if with_keyspace:
            migrations.check(session, settings.keyspace, migrations.known_migrations())
            _check_data_centres(session, settings)
            _warn_of_loss(session)
            session.set_keyspace(settings.keyspace)
        return cluster, session
    except (InvalidRequest, OSError, *FAILURES) as error:
        cluster.shutdown()
        raise StoreError(f"{where}: {_first_line(error)}") from error
    except BaseException:
        cluster.shutdown()
        raise


def _cluster(settings: CqlSettings, *, migrating: bool) -> Cluster:
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
        ssl_context=None if settings.tls_ca is None else ssl.create_default_context(cafile=str(settings.tls_ca)),
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


def _local_dc(session: Session) -> str:
    return str(session.execute("SELECT data_center FROM system.local").one()[0])


def _first_line(error: Exception) -> str:
    if isinstance(error, UnresolvableContactPoints):
        return "its name is not known"
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
