"""What the device keeps: one SQLite file, owned by one process, written by one thread. A frame is one transaction."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tidewire import reading
from tidewire.domain import position
from tidewire.domain.outbox import Item, State
from tidewire.domain.position import Position
from tidewire.errors import StoreBroken, StoreInUse, TidewireError
from tidewire.events import Message
from tidewire.media import media_of
from tidewire.v1 import envelope_pb2

T = TypeVar("T")

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL DEFAULT '', members TEXT NOT NULL DEFAULT '', position INTEGER NOT NULL DEFAULT 0,
    head INTEGER NOT NULL DEFAULT 0, read_seq INTEGER NOT NULL DEFAULT 0, read_echoed INTEGER NOT NULL DEFAULT 0,
    delivered TEXT NOT NULL DEFAULT '', read_by TEXT NOT NULL DEFAULT '', changed_at_ms INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE envelopes (
    conversation_id TEXT NOT NULL, seq INTEGER NOT NULL, envelope_id TEXT NOT NULL, sender_id TEXT NOT NULL, kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, target_seq INTEGER NOT NULL, text TEXT NOT NULL,
    edited INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, visible INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);
CREATE UNIQUE INDEX envelope_identity ON envelopes (conversation_id, sender_id, envelope_id);
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id TEXT NOT NULL, envelope_id TEXT NOT NULL UNIQUE, known_seq INTEGER,
    transmissions INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, text TEXT NOT NULL,
    send BLOB NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (text, conversation_id UNINDEXED, seq UNINDEXED);
"""
_ROSTER = """
CREATE TABLE members (
    conversation_id TEXT NOT NULL, account_id TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (conversation_id, account_id)
) WITHOUT ROWID;
INSERT OR IGNORE INTO members SELECT c.id, m.value, '' FROM conversations c,
    json_each('["' || replace(c.members, ',', '","') || '"]') m WHERE m.value<>'';
ALTER TABLE conversations DROP COLUMN members;
ALTER TABLE conversations ADD COLUMN description TEXT NOT NULL DEFAULT '';
CREATE TABLE people (account_id TEXT PRIMARY KEY, display_name TEXT NOT NULL, username TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX envelope_target ON envelopes (conversation_id, target_seq) WHERE target_seq>0;
"""
_LOST = """
CREATE TABLE lost (
    conversation_id TEXT NOT NULL, seq INTEGER NOT NULL, envelope_id TEXT NOT NULL, sender_id TEXT NOT NULL, kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL, text TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (conversation_id, sender_id, envelope_id)
) WITHOUT ROWID;
"""
_READ_HERE = """
ALTER TABLE conversations ADD COLUMN read_here INTEGER NOT NULL DEFAULT 0;
UPDATE conversations SET read_here=read_seq WHERE read_seq>read_echoed;
ALTER TABLE conversations DROP COLUMN read_echoed;
"""
_UPLOADS = """
CREATE TABLE uploads (
    number INTEGER PRIMARY KEY AUTOINCREMENT, envelope_id TEXT NOT NULL UNIQUE, conversation_id TEXT NOT NULL, path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    caption TEXT NOT NULL, view_once INTEGER NOT NULL, fit INTEGER NOT NULL, trim_start_ms INTEGER NOT NULL,
    trim_end_ms INTEGER NOT NULL, content_type TEXT NOT NULL, expires_in_s INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    upload_id TEXT NOT NULL, reason TEXT NOT NULL, reason_limit INTEGER NOT NULL, actual INTEGER NOT NULL
);
"""
_AVATARS = """
ALTER TABLE conversations ADD COLUMN avatar TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN blurhash TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN avatar TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN blurhash TEXT NOT NULL DEFAULT '';
"""
MIGRATIONS = (_FIRST, _ROSTER, _LOST, _READ_HERE, _UPLOADS, _AVATARS)
"""One script from each version of the file to the next."""
SCHEMA = len(MIGRATIONS)


class Store:
    """The open file. Every method blocks: call it through `run`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StoreBroken(f"the store {path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreInUse(f"{path} is open in another process") from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tidewire-store")
        try:
            self.db = self._opened(path)
        except (sqlite3.Error, OSError, TidewireError) as error:
            os.close(self._lock)
            if isinstance(error, TidewireError):
                raise
            raise StoreBroken(f"the store {path} cannot be used: {error}") from error

    @staticmethod
    def _opened(path: Path) -> sqlite3.Connection:
        os.close(os.open(path, os.O_CREAT, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise TidewireError(f"{path} was written by a newer version of tidewire ({version}, this one knows {SCHEMA})")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            db.executescript(f"BEGIN;{script}PRAGMA user_version={number};COMMIT;")
        return db

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in one transaction; durable on return."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[], T]) -> T:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = work()
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result

    async def check(self) -> list[str]:
        """What is wrong with the file, as sentences."""
        try:
            found = await self.run(lambda: [str(row[0]) for row in self.db.execute("PRAGMA integrity_check(5)")])
            await self.run(lambda: self.set_meta(checked=str(time.time_ns())))
        except sqlite3.Error as error:
            return [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the file and let others have it."""
        self._thread.shutdown(wait=True)
        self.db.close()
        os.close(self._lock)

    # -- small things --------------------------------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """Account, tokens, epoch."""
        return dict(self.db.execute("SELECT key, value FROM meta").fetchall())

    def set_meta(self, **values: str) -> None:
        """Change some of them."""
        self.db.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", list(values.items()))

    def positions(self) -> dict[str, Position]:
        """Where the device is, everywhere."""
        found = {row[0]: Position(row[1], row[2]) for row in self.db.execute("SELECT id, position, head FROM conversations")}
        ahead = "SELECT e.conversation_id, e.seq FROM envelopes e JOIN conversations c ON c.id=e.conversation_id WHERE e.seq>c.position"
        for conversation_id, seq in self.db.execute(ahead):
            found[conversation_id].ahead.add(seq)
        return found

    def save_position(self, conversation_id: str, at: Position) -> None:
        """Store a position."""
        self.touch(conversation_id)
        self.db.execute("UPDATE conversations SET position=?, head=max(head, ?) WHERE id=?", (at.seq, at.head, conversation_id))

    def resync(self, conversation_id: str, start_seq: int, head: int) -> None:
        """Take a conversation from `start_seq` again; what was ticked or read above `head` was something else."""
        self.touch(conversation_id)
        row = self.db.execute("SELECT delivered, read_by FROM conversations WHERE id=?", (conversation_id,)).fetchone()
        delivered, read_by = (position.to_text(position.clipped(position.from_text(text), head)) for text in row)
        self.db.execute(
            "UPDATE conversations SET position=?, head=?, delivered=?, read_by=?, read_seq=min(read_seq, ?),"
            " read_here=min(read_here, ?) WHERE id=?",
            (start_seq, head, delivered, read_by, head, head, conversation_id),
        )

    def mark_read(self, conversation_id: str, seq: int) -> None:
        """A person has seen everything up to `seq` on this device: its own mark, and the account's position as far as it is known."""
        self.db.execute(
            "UPDATE conversations SET read_seq=max(read_seq, ?), read_here=max(read_here, ?) WHERE id=?",
            (seq, seq, conversation_id),
        )

    def marks(self) -> dict[str, int]:
        """What a person has seen on this device, by conversation; what was read on the account's other devices is not in it."""
        return dict(self.db.execute("SELECT id, read_here FROM conversations").fetchall())

    def touch(self, conversation_id: str) -> None:
        """There is such a conversation."""
        self.db.execute("INSERT OR IGNORE INTO conversations (id) VALUES (?)", (conversation_id,))

    # -- envelopes -----------------------------------------------------------------------------------------------------

    def put(self, message: Message, visible: bool, body: bytes, expires_at_ms: int = 0) -> bool:
        """Store an envelope, and what it does to others. False: it was there already."""
        self.touch(message.conversation_id)
        cursor = self.db.execute(
            "INSERT OR IGNORE INTO envelopes (conversation_id, seq, envelope_id, sender_id, kind, at_ms, expires_at_ms, target_seq,"
            " text, deleted, visible, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                message.conversation_id,
                message.seq,
                message.envelope_id,
                message.sender_id,
                message.kind,
                message.at_ms,
                expires_at_ms,
                message.target_seq,
                message.text,
                int(message.deleted),
                int(visible),
                body,
            ),
        )
        if not cursor.rowcount:
            return self._make_room(message) and self.put(message, visible, body, expires_at_ms)
        target = (message.conversation_id, message.target_seq)
        if message.kind == "edit":
            self.db.execute(
                "UPDATE envelopes SET text=?, edited=1 WHERE conversation_id=? AND seq=? AND sender_id=?",
                (message.text, *target, message.sender_id),
            )
            self.db.execute("UPDATE words SET text=? WHERE conversation_id=? AND seq=?", (message.text, *target))
        elif message.kind == "deletion":
            self.db.execute("UPDATE envelopes SET text='', body=x'', deleted=1 WHERE conversation_id=? AND seq=?", target)
            self.db.execute("DELETE FROM words WHERE conversation_id=? AND seq=?", target)
        elif visible and message.text:
            self.db.execute("INSERT INTO words VALUES (?,?,?)", (message.text, message.conversation_id, message.seq))
        self.db.execute(
            "UPDATE conversations SET changed_at_ms=max(changed_at_ms, ?) WHERE id=?", (message.at_ms, message.conversation_id)
        )
        return True

    def _make_room(self, message: Message) -> bool:
        """An envelope cannot be stored as it is. True: try again; False: it is there already.

        What stands in its way is of a log that was restored from a backup since: the same envelope at a higher seq goes, and another
        one at the same seq, which the log does not have any more, is kept as `lost`.
        """
        key = (message.conversation_id, message.sender_id, message.envelope_id)
        same = "conversation_id=? AND sender_id=? AND envelope_id=?"
        row = self.db.execute(f"SELECT seq FROM envelopes WHERE {same}", key).fetchone()  # noqa: S608 -- constants only
        if row is not None and row[0] <= message.seq:
            return False
        if row is not None:
            self.db.execute(f"DELETE FROM envelopes WHERE {same}", key)  # noqa: S608
            stale = (message.conversation_id, row[0])
        else:
            stale = (message.conversation_id, message.seq)
            columns = "conversation_id, seq, envelope_id, sender_id, kind, at_ms, text, body"
            where = "conversation_id=? AND seq=?"
            self.db.execute(
                f"INSERT OR IGNORE INTO lost ({columns}) SELECT {columns} FROM envelopes WHERE {where}",  # noqa: S608
                stale,
            )
            self.db.execute(f"DELETE FROM envelopes WHERE {where}", stale)  # noqa: S608
        self.db.execute("DELETE FROM words WHERE conversation_id=? AND seq=?", stale)
        return True

    def lost(self, account_id: str, conversation_id: str) -> list[Message]:
        """What a restored log does not have any more."""
        rows = self.db.execute(
            "SELECT conversation_id, seq, envelope_id, sender_id, kind, text, at_ms FROM lost WHERE conversation_id=? ORDER BY at_ms",
            (conversation_id,),
        )
        return [
            Message(key, seq, envelope_id, sender_id, kind, text, at_ms, sender_id == account_id)
            for key, seq, envelope_id, sender_id, kind, text, at_ms in rows
        ]

    def messages(self, account_id: str, where: str, *values: Any) -> list[Message]:
        """Stored envelopes with their ticks."""
        rows = self.db.execute(
            "SELECT e.conversation_id, e.seq, e.envelope_id, e.sender_id, e.kind, e.text, e.at_ms, e.target_seq, e.edited, e.deleted,"
            f" c.delivered, c.read_by, e.body FROM envelopes e JOIN conversations c ON c.id=e.conversation_id {where}",
            values,
        )
        out = []
        for row in rows:
            mine = row[3] == account_id
            tick = ""
            if mine:
                read, delivered = position.from_text(row[11]), position.from_text(row[10])
                tick = (
                    "read" if position.contains(read, row[1]) else "delivered" if position.contains(delivered, row[1]) else "sent"
                )
            body = envelope_pb2.Body.FromString(row[12])
            message = Message(
                conversation_id=row[0],
                seq=row[1],
                envelope_id=row[2],
                sender_id=row[3],
                kind=row[4],
                text=row[5],
                at_ms=row[6],
                mine=mine,
                target_seq=row[7],
                edited=bool(row[8]),
                deleted=bool(row[9]),
                tick=tick,
                quote=reading.quote_of(body),
                changes=reading.changes_of(body),
                profile=reading.profile_of(body),
                media=media_of(body),
            )
            out.append(message)
        return out

    def body(self, conversation_id: str, seq: int) -> envelope_pb2.Body:
        """The content of a stored envelope; an empty one when there is none."""
        where = "conversation_id=? AND seq=?"
        row = self.db.execute(f"SELECT body FROM envelopes WHERE {where}", (conversation_id, seq)).fetchone()  # noqa: S608
        return envelope_pb2.Body.FromString(row[0] if row else b"")

    def ticks(self, conversation_id: str, delivered: position.Ranges, read: position.Ranges) -> None:
        """Ticks that were told; they only add up."""
        self.touch(conversation_id)
        row = self.db.execute("SELECT delivered, read_by FROM conversations WHERE id=?", (conversation_id,)).fetchone()
        now_delivered = position.union(position.union(position.from_text(row[0]), delivered), read)
        now_read = position.union(position.from_text(row[1]), read)
        self.db.execute(
            "UPDATE conversations SET delivered=?, read_by=? WHERE id=?",
            (position.to_text(now_delivered), position.to_text(now_read), conversation_id),
        )

    def unticked(self, account_id: str) -> list[str]:
        """Up to 64 conversations in which own envelopes wait for a tick, newest first."""
        rows = self.db.execute(
            "SELECT c.id, c.read_by, max(e.seq) FROM conversations c JOIN envelopes e ON e.conversation_id=c.id AND e.sender_id=?"
            " GROUP BY c.id ORDER BY c.changed_at_ms DESC LIMIT 64",
            (account_id,),
        )
        return [row[0] for row in rows if not position.contains(position.from_text(row[1]), row[2])]

    # -- outbox --------------------------------------------------------------------------------------------------------

    def outbox(self) -> list[Item]:
        """What waits, oldest first."""
        rows = self.db.execute(
            "SELECT conversation_id, envelope_id, known_seq, transmissions, state, reason FROM outbox ORDER BY number"
        )
        return [
            Item(row[0], row[1], row[2], row[3], State(row[4]) if row[4] in ("failed", "unknown") else State.PENDING, 0.0, row[5])
            for row in rows
        ]

    def add_to_outbox(self, conversation_id: str, envelope_id: str, at_ms: int, text: str, send: bytes) -> None:
        """An envelope was written on this device."""
        self.touch(conversation_id)
        self.db.execute(
            "INSERT INTO outbox (conversation_id, envelope_id, transmissions, state, reason, at_ms, text, send)"
            " VALUES (?,?,0,'pending','',?,?,?)",
            (conversation_id, envelope_id, at_ms, text, send),
        )

    def save_item(self, item: Item) -> None:
        """An item has moved."""
        self.db.execute(
            "UPDATE outbox SET known_seq=?, transmissions=?, state=?, reason=? WHERE envelope_id=?",
            (item.known_seq, item.transmissions, item.state.value, item.reason, item.envelope_id),
        )

    def outbox_row(self, envelope_id: str) -> tuple[bytes, str] | None:
        """The Send of an item, serialised, and its text."""
        row = self.db.execute("SELECT send, text FROM outbox WHERE envelope_id=?", (envelope_id,)).fetchone()
        return None if row is None else (row[0], row[1])

    def drop_from_outbox(self, envelope_id: str) -> None:
        """It is in the log."""
        self.db.execute("DELETE FROM outbox WHERE envelope_id=?", (envelope_id,))
