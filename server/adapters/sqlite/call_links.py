"""Links into calls on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from server.domain.call_links import CallLink
from server.kit.database import Database

_SELECT = "SELECT link_id, token_hash, maker_id, conversation_id, approval, created_at_ms, used_at_ms FROM call_links"
_ONE = " WHERE maker_id=? AND link_id=?"


class SqliteCallLinks:
    """The port `CallLinks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, link: CallLink) -> None:
        """See `CallLinks.add`."""
        row = (
            link.link_id,
            link.token_hash,
            link.maker_id,
            link.conversation_id,
            link.approval,
            link.created_at_ms,
            link.used_at_ms,
        )
        await self._database.write(lambda connection: connection.execute("INSERT INTO call_links VALUES (?,?,?,?,?,?,?)", row))

    async def of_maker(self, maker_id: str) -> Sequence[CallLink]:
        """See `CallLinks.of_maker`."""

        def work(connection: sqlite3.Connection) -> list[CallLink]:
            rows = connection.execute(_SELECT + " WHERE maker_id=? ORDER BY created_at_ms, link_id", (maker_id,))
            return [_link(row) for row in rows]

        return await self._database.read(work)

    async def find(self, maker_id: str, link_id: str) -> CallLink | None:
        """See `CallLinks.find`."""
        return await self._database.read(lambda connection: _found(connection, _ONE, maker_id, link_id))

    async def get(self, token_hash: str) -> CallLink | None:
        """See `CallLinks.get`."""
        return await self._database.read(lambda connection: _found(connection, " WHERE token_hash=?", token_hash))

    async def set_approval(self, maker_id: str, link_id: str, approval: bool) -> CallLink | None:
        """See `CallLinks.set_approval`."""

        def work(connection: sqlite3.Connection) -> CallLink | None:
            connection.execute("UPDATE call_links SET approval=?" + _ONE, (approval, maker_id, link_id))
            return _found(connection, _ONE, maker_id, link_id)

        return await self._database.write(work)

    async def touch(self, maker_id: str, link_id: str, used_at_ms: int) -> bool:
        """See `CallLinks.touch`."""

        def work(connection: sqlite3.Connection) -> bool:
            update = "UPDATE call_links SET used_at_ms=max(used_at_ms, ?)" + _ONE
            return connection.execute(update, (used_at_ms, maker_id, link_id)).rowcount > 0

        return await self._database.write(work)

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """See `CallLinks.remove`."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM call_links" + _ONE, (maker_id, link_id)).rowcount > 0

        return await self._database.write(work)


def _found(connection: sqlite3.Connection, where: str, *values: str) -> CallLink | None:
    row = connection.execute(_SELECT + where, values).fetchone()
    return None if row is None else _link(row)


def _link(row: tuple[Any, ...]) -> CallLink:
    return CallLink(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])
