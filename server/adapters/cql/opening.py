"""Opens all stores on a CQL database, or says in one sentence why it cannot; brings its schema up to date when asked to."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from server.adapters.cql import (
    accounts,
    call_links,
    challenges,
    contacts,
    devices,
    handles,
    log,
    memberships,
    migrations,
    positions,
    services,
)
from server.adapters.cql.accounts import CqlAccounts
from server.adapters.cql.call_links import CqlCallLinks
from server.adapters.cql.challenges import CqlChallenges
from server.adapters.cql.connecting import CqlSettings, aside, connect, connected, first_line, store_error
from server.adapters.cql.contacts import CqlContacts
from server.adapters.cql.devices import CqlDevices
from server.adapters.cql.log import CqlLog
from server.adapters.cql.memberships import CqlMemberships
from server.adapters.cql.migrations import Stage
from server.adapters.cql.positions import CqlPositions
from server.adapters.cql.services import CqlServiceTokens
from server.adapters.cql.session import FAILURES, Bound, Cql, Kind, Statement
from server.domain.limits import Limits
from server.kit.refusal import Refused
from server.kit.store import StoreError
from server.kit.world import Clock

logger = logging.getLogger(__name__)

BEGIN_EPOCH = Statement("INSERT INTO meta (key, value) VALUES ('epoch', ?) IF NOT EXISTS", Kind.CONDITIONAL)
EPOCH = Statement("SELECT value FROM meta WHERE key = 'epoch'", Kind.SERIAL_READ)
ALONE = Statement("SELECT stage FROM schema_migrations WHERE scope = 'all' AND name = '0005_generations'", Kind.READ)
"""Whether no node runs any more that does not know generations."""
STATEMENTS = (BEGIN_EPOCH, EPOCH, ALONE)

PARTS = (log, memberships, positions, accounts, handles, contacts, devices, challenges, services, call_links)


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
    call_links: CqlCallLinks
    cql: Cql
    """For its `usage`."""

    async def close(self) -> None:
        """Wait for the appends under way, then close the session."""
        await self.log.close()
        await self.cql.close()


async def open_cql(
    settings: CqlSettings, clock: Clock, *, retention_s: int, link_idle_s: int = Limits().call_link_idle_s
) -> CqlStores:
    """Connect, check the schema, prepare every statement.

    Args:
        retention_s: the TTL of a body that does not expire earlier.
        link_idle_s: that of a link into calls, from its last use on.

    Raises:
        StoreAway: the database is not there, or does not answer in time.
        StoreError: it will not have us, or its schema is older, newer or none. One sentence.
    """
    cluster, session = await connected(settings)
    cql = Cql(cluster, session, everywhere=settings.data_centres == "all")
    try:
        await cql.prepare([*STATEMENTS, *(each for part in PARTS for each in part.STATEMENTS)])
        epoch = await _epoch(cql)
        may_move = bool(await cql.read(ALONE))
    except (Refused, InvalidRequest, *FAILURES) as error:
        await cql.close()
        raise store_error(settings, error) from error
    except BaseException:
        await cql.close()
        raise
    kept = CqlLog(cql, clock, retention_s=retention_s, epoch=epoch)
    people, own, pending = CqlContacts(cql), CqlDevices(cql, clock, may_move=may_move), CqlChallenges(cql)
    accounts_ = CqlAccounts(cql, clock, people, own, pending)
    tokens, links = CqlServiceTokens(cql), CqlCallLinks(cql, idle_s=link_idle_s)
    memberships_ = CqlMemberships(cql, may_move=may_move)
    if not may_move:
        logger.info("rows that are done with are kept until python -m server migrate --stage post has run")
    return CqlStores(kept, memberships_, CqlPositions(cql), accounts_, people, own, pending, tokens, links, cql)


async def migrate(settings: CqlSettings, stage: Stage = "pre") -> list[str]:
    """Make the keyspace if it is not there, and apply what its schema lacks; the names of what was applied.

    `stage` "pre": before nodes of this version start. "post": when no node of an older version runs any more, as is certain where
    there is no schema yet.

    Raises:
        StoreError: the database is away, or its schema is newer or another one. One sentence.
    """
    return await aside(lambda: migrate_blocking(settings, stage))


def migrate_blocking(settings: CqlSettings, stage: Stage = "pre") -> list[str]:
    """`migrate` where there is no event loop."""
    cluster, session = connect(settings, with_keyspace=False)
    try:
        replication: Mapping[str, str | int] = dict(settings.replication) or {_local_dc(session): 3}
        return migrations.migrate(cluster, session, settings.keyspace, replication, migrations.known_migrations(), stage)
    except (InvalidRequest, *FAILURES) as error:
        raise StoreError(f"the schema cannot be changed: {first_line(error)}") from error
    finally:
        cluster.shutdown()


def new_epoch_blocking(settings: CqlSettings) -> str:
    """Begin a new epoch, after a restore and before any node starts, so that devices take their logs again. Returns it. Blocks.

    Raises:
        StoreError: the database is away, or has no epoch to follow.
    """
    cluster, session = connect(settings, with_keyspace=True)
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
        raise StoreError(f"the epoch cannot be changed: {first_line(error)}") from error
    finally:
        cluster.shutdown()


async def _epoch(cql: Cql) -> str:
    with suppress(Refused):  # another node makes it at this very moment
        await cql.settled(Bound(BEGIN_EPOCH, (secrets.token_hex(8),)))
    return str((await cql.read(EPOCH))[0][0])


def _local_dc(session: Session) -> str:
    return str(session.execute("SELECT data_center FROM system.local").one()[0])
