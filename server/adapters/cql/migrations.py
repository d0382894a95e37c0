"""Schema migrations: numbered files under `server/schema/cql`, each applied once, by one node at a time.

`NNNN_name.pre.cql` only adds, and is applied before nodes that need it start; nodes of the version before go on working.
`NNNN_name.post.cql` takes away, or allows what older nodes would not understand, and is applied when none of them runs any more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal, NamedTuple

from cassandra import ConsistencyLevel, InvalidRequest, OperationTimedOut, ReadTimeout, Unavailable, WriteTimeout
from cassandra.cluster import Cluster, Session
from cassandra.query import SimpleStatement

from server.adapters.cql.session import FAILURES
from server.kit.store import StoreError

Stage = Literal["pre", "post"]

_FILE = re.compile(r"(\d{4}_\w+)\.(pre|post)\.cql")
_THERE_ALREADY = re.compile("already exists|conflicts with an existing column")
"""What Cassandra, and what ScyllaDB says of a column that is added again: ALTER has no IF NOT EXISTS that both know."""
_NOT_THERE_YET = re.compile("Keyspace .*(doesn't|does not) exist|[Cc]an(not|'t) find (a )?keyspace|[Uu]nconfigured table")
_KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")
_IDS = uuid.UUID("6a9c3b2e-58a4-4bb5-9b7e-3f0f1c7f6d11")
UNKNOWN = (WriteTimeout, ReadTimeout, OperationTimedOut, Unavailable, InvalidRequest)
"""What is no answer to whose the lock is. InvalidRequest: a node of the database has not heard of the lock's table yet."""
UNKNOWN_MAX = 40
"""How often the lock is asked for again, every half second."""
LOCK_S = 60
"""How long the lock is held without being renewed; it is renewed before each statement."""
WAIT_S = 180
"""How long to wait for another node's migration."""


class Migration(NamedTuple):
    """One file."""

    name: str
    stage: str
    text: str

    @property
    def checksum(self) -> str:
        """Of the text, comments left out: a comment may be mended."""
        return hashlib.sha256("\n".join(self.statements()).encode()).hexdigest()

    def statements(self) -> list[str]:
        """The statements, without comments."""
        plain = "\n".join(line.partition("--")[0].rstrip() for line in self.text.splitlines())
        return [statement.strip() for statement in plain.split(";") if statement.strip()]


def known_migrations() -> list[Migration]:
    """Those that this version knows, in order."""
    folder = resources.files("server.schema") / "cql"
    found = [(match, item) for item in folder.iterdir() if (match := _FILE.fullmatch(item.name))]
    return sorted(Migration(match[1], match[2], item.read_text()) for match, item in found)


def check(session: Session, keyspace: str, known: Sequence[Migration]) -> None:
    """Whether this version can work with the schema that is there. Blocks.

    Raises:
        StoreError: it is older, newer, or another one.
    """
    try:
        applied = _applied(session, keyspace)
    except InvalidRequest as error:
        raise StoreError(f"keyspace {keyspace} has no schema yet: run python -m server migrate") from error
    _compare(keyspace, applied, known)
    missing = [each.name for each in known if each.stage == "pre" and each.name not in applied]
    if missing:
        raise StoreError(f"keyspace {keyspace} lacks migration {missing[0]}: run python -m server migrate")


def migrate(
    cluster: Cluster,
    session: Session,
    keyspace: str,
    replication: Mapping[str, str | int],
    known: Sequence[Migration],
    stage: Stage,
) -> list[str]:
    """Make the keyspace and apply what it lacks of a stage; the names of what was applied. Blocks. Any number may call it at once.

    Where nothing was applied before, no older node runs: both stages are.

    Raises:
        StoreError: the schema is newer or another one, or the lock was not to be had.
    """
    if not _KEYSPACE.fullmatch(keyspace):
        raise StoreError(f"{keyspace!r} is no name for a keyspace: a small letter, then small letters, digits and _")
    _prepare(cluster, session, keyspace, replication)
    lock = _Lock(session, keyspace)
    lock.take()
    try:
        applied = _applied(session, keyspace)
        _compare(keyspace, applied, known)
        session.set_keyspace(keyspace)
        stages = {stage} if applied else {"pre", "post"}
        done = []
        for migration in known:
            if migration.stage not in stages or migration.name in applied:
                continue
            for statement in migration.statements():
                lock.renew()
                change(session, statement)
            _run(
                session,
                f"INSERT INTO {keyspace}.schema_migrations (scope, name, stage, checksum, applied_at)"
                " VALUES ('all', %s, %s, %s, toTimestamp(now()))",
                (migration.name, migration.stage, migration.checksum),
            )
            done.append(migration.name)
        return done
    finally:
        lock.release()


def _compare(keyspace: str, applied: Mapping[str, tuple[str, str]], known: Sequence[Migration]) -> None:
    names = {each.name: each for each in known}
    for name, (stage, checksum) in sorted(applied.items()):
        if name not in names:
            if stage == "post":
                raise StoreError(
                    f"keyspace {keyspace} has migration {name}, made by a newer node, which this one cannot work with"
                )
        elif names[name].checksum != checksum:
            raise StoreError(
                f"keyspace {keyspace} had another text of migration {name} applied: restore the file, or the keyspace"
            )


def _applied(session: Session, keyspace: str) -> dict[str, tuple[str, str]]:
    rows = _run(session, f"SELECT name, stage, checksum FROM {keyspace}.schema_migrations WHERE scope = 'all'")  # noqa: S608
    return {row[0]: (row[1], row[2]) for row in rows}


def _prepare(cluster: Cluster, session: Session, keyspace: str, replication: Mapping[str, str | int]) -> None:
    """The keyspace, and the two tables that a migration needs itself.

    Two nodes may make them at the same moment, through different coordinators. The tables have ids that follow from their names,
    so that both make the same table; ids that the database chooses would differ, and the table would be broken.
    """
    factors = ", ".join(f"'{name}': '{value}'" for name, value in {"class": "NetworkTopologyStrategy", **replication}.items())
    create = f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{{factors}}}"
    if cluster.is_shard_aware():  # ScyllaDB: conditional statements on tablets came late, and the option cannot be altered
        try:
            change(session, create + " AND tablets = {'enabled': false}")
        except (InvalidRequest, *FAILURES):  # one that has no tablets yet
            change(session, create)
    else:
        change(session, create)
    columns = {
        "schema_migrations": "scope text, name text, stage text, checksum text, applied_at timestamp, PRIMARY KEY (scope, name)",
        "schema_lock": "id text PRIMARY KEY, owner text",
    }
    for table, shape in columns.items():
        table_id = uuid.uuid5(_IDS, f"{keyspace}.{table}")
        change(session, f"CREATE TABLE IF NOT EXISTS {keyspace}.{table} ({shape}) WITH id = {table_id}")


def change(session: Session, statement: str) -> None:
    """One change of the schema, and then wait until all nodes agree on it.

    Where another migration has made the keyspace, a node that this one asks may not have heard of it yet: it is asked again.
    """
    for again in range(UNKNOWN_MAX, -1, -1):
        future = session.execute_async(SimpleStatement(statement), timeout=60)
        try:
            future.result()
        except InvalidRequest as error:
            if statement.startswith("ALTER") and _THERE_ALREADY.search(str(error)):
                return  # a node that migrated before this one has died behind this very statement
            if not again or _NOT_THERE_YET.search(str(error)) is None:
                raise
            time.sleep(0.5)
            continue
        if not future.is_schema_agreed:  # the driver has waited for it
            raise StoreError(
                "the database's nodes do not agree on their schema: see nodetool describecluster, then migrate again"
            )
        return


def _run(session: Session, statement: str, values: Sequence[Any] = (), *, serial: bool = False) -> list[tuple[Any, ...]]:
    level = ConsistencyLevel.LOCAL_QUORUM
    request = SimpleStatement(statement, consistency_level=level, serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL)
    if serial:
        request.consistency_level = ConsistencyLevel.LOCAL_SERIAL
    return list(session.execute(request, values or None, timeout=30))


class _Lock:
    """One migrating node at a time: a conditional insert that expires when its owner dies."""

    def __init__(self, session: Session, keyspace: str) -> None:
        self._session = session
        self._table = f"{keyspace}.schema_lock"
        self._owner = secrets.token_hex(8)

    def take(self) -> None:
        """Wait until it is ours."""
        insert = f"INSERT INTO {self._table} (id, owner) VALUES ('schema', %s) IF NOT EXISTS USING TTL {LOCK_S}"
        for _ in range(2 * WAIT_S):
            if self._applied(insert, (self._owner,)) or self._holder() == self._owner:
                return
            time.sleep(0.5)
        raise StoreError(f"another node has been migrating for {WAIT_S} s; try again")

    def renew(self) -> None:
        """Hold it for another `LOCK_S`."""
        update = f"UPDATE {self._table} USING TTL {LOCK_S} SET owner = %s WHERE id = 'schema' IF owner = %s"
        if not self._applied(update, (self._owner, self._owner)):
            raise StoreError("the migration was paused for so long that another node took it over; run it again")

    def release(self) -> None:
        """Let it go, if it is ours."""
        self._applied(f"DELETE FROM {self._table} WHERE id = 'schema' IF owner = %s", (self._owner,))

    def _holder(self) -> str:
        rows = self._settled(f"SELECT owner FROM {self._table} WHERE id = 'schema'", (), serial=True)  # noqa: S608
        return str(rows[0][0]) if rows else ""

    def _applied(self, statement: str, values: Sequence[Any]) -> bool:
        return bool(self._settled(statement, values)[0][0])

    def _settled(self, statement: str, values: Sequence[Any], *, serial: bool = False) -> list[tuple[Any, ...]]:
        """Run it again when its outcome is unknown: each of the lock's statements says whose it is, so that twice does no harm."""
        for _ in range(UNKNOWN_MAX):
            try:
                return _run(self._session, statement, values, serial=serial)
            except UNKNOWN:
                time.sleep(0.5)
        return _run(self._session, statement, values, serial=serial)
