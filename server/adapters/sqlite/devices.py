"""Devices, tokens and challenges on SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, replace
from typing import Any

from server.domain.accounts import Challenge, Device
from server.kit.database import Database
from server.ports.accounts import Secrets

_DEVICE = "SELECT device_id, account_id, name, is_primary, created_at_ms, active_at_ms FROM devices"
_CHALLENGE = (
    "SELECT challenge_id, purpose, handle, account_id, code_hash, device_name, tries, approval, created_at_ms FROM challenges"
)


class SqliteDevices:
    """The port `Devices`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, device: Device, secrets: Secrets) -> None:
        """See `Devices.add`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO devices VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    device.device_id,
                    device.account_id,
                    device.name,
                    int(device.primary),
                    device.created_at_ms,
                    device.active_at_ms,
                    *astuple(secrets),
                ),
            )

        await self._database.write(work)

    async def of_account(self, account_id: str) -> list[Device]:
        """See `Devices.of_account`."""

        def work(connection: sqlite3.Connection) -> list[Device]:
            order = " WHERE account_id=? ORDER BY is_primary DESC, created_at_ms, device_id"
            return [_device(row) for row in connection.execute(_DEVICE + order, (account_id,))]

        return await self._database.read(work)

    async def rename(self, device_id: str, name: str) -> None:
        """See `Devices.rename`."""
        await self._write("UPDATE devices SET name=? WHERE device_id=?", name, device_id)

    async def remove(self, device_id: str) -> None:
        """See `Devices.remove`."""
        await self._write("DELETE FROM devices WHERE device_id=?", device_id)

    async def touch(self, device_id: str, at_ms: int) -> None:
        """See `Devices.touch`."""
        await self._write("UPDATE devices SET active_at_ms=max(active_at_ms, ?) WHERE device_id=?", at_ms, device_id)

    async def replace_secrets(self, device_id: str, secrets: Secrets) -> str:
        """See `Devices.replace_secrets`."""

        def work(connection: sqlite3.Connection) -> str:
            connection.execute(
                "UPDATE devices SET access_hash=?, access_until_ms=?, refresh_hash=?, refresh_until_ms=? WHERE device_id=?",
                (*astuple(secrets), device_id),
            )
            row = connection.execute("SELECT account_id FROM devices WHERE device_id=?", (device_id,)).fetchone()
            return "" if row is None else str(row[0])

        return await self._database.write(work)

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """See `Devices.by_access`."""

        def work(connection: sqlite3.Connection) -> Device | None:
            columns = _DEVICE.replace(" FROM", ", access_until_ms FROM")
            where = " WHERE access_hash=? AND access_until_ms>?"
            row = connection.execute(columns + where, (access_hash, now_ms)).fetchone()
            return None if row is None else replace(_device(row), access_until_ms=row[6])

        return await self._database.read(work)

    async def exchange(self, refresh_hash: str, secrets: Secrets, now_ms: int) -> Device | str | None:
        """See `Devices.exchange`."""

        def work(connection: sqlite3.Connection) -> Device | str | None:
            where = " WHERE refresh_hash=? AND refresh_until_ms>?"
            row = connection.execute(_DEVICE + where, (refresh_hash, now_ms)).fetchone()
            if row is None:
                spent = connection.execute("SELECT device_id FROM spent_tokens WHERE refresh_hash=?", (refresh_hash,)).fetchone()
                if spent is None:
                    return None
                again = " WHERE device_id=? AND access_hash=? AND refresh_hash=?"
                row = connection.execute(_DEVICE + again, (spent[0], secrets.access_hash, secrets.refresh_hash)).fetchone()
                return str(spent[0]) if row is None else _device(row)
            connection.execute("INSERT INTO spent_tokens VALUES (?,?)", (refresh_hash, row[0]))
            connection.execute(
                "UPDATE devices SET access_hash=?, access_until_ms=?, refresh_hash=?, refresh_until_ms=? WHERE device_id=?",
                (*astuple(secrets), row[0]),
            )
            return _device(row)

        return await self._database.write(work)

    async def _write(self, statement: str, *values: Any) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        await self._database.write(work)


class SqliteChallenges:
    """The port `Challenges`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, challenge: Challenge) -> None:
        """See `Challenges.put`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO challenges VALUES (?,?,?,?,?,?,?,?,?)", astuple(challenge))

        await self._database.write(work)

    async def get(self, challenge_id: str) -> Challenge | None:
        """See `Challenges.get`."""

        def work(connection: sqlite3.Connection) -> Challenge | None:
            row = connection.execute(_CHALLENGE + " WHERE challenge_id=?", (challenge_id,)).fetchone()
            return None if row is None else Challenge(*row)

        return await self._database.read(work)

    async def count_try(self, challenge_id: str) -> int:
        """See `Challenges.count_try`."""

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("UPDATE challenges SET tries=tries+1 WHERE challenge_id=?", (challenge_id,))
            row = connection.execute("SELECT tries FROM challenges WHERE challenge_id=?", (challenge_id,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._database.write(work)

    async def remove(self, challenge_id: str) -> bool:
        """See `Challenges.remove`."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM challenges WHERE challenge_id=?", (challenge_id,)).rowcount > 0

        return await self._database.write(work)

    async def waiting(self, account_id: str, since_ms: int) -> list[Challenge]:
        """See `Challenges.waiting`."""

        def work(connection: sqlite3.Connection) -> list[Challenge]:
            where = " WHERE account_id=? AND purpose='login' AND approval='' AND created_at_ms>=? ORDER BY created_at_ms"
            return [Challenge(*row) for row in connection.execute(_CHALLENGE + where, (account_id, since_ms))]

        return await self._database.read(work)


def _device(row: tuple[Any, ...]) -> Device:
    return Device(row[0], row[1], row[2], bool(row[3]), row[4], row[5])
