"""The ports of `media.ports.catalogue` over one SQLite file."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Sequence

from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.verdict import Reason, Rejected

from media.domain.blob import Blob, Claim, StoredObject
from media.domain.upload import Stage, Upload, Usage
from media.domain.wish import Variant, Wish
from media.ports.catalogue import View
from server.kit.database import Database

_UPLOAD = (
    "upload_id, account_id, device_id, upload_key, wish, size_bytes, sha256, name, created_ms, touched_ms, stage, received_bytes,"
    " rejection"
)
_OPEN = "stage IN ('receiving', 'waiting')"
_BLOB = "blob_id, account_id, wish, name, content_type, width, height, duration_ms, blurhash, waveform, created_ms"
_OBJECT = "variant, name, content_type, size_bytes, sha256, width, height, wrapped_key, key_id"
_CLAIM = "blob_id, conversation_id, envelope_id, account_id, until_ms, view_once, avatar"


def _wish_text(wish: Wish) -> str:
    return json.dumps(dataclasses.asdict(wish), sort_keys=True)


def _made_of(wish: Wish) -> str:
    """What decides what is made of the bytes."""
    return _wish_text(dataclasses.replace(wish, declared_type=""))


def _wish(text: str) -> Wish:
    values = json.loads(text)
    return Wish(**values | {"kind": Kind(values["kind"])})


def _rejection_text(rejection: Rejected | None) -> str:
    return "" if rejection is None else json.dumps(dataclasses.asdict(rejection))


def _rejection(text: str) -> Rejected | None:
    if not text:
        return None
    values = json.loads(text)
    return Rejected(**values | {"reason": Reason(values["reason"])})


def _upload(row: tuple[object, ...]) -> Upload:
    values = dict(zip(_UPLOAD.split(", "), row))
    return Upload(
        **values  # type: ignore[arg-type]
        | {
            "wish": _wish(str(values["wish"])),
            "stage": Stage(str(values["stage"])),
            "rejection": _rejection(str(values["rejection"])),
        }
    )


def _upload_row(upload: Upload) -> tuple[object, ...]:
    values = {field.name: getattr(upload, field.name) for field in dataclasses.fields(upload)}
    values |= {
        "wish": _wish_text(upload.wish),
        "stage": upload.stage.value,
        "rejection": _rejection_text(upload.rejection),
    }
    return tuple(values[name] for name in _UPLOAD.split(", "))


class SqliteUploads:
    """Uploads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, upload: Upload) -> Upload:
        """See `Uploads.add`."""

        def work(db: sqlite3.Connection) -> Upload:
            marks = ", ".join("?" * 13)
            db.execute(f"INSERT INTO uploads ({_UPLOAD}) VALUES ({marks}) ON CONFLICT DO NOTHING", _upload_row(upload))
            row = db.execute(
                f"SELECT {_UPLOAD} FROM uploads WHERE account_id=? AND upload_key=?", (upload.account_id, upload.upload_key)
            ).fetchone()
            return _upload(row)

        return await self._database.write(work)

    async def get(self, upload_id: str) -> Upload | None:
        """See `Uploads.get`."""

        def work(db: sqlite3.Connection) -> Upload | None:
            row = db.execute(f"SELECT {_UPLOAD} FROM uploads WHERE upload_id=?", (upload_id,)).fetchone()
            return None if row is None else _upload(row)

        return await self._database.read(work)

    async def by_key(self, account_id: str, upload_key: str) -> Upload | None:
        """See `Uploads.by_key`."""

        def work(db: sqlite3.Connection) -> Upload | None:
            where = "account_id=? AND upload_key=?"
            row = db.execute(f"SELECT {_UPLOAD} FROM uploads WHERE {where}", (account_id, upload_key)).fetchone()
            return None if row is None else _upload(row)

        return await self._database.read(work)

    async def save(self, upload: Upload) -> bool:
        """See `Uploads.save`."""
        return await self._database.write(lambda db: _save(db, upload))

    async def unfinished(self) -> Sequence[Upload]:
        """See `Uploads.unfinished`."""
        return await self._database.read(
            lambda db: [_upload(row) for row in db.execute(f"SELECT {_UPLOAD} FROM uploads WHERE {_OPEN} ORDER BY touched_ms")]
        )

    async def usage(self, account_id: str) -> Usage:
        """See `Uploads.usage`."""

        def work(db: sqlite3.Connection) -> Usage:
            stored = db.execute(
                "SELECT count(DISTINCT b.blob_id), coalesce(sum(o.size_bytes), 0) FROM blobs b JOIN objects o USING (blob_id)"
                " WHERE b.account_id=?",
                (account_id,),
            ).fetchone()
            under_way = db.execute(
                f"SELECT count(*), coalesce(sum(size_bytes), 0) FROM uploads WHERE account_id=? AND {_OPEN}", (account_id,)
            ).fetchone()
            return Usage(*stored, *under_way)

        return await self._database.read(work)

    async def forget(self, before_ms: int) -> int:
        """See `Uploads.forget`."""
        return await self._database.write(
            lambda db: db.execute(f"DELETE FROM uploads WHERE NOT {_OPEN} AND touched_ms<?", (before_ms,)).rowcount
        )


def _save(db: sqlite3.Connection, upload: Upload) -> bool:
    changed = db.execute(
        f"UPDATE uploads SET touched_ms=?, stage=?, received_bytes=?, rejection=? WHERE upload_id=? AND {_OPEN}",
        (
            upload.touched_ms,
            upload.stage.value,
            upload.received_bytes,
            _rejection_text(upload.rejection),
            upload.upload_id,
        ),
    )
    return changed.rowcount == 1


class SqliteObjects:
    """Names in the object store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, names: Sequence[str], now_ms: int) -> None:
        """See `Objects.intend`."""
        await self._database.write(
            lambda db: db.executemany("INSERT INTO objects (name, since_ms) VALUES (?, ?)", [(name, now_ms) for name in names])
        )

    async def orphans(self, before_ms: int, count: int) -> Sequence[str]:
        """See `Objects.orphans`."""
        query = "SELECT name FROM objects WHERE blob_id IS NULL AND since_ms<? ORDER BY since_ms LIMIT ?"
        return await self._database.read(lambda db: [row[0] for row in db.execute(query, (before_ms, count))])

    async def removed(self, names: Sequence[str]) -> None:
        """See `Objects.removed`."""
        await self._database.write(
            lambda db: db.executemany("DELETE FROM objects WHERE name=? AND blob_id IS NULL", [(name,) for name in names])
        )

    async def known(self, names: Sequence[str]) -> set[str]:
        """See `Objects.known`."""
        query = "SELECT name FROM objects WHERE name IN (SELECT value FROM json_each(?))"
        return await self._database.read(lambda db: {row[0] for row in db.execute(query, (json.dumps(list(names)),))})

    async def keys(self, other_than: str, count: int) -> Sequence[tuple[str, bytes, str]]:
        """See `Objects.keys`."""
        query = "SELECT name, wrapped_key, key_id FROM objects WHERE blob_id IS NOT NULL AND key_id<>? LIMIT ?"
        return await self._database.read(lambda db: db.execute(query, (other_than, count)).fetchall())

    async def rewrap(self, keys: Sequence[tuple[str, bytes, str]]) -> None:
        """See `Objects.rewrap`."""
        rows = [(key, key_id, name) for name, key, key_id in keys]
        await self._database.write(lambda db: db.executemany("UPDATE objects SET wrapped_key=?, key_id=? WHERE name=?", rows))


class SqliteBlobs:
    """Blobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def finish(self, upload: Upload, blob: Blob) -> bool:
        """See `Blobs.finish`."""

        def work(db: sqlite3.Connection) -> bool:
            if not _save(db, upload):
                return False
            db.execute(
                f"INSERT INTO blobs ({_BLOB}, source_sha256, unheld_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    blob.blob_id, blob.account_id, _made_of(upload.wish), blob.name, blob.content_type, blob.width, blob.height,
                    blob.duration_ms, blob.blurhash, blob.waveform, blob.created_ms, upload.sha256, blob.created_ms,
                ),
            )  # fmt: skip
            columns = _OBJECT.replace("name, ", "")
            marks = ", ".join(f"{name}=?" for name in columns.split(", "))
            for item in blob.objects:
                values = (
                    item.variant.value, item.content_type, item.size_bytes, item.sha256, item.width, item.height, item.key, item.key_id,
                )  # fmt: skip
                db.execute(f"UPDATE objects SET blob_id=?, {marks} WHERE name=?", (blob.blob_id, *values, item.name))
            return True

        return await self._database.write(work)

    async def get(self, blob_id: str) -> Blob | None:
        """See `Blobs.get`."""
        return await self._database.read(lambda db: _first(_blobs(db, "WHERE blob_id=?", (blob_id,))))

    async def same(self, account_id: str, wish: Wish, sha256: bytes) -> Blob | None:
        """See `Blobs.same`."""
        where = "WHERE account_id=? AND source_sha256=? AND wish=? LIMIT 1"
        return await self._database.read(lambda db: _first(_blobs(db, where, (account_id, sha256, _made_of(wish)))))

    async def unheld(self, before_ms: int, count: int) -> Sequence[Blob]:
        """See `Blobs.unheld`."""
        where = "WHERE unheld_ms IS NOT NULL AND unheld_ms<? ORDER BY unheld_ms LIMIT ?"
        return await self._database.read(lambda db: _blobs(db, where, (before_ms, count)))

    async def remove(self, blob_id: str, now_ms: int) -> bool:
        """See `Blobs.remove`."""

        def work(db: sqlite3.Connection) -> bool:
            if db.execute("SELECT 1 FROM claims WHERE blob_id=? LIMIT 1", (blob_id,)).fetchone():
                return False
            db.execute("UPDATE objects SET blob_id=NULL, since_ms=0 WHERE blob_id=?", (blob_id,))
            db.execute("DELETE FROM views WHERE blob_id=?", (blob_id,))
            db.execute("DELETE FROM blobs WHERE blob_id=?", (blob_id,))
            db.execute("DELETE FROM uploads WHERE upload_id=?", (blob_id,))
            return True

        return await self._database.write(work)

    async def of_account(self, account_id: str) -> Sequence[str]:
        """See `Blobs.of_account`."""
        query = "SELECT blob_id FROM blobs WHERE account_id=?"
        return await self._database.read(lambda db: [row[0] for row in db.execute(query, (account_id,))])


def _first(blobs: Sequence[Blob]) -> Blob | None:
    return blobs[0] if blobs else None


def _blobs(db: sqlite3.Connection, where: str, values: Iterable[object]) -> list[Blob]:
    found = []
    for row in db.execute(f"SELECT {_BLOB} FROM blobs {where}", tuple(values)).fetchall():
        one = dict(zip(_BLOB.split(", "), row))
        wish = _wish(one.pop("wish"))
        rows = db.execute(f"SELECT {_OBJECT} FROM objects WHERE blob_id=? ORDER BY variant", (one["blob_id"],))
        objects = tuple(StoredObject(Variant(variant), *rest) for variant, *rest in rows)
        found.append(Blob(kind=wish.kind, objects=objects, **one))
    return found


class SqliteClaims:
    """Claims."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, claim: Claim) -> bool:
        """See `Claims.hold`."""

        def work(db: sqlite3.Connection) -> bool:
            if not db.execute("UPDATE blobs SET unheld_ms=NULL WHERE blob_id=?", (claim.blob_id,)).rowcount:
                return False
            db.execute(
                f"INSERT INTO claims ({_CLAIM}) VALUES (?,?,?,?,?,?,?)"
                " ON CONFLICT DO UPDATE SET until_ms=max(until_ms, excluded.until_ms)",
                (
                    claim.blob_id, claim.conversation_id, claim.envelope_id, claim.account_id, claim.until_ms, int(claim.view_once),
                    int(claim.avatar),
                ),
            )  # fmt: skip
            return True

        return await self._database.write(work)

    async def of_blob(self, blob_id: str) -> Sequence[Claim]:
        """See `Claims.of_blob`."""
        query = f"SELECT {_CLAIM} FROM claims WHERE blob_id=?"
        return await self._database.read(lambda db: [_claim(row) for row in db.execute(query, (blob_id,))])

    async def release(self, conversation_id: str, account_id: str, envelope_id: str, now_ms: int) -> Sequence[str]:
        """See `Claims.release`."""
        where = "conversation_id=? AND account_id=?" + " AND envelope_id=?" * bool(envelope_id)
        key = (conversation_id, account_id, *([envelope_id] if envelope_id else []))

        def work(db: sqlite3.Connection) -> list[str]:
            blob_ids = [row[0] for row in db.execute(f"SELECT blob_id FROM claims WHERE {where}", key)]
            db.execute(f"DELETE FROM claims WHERE {where}", key)
            _let_go(db, blob_ids, now_ms)
            return blob_ids

        return await self._database.write(work)

    async def expire(self, now_ms: int) -> int:
        """See `Claims.expire`."""

        def work(db: sqlite3.Connection) -> int:
            rows = db.execute("SELECT blob_id FROM claims WHERE until_ms<=? AND avatar=0", (now_ms,)).fetchall()
            db.execute("DELETE FROM claims WHERE until_ms<=? AND avatar=0", (now_ms,))
            _let_go(db, [row[0] for row in rows], now_ms)
            return len(rows)

        return await self._database.write(work)

    async def avatars(self, until_ms: int, count: int) -> Sequence[Claim]:
        """See `Claims.avatars`."""
        query = f"SELECT {_CLAIM} FROM claims WHERE avatar=1 AND until_ms<? ORDER BY until_ms LIMIT ?"
        return await self._database.read(lambda db: [_claim(row) for row in db.execute(query, (until_ms, count))])


class SqliteViews:
    """Views."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, blob_id: str, view: View) -> bool:
        """See `Views.open`."""
        values = (blob_id, view.account_id, view.device_id, view.token_hash, view.until_ms)
        query = "INSERT INTO views VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING"
        return await self._database.write(lambda db: db.execute(query, values).rowcount == 1)

    async def holds(self, blob_id: str, token_hash: str, now_ms: int) -> bool:
        """See `Views.holds`."""
        query = "SELECT 1 FROM views WHERE blob_id=? AND token_hash=? AND until_ms>?"
        return await self._database.read(lambda db: db.execute(query, (blob_id, token_hash, now_ms)).fetchone() is not None)

    async def use_up(self, blob_id: str, token_hash: str) -> None:
        """See `Views.use_up`."""
        query = "UPDATE views SET token_hash='', until_ms=0 WHERE blob_id=? AND token_hash=?"
        await self._database.write(lambda db: db.execute(query, (blob_id, token_hash)))

    async def viewers(self, blob_id: str) -> Sequence[str]:
        """See `Views.viewers`."""
        query = "SELECT account_id FROM views WHERE blob_id=?"
        return await self._database.read(lambda db: [row[0] for row in db.execute(query, (blob_id,))])

    async def under_way(self, blob_id: str, now_ms: int) -> bool:
        """See `Views.under_way`."""
        query = "SELECT 1 FROM views WHERE blob_id=? AND until_ms>?"
        return await self._database.read(lambda db: db.execute(query, (blob_id, now_ms)).fetchone() is not None)

    async def over(self, now_ms: int) -> Sequence[str]:
        """See `Views.over`."""
        query = "SELECT blob_id FROM views GROUP BY blob_id HAVING max(until_ms)<=?"
        return await self._database.read(lambda db: [row[0] for row in db.execute(query, (now_ms,))])


def _let_go(db: sqlite3.Connection, blob_ids: Iterable[str], now_ms: int) -> None:
    for blob_id in set(blob_ids):
        db.execute(
            "UPDATE blobs SET unheld_ms=? WHERE blob_id=? AND NOT EXISTS (SELECT 1 FROM claims WHERE blob_id=?)",
            (now_ms, blob_id, blob_id),
        )


def _claim(row: tuple[str, str, str, str, int, int, int]) -> Claim:
    blob_id, conversation_id, envelope_id, account_id, until_ms, *flags = row
    return Claim(blob_id, conversation_id, envelope_id, account_id, until_ms, *map(bool, flags))
