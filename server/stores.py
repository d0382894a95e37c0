"""What is stored, whichever store it is: part of the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.adapters.sqlite.accounts import SqliteAccounts, SqliteContacts
from server.adapters.sqlite.database import open_database
from server.adapters.sqlite.devices import SqliteChallenges, SqliteDevices
from server.adapters.sqlite.log import SqliteLog
from server.adapters.sqlite.positions import SqliteMemberships, SqlitePositions
from server.ports.accounts import Accounts, Challenges, Contacts, Devices
from server.ports.log import Log, LogRetention, Memberships, Positions
from server.settings import Settings

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
    contacts: Contacts
    devices: Devices
    challenges: Challenges


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    """The stores that the settings name, closed when the block ends.

    Raises:
        StoreError: the store cannot be opened.
        OSError: the data folder cannot be written.
    """
    database = await open_database(settings.data_dir / STORE)
    log = SqliteLog(database)
    try:
        yield Stores(
            log,
            log,
            SqliteMemberships(database),
            SqlitePositions(database),
            SqliteAccounts(database),
            SqliteContacts(database),
            SqliteDevices(database),
            SqliteChallenges(database),
        )
    finally:
        await database.close()
