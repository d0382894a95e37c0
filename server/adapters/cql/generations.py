"""Partitions that are read as a whole and whose rows come and go, without a tombstone for each row that went.

A row that is done with is marked. Where more are marked than live, and more than a few, those that live are written again as the next
generation: in the same partition, under keys that begin with its number. The generation before the last goes by one range deletion,
which is all that a read ever meets, however many rows have gone.

The static cell `generation` only grows (USING TIMESTAMP = itself): 2g says that rows are written as generation g, 2g + 1 that they are
moving from g to g + 1. Every cell bears a timestamp that says how new it is, or only ever has one value, so copies add up. Therefore
- who writes, writes, then reads the cell, and writes again where that has moved on: who moves has seen the row, or it is where it belongs;
- who reads, reads all generations. The one that was left stays until the next move, so that no read finds neither;
- any number may move at once, and one that dies in between is followed by the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from server.adapters.cql.session import Bound, Cql, Kind, Statement

MARKED_MAX = 64
"""So many marked rows of a generation are left alone, and always as many as live."""
CHUNK = 128
"""Statements of one batch."""
KNOWN_MAX = 50_000
_MARK = "~"
"""Sorts behind everything that an id begins with."""

Items = Callable[[int], Sequence[Bound]]
"""What to write, as rows of a generation."""


class Table(NamedTuple):
    """The statements about a table's generations."""

    get: Statement
    put: Statement
    drop: Statement


def table(name: str, key: str) -> Table:
    """Of a table with partitions by `account_id`, and rows by `key`."""
    return Table(
        Statement(f"SELECT generation FROM {name} WHERE account_id = ? LIMIT 1", Kind.READ),  # noqa: S608 -- constants only
        Statement(f"UPDATE {name} USING TIMESTAMP ? SET generation = ? WHERE account_id = ?", Kind.WRITE),
        Statement(f"DELETE FROM {name} WHERE account_id = ? AND {key} < ?", Kind.WRITE),  # noqa: S608
    )


def key_of(generation: int, name: str) -> str:
    """The key of a row in a generation; in the first one, which older nodes know, its name alone."""
    return f"{_MARK}{generation:08d}{_MARK}{name}" if generation else name


def name_of(key: str) -> tuple[int, str]:
    """The generation of a row, and its name."""
    if not key.startswith(_MARK):
        return 0, key
    _, generation, name = key.split(_MARK, 2)
    return int(generation), name


def current(state: int) -> int:
    """The generation as which rows are written."""
    return (state + 1) // 2


class Generations:
    """Those of one table, over one session."""

    def __init__(self, cql: Cql, of: Table, *, may_move: bool, marked_max: int = MARKED_MAX) -> None:
        """`may_move`: no node runs that does not know generations; without it marked rows only gather."""
        self._cql = cql
        self._table = of
        self._may_move = may_move
        self._marked_max = marked_max
        self._known: dict[str, int] = {}
        """Account → the cell as it was last read. An old value costs a second write, nothing else."""

    async def state(self, account_id: str) -> int:
        """What the cell says."""
        rows = await self._cql.read(self._table.get, account_id)
        state = int(rows[0][0] or 0) if rows else 0
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        if state:
            self._known[account_id] = state
        return state

    async def write(self, account_id: str, items: Items) -> None:
        """Write rows as the current generation; durable, and no move has passed them by, on return."""
        written = current(self._known.get(account_id, 0))
        while True:
            await self._put(items(written))
            now = current(await self.state(account_id))
            if now == written:
                return
            written = now

    def is_due(self, state: int, living: int, marked: int) -> bool:
        """Whether the partition is to move, or a move in it to be brought to its end. The counts are of its current generation."""
        return self._may_move and (state % 2 == 1 or marked > max(self._marked_max, living))

    async def move(self, account_id: str, living: Callable[[int], Awaitable[Sequence[Bound]]]) -> None:
        """Write what lives again. `living` reads it, and gives it as rows of a generation, each cell with its own timestamp."""
        state = await self.state(account_id)
        left, moving = state // 2, state | 1
        await self._cql.write(self._table.put, moving, moving, account_id)
        if left:
            await self._cql.write(self._table.drop, account_id, key_of(left, ""))
        await self._put(await living(left + 1))
        await self._cql.write(self._table.put, moving + 1, moving + 1, account_id)

    async def _put(self, items: Sequence[Bound]) -> None:
        for at in range(0, len(items), CHUNK):
            await self._cql.write_all(items[at : at + CHUNK])
