"""The log, memberships and positions in memory: the same guarantees, but for durability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.domain import ranges
from server.domain.envelope import DELETED, Entry
from server.ports.log import NO_HEAD, Appended, AppendOutcome, Behind, Head, Hint, PositionRow, Reload, Snapshot


class MemoryLog:
    """`Log` and `LogRetention`."""

    def __init__(self, epoch: str = "memory") -> None:
        self._epoch = epoch
        self._entries: dict[str, dict[int, Entry]] = {}
        self._heads: dict[str, Head] = {}
        self._snapshots: dict[str, Snapshot] = {}

    async def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        """See `Log.append`."""
        head = self._heads.get(conversation_id, NO_HEAD)
        if head.seq != expected_head:
            if expected_head < head.floor or expected_head > head.seq:
                return Reload()
            return Behind(tuple(self._after(conversation_id, expected_head)))
        self._entries.setdefault(conversation_id, {}).update({entry.seq: entry for entry in entries})
        self._heads[conversation_id] = head._replace(seq=expected_head + len(entries), changed_at_ms=entries[-1].header.at_ms)
        return Appended(expected_head + 1)

    def _after(self, conversation_id: str, seq: int) -> list[Entry]:
        rows = self._entries.get(conversation_id, {})
        return [rows[key] for key in sorted(rows) if key > seq]

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, Head]:
        """See `Log.heads`."""
        return {key: self._heads[key] for key in conversation_ids if key in self._heads}

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> Sequence[Entry]:
        """See `Log.entries`."""
        return self._after(conversation_id, after_seq)[:limit]

    async def snapshot(self, conversation_id: str) -> Snapshot | None:
        """See `Log.snapshot`."""
        return self._snapshots.get(conversation_id)

    async def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        """See `Log.save_snapshot`."""
        stored = self._snapshots.get(conversation_id)
        if stored is None or snapshot.as_of_seq > stored.as_of_seq:
            self._snapshots[conversation_id] = snapshot

    async def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        """See `Log.empty_bodies`."""
        rows = self._entries.get(conversation_id, {})
        for seq, entry in rows.items():
            if seq <= up_to_seq and entry.body != DELETED:
                rows[seq] = entry._replace(body=None)
        head = self._heads.get(conversation_id)
        if head is not None:
            self._heads[conversation_id] = head._replace(trimmed=max(head.trimmed, min(up_to_seq, head.seq)))

    async def delete_body(self, conversation_id: str, seq: int) -> None:
        """See `Log.delete_body`."""
        rows = self._entries.get(conversation_id, {})
        if seq in rows:
            rows[seq] = rows[seq]._replace(body=DELETED)

    async def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        """See `LogRetention.drop_headers`."""
        rows = self._entries.get(conversation_id, {})
        self._entries[conversation_id] = {seq: entry for seq, entry in rows.items() if seq > up_to_seq}
        head = self._heads.get(conversation_id)
        if head is not None:
            floor = min(up_to_seq, head.seq)
            self._heads[conversation_id] = head._replace(floor=max(head.floor, floor), trimmed=max(head.trimmed, floor))

    async def conversations(self, after_id: str, limit: int) -> Sequence[str]:
        """See `LogRetention.conversations`."""
        return [key for key in sorted(self._heads) if key > after_id][:limit]

    async def epoch(self) -> str:
        """See `LogRetention.epoch`."""
        return self._epoch


class MemoryMemberships:
    """`Memberships`."""

    def __init__(self) -> None:
        self._stamps: dict[tuple[str, str], int] = {}
        self._hints: dict[str, dict[str, Hint]] = {}

    async def join(self, account_ids: Sequence[str], conversation_id: str, expected_head: int) -> None:
        """See `Memberships.join`."""
        for account in account_ids:
            self._put(account, conversation_id, 2 * (expected_head + 1), 0)

    async def leave(self, account_ids: Sequence[str], conversation_id: str, left_seq: int) -> None:
        """See `Memberships.leave`."""
        for account in account_ids:
            self._put(account, conversation_id, 2 * left_seq + 1, left_seq)

    def _put(self, account_id: str, conversation_id: str, stamp: int, left_seq: int) -> None:
        if stamp > self._stamps.get((account_id, conversation_id), 0):
            self._stamps[account_id, conversation_id] = stamp
            hints = self._hints.setdefault(account_id, {})
            read = hints[conversation_id].read_seq if conversation_id in hints else 0
            hints[conversation_id] = Hint(conversation_id, left_seq, read)

    async def of_account(self, account_id: str) -> Sequence[Hint]:
        """See `Memberships.of_account`."""
        return list(self._hints.get(account_id, {}).values())

    async def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        """See `Memberships.read`."""
        hints = self._hints.get(account_id, {})
        for conversation_id, seq in reads.items():
            if conversation_id in hints:
                hint = hints[conversation_id]
                hints[conversation_id] = hint._replace(read_seq=max(seq, hint.read_seq))

    async def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        """See `Memberships.forget`."""
        hint = self._hints.get(account_id, {}).get(conversation_id)
        if hint is not None and left_seq and hint.left_seq == left_seq:
            del self._hints[account_id][conversation_id]
            self._stamps.pop((account_id, conversation_id), None)


class MemoryPositions:
    """`Positions`."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], PositionRow] = {}

    async def raise_to(self, rows: Sequence[PositionRow]) -> None:
        """See `Positions.raise_to`."""
        for row in rows:
            key = (row.conversation_id, row.device_id)
            old = self._rows.get(key, row)
            self._rows[key] = row._replace(
                acked=max(old.acked, row.acked),
                read=max(old.read, row.read),
                skipped=ranges.union(old.skipped, row.skipped),
            )

    async def of_conversation(self, conversation_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_conversation`."""
        return [row for row in self._rows.values() if row.conversation_id == conversation_id]

    async def of_device(self, device_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_device`."""
        return [row for row in self._rows.values() if row.device_id == device_id]
