"""Uploads in the device's store: a file that is on its way, until its message is in the outbox."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tidewire.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpload:
    """One of them."""

    envelope_id: str
    """Of the message that it becomes; also the key by which the worker knows it again."""
    conversation_id: str
    path: str
    size_bytes: int
    mtime_ns: int
    sha256: bytes
    kind: str
    name: str
    caption: str = ""
    view_once: bool = False
    fit: bool = False
    trim_start_ms: int = 0
    trim_end_ms: int = 0
    content_type: str = ""
    expires_in_s: int = 0
    at_ms: int = 0
    upload_id: str = ""
    """The worker's; "": not announced yet."""
    reason: str = ""
    """Why it failed; "": it has not."""
    reason_limit: int = 0
    actual: int = 0


_COLUMNS = ", ".join(field.name for field in fields(StoredUpload))


def add(store: Store, upload: StoredUpload) -> None:
    """Keep a new one."""
    store.touch(upload.conversation_id)
    marks = ", ".join("?" * len(fields(StoredUpload)))
    store.db.execute(f"INSERT INTO uploads ({_COLUMNS}) VALUES ({marks})", _row(upload))  # noqa: S608 -- constants only


def all_of(store: Store) -> list[StoredUpload]:
    """All of them, oldest first."""
    return [_upload(row) for row in store.db.execute(f"SELECT {_COLUMNS} FROM uploads ORDER BY number")]  # noqa: S608


def announced(store: Store, envelope_id: str, upload_id: str) -> None:
    """The worker knows it by this id."""
    store.db.execute("UPDATE uploads SET upload_id=? WHERE envelope_id=?", (upload_id, envelope_id))


def failed(store: Store, envelope_id: str, reason: str, limit: int, actual: int) -> None:
    """It will never become a message."""
    store.db.execute(
        "UPDATE uploads SET reason=?, reason_limit=?, actual=? WHERE envelope_id=?", (reason, limit, actual, envelope_id)
    )


def drop(store: Store, envelope_id: str) -> bool:
    """Forget it. False: it was not there."""
    return bool(store.db.execute("DELETE FROM uploads WHERE envelope_id=?", (envelope_id,)).rowcount)


def _row(upload: StoredUpload) -> tuple[Any, ...]:
    return tuple(getattr(upload, field.name) for field in fields(StoredUpload))


def _upload(row: tuple[Any, ...]) -> StoredUpload:
    values = dict(zip((field.name for field in fields(StoredUpload)), row))
    return StoredUpload(**values | {"view_once": bool(values["view_once"]), "fit": bool(values["fit"])})
