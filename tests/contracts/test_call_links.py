"""What every store of links into calls must do: over memory, SQLite and CQL."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.adapters.cql.opening import open_cql
from server.adapters.memory.call_links import MemoryCallLinks
from server.adapters.sqlite.call_links import SqliteCallLinks
from server.domain.call_links import CallLink
from server.kit.database import open_database
from server.kit.system import SystemClock
from server.ports.call_links import CallLinks
from tests.support.cast import ALICE, BOB, GROUP, NOW

FIRST = CallLink("first", "hash-1", ALICE, GROUP, True, NOW, NOW)
SECOND = CallLink("second", "hash-2", ALICE, "", False, NOW + 1, NOW + 1)
BOBS = CallLink("third", "hash-3", BOB, "", False, NOW, NOW)


@pytest.fixture(params=["memory", "sqlite", pytest.param("cql", marks=pytest.mark.process)])
async def links(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CallLinks]:
    if request.param == "memory":
        yield MemoryCallLinks()
        return
    if request.param == "cql":
        cql = await open_cql(request.getfixturevalue("keyspace").settings, SystemClock(), retention_s=86_400)
        yield cql.call_links
        await cql.close()
        return
    database = await open_database(tmp_path / "tidewire.db")
    yield SqliteCallLinks(database)
    await database.close()


async def test_a_link_is_found_by_its_token_and_by_its_maker(links: CallLinks) -> None:
    assert await links.get("hash-1") is None and list(await links.of_maker(ALICE)) == []
    for link in (SECOND, BOBS, FIRST):
        await links.add(link)
    assert [await links.get(one.token_hash) for one in (FIRST, SECOND, BOBS)] == [FIRST, SECOND, BOBS]
    assert [await links.find(one.maker_id, one.link_id) for one in (FIRST, SECOND, BOBS)] == [FIRST, SECOND, BOBS]
    assert await links.find(BOB, "first") is None
    assert list(await links.of_maker(ALICE)) == [FIRST, SECOND], "the oldest first"
    assert list(await links.of_maker("nobody")) == []


async def test_approval_and_use_are_changed_one_without_the_other(links: CallLinks) -> None:
    await links.add(FIRST)
    changed = dataclasses.replace(FIRST, approval=False)
    assert await links.set_approval(ALICE, "first", False) == changed == await links.get("hash-1")
    assert await links.touch(ALICE, "first", NOW + 5)
    used = dataclasses.replace(changed, used_at_ms=NOW + 5)
    assert await links.get("hash-1") == used and list(await links.of_maker(ALICE)) == [used]
    assert await links.set_approval(ALICE, "first", True) == dataclasses.replace(used, approval=True)
    assert await links.touch(ALICE, "first", NOW + 3), "a use that was noted late"
    assert await links.get("hash-1") == dataclasses.replace(used, approval=True)


async def test_a_link_that_was_removed_is_gone_for_good(links: CallLinks) -> None:
    await links.add(FIRST)
    await links.add(SECOND)
    assert not await links.remove(BOB, "first"), "it is none of his"
    assert not await links.touch(BOB, "first", NOW + 5) and await links.set_approval(BOB, "first", False) is None
    assert await links.get("hash-1") == FIRST
    assert await links.remove(ALICE, "first") and not await links.remove(ALICE, "first")
    assert not await links.touch(ALICE, "first", NOW + 5) and await links.set_approval(ALICE, "first", False) is None
    assert await links.get("hash-1") is None and await links.find(ALICE, "first") is None
    assert list(await links.of_maker(ALICE)) == [SECOND]


async def test_of_a_use_and_a_change_at_once_both_remain(links: CallLinks) -> None:
    await links.add(FIRST)
    for n in range(1, 6):
        uses = [links.touch(ALICE, "first", NOW + 10 * n + m) for m in range(3)]
        await asyncio.gather(*uses, links.set_approval(ALICE, "first", n % 2 == 0))
        assert await links.get("hash-1") == dataclasses.replace(FIRST, approval=n % 2 == 0, used_at_ms=NOW + 10 * n + 2)


async def test_of_a_use_and_a_removal_at_once_the_removal_wins(links: CallLinks) -> None:
    for _ in range(5):
        await links.add(FIRST)
        uses = [links.touch(ALICE, "first", NOW + n) for n in range(1, 4)]
        await asyncio.gather(*uses, links.remove(ALICE, "first"), links.set_approval(ALICE, "first", False))
        assert await links.get("hash-1") is None and list(await links.of_maker(ALICE)) == []
