"""Accounts and contacts on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from server.domain.accounts import Account, Audience, Marks, Privacy
from server.domain.avatar import Avatar
from server.kit.database import Database

_SELECT = (
    "SELECT account_id, display_name, bio, privacy, created_at_ms, last_seen_ms, marks, avatar FROM accounts"
    " WHERE deleted=0 AND account_id=?"
)


class SqliteAccounts:
    """The ports `Accounts` and `AccountMarks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: Account, recovery_hash: str) -> bool:
        """See `Accounts.add`."""

        def work(connection: sqlite3.Connection) -> bool:
            if not _take(connection, account):
                return False
            connection.execute(
                "INSERT INTO accounts (account_id, display_name, bio, recovery_hash, privacy, created_at_ms, marks)"
                " VALUES (?,?,?,?,?,?,?)",
                (
                    account.account_id,
                    account.display_name,
                    account.bio,
                    recovery_hash,
                    _privacy_text(account.privacy),
                    account.created_at_ms,
                    json.dumps(asdict(account.marks)),
                ),
            )
            return True

        return await self._database.write(work)

    async def update(self, account: Account) -> bool:
        """See `Accounts.update`."""

        def work(connection: sqlite3.Connection) -> bool:
            if not _take(connection, account):
                return False
            connection.execute(
                "UPDATE accounts SET display_name=?, bio=?, privacy=? WHERE account_id=?",
                (account.display_name, account.bio, _privacy_text(account.privacy), account.account_id),
            )
            return True

        return await self._database.write(work)

    async def set_avatar(self, account_id: str, avatar: Avatar | None) -> Avatar | None:
        """See `Accounts.set_avatar`."""

        def work(connection: sqlite3.Connection) -> Avatar | None:
            before = _account(connection, account_id)
            if before is None:
                return None
            connection.execute("UPDATE accounts SET avatar=? WHERE account_id=?", (_avatar_text(avatar), account_id))
            return before.avatar

        return await self._database.write(work)

    async def get(self, account_ids: Sequence[str]) -> list[Account]:
        """See `Accounts.get`."""

        def work(connection: sqlite3.Connection) -> list[Account]:
            found = (_account(connection, account_id) for account_id in account_ids)
            return [account for account in found if account is not None]

        return await self._database.read(work)

    async def find(self, handle: str) -> Account | None:
        """See `Accounts.find`."""

        def work(connection: sqlite3.Connection) -> Account | None:
            row = connection.execute("SELECT account_id FROM handles WHERE handle=?", (handle,)).fetchone()
            return None if row is None else _account(connection, row[0])

        return await self._database.read(work)

    async def recovery_hash(self, account_id: str) -> str:
        """See `Accounts.recovery_hash`."""

        def work(connection: sqlite3.Connection) -> str:
            row = connection.execute(
                "SELECT recovery_hash FROM accounts WHERE deleted=0 AND account_id=?", (account_id,)
            ).fetchone()
            return "" if row is None else str(row[0])

        return await self._database.read(work)

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Accounts.save_last_seen`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE accounts SET last_seen_ms=max(last_seen_ms, ?) WHERE account_id=?", (at_ms, account_id))

        await self._database.write(work)

    async def mark(self, account_id: str, marks: Marks) -> bool:
        """See `AccountMarks.mark`."""

        def work(connection: sqlite3.Connection) -> bool:
            given = (json.dumps(asdict(marks)), account_id)
            return connection.execute("UPDATE accounts SET marks=? WHERE deleted=0 AND account_id=?", given).rowcount > 0

        return await self._database.write(work)

    async def delete(self, account_id: str) -> None:
        """See `Accounts.delete`."""

        def work(connection: sqlite3.Connection) -> None:
            for table in ("handles", "devices", "contacts", "blocks", "challenges"):
                connection.execute(f"DELETE FROM {table} WHERE account_id=?", (account_id,))  # noqa: S608
            connection.execute(
                "UPDATE accounts SET deleted=1, display_name='', bio='', recovery_hash='', last_seen_ms=0, avatar=''"
                " WHERE account_id=?",
                (account_id,),
            )

        await self._database.write(work)


class SqliteContacts:
    """The port `Contacts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, account_id: str, other_id: str, name: str) -> None:
        """See `Contacts.put`."""
        await self._write("INSERT OR REPLACE INTO contacts VALUES (?,?,?)", account_id, other_id, name)

    async def remove(self, account_id: str, other_id: str) -> None:
        """See `Contacts.remove`."""
        await self._write("DELETE FROM contacts WHERE account_id=? AND other_id=?", account_id, other_id)

    async def of_account(self, account_id: str) -> dict[str, str]:
        """See `Contacts.of_account`."""
        rows = await self._rows("SELECT other_id, name FROM contacts WHERE account_id=? ORDER BY other_id", account_id)
        return {row[0]: row[1] for row in rows}

    async def block(self, account_id: str, other_id: str, blocked: bool) -> None:
        """See `Contacts.block`."""
        statement = (
            "INSERT OR IGNORE INTO blocks VALUES (?,?)" if blocked else "DELETE FROM blocks WHERE account_id=? AND other_id=?"
        )
        await self._write(statement, account_id, other_id)

    async def blocked(self, account_id: str) -> list[str]:
        """See `Contacts.blocked`."""
        rows = await self._rows("SELECT other_id FROM blocks WHERE account_id=? ORDER BY other_id", account_id)
        return [row[0] for row in rows]

    async def _write(self, statement: str, *values: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, values)

        await self._database.write(work)

    async def _rows(self, statement: str, *values: str) -> list[Any]:
        def work(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(statement, values).fetchall()

        return await self._database.read(work)


def _take(connection: sqlite3.Connection, account: Account) -> bool:
    """Give the account exactly its handles; False when one of them is another's."""
    handles = [f"{kind}:{value}" for kind, value in account.handles.items()]
    for handle in handles:
        row = connection.execute("SELECT account_id FROM handles WHERE handle=?", (handle,)).fetchone()
        if row is not None and row[0] != account.account_id:
            return False
    connection.execute("DELETE FROM handles WHERE account_id=?", (account.account_id,))
    connection.executemany("INSERT INTO handles VALUES (?,?)", [(handle, account.account_id) for handle in handles])
    return True


def _account(connection: sqlite3.Connection, account_id: str) -> Account | None:
    row = connection.execute(_SELECT, (account_id,)).fetchone()
    if row is None:
        return None
    handles = connection.execute("SELECT handle FROM handles WHERE account_id=?", (account_id,))
    split = (handle.partition(":") for (handle,) in handles)
    named = {kind: value for kind, _, value in split}
    marks, avatar = Marks(**json.loads(row[6])), Avatar(*json.loads(row[7])) if row[7] else None
    return Account(row[0], row[1], row[2], named, _privacy(row[3]), row[4], row[5], marks, avatar)


def _avatar_text(avatar: Avatar | None) -> str:
    return "" if avatar is None else json.dumps(avatar)


def _privacy_text(privacy: Privacy) -> str:
    return json.dumps({name: getattr(privacy, name) for name in Privacy.__slots__})


def _privacy(text: str) -> Privacy:
    data = json.loads(text)
    return Privacy(
        Audience(data["last_seen"]),
        tuple(data["last_seen_except"]),
        data["read_receipts"],
        Audience(data["add_to_groups"]),
        tuple(data["add_to_groups_except"]),
        data["findable"],
        data.get("silence_strangers", False),  # not in what was stored before there were calls
        Audience(data.get("avatar", Audience.EVERYONE)),  # not in what was stored before there were pictures
        tuple(data.get("avatar_except", ())),
    )
