"""The log on CQL: an append is one conditional batch on the head cell of its bucket (DESIGN §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from server.adapters.cql import appending, reading
from server.adapters.cql.appending import Appending
from server.adapters.cql.reading import Reading
from server.adapters.cql.rows import bucket_of, last_of
from server.adapters.cql.session import Bound, Cql, Kind, Statement
from server.domain.envelope import Entry
from server.kit.world import Clock
from server.ports.log import AppendOutcome, Head, Snapshot

_KEY = "WHERE conversation_id = ? AND bucket = ? AND seq"
SNAPSHOT = Statement("SELECT WRITETIME(fold), fold FROM conversations WHERE conversation_id = ?", Kind.READ)
SAVE_SNAPSHOT = Statement("UPDATE conversations USING TIMESTAMP ? SET fold = ? WHERE conversation_id = ?", Kind.WRITE)
WRITTEN = Statement(f"SELECT seq, WRITETIME(body) FROM log {_KEY} > ? AND seq <= ?", Kind.READ)  # noqa: S608
BODY_WRITTEN = Statement(f"SELECT envelope_id, WRITETIME(body) FROM log {_KEY} = ?", Kind.READ)  # noqa: S608
EMPTY = Statement(f"DELETE body FROM log USING TIMESTAMP ? {_KEY} = ?", Kind.WRITE)  # noqa: S608
MARK_DELETED = Statement(f"UPDATE log SET deleted = true {_KEY} = ?", Kind.WRITE)
DROP = Statement(f"DELETE FROM log {_KEY} <= ?", Kind.WRITE)  # noqa: S608
RAISE = {
    name: Statement(f"UPDATE conversations USING TIMESTAMP ? SET {name} = ? WHERE conversation_id = ?", Kind.WRITE)
    for name in ("floor", "trimmed", "dropped")
}
DROPPED = Statement("SELECT dropped FROM conversations WHERE conversation_id = ?", Kind.READ)
FIRST_LISTED = Statement("SELECT conversation_id, listed FROM conversations LIMIT ?", Kind.READ)
NEXT_LISTED = Statement(
    "SELECT conversation_id, listed FROM conversations WHERE token(conversation_id) > token(?) LIMIT ?", Kind.READ
)
STATEMENTS = (
    *appending.STATEMENTS,
    *reading.STATEMENTS,
    *(SNAPSHOT, SAVE_SNAPSHOT, WRITTEN, BODY_WRITTEN, EMPTY, MARK_DELETED, DROP, DROPPED, FIRST_LISTED, NEXT_LISTED),
    *RAISE.values(),
)

CHUNK = 128
"""Statements of one unconditional batch."""


class CqlLog:
    """`Log` and `LogRetention` over one session."""

    def __init__(self, cql: Cql, clock: Clock, *, retention_s: int, epoch: str) -> None:
        """`retention_s`: the TTL of a body that does not expire earlier."""
        self._cql = cql
        self._epoch = epoch
        self._reading = Reading(cql, clock, retention_s)
        self._appending = Appending(cql, self._reading)

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> Awaitable[AppendOutcome]:
        """See `Log.append`."""
        return self._appending.append(conversation_id, expected_head, entries)

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, Head]:
        """See `Log.heads`."""
        found = await asyncio.gather(*(self._reading.head(conversation_id) for conversation_id in conversation_ids))
        return {key: head for key, head in zip(conversation_ids, found) if head is not None}

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> Sequence[Entry]:
        """See `Log.entries`."""
        return await self._reading.entries(conversation_id, after_seq, limit)

    async def snapshot(self, conversation_id: str) -> Snapshot | None:
        """See `Log.snapshot`."""
        rows = await self._cql.read(SNAPSHOT, conversation_id)
        return Snapshot(*rows[0]) if rows and rows[0][1] is not None else None

    async def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        """See `Log.save_snapshot`. It lists the conversation, too: `conversations` walks over rows that have either."""
        await self._cql.write(SAVE_SNAPSHOT, snapshot.as_of_seq, snapshot.fold, conversation_id)

    async def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        """See `Log.empty_bodies`.

        Each body goes by a timestamp just above its own, so that no clock decides. What is trimmed is raised last: a crash between
        has the trimmer do it again. Those deleted for everyone have a mark of their own, which stays.
        """
        head = await self._reading.head(conversation_id)
        if head is None or head.trimmed >= up_to_seq:
            return
        up_to = min(up_to_seq, head.seq)
        for bucket, after, last in _spans(max(head.trimmed, head.floor), up_to):
            rows = await self._cql.read(WRITTEN, conversation_id, bucket, after, last)
            items = (Bound(EMPTY, (at + 1, conversation_id, bucket, seq)) for seq, at in rows if at is not None)
            while chunk := list(islice(items, CHUNK)):
                await self._cql.write_all(chunk)
        await self._raise("trimmed", conversation_id, up_to)

    async def delete_body(self, conversation_id: str, seq: int) -> None:
        """See `Log.delete_body`.

        The mark first: from then on nobody is given the body, whatever becomes of the rest (log-attacks B14).
        """
        key = (conversation_id, bucket_of(seq), seq)
        rows = await self._cql.read(BODY_WRITTEN, *key)
        if not rows or rows[0][0] is None:
            return
        await self._cql.write(MARK_DELETED, *key)
        if rows[0][1] is not None:
            await self._cql.write(EMPTY, rows[0][1] + 1, *key)

    async def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        """See `LogRetention.drop_headers`.

        The floor first: a reader never takes rows that are gone for ones that never were (log-attacks A4). `dropped` says which
        rows surely are, so that what a crash left over goes with the next call. Only rows go, never the partition: the head stays.
        """
        head = await self._reading.head(conversation_id)
        if head is None:
            return
        up_to = min(up_to_seq, head.seq)
        if up_to > head.floor:
            await self._raise("trimmed", conversation_id, up_to)
            await self._raise("floor", conversation_id, up_to)
        dropped = (await self._cql.read(DROPPED, conversation_id))[0][0] or 0
        for bucket, _, last in _spans(dropped, up_to):
            await self._cql.write(DROP, conversation_id, bucket, last)
        await self._raise("dropped", conversation_id, up_to)

    async def conversations(self, after_id: str, limit: int) -> Sequence[str]:
        """See `LogRetention.conversations`. In the order of the partitioner's tokens."""
        if after_id:
            rows = await self._cql.read(NEXT_LISTED, after_id, limit)
        else:
            rows = await self._cql.read(FIRST_LISTED, limit)
        return [row[0] for row in rows]

    async def epoch(self) -> str:
        """See `LogRetention.epoch`."""
        return self._epoch

    async def close(self) -> None:
        """Wait for the appends under way."""
        await self._appending.close()

    async def _raise(self, name: str, conversation_id: str, seq: int) -> None:
        values: tuple[Any, ...] = (seq, seq, conversation_id)
        await self._cql.write(RAISE[name], *values)


def _spans(after: int, up_to: int) -> Iterator[tuple[int, int, int]]:
    """(bucket, after, last) of each bucket that (after, up_to] touches."""
    while after < up_to:
        bucket = bucket_of(after + 1)
        last = min(up_to, last_of(bucket))
        yield bucket, after, last
        after = last
