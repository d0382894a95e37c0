"""What every log, membership and position store must do: over memory, SQLite and Cassandra."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.adapters.cql.opening import open_cql
from server.adapters.memory.log import MemoryLog, MemoryMemberships, MemoryPositions
from server.adapters.sqlite.log import SqliteLog
from server.adapters.sqlite.positions import SqliteMemberships, SqlitePositions
from server.domain.avatar import Avatar
from server.domain.envelope import DELETED, Change, MemberAction, Role
from server.kit.database import open_database
from server.kit.store import StoreError
from server.kit.system import SystemClock
from server.ports.log import Appended, Behind, Head, Log, LogRetention, Memberships, PositionRow, Positions, Reload, Snapshot
from tests.support.cast import ALICE, BOB, DIRECT, GROUP, NOW, created, entry, membership


@dataclass
class Stores:
    """One adapter's stores."""

    log: Log
    retention: LogRetention
    memberships: Memberships
    positions: Positions


@pytest.fixture(params=["memory", "sqlite", pytest.param("cql", marks=pytest.mark.process)])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    if request.param == "memory":
        log = MemoryLog()
        yield Stores(log, log, MemoryMemberships(), MemoryPositions())
        return
    if request.param == "cql":
        cql = await open_cql(request.getfixturevalue("keyspace").settings, SystemClock(), retention_s=86_400)
        yield Stores(cql.log, cql.log, cql.memberships, cql.positions)
        await cql.close()
        return
    database = await open_database(tmp_path / "tidewire.db")
    kept = SqliteLog(database)
    yield Stores(kept, kept, SqliteMemberships(database), SqlitePositions(database))
    await database.close()


async def test_an_append_at_the_head_is_there_and_whole(stores: Stores) -> None:
    setting = entry(3)._replace(body=None)
    setting = setting._replace(header=setting.header._replace(change=Change(setting=("key", b"\x00\xff"))))
    pictures = [
        entry(seq)._replace(body=None, header=entry(seq).header._replace(change=Change(title=title, avatar=picture)))
        for seq, title, picture in ((4, "Crew", Avatar("blob", "blurhash")), (5, None, Avatar("")))
    ]
    log = [created(ALICE, BOB), entry(2), setting, *pictures]
    assert await stores.log.append(GROUP, 0, log) == Appended(1)
    assert list(await stores.log.entries(GROUP, 0, 10)) == log
    assert list(await stores.log.entries(GROUP, 1, 1)) == [entry(2)]
    assert await stores.log.heads([GROUP, DIRECT]) == {GROUP: Head(5, 0, 0, NOW)}


async def test_who_is_behind_is_told_what_he_missed_and_writes_nothing(stores: Stores) -> None:
    await stores.log.append(DIRECT, 0, [entry(1), entry(2)])
    assert await stores.log.append(DIRECT, 1, [entry(2, number=9)]) == Behind((entry(2),))
    assert len(await stores.log.entries(DIRECT, 0, 10)) == 2


async def test_appends_that_gather_are_judged_each_by_itself(stores: Stores) -> None:
    await stores.log.append(GROUP, 0, [created(ALICE, BOB)])
    names = [f"g:{number}" for number in range(70)]
    behind, fits, *fresh = await asyncio.gather(
        stores.log.append(GROUP, 0, [entry(1, number=9)]),
        stores.log.append(GROUP, 1, [entry(2), entry(3)]),
        *(stores.log.append(name, 0, [entry(1)]) for name in names),
    )
    assert behind == Behind((created(ALICE, BOB),)) or behind == Behind((created(ALICE, BOB), entry(2), entry(3)))
    assert fits == Appended(2) and fresh == [Appended(1)] * 70
    heads = await stores.log.heads([GROUP, *names])
    assert heads[GROUP].seq == 3 and {heads[name].seq for name in names} == {1}


async def test_of_two_that_append_at_one_head_one_is_behind(stores: Stores) -> None:
    outcomes = await asyncio.gather(*(stores.log.append(DIRECT, 0, [entry(1, number=n)]) for n in (1, 2)))
    (landed,) = await stores.log.entries(DIRECT, 0, 10)
    assert Appended(1) in outcomes and Behind((landed,)) in outcomes


async def test_a1_a_head_below_the_floor_cannot_append_where_rows_were_trimmed(stores: Stores) -> None:
    await stores.log.append(DIRECT, 0, [entry(n) for n in range(1, 7)])
    await stores.retention.drop_headers(DIRECT, 4)
    assert await stores.log.append(DIRECT, 2, [entry(3, number=9)]) == Reload()
    assert (await stores.log.heads([DIRECT]))[DIRECT] == Head(6, 4, 4, NOW)
    assert [e.seq for e in await stores.log.entries(DIRECT, 0, 10)] == [5, 6]


async def test_bodies_go_but_headers_changes_and_tombstones_stay(stores: Stores) -> None:
    change = membership(3, (BOB, MemberAction.LEFT, Role.NONE))
    await stores.log.append(GROUP, 0, [entry(1), entry(2), change, entry(4)])
    await stores.log.delete_body(GROUP, 2)
    await stores.log.empty_bodies(GROUP, 3)
    await stores.log.empty_bodies(GROUP, 1)
    found = await stores.log.entries(GROUP, 0, 10)
    assert [e.body for e in found] == [None, DELETED, None, b"hi"]
    assert found[2] == change
    assert (await stores.log.heads([GROUP]))[GROUP].trimmed == 3


async def test_an_older_snapshot_never_replaces_a_newer_one(stores: Stores) -> None:
    assert await stores.log.snapshot(GROUP) is None
    await stores.log.save_snapshot(GROUP, Snapshot(7, b"seven"))
    await stores.log.save_snapshot(GROUP, Snapshot(5, b"five"))
    assert await stores.log.snapshot(GROUP) == Snapshot(7, b"seven")


async def test_conversations_are_walked_page_by_page_each_once(stores: Stores) -> None:
    names = {f"g:{number}" for number in range(7)}
    for conversation_id in names:
        await stores.log.append(conversation_id, 0, [entry(1)])
    walked, after = [], ""
    while page := await stores.retention.conversations(after, 3):
        assert len(page) <= 3
        walked += page
        after = page[-1]
    assert len(walked) == 7 and set(walked) == names
    assert await stores.retention.epoch()


async def test_a10_hints_follow_seqs_not_clocks(stores: Stores) -> None:
    await stores.memberships.join([ALICE, BOB], GROUP, 0)
    await stores.memberships.join([BOB], GROUP, 9)
    await stores.memberships.leave([BOB], GROUP, 5)
    assert [tuple(h) for h in await stores.memberships.of_account(BOB)] == [(GROUP, 0, 0)], (
        "the removal before the return came late"
    )
    await stores.memberships.leave([BOB], GROUP, 12)
    await stores.memberships.read(BOB, {GROUP: 11})
    await stores.memberships.read(BOB, {GROUP: 3, DIRECT: 1})
    assert [tuple(h) for h in await stores.memberships.of_account(BOB)] == [(GROUP, 12, 11)]
    await stores.memberships.forget(BOB, GROUP, 5)
    assert len(await stores.memberships.of_account(BOB)) == 1
    await stores.memberships.forget(BOB, GROUP, 12)
    assert list(await stores.memberships.of_account(BOB)) == []


async def test_positions_only_grow(stores: Stores) -> None:
    await stores.positions.raise_to([PositionRow(GROUP, ALICE, "a", 5, 2, ((1, 2),))])
    await stores.positions.raise_to([PositionRow(GROUP, ALICE, "a", 3, 4, ((3, 3),)), PositionRow(DIRECT, ALICE, "a", 1, 0, ())])
    assert list(await stores.positions.of_conversation(GROUP)) == [PositionRow(GROUP, ALICE, "a", 5, 4, ((1, 3),))]
    assert {row.conversation_id for row in await stores.positions.of_device("a")} == {GROUP, DIRECT}


async def test_a_database_of_a_newer_node_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tidewire.db"
    await (await open_database(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match="schema 99, made by a newer node"):
        await open_database(path)


async def test_a_damaged_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tidewire.db"
    path.write_bytes(b"this is no database" * 300)
    with pytest.raises(StoreError, match="cannot be opened"):
        await open_database(path)


async def test_a_file_belongs_to_one_node_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "tidewire.db"
    first = await open_database(path)
    with pytest.raises(StoreError, match="in use by another process"):
        await open_database(path)
    await first.close()
    await (await open_database(path)).close()


async def test_one_bad_work_does_not_take_its_group_with_it(tmp_path: Path) -> None:
    database = await open_database(tmp_path / "tidewire.db")

    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 'x')")
        raise ValueError("bad")

    good = [database.write(lambda c, n=n: c.execute("INSERT INTO meta VALUES (?, '')", (f"k{n}",))) for n in range(5)]
    results = await asyncio.gather(*good, database.write(bad), return_exceptions=True)
    assert isinstance(results[-1], ValueError) and not any(isinstance(r, Exception) for r in results[:-1])
    keys = await database.read(lambda c: {row[0] for row in c.execute("SELECT key FROM meta")})
    assert keys == {"epoch", *(f"k{n}" for n in range(5))}
    await database.close()
