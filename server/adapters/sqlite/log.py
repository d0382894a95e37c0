"""The log on SQLite: an append moves the row of `heads` in the transaction that writes the entries."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from server.adapters.sqlite.database import Database
from server.domain.envelope import DELETED, Change, Entry, Header, MemberAction, MemberChange, Role
from server.ports.log import Appended, AppendOutcome, Behind, Head, Reload, Snapshot

_COLUMNS = (
    "seq, envelope_id, sender_id, device_id, kind, at_ms, expires_at_ms, target_seq, visible_count, sealed, withheld_from,"
    " change, body"
)
_INSERT = f"INSERT INTO entries (number, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 -- constants only
_SELECT = f"SELECT {_COLUMNS} FROM entries WHERE number=? AND seq>? ORDER BY seq LIMIT ?"  # noqa: S608


class SqliteLog:
    """`Log` and `LogRetention` over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        """See `Log.append`. SQLite's outcomes are never unknown: a commit that fails has written nothing."""
        rows = [_row(entry) for entry in entries]
        at_ms = entries[-1].header.at_ms

        def work(connection: sqlite3.Connection) -> AppendOutcome:
            found = connection.execute(
                "SELECT number, head, floor FROM heads WHERE conversation_id=?", (conversation_id,)
            ).fetchone()
            if found is None:
                if expected_head:
                    return Reload()
                number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM heads").fetchone()[0]
                connection.execute(
                    "INSERT INTO heads (conversation_id, number, head, changed_at_ms) VALUES (?,?,?,?)",
                    (conversation_id, number, len(rows), at_ms),
                )
            else:
                number, head, floor = found
                if head != expected_head:
                    if expected_head < floor:
                        return Reload()
                    since = connection.execute(_SELECT, (number, expected_head, -1)).fetchall()
                    return Behind(tuple(_entry(row) for row in since))
                connection.execute(
                    "UPDATE heads SET head=?, changed_at_ms=? WHERE conversation_id=?",
                    (head + len(rows), at_ms, conversation_id),
                )
            connection.executemany(_INSERT, [(number, *row) for row in rows])
            return Appended(expected_head + 1)

        return await self._database.write(work)

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
            return [_entry(row) for row in connection.execute(_SELECT, (number, after_seq, limit))]

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


def _row(entry: Entry) -> tuple[Any, ...]:
    seq, header, body = entry
    return (
        seq,
        header.envelope_id,
        header.sender_id,
        header.device_id,
        header.kind,
        header.at_ms,
        header.expires_at_ms,
        header.target_seq,
        header.visible_count,
        int(header.sealed),
        header.withheld_from,
        None if header.change is None else _change_text(header.change),
        body,
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    change = None if row[11] is None else _change(row[11])
    return Entry(row[0], Header(*row[1:9], bool(row[9]), row[10], change), row[12])  # type: ignore[call-arg]


def _change_text(change: Change) -> str:
    setting = change.setting and [change.setting[0], base64.b64encode(change.setting[1]).decode()]
    return json.dumps([[[*m] for m in change.members], change.title, change.description, setting])


def _change(text: str) -> Change:
    members, title, description, setting = json.loads(text)
    return Change(
        tuple(MemberChange(account, MemberAction(action), Role(role)) for account, action, role in members),
        title,
        description,
        setting and (setting[0], base64.b64decode(setting[1])),
    )
