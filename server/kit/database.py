"""One SQLite file, durable on commit, written by one thread that commits everything that has gathered at once.

WAL with `synchronous=FULL`: a commit returns when the data is on the disk (one fdatasync per commit, so that ten writes that
gathered cost as much as one). Readers have connections of their own and never wait for the writer.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import queue
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from server.kit.refusal import Refused, unavailable
from server.kit.store import StoreError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

log = logging.getLogger(__name__)

SCHEMA = "server.schema"
GROUP_MAX = 512
"""Works in one transaction."""

_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")


class InUse(StoreError):
    """Another node has it."""


class Database:
    """The open database. Made by `open_database`, closed by `close`."""

    def __init__(self, path: Path, writer: sqlite3.Connection, lock: int | None, readers: int = 2) -> None:
        self._path = path
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._works: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_groups, name="sqlite-writer", daemon=True)
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="sqlite-reader")
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run `work` inside a transaction; the future has its result when that is durable.

        Works that gathered share one transaction. A work must be repeatable: when another of its group fails, the group is
        rolled back and each is run again alone. What `work` raises reaches its caller, and only that work is undone.

        Raises:
            Refused: UNAVAILABLE, when the disk is full, read-only or broken. Nothing was written.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._works.put((work, future))
        return future

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`submit`, awaited."""
        return await self.submit(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on a connection that sees every commit so far.

        Raises:
            Refused: UNAVAILABLE, when the file cannot be read.
        """
        try:
            return await self._loop.run_in_executor(self._readers, self._read, work)
        except sqlite3.Error as error:
            raise _refused(error) from error

    async def close(self) -> None:
        """Finish what was handed in, then close the file."""
        self._works.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown(wait=True)
        self._writer.close()
        if self._lock is not None:
            os.close(self._lock)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self._path)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
        return work(connection)

    def _write_groups(self) -> None:
        while (first := self._works.get()) is not None:
            group = [first]
            last = False
            while len(group) < GROUP_MAX and not self._works.empty():
                item = self._works.get()
                if item is None:
                    last = True
                    break
                group.append(item)
            results = self._commit(group)
            try:
                self._loop.call_soon_threadsafe(_settle, results)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return
            if last:
                return

    def _commit(self, group: list[tuple[Work, asyncio.Future[Any]]]) -> list[tuple[asyncio.Future[Any], Any, Exception | None]]:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            results = [(future, work(self._writer), None) for work, future in group]
            self._writer.execute("COMMIT")
            return list(results)
        except Exception as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            if len(group) == 1:
                if isinstance(error, sqlite3.IntegrityError):
                    log.error("integrity error in the store", exc_info=error)
                failure = _refused(error) if isinstance(error, sqlite3.Error) else error
                return [(group[0][1], None, failure)]
            return [outcome for item in group for outcome in self._commit([item])]


def _settle(results: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    for future, value, error in results:
        if future.done():  # its caller was cancelled; the write stands all the same
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _refused(error: Exception) -> Refused:
    log.warning("store refused", extra={"error": str(error)})
    return Refused(unavailable(f"the store cannot do it now: {error}"))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA busy_timeout=2000")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    return connection


def _locked(path: Path) -> int:
    """Hold the file for this process alone: two nodes on it would not know of each other's streams. A crash lets it go."""
    lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InUse(f"{path} is in use by another process; stop it, or choose another data_dir") from None
    return lock


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The store for this process alone, without opening it.

    Raises:
        StoreError: a node uses it.
    """
    lock = _locked(path)
    try:
        yield
    finally:
        os.close(lock)


def _open(path: Path, schema: str = SCHEMA) -> tuple[sqlite3.Connection, int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    try:
        return _prepared(path, schema), lock
    except BaseException:
        os.close(lock)
        raise


def _prepared(path: Path, schema: str) -> sqlite3.Connection:
    try:
        connection = _connect(path)
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"{path}: the file system does not allow a write-ahead log; choose another data_dir")
        check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise StoreError(f"{path} is damaged ({check}); restore it from a backup")
        migrate(connection, path, schema)
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?)", (secrets.token_hex(8),))
        return connection
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error


def migrate(connection: sqlite3.Connection, path: Path, schema: str = SCHEMA) -> None:
    """Apply the numbered migrations of a package that the file lacks, each in a transaction of its own."""
    have = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = sorted(
        (int(match[1]), item.name) for item in resources.files(schema).iterdir() if (match := _MIGRATION.fullmatch(item.name))
    )
    known = steps[-1][0]
    if have > known:
        raise StoreError(f"{path} has schema {have}, made by a newer node; this one knows up to {known}")
    for number, name in steps:
        if number <= have:
            continue
        script = (resources.files(schema) / name).read_text()
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")


def _known_schema() -> int:
    return max(int(match[1]) for item in resources.files("server.schema").iterdir() if (match := _MIGRATION.fullmatch(item.name)))


async def open_beside(path: Path) -> Database:
    """Open the file whether or not a node uses it: for the few rows of an operator's command. Made and migrated where no node runs.

    Raises:
        StoreError: it cannot be opened, or a node of another version uses it. One sentence.
    """

    def work() -> sqlite3.Connection:
        try:
            connection, lock = _open(path)
            os.close(lock)
            return connection
        except InUse:
            connection = _connect(path)
        have = connection.execute("PRAGMA user_version").fetchone()[0]
        if have != _known_schema():
            connection.close()
            raise StoreError(f"{path} is in use by a node of another version, with schema {have}; use that version's command")
        return connection

    return Database(path, await asyncio.to_thread(work), None)


async def open_database(path: Path, schema: str = SCHEMA) -> Database:
    """Open the file, make it if it is not there, bring its schema up to that of the migrations in the package `schema`.

    Raises:
        StoreError: it is damaged, read-only, of a newer schema, or in use by another node. One sentence.
    """
    return Database(path, *await asyncio.to_thread(_open, path, schema))
