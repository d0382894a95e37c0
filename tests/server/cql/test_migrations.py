"""The schema on Cassandra: brought up to date by any number of nodes at once, and refused when it is not what a node knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import pytest

from server.adapters.cql.connecting import CqlSettings, connect, orders_apart
from server.adapters.cql.generations import MARKED_MAX
from server.adapters.cql.memberships import TABLE
from server.adapters.cql.migrations import Migration, change, known_migrations
from server.adapters.cql.migrations import migrate as migrations_of
from server.adapters.cql.opening import migrate, open_cql
from server.kit.store import StoreError
from server.kit.system import SystemClock
from tests.server.cql.conftest import Opened
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE

pytestmark = pytest.mark.process


@pytest.fixture
def fresh(cassandra: CassandraNode, keyspace: Keyspace) -> Iterator[CqlSettings]:
    """A keyspace that is not there yet."""
    yield CqlSettings((cassandra.host,), cassandra.port, "fresh", replication={"datacenter1": 1})
    keyspace.session.execute("DROP KEYSPACE IF EXISTS fresh", timeout=60)


async def test_a_keyspace_without_a_schema_is_refused_then_made_by_two_at_once(fresh: CqlSettings) -> None:
    with pytest.raises(StoreError, match="keyspace fresh has no schema yet: run python -m server migrate"):
        await open_cql(fresh, SystemClock(), retention_s=1)
    done = await asyncio.gather(migrate(fresh), migrate(fresh))
    assert sorted(map(len, done)) == [0, len(known_migrations())], "both stages, since no older node can run"
    assert await migrate(fresh) == [] == await migrate(fresh, "post")
    stores = await open_cql(fresh, SystemClock(), retention_s=1)
    assert len(await stores.log.epoch()) == 16
    await stores.close()


async def test_a_node_of_the_database_that_has_not_heard_of_the_keyspace_yet_is_asked_again(
    fresh: CqlSettings, keyspace: Keyspace
) -> None:
    cluster, session = await asyncio.to_thread(connect, keyspace.settings, with_keyspace=False)
    asked = asyncio.Queue[object]()
    loop = asyncio.get_running_loop()
    session.add_request_init_listener(lambda future: loop.call_soon_threadsafe(asked.put_nowait, future))
    try:
        changing = asyncio.create_task(asyncio.to_thread(change, session, "CREATE TABLE fresh.late (id int PRIMARY KEY)"))
        for _ in range(2):
            await asyncio.wait_for(asked.get(), 30)
        how = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
        keyspace.session.execute(f"CREATE KEYSPACE fresh WITH replication = {how}", timeout=60)
        await changing
        assert not keyspace.session.execute("SELECT id FROM fresh.late").all()
    finally:
        cluster.shutdown()


async def test_what_an_older_version_wrote_is_kept_and_moves_only_when_no_older_node_is_left(fresh: CqlSettings) -> None:
    older = [each for each in known_migrations() if each.name < "0004"]
    cluster, session = await asyncio.to_thread(connect, fresh, with_keyspace=False)
    try:
        await asyncio.to_thread(migrations_of, cluster, session, fresh.keyspace, {"datacenter1": 1}, older, "pre")
        for number in range(MARKED_MAX + 2):
            hint = (2 * 3 + 1, 3, ALICE, f"g:{number}")  # left, as an older node writes it
            session.execute(
                "UPDATE memberships USING TIMESTAMP %s SET left_seq = %s WHERE account_id = %s AND conversation_id = %s", hint
            )
        session.execute(
            "DELETE left_seq FROM memberships USING TIMESTAMP 7 WHERE account_id = %s AND conversation_id = 'g:0'", (ALICE,)
        )
        session.execute("INSERT INTO devices_of_account (account_id, device_id) VALUES (%s, 'phone')", (ALICE,))
    finally:
        cluster.shutdown()
    with pytest.raises(StoreError, match="keyspace fresh lacks migration 0004_generations: run python -m server migrate"):
        await open_cql(fresh, SystemClock(), retention_s=1)
    assert await migrate(fresh) == [each.name for each in known_migrations() if each.stage == "pre" and each not in older]
    assert await forgetting(fresh, (1, 2)) == (MARKED_MAX - 1, 0)
    assert await migrate(fresh, "post") == ["0005_generations"]
    assert await forgetting(fresh, range(3, MARKED_MAX + 1)) == (1, 0)
    assert await forgetting(fresh, (MARKED_MAX + 1,)) == (0, 2)


async def forgetting(where: CqlSettings, numbers: Iterable[int]) -> tuple[int, int]:
    """A node that forgets some of Alice's groups: how many hints are left, and the cell `generation`."""
    stores = await open_cql(where, SystemClock(), retention_s=1)
    try:
        for number in numbers:
            await stores.memberships.forget(ALICE, f"g:{number}", 3)
        (state,) = (await stores.cql.read(TABLE.get, ALICE))[0]
        return len(await stores.memberships.of_account(ALICE)), state or 0
    finally:
        await stores.close()


@pytest.fixture
def migrations(keyspace: Keyspace) -> Iterator[Keyspace]:
    """The table of migrations, put right afterwards."""
    yield keyspace
    for name in ("9999_later", "9998_later"):
        keyspace.session.execute("DELETE FROM schema_migrations WHERE scope = 'all' AND name = %s", (name,))
    known = known_migrations()[0]
    put(keyspace, known.name, known.stage, known.checksum)


def put(keyspace: Keyspace, name: str, stage: str, checksum: str) -> None:
    keyspace.session.execute(
        "INSERT INTO schema_migrations (scope, name, stage, checksum) VALUES ('all', %s, %s, %s)", (name, stage, checksum)
    )


async def test_what_a_newer_node_added_is_no_obstacle_but_what_it_took_away_is(opened: Opened, migrations: Keyspace) -> None:
    put(migrations, "9998_later", "pre", "x")
    await opened()
    put(migrations, "9999_later", "post", "x")
    for work in (opened(), migrate(migrations.settings)):
        with pytest.raises(StoreError, match="has migration 9999_later, made by a newer node"):
            await work


async def test_a_schema_that_lacks_a_migration_or_had_another_text_is_refused(opened: Opened, migrations: Keyspace) -> None:
    first = known_migrations()[0]
    put(migrations, first.name, first.stage, "another")
    with pytest.raises(StoreError, match=f"another text of migration {first.name}"):
        await opened()
    migrations.session.execute("DELETE FROM schema_migrations WHERE scope = 'all' AND name = %s", (first.name,))
    with pytest.raises(StoreError, match=f"lacks migration {first.name}: run python -m server migrate"):
        await opened()


async def test_a_name_that_is_none_for_a_keyspace_is_refused(fresh: CqlSettings) -> None:
    with pytest.raises(StoreError, match="is no name for a keyspace"):
        await migrate(CqlSettings(fresh.contact_points, fresh.port, "no name; DROP"))


def test_a_checksum_sees_statements_and_not_comments() -> None:
    plain = Migration("1", "pre", "CREATE TABLE a (b text PRIMARY KEY);\nDROP TABLE c;")
    assert plain.checksum == Migration("1", "pre", "-- why\nCREATE TABLE a (b text PRIMARY KEY); -- so\nDROP TABLE c").checksum
    assert plain.checksum != Migration("1", "pre", "CREATE TABLE a (b text PRIMARY KEY)").checksum
    assert plain.statements() == ["CREATE TABLE a (b text PRIMARY KEY)", "DROP TABLE c"]


def test_b5_copies_in_two_data_centres_need_a_word_about_who_gives_out_seqs() -> None:
    assert orders_apart({"class": "N", "north": "3", "south": "3"}, "one") == ["north", "south"]
    assert orders_apart({"class": "N", "north": "3", "south": "3"}, "home") == []
    assert orders_apart({"class": "N", "north": "3", "south": "3"}, "all") == []
    assert orders_apart({"class": "N", "north": "3"}, "one") == []
