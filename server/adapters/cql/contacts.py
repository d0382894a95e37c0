"""Contacts and blocks on CQL."""

from __future__ import annotations

import asyncio

from server.adapters.cql.session import Cql, Kind, Statement

PUT = Statement("INSERT INTO contacts (account_id, other_id, name, listed) VALUES (?, ?, ?, ?)", Kind.WRITE)
CONTACTS = Statement("SELECT other_id, name, listed FROM contacts WHERE account_id = ?", Kind.READ)
FORGET_CONTACTS = Statement("DELETE FROM contacts WHERE account_id = ?", Kind.WRITE)
BLOCK = Statement("INSERT INTO blocks (account_id, other_id, blocked) VALUES (?, ?, ?)", Kind.WRITE)
BLOCKS = Statement("SELECT other_id, blocked FROM blocks WHERE account_id = ?", Kind.READ)
FORGET_BLOCKS = Statement("DELETE FROM blocks WHERE account_id = ?", Kind.WRITE)
STATEMENTS = (PUT, CONTACTS, FORGET_CONTACTS, BLOCK, BLOCKS, FORGET_BLOCKS)


class CqlContacts:
    """The port `Contacts`. What is removed is marked so, and loses its name."""

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def put(self, account_id: str, other_id: str, name: str) -> None:
        """See `Contacts.put`."""
        await self._cql.write(PUT, account_id, other_id, name, True)

    async def remove(self, account_id: str, other_id: str) -> None:
        """See `Contacts.remove`."""
        await self._cql.write(PUT, account_id, other_id, "", False)

    async def of_account(self, account_id: str) -> dict[str, str]:
        """See `Contacts.of_account`."""
        return {row[0]: row[1] for row in await self._cql.read(CONTACTS, account_id) if row[2]}

    async def block(self, account_id: str, other_id: str, blocked: bool) -> None:
        """See `Contacts.block`."""
        await self._cql.write(BLOCK, account_id, other_id, blocked)

    async def blocked(self, account_id: str) -> list[str]:
        """See `Contacts.blocked`."""
        return [row[0] for row in await self._cql.read(BLOCKS, account_id) if row[1]]

    async def forget(self, account_id: str) -> None:
        """The account is deleted."""
        await asyncio.gather(self._cql.write(FORGET_CONTACTS, account_id), self._cql.write(FORGET_BLOCKS, account_id))
