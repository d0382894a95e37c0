"""Memberships and positions on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from server.domain import ranges
from server.kit.database import Database
from server.ports.log import Hint, PositionRow

_JOIN = """
INSERT INTO memberships (account_id, conversation_id, stamp, left_seq) VALUES (?,?,?,?)
ON CONFLICT DO UPDATE SET stamp=excluded.stamp, left_seq=excluded.left_seq WHERE excluded.stamp > stamp
"""


class SqliteMemberships:
    """`Memberships` over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self, account_ids: Sequence[str], conversation_id: str, expected_head: int) -> None:
        """See `Memberships.join`."""
        await self._put(account_ids, conversation_id, 2 * (expected_head + 1), 0)

    async def leave(self, account_ids: Sequence[str], conversation_id: str, left_seq: int) -> None:
        """See `Memberships.leave`."""
        await self._put(account_ids, conversation_id, 2 * left_seq + 1, left_seq)

    async def _put(self, account_ids: Sequence[str], conversation_id: str, stamp: int, left_seq: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_JOIN, [(account, conversation_id, stamp, left_seq) for account in account_ids])

        await self._database.write(work)

    async def of_account(self, account_id: str) -> Sequence[Hint]:
        """See `Memberships.of_account`."""

        def work(connection: sqlite3.Connection) -> list[Hint]:
            rows = connection.execute(
                "SELECT conversation_id, left_seq, read_seq FROM memberships WHERE account_id=?", (account_id,)
            )
            return [Hint(*row) for row in rows]

        return await self._database.read(work)

    async def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        """See `Memberships.read`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE memberships SET read_seq=max(read_seq, ?) WHERE account_id=? AND conversation_id=?",
                [(seq, account_id, conversation_id) for conversation_id, seq in reads.items()],
            )

        await self._database.write(work)

    async def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        """See `Memberships.forget`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM memberships WHERE account_id=? AND conversation_id=? AND left_seq=? AND left_seq>0",
                (account_id, conversation_id, left_seq),
            )

        await self._database.write(work)


class SqlitePositions:
    """`Positions` over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def raise_to(self, rows: Sequence[PositionRow]) -> None:
        """See `Positions.raise_to`."""

        def work(connection: sqlite3.Connection) -> None:
            for row in rows:
                key = (row.conversation_id, row.device_id)
                stored = connection.execute(
                    "SELECT acked, read, skipped FROM positions WHERE conversation_id=? AND device_id=?", key
                ).fetchone()
                acked, read, skipped = stored or (0, 0, "")
                runs = ranges.union(ranges.from_text(skipped), row.skipped)
                connection.execute(
                    "INSERT OR REPLACE INTO positions VALUES (?,?,?,?,?,?)",
                    (
                        row.conversation_id,
                        row.account_id,
                        row.device_id,
                        max(acked, row.acked),
                        max(read, row.read),
                        ranges.to_text(runs),
                    ),
                )

        await self._database.write(work)

    async def of_conversation(self, conversation_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_conversation`."""
        return await self._select("conversation_id=?", conversation_id)

    async def of_device(self, device_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_device`."""
        return await self._select("device_id=?", device_id)

    async def _select(self, where: str, value: str) -> list[PositionRow]:
        def work(connection: sqlite3.Connection) -> list[PositionRow]:
            rows = connection.execute(
                f"SELECT conversation_id, account_id, device_id, acked, read, skipped FROM positions WHERE {where}",  # noqa: S608 -- constants only
                (value,),
            )
            return [PositionRow(*row[:5], ranges.from_text(row[5])) for row in rows]  # type: ignore[call-arg]

        return await self._database.read(work)
