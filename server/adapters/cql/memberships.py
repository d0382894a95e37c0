"""Memberships on CQL: every value is a cell whose timestamp says how new it is, so that a late write loses; no row is deleted by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from server.adapters.cql import generations
from server.adapters.cql.generations import Generations, key_of, name_of
from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.ports.log import Hint

TABLE = generations.table("memberships", "conversation_id")
_HINT = "WHERE account_id = ? AND conversation_id = ?"
PUT_HINT = Statement(f"UPDATE memberships USING TIMESTAMP ? SET left_seq = ? {_HINT}", Kind.WRITE)
PUT_READ = Statement(f"UPDATE memberships USING TIMESTAMP ? SET read_seq = ? {_HINT}", Kind.WRITE)
FORGET = Statement(f"UPDATE memberships USING TIMESTAMP ? SET forgotten = ? {_HINT}", Kind.WRITE)
_VALUES = "left_seq, WRITETIME(left_seq), read_seq, forgotten"
GET = Statement(f"SELECT {_VALUES} FROM memberships {_HINT}", Kind.READ)  # noqa: S608 -- constants only
HINTS = Statement(f"SELECT generation, conversation_id, {_VALUES} FROM memberships WHERE account_id = ?", Kind.READ)  # noqa: S608
STATEMENTS = (*TABLE, PUT_HINT, PUT_READ, FORGET, GET, HINTS)


class _Values(NamedTuple):
    """Of one row, or of what the rows of one conversation add up to."""

    stamp: int = 0
    left_seq: int = 0
    read_seq: int = 0
    forgotten: int = 0

    def lives(self) -> bool:
        """Whether the hint counts: it is newer than what was forgotten last."""
        return self.stamp > 2 * self.forgotten + 1

    def read(self) -> int:
        """What was read before the hint was forgotten is forgotten with it."""
        return self.read_seq if self.read_seq > self.forgotten else 0

    def and_(self, other: _Values) -> _Values:
        """Both together."""
        stamp, left_seq = max(self[:2], other[:2])
        return _Values(stamp, left_seq, max(self.read_seq, other.read_seq), max(self.forgotten, other.forgotten))


class CqlMemberships:
    """`Memberships` over one session."""

    def __init__(self, cql: Cql, *, may_move: bool, marked_max: int = generations.MARKED_MAX) -> None:
        """`may_move`, `marked_max`: see `Generations`."""
        self._cql = cql
        self._generations = Generations(cql, TABLE, may_move=may_move, marked_max=marked_max)

    async def join(self, account_ids: Sequence[str], conversation_id: str, expected_head: int) -> None:
        """See `Memberships.join`."""
        await self._put(account_ids, conversation_id, 2 * (expected_head + 1), 0)

    async def leave(self, account_ids: Sequence[str], conversation_id: str, left_seq: int) -> None:
        """See `Memberships.leave`."""
        await self._put(account_ids, conversation_id, 2 * left_seq + 1, left_seq)

    async def _put(self, account_ids: Sequence[str], conversation_id: str, stamp: int, left_seq: int) -> None:
        async def put(account_id: str) -> None:
            await self._generations.write(
                account_id, lambda n: [Bound(PUT_HINT, (stamp, left_seq, account_id, key_of(n, conversation_id)))]
            )

        await asyncio.gather(*(put(account_id) for account_id in account_ids))

    async def of_account(self, account_id: str) -> Sequence[Hint]:
        """See `Memberships.of_account`."""
        found = _together(await self._cql.read(HINTS, account_id))
        return [Hint(name, values.left_seq, values.read()) for name, values in found.items() if values.lives()]

    async def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        """See `Memberships.read`."""
        await self._generations.write(
            account_id, lambda n: [Bound(PUT_READ, (seq, seq, account_id, key_of(n, name))) for name, seq in reads.items()]
        )

    async def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        """See `Memberships.forget`.

        What is forgotten is marked by the seq at which it was left: a hint with a later stamp still counts, and so does what was read
        later (log-attacks A9). It is asked for again and again, so what has nothing to forget writes nothing.
        """
        state = await self._generations.state(account_id)
        values = await self._values(account_id, conversation_id, generations.current(state))
        if left_seq and values.lives() and values.stamp <= 2 * left_seq + 1:
            await self._generations.write(
                account_id, lambda n: [Bound(FORGET, (left_seq, left_seq, account_id, key_of(n, conversation_id)))]
            )
            await self._tidy(account_id)
        elif state % 2:
            await self._tidy(account_id)

    async def _values(self, account_id: str, conversation_id: str, generation: int) -> _Values:
        """Of one conversation, as of the current generation and the one that was left: who moved late may have written there."""
        keys = [key_of(n, conversation_id) for n in (generation, generation - 1) if n >= 0]
        found = await asyncio.gather(*(self._cql.read(GET, account_id, key) for key in keys))
        return reduce(_Values.and_, (_values(row) for rows in found for row in rows), _Values())

    async def _tidy(self, account_id: str) -> None:
        """Move on when more hints were forgotten than there are."""
        rows = await self._cql.read(HINTS, account_id)
        state = rows[0][0] or 0 if rows else 0
        here = [_values(row[2:]).lives() for row in rows if name_of(row[1])[0] == generations.current(state)]
        if self._generations.is_due(state, sum(here), len(here) - sum(here)):
            await self._generations.move(account_id, lambda n: self._living(account_id, n))

    async def _living(self, account_id: str, generation: int) -> Sequence[Bound]:
        found = _together(await self._cql.read(HINTS, account_id))
        rows = ((values, (account_id, key_of(generation, name))) for name, values in found.items() if values.lives())
        return [bound for values, key in rows for bound in _cells(values, key)]


def _cells(values: _Values, key: tuple[str, str]) -> Iterator[Bound]:
    yield Bound(PUT_HINT, (values.stamp, values.left_seq, *key))
    if values.read():
        yield Bound(PUT_READ, (values.read_seq, values.read_seq, *key))
    if values.forgotten:
        yield Bound(FORGET, (values.forgotten, values.forgotten, *key))


def _values(row: Row) -> _Values:
    left_seq, stamp, read_seq, forgotten = row
    return _Values(stamp or 0, left_seq or 0, read_seq or 0, forgotten or 0)


def _together(rows: Sequence[Row]) -> dict[str, _Values]:
    """Conversation → what its rows of all generations add up to."""
    found: dict[str, _Values] = {}
    for row in rows:
        if row[1] is not None:  # of a partition with nothing but its static cell
            _, name = name_of(row[1])
            found[name] = found.get(name, _Values()).and_(_values(row[2:]))
    return found
