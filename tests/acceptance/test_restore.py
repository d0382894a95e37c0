"""A store restored from a backup: the devices notice, nothing that exists is hidden, and no tick speaks of what is gone (B16)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tidewire import Client, Connected

from tests.support.node import Node

pytestmark = pytest.mark.process


async def server(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run `python -m server` to its end: its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        *("--set", f"data_dir={folder}", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def shown(client: Client, conversation_id: str) -> list[tuple[int, str]]:
    """What a device shows."""
    return [(message.seq, message.text) for message in await client.history(conversation_id)]


async def until_shown(client: Client, conversation_id: str, wanted: list[tuple[int, str]]) -> None:
    """Wait for the thing itself."""
    news = client.listen()
    async with asyncio.timeout(30):
        while await shown(client, conversation_id) != wanted:
            await news.get()


async def reconnected(client: Client) -> None:
    """Wait for the next Welcome."""
    news = client.listen()
    async with asyncio.timeout(30):
        while not isinstance(await news.get(), Connected):
            pass


async def test_devices_follow_a_restored_log(tmp_path: Path) -> None:
    node, backup = Node(tmp_path / "node"), tmp_path / "backup.db"
    await node.start()
    try:
        async with (
            Client.open(node.address, tmp_path / "ann.db", retry_max_s=0.5) as ann,
            Client.open(node.address, tmp_path / "ben.db", retry_max_s=0.5) as ben,
        ):
            await ann.register_username("ann")
            await ben.register_username("ben")
            both = await ann.direct("ben")
            await (await ann.send(both, "one"))
            await until_shown(ben, both, [(1, "one")])
            assert (await server(node.folder, "--backup", str(backup)))[0] == 0, "while the node runs"
            await (await ann.send(both, "two, which the backup lacks"))
            await until_shown(ben, both, [(1, "one"), (2, "two, which the backup lacks")])
            code, said = await server(node.folder, "--restore", str(backup))
            assert code == 1 and "in use by another process" in said
            await node.stop()
            code, said = await server(node.folder, "--restore", str(backup))
            assert code == 0 and "before-restore-1" in said
            back = asyncio.gather(reconnected(ann), reconnected(ben))
            await node.start()
            await back
            await (await ben.send(both, "another two"))
            await (await ann.send(both, "three"))
            wanted = [(1, "one"), (2, "another two"), (3, "three")]
            await until_shown(ann, both, wanted)
            await until_shown(ben, both, wanted)
            assert [message.text for message in await ann.lost(both)] == ["two, which the backup lacks"]
    finally:
        await node.close()


async def test_a_backup_that_is_damaged_or_already_there_changes_nothing(tmp_path: Path) -> None:
    node, backup = Node(tmp_path / "node"), tmp_path / "backup.db"
    await node.start()
    await node.stop()
    backup.write_bytes(b"no database" * 500)
    before = (node.folder / "tidewire.db").read_bytes()
    code, said = await server(node.folder, "--restore", str(backup))
    assert code == 1 and "cannot be restored" in said and "\n" not in said.strip()
    code, said = await server(node.folder, "--backup", str(backup))
    assert code == 1 and "never written over" in said
    assert (node.folder / "tidewire.db").read_bytes() == before
