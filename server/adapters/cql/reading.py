"""Reads of the log: heads by probing buckets, entries without holes.

A row or a body that must be there and is not is read again at SERIAL (log-attacks B6): the commit that wrote it may have reached
fewer nodes than the one that made it known.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from server.adapters.cql.rows import HEADER, bucket_of, entry_of, last_of
from server.adapters.cql.session import Cql, Kind, Row, Statement
from server.domain.envelope import Entry, Header
from server.kit.world import Clock
from server.ports.log import Head

_HEAD = "SELECT head, changed_at_ms FROM log WHERE conversation_id = ? AND bucket = ? LIMIT 1"
_SLICE = (
    f"SELECT seq, head, body, deleted, {HEADER} FROM log"  # noqa: S608 -- constants only
    " WHERE conversation_id = ? AND bucket = ? AND seq > ? AND seq <= ? LIMIT ?"
)
HEAD = Statement(_HEAD, Kind.READ)
HEAD_SERIAL = Statement(_HEAD, Kind.SERIAL_READ)
SLICE = Statement(_SLICE, Kind.READ)
SLICE_SERIAL = Statement(_SLICE, Kind.SERIAL_READ)
ABOUT = Statement("SELECT floor, trimmed, WRITETIME(fold) FROM conversations WHERE conversation_id = ?", Kind.READ)
STATEMENTS = (HEAD, HEAD_SERIAL, SLICE, SLICE_SERIAL, ABOUT)

BUCKETS_KNOWN_MAX = 200_000
"""Conversations of which the last bucket is remembered: where probing begins."""

TTL_MAX_S = 20 * 365 * 86_400
"""The longest TTL of Cassandra."""


class About(NamedTuple):
    """The row of a conversation."""

    floor: int = 0
    trimmed: int = 0
    snapshot_seq: int = 0


class Reading:
    """The reading half of `Log`."""

    def __init__(self, cql: Cql, clock: Clock, retention_s: int) -> None:
        self._cql = cql
        self._clock = clock
        self._retention_s = retention_s
        self._buckets: OrderedDict[str, int] = OrderedDict()

    def body_ttl_s(self, header: Header) -> int:
        """How long the body of a new entry is kept, in seconds."""
        ttl_s = self._retention_s
        if header.expires_at_ms:
            ttl_s = min(ttl_s, max(1, -(-(header.expires_at_ms - header.at_ms) // 1000)))
        return min(ttl_s, TTL_MAX_S)

    def note_bucket(self, conversation_id: str, bucket: int) -> None:
        """A log has come this far."""
        self._buckets[conversation_id] = max(bucket, self._buckets.get(conversation_id, 0))
        self._buckets.move_to_end(conversation_id)
        if len(self._buckets) > BUCKETS_KNOWN_MAX:
            self._buckets.popitem(last=False)

    async def bucket_head(self, conversation_id: str, bucket: int) -> int:
        """The head cell of one bucket; 0: it has none."""
        rows = await self._cql.read(HEAD, conversation_id, bucket)
        return rows[0][0] or 0 if rows else 0

    async def about(self, conversation_id: str) -> About:
        """Floor, trimmed, and the seq of the stored snapshot."""
        rows = await self._cql.read(ABOUT, conversation_id)
        return About(*(value or 0 for value in rows[0])) if rows else About()

    async def head(self, conversation_id: str, *, serial: bool = False) -> Head | None:
        """Where one log stands; None: it has no entry. A quorum sees every append that has returned; `serial` also others'."""
        known = self._buckets.get(conversation_id)
        statement = HEAD_SERIAL if serial else HEAD
        if known is None:
            about = await self.about(conversation_id)
            bucket = bucket_of(max(about.snapshot_seq, about.floor))
            rows = await self._cql.read(statement, conversation_id, bucket)
        else:
            bucket = known
            about, rows = await asyncio.gather(self.about(conversation_id), self._cql.read(statement, conversation_id, bucket))
        head, changed_at_ms = (rows[0][0] or 0, rows[0][1] or 0) if rows else (0, 0)
        while head == last_of(bucket):
            rows = await self._cql.read(statement, conversation_id, bucket + 1)
            if not rows or not rows[0][0]:
                break
            bucket += 1
            head, changed_at_ms = rows[0][0], rows[0][1]
        if not head:
            return None
        self.note_bucket(conversation_id, bucket)
        return Head(head, about.floor, min(about.trimmed, head), changed_at_ms)

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> list[Entry]:
        """See `Log.entries`."""
        about = await self.about(conversation_id)
        return await self._walk(conversation_id, max(after_seq, about.floor), limit, about, serial=False)

    async def since(self, conversation_id: str, after_seq: int) -> list[Entry] | None:
        """All entries after a seq, read at SERIAL; None: they are no longer all known, or the log is shorter than that."""
        about = await self.about(conversation_id)
        if after_seq < about.floor:
            return None
        found = await self._walk(conversation_id, after_seq, 2**31 - 1, about, serial=True)
        return found if found and found[0].seq == after_seq + 1 else None

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _walk(self, conversation_id: str, after: int, limit: int, about: About, *, serial: bool) -> list[Entry]:
        found: list[Entry] = []
        while len(found) < limit:
            bucket = bucket_of(after + 1)
            page = await self._page(conversation_id, bucket, after, limit - len(found), about, serial=serial)
            found += page
            if not page or page[-1].seq != last_of(bucket):
                break
            after = page[-1].seq
        return found

    async def _page(
        self, conversation_id: str, bucket: int, after: int, limit: int, about: About, *, serial: bool
    ) -> list[Entry]:
        key = (conversation_id, bucket, after, last_of(bucket), limit)
        rows = _whole(await self._cql.read(SLICE_SERIAL if serial else SLICE, *key))
        if not serial:
            head = rows[0][1] if rows else await self.bucket_head(conversation_id, bucket)
            if self._lacks(rows, after, min(after + limit, head), about):
                rows = _whole(await self._cql.read(SLICE_SERIAL, *key))
        return [entry_of(row[0], row[4:], row[2] if row[0] > about.trimmed else None, row[3]) for row in rows]

    def _lacks(self, rows: Sequence[Row], after: int, up_to: int, about: About) -> bool:
        """Whether a row or a body is missing that nothing explains."""
        if [row[0] for row in rows] != list(range(after + 1, max(after, up_to) + 1)):
            return True
        now_ms = self._clock.now_ms()
        for row in rows:
            header = Header(*row[4:14])
            explained = row[3] or row[14] is not None or row[0] <= about.trimmed
            if row[2] is None and not explained and now_ms < header.at_ms + 1000 * self.body_ttl_s(header):
                return True
        return False


def _whole(rows: Sequence[Row]) -> list[Row]:
    """Rows that have a header. A late mark on a row that is gone makes one without."""
    return [row for row in rows if row[4] is not None]
