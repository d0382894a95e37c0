"""A keyspace that was put back to an older state: with a new epoch, the devices notice (B16)."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
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


LOST = "two, which the backup lacks"


class Restored:
    """Ann and Ben, who have both read what the backup lacks; Ann is away when the restored node starts."""

    def __init__(self, tmp_path: Path, keyspace: Keyspace) -> None:
        where = keyspace.settings
        self.settings: dict[str, object] = {
            "store": "cql",
            "cql_hosts": ",".join(where.contact_points),
            "cql_port": where.port,
            "cql_keyspace": where.keyspace,
            "pepper": SECRET,
        }
        self.keyspace = keyspace
        self.node = Node(tmp_path / "node", **self.settings)
        self.ben: Client
        self.both = ""
        self._folder = tmp_path
        self._stack = AsyncExitStack()

    def ann(self) -> AbstractAsyncContextManager[Client]:
        """Her device."""
        return Client.open(self.node.address, self._folder / "ann.db", retry_max_s=0.5)

    async def __aenter__(self) -> Restored:
        self._stack.push_async_callback(self.node.close)
        await self.node.start()
        self.ben = await self._stack.enter_async_context(Client.open(self.node.address, self._folder / "ben.db", retry_max_s=0.5))
        async with self.ann() as ann:
            await ann.register_username("ann")
            await self.ben.register_username("ben")
            self.both = await ann.direct("ben")
            await (await ann.send(self.both, "one"))
            await (await ann.send(self.both, LOST))
            await until_shown(self.ben, self.both, [(1, "one"), (2, LOST)])
        await self.node.stop()
        roll_back(self.keyspace, self.both)
        return self

    async def go_on(self) -> None:
        """The node starts, and Ben writes: the log is as long as Ann's again, so that by its head alone she cannot know."""
        back = asyncio.ensure_future(reconnected(self.ben))
        await self.node.start()
        await back
        await (await self.ben.send(self.both, "another two"))

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def test_devices_follow_a_restored_keyspace_once_a_new_epoch_has_begun(tmp_path: Path, keyspace: Keyspace) -> None:
    async with Restored(tmp_path, keyspace) as restored:
        code, said = await server("migrate", "--new-epoch", **restored.settings)
        assert code == 0 and "devices take their logs again" in said, said
        await restored.go_on()
        async with restored.ann() as ann:
            wanted = [(1, "one"), (2, "another two")]
            await until_shown(ann, restored.both, wanted)
            await until_shown(restored.ben, restored.both, wanted)
            assert [message.text for message in await ann.lost(restored.both)] == [LOST]


async def test_without_a_new_epoch_a_device_keeps_what_the_log_has_not_and_nothing_says_so(
    tmp_path: Path, keyspace: Keyspace
) -> None:
    async with Restored(tmp_path, keyspace) as restored:
        await restored.go_on()
        async with restored.ann() as ann:
            await ann.caught_up()
            await (await restored.ben.send(restored.both, "three"))
            await until_shown(ann, restored.both, [(1, "one"), (2, LOST), (3, "three")])
            await until_shown(restored.ben, restored.both, [(1, "one"), (2, "another two"), (3, "three")])
            assert await ann.lost(restored.both) == [], "she cannot know: this is what the step is for"


async def test_an_epoch_is_not_made_where_there_is_no_database(tmp_path: Path) -> None:
    code, said = await server("migrate", "--new-epoch", store="sqlite")
    assert code == 2 and "migrate is for store = cql" in said
