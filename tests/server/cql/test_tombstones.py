"""How many tombstones the node's reads meet, as the database itself counts them for each table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tidewire import Client

from server.adapters.cql.generations import MARKED_MAX
from server.adapters.cql.opening import open_cql
from server.domain.accounts import Device
from server.kit.system import SystemClock
from server.ports.accounts import Secrets
from server.ports.log import Behind
from tests.acceptance.test_restore import until_shown
from tests.server.cql.test_log import fill
from tests.support.cassandra import CassandraNode
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.cast import ALICE, DIRECT, NOW, entry
from tests.support.node import Node

pytestmark = pytest.mark.process
SECRET = "a secret of at least thirty-two characters"
NONE = 1
"""The least that the database's histogram says."""
RANGE = 3
"""One range that was deleted counts twice, with its begin and its end."""


@pytest.fixture
def own(cassandra: CassandraNode) -> Iterator[Keyspace]:
    """A keyspace of which nothing was read yet."""
    keyspace = Keyspace(cassandra, "counted")
    yield keyspace
    keyspace.session.execute("DROP KEYSPACE counted")
    keyspace.close()


def most(keyspace: Keyspace) -> dict[str, float]:
    """Table → the most that one read has met so far, rounded up to the next step of a histogram (a fifth at most)."""
    rows = keyspace.session.execute("SELECT keyspace_name, table_name, count, max FROM system_views.tombstones_per_read")
    mine = [row for row in rows if row.keyspace_name == keyspace.settings.keyspace and row.count]
    return {row.table_name: row.max for row in mine if not row.table_name.startswith("schema_")}


async def flush(keyspace: Keyspace) -> None:
    """Have the log written to disk, so that reads have several files to put together."""
    folder = keyspace.node.folder

    def written() -> set[Path]:
        return set(folder.glob(f"data/{keyspace.settings.keyspace}/log-*/*-Data.db"))

    before = written()
    for period in (100, 0):
        keyspace.session.execute(f"ALTER TABLE log WITH memtable_flush_period_in_ms = {period}")
        async with asyncio.timeout(30):
            while not written() - before:
                await asyncio.sleep(0.02)


async def test_a_log_that_was_trimmed_many_times_is_read_past_nothing_and_emptied_bodies_by_the_page(own: Keyspace) -> None:
    stores = await open_cql(own.settings, SystemClock(), retention_s=86_400)
    log = stores.log
    try:
        await fill(stores, 700)
        await flush(own)
        for seq in range(4, 404, 4):
            await log.drop_headers(DIRECT, seq)
            if seq == 200:
                await flush(own)
        assert [each.seq for each in await log.entries(DIRECT, 0, 200)] == list(range(401, 601))
        assert (await log.heads([DIRECT]))[DIRECT].seq == 700
        assert isinstance(await log.append(DIRECT, 512, [entry(513, number=9_999)]), Behind)
        assert most(own) == {"log": pytest.approx(NONE, abs=2), "conversations": NONE, "meta": NONE}, "not one for each trimming"
        await log.empty_bodies(DIRECT, 690)
        assert [each.body for each in await log.entries(DIRECT, 400, 290)] == [None] * 290
        assert 100 <= most(own)["log"] <= 642, "one for each body of the page, and no more than a partition has"
    finally:
        await stores.close()


async def test_groups_that_were_left_and_devices_that_were_removed_leave_none_until_they_move_and_then_two(own: Keyspace) -> None:
    stores = await open_cql(own.settings, SystemClock(), retention_s=86_400)

    async def come_and_go(first: int, count: int) -> None:
        for number in range(first, first + count):
            group, device = f"g:{number}", f"laptop-{number}"
            await stores.memberships.join([ALICE], group, 1)
            await stores.memberships.read(ALICE, {group: 2})
            await stores.memberships.leave([ALICE], group, 3)
            await stores.memberships.forget(ALICE, group, 3)
            await stores.devices.add(
                Device(device, ALICE, device, False, NOW, NOW), Secrets(f"a{number}", NOW, f"r{number}", NOW)
            )
            await stores.devices.remove(device)
        assert not await stores.memberships.of_account(ALICE) and not await stores.devices.of_account(ALICE)

    try:
        await come_and_go(0, MARKED_MAX)
        met = most(own)
        assert (met["memberships"], met["devices_of_account"]) == (NONE, NONE)
        await come_and_go(MARKED_MAX, 2 * MARKED_MAX + 4)  # three moves
        met = most(own)
        assert met["memberships"] <= RANGE and met["devices_of_account"] <= RANGE
        for table in ("memberships", "devices_of_account"):
            (count,) = own.session.execute(f"SELECT count(*) FROM {table} WHERE account_id = %s", (ALICE,)).one()
            assert count <= 2 * (MARKED_MAX + 1), "of the last generation and the one before"
    finally:
        await stores.close()


async def test_what_people_do_every_day_leaves_few(own: Keyspace, tmp_path: Path) -> None:
    where = own.settings
    database = {"cql_hosts": where.contact_points[0], "cql_port": where.port, "cql_keyspace": where.keyspace}
    node = Node(tmp_path / "node", store="cql", pepper=SECRET, **database)
    await node.start()
    try:
        async with Client.open(node.address, tmp_path / "ben.db") as ben:
            await ben.register_username("ben")
        async with Client.open(node.address, tmp_path / "ann.db") as ann:
            recovery = await ann.register_username("ann")
            both = await ann.direct("ben")
            for number in range(1, 41):
                await (await ann.send(both, f"{number}"))
            for number in range(5):
                async with Client.open(node.address, tmp_path / f"laptop-{number}.db") as laptop:
                    await laptop.confirm_login(await laptop.start_login("ann"), recovery_code=recovery)
                    await laptop.caught_up()
                    await ann.remove_device(laptop.device_id)
        await node.stop()
        await node.start()  # it has nothing in memory: Ben's forty come from the log
        async with Client.open(node.address, tmp_path / "ben.db") as ben:
            await until_shown(ben, both, [(number, f"{number}") for number in range(1, 41)])
            await ben.mark_read(both, 40)
            await ben.block("ann", True)
            await ben.block("ann", False)
        assert await node.stop() == 0
        met = most(own)
        assert {
            "accounts",
            "devices",
            "devices_of_account",
            "tokens",
            "handles",
            "log",
            "memberships",
            "positions_of_device",
        } <= set(met)
        assert set(met.values()) == {NONE}, met
    finally:
        await node.close()
