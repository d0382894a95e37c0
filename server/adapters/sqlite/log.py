"""The log on SQLite: an append moves the row of `heads` in the transaction that writes the entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Mapping, Sequence

from server.adapters.sqlite.appending import SELECT, Appending, entry_of
from server.domain.envelope import DELETED, Entry
from server.kit.database import Database
from server.ports.log import AppendOutcome, Head, Snapshot


class SqliteLog:
    """`Log` and `LogRetention` over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._appending = Appending(database)

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> Awaitable[AppendOutcome]:
        """See `Log.append`."""
        return self._appending.append(conversation_id, expected_head, entries)

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, Head]:
        """See `Log.heads`."""

        def work(connection: sqlite3.Connection) -> dict[str, Head]:
            marks = ",".join("?" * len(conversation_ids))
            rows = connection.execute(
                f"SELECT conversation_id, head, floor, trimmed, changed_at_ms FROM heads WHERE conversation_id IN ({marks})",  # noqa: S608
                list(conversation_ids),
            )
            return {row[0]: Head(*row[1:]) for row in rows}

        return await self._database.read(work)

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> Sequence[Entry]:
        """See `Log.entries`."""

        def work(connection: sqlite3.Connection) -> list[Entry]:
            number = _number(connection, conversation_id)
            return [entry_of(row) for row in connection.execute(SELECT, (number, after_seq, limit))]

        return await self._database.read(work)

    async def snapshot(self, conversation_id: str) -> Snapshot | None:
        """See `Log.snapshot`."""

        def work(connection: sqlite3.Connection) -> Snapshot | None:
            row = connection.execute(
                "SELECT as_of_seq, fold FROM snapshots WHERE conversation_id=?", (conversation_id,)
            ).fetchone()
            return None if row is None else Snapshot(*row)

        return await self._database.read(work)

    async def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        """See `Log.save_snapshot`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO snapshots VALUES (?,?,?) ON CONFLICT DO UPDATE SET as_of_seq=excluded.as_of_seq,"
                " fold=excluded.fold WHERE excluded.as_of_seq > as_of_seq",
                (conversation_id, snapshot.as_of_seq, snapshot.fold),
            )

        await self._database.write(work)

    async def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        """See `Log.empty_bodies`."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT number, trimmed FROM heads WHERE conversation_id=?", (conversation_id,)).fetchone()
            if row is None or row[1] >= up_to_seq:
                return
            connection.execute(
                "UPDATE entries SET body=NULL WHERE number=? AND seq>? AND seq<=? AND body<>?",
                (row[0], row[1], up_to_seq, DELETED),
            )
            connection.execute("UPDATE heads SET trimmed=min(?, head) WHERE conversation_id=?", (up_to_seq, conversation_id))

        await self._database.write(work)

    async def delete_body(self, conversation_id: str, seq: int) -> None:
        """See `Log.delete_body`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE entries SET body=? WHERE number=? AND seq=?",
                (DELETED, _number(connection, conversation_id), seq),
            )

        await self._database.write(work)

    async def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        """See `LogRetention.drop_headers`."""

        def work(connection: sqlite3.Connection) -> None:
            number = _number(connection, conversation_id)
            connection.execute("DELETE FROM entries WHERE number=? AND seq<=?", (number, up_to_seq))
            connection.execute(
                "UPDATE heads SET floor=max(floor, min(?, head)), trimmed=max(trimmed, min(?, head)) WHERE conversation_id=?",
                (up_to_seq, up_to_seq, conversation_id),
            )

        await self._database.write(work)

    async def conversations(self, after_id: str, limit: int) -> Sequence[str]:
        """See `LogRetention.conversations`."""

        def work(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "SELECT conversation_id FROM heads WHERE conversation_id>? ORDER BY conversation_id LIMIT ?",
                (after_id, limit),
            )
            return [row[0] for row in rows]

        return await self._database.read(work)

    async def epoch(self) -> str:
        """See `LogRetention.epoch`."""

        def work(connection: sqlite3.Connection) -> str:
            return str(connection.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()[0])

        return await self._database.read(work)


def _number(connection: sqlite3.Connection, conversation_id: str) -> int:
    row = connection.execute("SELECT number FROM heads WHERE conversation_id=?", (conversation_id,)).fetchone()
    return 0 if row is None else int(row[0])
