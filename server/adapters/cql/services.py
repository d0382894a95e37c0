"""Tokens of internal services on CQL."""

from __future__ import annotations

from collections.abc import Sequence

from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.domain.service_tokens import Scope, ServiceToken

_COLUMNS = "name, secret_hash, scopes, account_id, device_id, created_at_ms"
ADD = Statement(f"INSERT INTO service_tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS", Kind.CONDITIONAL)  # noqa: S608
GET = Statement(f"SELECT {_COLUMNS} FROM service_tokens WHERE name = ?", Kind.READ)  # noqa: S608 -- constants only
GET_SERIAL = Statement(f"SELECT {_COLUMNS} FROM service_tokens WHERE name = ?", Kind.SERIAL_READ)  # noqa: S608
ALL = Statement(f"SELECT {_COLUMNS} FROM service_tokens", Kind.READ)  # noqa: S608
REMOVE = Statement("DELETE FROM service_tokens WHERE name = ? IF secret_hash = ?", Kind.CONDITIONAL)
STATEMENTS = (ADD, GET, GET_SERIAL, ALL, REMOVE)


class CqlServiceTokens:
    """The port `ServiceTokens`."""

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def add(self, token: ServiceToken) -> bool:
        """See `ServiceTokens.add`."""
        scopes = " ".join(scope.value for scope in token.scopes)
        values = (token.name, token.secret_hash, scopes, token.account_id, token.device_id, token.created_at_ms)
        applied = await self._cql.settled(Bound(ADD, values))
        return bool(applied) if applied is not None else await self._serial(token.name) == token

    async def get(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.get`."""
        rows = await self._cql.read(GET, name)
        return _token(rows[0]) if rows else None

    async def all(self) -> Sequence[ServiceToken]:
        """See `ServiceTokens.all`."""
        return sorted((_token(row) for row in await self._cql.read(ALL)), key=lambda token: token.name)

    async def remove(self, name: str) -> ServiceToken | None:
        """See `ServiceTokens.remove`."""
        token = await self._serial(name)
        if token is not None:
            await self._cql.settled(Bound(REMOVE, (name, token.secret_hash)))
        return token

    async def _serial(self, name: str) -> ServiceToken | None:
        rows = await self._cql.read(GET_SERIAL, name)
        return _token(rows[0]) if rows else None


def _token(row: Row) -> ServiceToken:
    return ServiceToken(row[0], row[1], tuple(Scope(scope) for scope in row[2].split()), *row[3:])
