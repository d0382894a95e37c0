"""Positions on CQL: every value is a cell whose timestamp is the seq it stands for, so that a late write loses."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence

from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.domain import ranges
from server.ports.log import PositionRow

_TABLES = ("positions_of_conversation", "positions_of_device")
_ROW = "WHERE conversation_id = ? AND account_id = ? AND device_id = ?"
PUT = {
    (table, name): Statement(f"UPDATE {table} USING TIMESTAMP ? SET {name} = ? {_ROW}", Kind.WRITE)
    for table in _TABLES
    for name in ("acked", "read", "skipped[?]")
}
OF = {
    table: Statement(
        f"SELECT conversation_id, account_id, device_id, acked, read, skipped FROM {table} WHERE {key} = ?",  # noqa: S608
        Kind.READ,
    )
    for table, key in zip(_TABLES, ("conversation_id", "device_id"))
}
STATEMENTS = (*PUT.values(), *OF.values())

CHUNK = 128
"""Statements of one batch."""


class CqlPositions:
    """`Positions` over one session.

    Each value lies twice, by conversation and by device. A crash between the two is healed by the device's next Hello, as a
    crash before both is.
    """

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def raise_to(self, rows: Sequence[PositionRow]) -> None:
        """See `Positions.raise_to`. One request per partition: those of all conversations, and that of each device."""
        partitions: dict[tuple[str, str], list[Bound]] = defaultdict(list)
        for row in rows:
            for table, key in zip(_TABLES, (row.conversation_id, row.device_id)):
                partitions[table, key] += _cells(table, row)
        await asyncio.gather(
            *(self._cql.write_all(items[at : at + CHUNK]) for items in partitions.values() for at in range(0, len(items), CHUNK))
        )

    async def of_conversation(self, conversation_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_conversation`."""
        return [_position(row) for row in await self._cql.read(OF[_TABLES[0]], conversation_id)]

    async def of_device(self, device_id: str) -> Sequence[PositionRow]:
        """See `Positions.of_device`."""
        return [_position(row) for row in await self._cql.read(OF[_TABLES[1]], device_id)]


def _cells(table: str, row: PositionRow) -> Iterator[Bound]:
    key = (row.conversation_id, row.account_id, row.device_id)
    yield Bound(PUT[table, "acked"], (row.acked, row.acked, *key))  # also when it is 0, so that there is a row
    if row.read:
        yield Bound(PUT[table, "read"], (row.read, row.read, *key))
    for first, last in row.skipped:
        # Two that write different ranges write different keys, and of two that begin alike the longer has the greater timestamp:
        # what is read is the union of all that was ever written, whoever wrote it and in whatever order.
        yield Bound(PUT[table, "skipped[?]"], (last, first, last, *key))


def _position(row: Row) -> PositionRow:
    return PositionRow(row[0], row[1], row[2], row[3] or 0, row[4] or 0, ranges.normal((row[5] or {}).items()))
