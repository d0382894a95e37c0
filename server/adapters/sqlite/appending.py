"""Appends of many conversations in one go: what gathers while a commit is under way is the next commit.

Python's sqlite3 lets go of the interpreter lock around every step of a statement, and taking it back from a busy event loop costs
more than the step. So a group is three statements whatever its size: move all heads that are as expected, count them, write all
rows. When the count is off, somebody else has moved a head: everything is rolled back and each append is judged by itself.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from server.domain.avatar import Avatar
from server.domain.envelope import Change, Entry, Header, MemberAction, MemberChange, Role
from server.kit.database import Database
from server.ports.log import Appended, AppendOutcome, Behind, Reload

COLUMNS = (
    "seq, envelope_id, sender_id, device_id, kind, at_ms, expires_at_ms, target_seq, visible_count, sealed, withheld_from,"
    " change, body"
)
SELECT = f"SELECT {COLUMNS} FROM entries WHERE number=? AND seq>? ORDER BY seq LIMIT ?"  # noqa: S608 -- constants only
_NEW_HEAD = (
    "INSERT OR IGNORE INTO heads (conversation_id, number, head, changed_at_ms)"
    " VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM heads), 0, 0)"
)
CHUNK = 64
"""Rows of one statement at most: the compiled forms of all sizes up to this stay in the connection's cache."""

GROUP_ENTRIES_MAX = 2_048
"""Entries of one commit."""


class _Contended(Exception):
    """A head was not where it was expected."""


class _Wanted(NamedTuple):
    conversation_id: str
    expected_head: int
    entries: Sequence[Entry]
    outcome: asyncio.Future[AppendOutcome]


class Appending:
    """`Log.append` over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Wanted] = []
        self._busy = False

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> asyncio.Future[AppendOutcome]:
        """See `Log.append`. SQLite's outcomes are never unknown: a commit that fails has written nothing."""
        outcome: asyncio.Future[AppendOutcome] = self._loop.create_future()
        self._waiting.append(_Wanted(conversation_id, expected_head, entries, outcome))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._next)
        return outcome

    def _next(self) -> None:
        """Commit what has gathered: each conversation once, the rest with the next group."""
        group: dict[str, _Wanted] = {}
        later: list[_Wanted] = []
        size = 0
        for wanted in self._waiting:
            if size < GROUP_ENTRIES_MAX and wanted.conversation_id not in group:
                group[wanted.conversation_id] = wanted
                size += len(wanted.entries)
            else:
                later.append(wanted)
        self._waiting = later
        self._busy = bool(group)
        if group:
            self._begin(list(group.values()), together=True)

    def _begin(self, group: list[_Wanted], *, together: bool) -> None:
        work = _together if together else _one_by_one
        done = self._database.submit(lambda connection: work(connection, group))
        done.add_done_callback(lambda done: self._done(group, done))

    def _done(self, group: list[_Wanted], done: asyncio.Future[list[AppendOutcome]]) -> None:
        if done.cancelled():
            for wanted in group:
                wanted.outcome.cancel()
            return
        error = done.exception()
        if isinstance(error, _Contended):
            self._begin(group, together=False)
            return
        outcomes: Sequence[AppendOutcome | None] = [None] * len(group) if error is not None else done.result()
        for wanted, outcome in zip(group, outcomes):
            if wanted.outcome.done():  # nobody waits any more; what is written stands all the same
                continue
            if outcome is None:
                assert error is not None, "a group has outcomes or an error"
                wanted.outcome.set_exception(error)
            else:
                wanted.outcome.set_result(outcome)
        self._next()


# -- in the writer's thread --------------------------------------------------------------------------------------------


def _together(connection: sqlite3.Connection, group: list[_Wanted]) -> list[AppendOutcome]:
    for wanted in group:
        if not wanted.expected_head:
            connection.execute(_NEW_HEAD, (wanted.conversation_id,))
    moves = [(w.conversation_id, w.expected_head, w.entries[-1].seq, w.entries[-1].header.at_ms) for w in group]
    moved = sum(connection.execute(_move(len(chunk)), flat).rowcount for chunk, flat in _chunks(moves))
    if moved != len(group):
        raise _Contended
    rows = [(wanted.conversation_id, *_row(entry)) for wanted in group for entry in wanted.entries]
    for chunk, flat in _chunks(rows):
        connection.execute(_insert(len(chunk)), flat)
    return [Appended(wanted.expected_head + 1) for wanted in group]


def _one_by_one(connection: sqlite3.Connection, group: list[_Wanted]) -> list[AppendOutcome]:
    return [_alone(connection, wanted) for wanted in group]


def _alone(connection: sqlite3.Connection, wanted: _Wanted) -> AppendOutcome:
    found = connection.execute(
        "SELECT number, head, floor FROM heads WHERE conversation_id=?", (wanted.conversation_id,)
    ).fetchone()
    number, head, floor = found or (0, 0, 0)
    if head == wanted.expected_head:
        return _together(connection, [wanted])[0]
    if wanted.expected_head < floor or wanted.expected_head > head:
        return Reload()
    since = connection.execute(SELECT, (number, wanted.expected_head, -1)).fetchall()
    return Behind(tuple(entry_of(row) for row in since))


def _chunks(rows: list[tuple[Any, ...]]) -> Iterator[tuple[list[tuple[Any, ...]], list[Any]]]:
    """The rows in chunks, each with its values one after the other."""
    for at in range(0, len(rows), CHUNK):
        chunk = rows[at : at + CHUNK]
        yield chunk, [value for row in chunk for value in row]


@cache
def _move(count: int) -> str:
    return (
        "UPDATE heads SET head=moves.column3, changed_at_ms=moves.column4"  # noqa: S608 -- placeholders only
        f" FROM (VALUES {_places(count, 4)}) AS moves"
        " WHERE heads.conversation_id=moves.column1 AND heads.head=moves.column2"
    )


@cache
def _insert(count: int) -> str:
    columns = ", ".join(f"rows.column{number}" for number in range(2, 15))
    return (
        f"INSERT INTO entries (number, {COLUMNS}) SELECT heads.number, {columns}"  # noqa: S608 -- placeholders only
        f" FROM (VALUES {_places(count, 14)}) AS rows CROSS JOIN heads ON heads.conversation_id=rows.column1"
    )


def _places(rows: int, columns: int) -> str:
    one = f"({','.join('?' * columns)})"
    return ",".join([one] * rows)


def _row(entry: Entry) -> tuple[Any, ...]:
    seq, header, body = entry
    change = header.change
    return (seq, *header[:10], None if change is None else _change_text(change), body)


def entry_of(row: tuple[Any, ...]) -> Entry:
    """An entry from the columns `COLUMNS`."""
    change = None if row[11] is None else _change(row[11])
    return Entry(row[0], Header(*row[1:9], bool(row[9]), row[10], change), row[12])  # type: ignore[call-arg]


def _change_text(change: Change) -> str:
    setting = change.setting and [change.setting[0], base64.b64encode(change.setting[1]).decode()]
    picture = [] if change.avatar is None else [change.avatar[:2]]
    return json.dumps([[[*m] for m in change.members], change.title, change.description, setting, *picture])


def _change(text: str) -> Change:
    members, title, description, setting, *picture = json.loads(text)
    return Change(
        tuple(MemberChange(account, MemberAction(action), Role(role)) for account, action, role in members),
        title,
        description,
        setting and (setting[0], base64.b64decode(setting[1])),
        Avatar(*picture[0]) if picture else None,
    )
