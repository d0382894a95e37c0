"""What is stored, whichever store it is: part of the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.opening import open_cql
from server.adapters.metrics import Reading
from server.adapters.sqlite.accounts import SqliteAccounts, SqliteContacts
from server.adapters.sqlite.call_links import SqliteCallLinks
from server.adapters.sqlite.devices import SqliteChallenges, SqliteDevices
from server.adapters.sqlite.log import SqliteLog
from server.adapters.sqlite.positions import SqliteMemberships, SqlitePositions
from server.adapters.sqlite.services import SqliteServiceTokens
from server.kit.database import Database, open_beside, open_database
from server.kit.system import SystemClock
from server.kit.waiting import until_open
from server.measured import cql_readings
from server.ports.accounts import AccountMarks, Accounts, Challenges, Contacts, Devices
from server.ports.call_links import CallLinks
from server.ports.log import Log, LogRetention, Memberships, Positions
from server.ports.services import ServiceTokens
from server.settings import Settings, copies

STORE = "tidewire.db"
"""The embedded store, in the data folder."""


@dataclass(frozen=True, slots=True)
class Stores:
    """One adapter for each storage port."""

    log: Log
    retention: LogRetention
    memberships: Memberships
    positions: Positions
    accounts: Accounts
    marks: AccountMarks
    contacts: Contacts
    devices: Devices
    challenges: Challenges
    service_tokens: ServiceTokens
    call_links: CallLinks
    readings: Callable[[], Iterable[Reading]] = tuple
    """What the store says about itself at a scrape."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    """The stores that the settings name, closed when the block ends. A database that is not there yet is waited for.

    Raises:
        StoreError: the store cannot be opened, or did not come in time.
        OSError: the data folder cannot be written.
    """
    if settings.store == "cql":
        async with _cql(settings) as stores:
            yield stores
    else:
        async with _sqlite(await open_database(settings.data_dir / STORE)) as stores:
            yield stores


@asynccontextmanager
async def opened_beside(settings: Settings) -> AsyncIterator[Stores]:
    """The same, for a command that an operator runs beside a node, or without one.

    Raises:
        StoreError: the store cannot be opened, or a node of another version uses it.
        OSError: the data folder cannot be written.
    """
    if settings.store == "cql":
        async with _cql(settings) as stores:
            yield stores
    else:
        async with _sqlite(await open_beside(settings.data_dir / STORE)) as stores:
            yield stores


@asynccontextmanager
async def _sqlite(database: Database) -> AsyncIterator[Stores]:
    log, accounts = SqliteLog(database), SqliteAccounts(database)
    try:
        yield Stores(
            log,
            log,
            SqliteMemberships(database),
            SqlitePositions(database),
            accounts,
            accounts,
            SqliteContacts(database),
            SqliteDevices(database),
            SqliteChallenges(database),
            SqliteServiceTokens(database),
            SqliteCallLinks(database),
        )
    finally:
        await database.close()


@asynccontextmanager
async def _cql(settings: Settings) -> AsyncIterator[Stores]:
    clock, limits = SystemClock(), settings.limits
    kept = await until_open(
        lambda: open_cql(cql_settings(settings), clock, retention_s=limits.retention_s, link_idle_s=limits.call_link_idle_s),
        settings.store_wait_s,
        clock,
    )
    try:
        yield Stores(
            kept.log,
            kept.log,
            kept.memberships,
            kept.positions,
            kept.accounts,
            kept.accounts,
            kept.contacts,
            kept.devices,
            kept.challenges,
            kept.service_tokens,
            kept.call_links,
            partial(cql_readings, kept.cql.usage),
        )
    finally:
        await kept.close()


def cql_settings(settings: Settings) -> CqlSettings:
    """Where the database is."""
    return CqlSettings(
        tuple(host.strip() for host in settings.cql_hosts.split(",")),
        settings.cql_port,
        settings.cql_keyspace,
        settings.cql_dc,
        copies(settings.cql_replication),
        settings.cql_data_centres,  # type: ignore[arg-type]  # checked with the settings
        settings.cql_user,
        settings.cql_password,
        Path(settings.cql_ca) if settings.cql_ca else None,
    )
