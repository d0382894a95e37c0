"""A keyspace that was put back to an older state: with a new epoch, the devices notice (B16)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tidewire import Client

from tests.acceptance.test_restore import reconnected, until_shown
from tests.support.cassandra.keyspaces import Keyspace
from tests.support.node import Node, server

pytestmark = pytest.mark.process
SECRET = "a secret of at least thirty-two characters"


def roll_back(keyspace: Keyspace, conversation_id: str) -> None:
    """What a snapshot taken after the first message would have brought back."""
    run, where = keyspace.session.execute, "WHERE conversation_id = %s AND bucket = 0"
    run(f"DELETE FROM log {where} AND seq = 2", (conversation_id,))
    run(f"UPDATE log SET head = 1 {where}", (conversation_id,))
    for table in ("positions_of_conversation", "positions_of_device"):
        run(f"TRUNCATE {table}")


async def test_devices_follow_a_restored_keyspace_once_a_new_epoch_has_begun(tmp_path: Path, keyspace: Keyspace) -> None:
    where = keyspace.settings
    settings: dict[str, object] = {
        "store": "cql",
        "cql_hosts": ",".join(where.contact_points),
        "cql_port": where.port,
        "cql_keyspace": where.keyspace,
        "pepper": SECRET,
    }
    node = Node(tmp_path / "node", **settings)
    await node.start()
    try:
        async with Client.open(node.address, tmp_path / "ben.db") as ben:
            async with Client.open(node.address, tmp_path / "ann.db") as ann:
                await ann.register_username("ann")
                await ben.register_username("ben")
                both = await ann.direct("ben")
                await (await ann.send(both, "one"))
                await (await ann.send(both, "two, which the backup lacks"))
                await until_shown(ben, both, [(1, "one"), (2, "two, which the backup lacks")])
            await node.stop()
            roll_back(keyspace, both)
            code, said = await server("migrate", "--new-epoch", **settings)
            assert code == 0 and "devices take their logs again" in said, said
            back = asyncio.ensure_future(reconnected(ben))
            await node.start()
            await back
            await (await ben.send(both, "another two"))
            # she comes when the log is as long as hers again: by its head alone she could not know
            async with Client.open(node.address, tmp_path / "ann.db") as ann:
                wanted = [(1, "one"), (2, "another two")]
                await until_shown(ann, both, wanted)
                await until_shown(ben, both, wanted)
                assert [message.text for message in await ann.lost(both)] == ["two, which the backup lacks"]
    finally:
        await node.close()


async def test_an_epoch_is_not_made_where_there_is_no_database(tmp_path: Path) -> None:
    code, said = await server("migrate", "--new-epoch", store="sqlite")
    assert code == 2 and "migrate is for store = cql" in said
