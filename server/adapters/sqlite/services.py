"""Tokens of internal services on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from server.domain.service_tokens import Scope, ServiceToken
from server.kit.database import Database

_SELECT = "SELECT name, secret_hash, scopes, account_id, device_id, created_at_ms FROM service_tokens"


class SqliteServiceTokens:
    """The port `ServiceTokens`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: ServiceToken) -> bool:
        """See `ServiceTokens.add`."""

        def work(connection: sqlite3.Connection) -> bool:
            scopes = " ".join(scope.value for scope in token.scopes)
            row = (token.name, token.secret_hash, scopes, token.account_id, token.device_id, token.created_at_ms)
            return connection.execute("INSERT OR IGNORE INTO service_tokens VALUES (?,?,?,?,?,?)", row).rowcount > 0

        return await self._database.write(work)

    async def get(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.get`."""
        return await self._database.read(lambda connection: _one(connection, name))

    async def all(self) -> Sequence[ServiceToken]:
        """See `ServiceTokens.all`."""

        def work(connection: sqlite3.Connection) -> list[ServiceToken]:
            return [_token(row) for row in connection.execute(_SELECT + " ORDER BY name")]

        return await self._database.read(work)

    async def remove(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.remove`."""

        def work(connection: sqlite3.Connection) -> ServiceToken | None:
            token = _one(connection, name)
            connection.execute("DELETE FROM service_tokens WHERE name=?", (name,))
            return token

        return await self._database.write(work)


def _one(connection: sqlite3.Connection, name: str) -> ServiceToken | None:
    row = connection.execute(_SELECT + " WHERE name=?", (name,)).fetchone()
    return None if row is None else _token(row)


def _token(row: tuple[Any, ...]) -> ServiceToken:
    return ServiceToken(row[0], row[1], tuple(Scope(scope) for scope in row[2].split()), *row[3:])
