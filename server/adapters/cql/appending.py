"""One conditional batch per append: the head cell of the bucket moves, and the entries are written beside it, or nothing is.

An outcome that is unknown stays so until the slot is settled: while it is not, nothing that this adapter says about the slot can be
taken for a refusal, and asking again is slowed down, since the round proposes the same slot until somebody has filled it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.adapters.cql.reading import Reading
from server.adapters.cql.rows import HEADER, bucket_of, header_values, last_of
from server.adapters.cql.session import Bound, Cql, Kind, Statement, Uncertain
from server.domain.envelope import Entry
from server.kit.refusal import Refused
from server.ports.log import Appended, AppendOutcome, Behind, Reload, Unknown

MOVE = Statement(
    "UPDATE log SET head = ?, changed_at_ms = ? WHERE conversation_id = ? AND bucket = ? IF head = ?", Kind.CONDITIONAL
)
BEGIN = Statement(
    "UPDATE log SET head = ?, changed_at_ms = ? WHERE conversation_id = ? AND bucket = ? IF head = null", Kind.CONDITIONAL
)
INSERT = Statement(
    f"INSERT INTO log (conversation_id, bucket, seq, {HEADER}) VALUES (?,?,?,{','.join('?' * 11)})",  # noqa: S608
    Kind.CONDITIONAL,
)
PUT_BODY = Statement("UPDATE log USING TTL ? SET body = ? WHERE conversation_id = ? AND bucket = ? AND seq = ?", Kind.CONDITIONAL)
LIST = Statement("UPDATE conversations USING TIMESTAMP 1 SET listed = true WHERE conversation_id = ?", Kind.WRITE)
STATEMENTS = (MOVE, BEGIN, INSERT, PUT_BODY, LIST)

WAIT_S, WAIT_MAX_S = 0.05, 1.0
"""Before an unsettled slot is proposed again."""


class Appending:
    """`Log.append` over one session."""

    def __init__(self, cql: Cql, reading: Reading) -> None:
        self._cql = cql
        self._reading = reading
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[AppendOutcome]] = set()
        self._unsettled: dict[str, tuple[int, float]] = {}
        """Conversation → the head of a proposal whose outcome is unknown, and how long to wait before the next try."""

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> asyncio.Task[AppendOutcome]:
        """See `Log.append`."""
        task = self._loop.create_task(self._append(conversation_id, expected_head, entries), name=f"propose {conversation_id}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=5)

    async def _append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        head, wait_s = self._unsettled.get(conversation_id, (-1, 0.0))
        unsettled = head == expected_head
        if unsettled:
            await asyncio.sleep(wait_s)
        try:
            outcome = await self._propose(conversation_id, expected_head, entries)
        except (Refused, Uncertain) as error:
            if isinstance(error, Refused) and not unsettled:
                raise
            self._unsettled[conversation_id] = (expected_head, min(WAIT_MAX_S, 2 * wait_s or WAIT_S))
            return Unknown()
        self._unsettled.pop(conversation_id, None)
        return outcome

    async def _propose(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        bucket = bucket_of(expected_head + 1)
        assert bucket_of(entries[-1].seq) == bucket, "an append never crosses a bucket"
        begins = expected_head in (0, last_of(bucket - 1))
        if begins and bucket and await self._reading.bucket_head(conversation_id, bucket - 1) != expected_head:
            return Reload()  # a head that this store never had: its log was restored from a backup
        if await self._cql.conditional(*self._batch(conversation_id, bucket, begins, expected_head, entries)):
            self._reading.note_bucket(conversation_id, bucket)
            if not expected_head:
                await self._list(conversation_id)
            return Appended(expected_head + 1)
        return await self._missed(conversation_id, expected_head)

    def _batch(
        self, conversation_id: str, bucket: int, begins: bool, expected_head: int, entries: Sequence[Entry]
    ) -> list[Bound]:
        last = entries[-1]
        move = (last.seq, last.header.at_ms, conversation_id, bucket)
        items = [Bound(BEGIN, move) if begins else Bound(MOVE, (*move, expected_head))]
        for entry in entries:
            items.append(Bound(INSERT, (conversation_id, bucket, entry.seq, *header_values(entry))))
            if entry.body is not None:
                ttl_s = self._reading.body_ttl_s(entry.header)
                items.append(Bound(PUT_BODY, (ttl_s, entry.body, conversation_id, bucket, entry.seq)))
        return items

    async def _missed(self, conversation_id: str, expected_head: int) -> AppendOutcome:
        """What others have written at this slot and above, or an own earlier try that had landed all the same.

        Read at SERIAL: the winner's commit may have reached fewer than a quorum yet.
        """
        entries = await self._reading.since(conversation_id, expected_head)
        if entries is None:
            return Reload()
        if not expected_head:
            await self._list(conversation_id)
        return Behind(tuple(entries))

    async def _list(self, conversation_id: str) -> None:
        """Have the trimmer walk over it. After the append, so that nothing is listed that is not there; a crash between leaves a
        log that is listed with its first snapshot, and whose bodies have their TTL until then."""
        try:
            await self._cql.write(LIST, conversation_id)
        except Refused:
            return  # the same as a crash here
