"""Backup of a node's store while it runs, and restore, which begins a new epoch so that devices take their logs again (DESIGN §4)."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from pathlib import Path

from server.kit.database import held, migrate
from server.kit.store import StoreError


def back_up(store: Path, to: Path) -> None:
    """Write a consistent copy of the store to a new file. The node may be running.

    Raises:
        StoreError: there is no store, or the copy cannot be written.
    """
    if not store.exists():
        raise StoreError(f"there is no store at {store}")
    if to.exists():
        raise StoreError(f"{to} is there already; a backup is never written over")
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            connection.execute("VACUUM INTO ?", (str(to),))
    except sqlite3.Error as error:
        raise StoreError(f"the backup {to} cannot be written: {error}") from error


def restore(store: Path, backup: Path) -> Path | None:
    """Put a backup in the place of the store, under a new epoch. The node must not be running.

    Returns where the store that was there lies now; None: there was none.

    Raises:
        StoreError: the backup is damaged or of a newer node, or the store is in use.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    with held(store):
        fresh = store.with_suffix(".restoring")
        try:
            shutil.copyfile(backup, fresh)
            connection = sqlite3.connect(fresh, isolation_level=None)
            try:
                check = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
                if check != "ok":
                    raise StoreError(f"{backup} is damaged ({check})")
                migrate(connection, backup)
                connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('epoch', ?)", (secrets.token_hex(8),))
            finally:
                connection.close()
            before = _put_aside(store)
            os.replace(fresh, store)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{backup} cannot be restored: {error}") from error
        finally:
            fresh.unlink(missing_ok=True)
    return before


def _put_aside(store: Path) -> Path | None:
    """The store with its write-ahead log, under another name: a restore that was a mistake can be taken back by hand."""
    if not store.exists():
        return None
    number = 1
    while (aside := store.with_name(f"{store.stem}.before-restore-{number}{store.suffix}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        part = store.with_name(store.name + ending)
        if part.exists():
            os.replace(part, aside.with_name(aside.name + ending))
    return aside
