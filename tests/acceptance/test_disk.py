"""A disk that is full, read-only or in use: a retryable refusal or one clear sentence, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import pytest
from tidewire import Client, Sent, Unreachable

from tests.support.node import Node

pytestmark = pytest.mark.process


def fill_disk(node: Node) -> tuple[int, int]:
    """Let no file of the node grow beyond what the largest is now: to SQLite, a full disk. The limits as they were."""
    largest = max(path.stat().st_size for path in node.folder.iterdir())
    return resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


async def test_a_full_disk_refuses_for_now_and_loses_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    await node.start()
    try:
        async with Client.open(node.address, tmp_path / "ann.db") as ann:
            await ann.register_username("ann")
            notes = f"s:{ann.account_id}"
            before = await (await ann.send(notes, "before"))
            limits = fill_disk(node)
            with pytest.raises(Unreachable, match="the store cannot do it now") as refused:
                for number in range(200):  # SQLite may reuse some room first
                    await ann.rename_device(ann.device_id, f"phone {number}")
            assert refused.value.retryable
            sending = await ann.send(notes, "during " * 1000)
            resource.prlimit(node.pid, resource.RLIMIT_FSIZE, limits)
            during = await sending
            await node.kill()
            await node.start()
            after = await (await ann.send(notes, "after"))
            assert [type(sent) for sent in (before, during, after)] == [Sent] * 3
            assert [message.text[:6] for message in await ann.history(notes)] == ["before", "during", "after"]
            assert before.seq < during.seq < after.seq
    finally:
        await node.close()


async def refuses_to_start(folder: Path) -> str:
    """What a node says that cannot start there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        *(
            "--set",
            f"data_dir={folder}",
            "--set",
            "chat_listen=127.0.0.1:0",
            "--set",
            "http_listen=127.0.0.1:0",
            "--set",
            "internal_listen=127.0.0.1:0",
        ),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    return said.decode().strip()


async def test_a_folder_that_cannot_be_written_is_one_sentence() -> None:
    said = await refuses_to_start(Path("/proc/tidewire"))
    assert "/proc/tidewire" in said and "cannot be opened" in said and "\n" not in said


async def test_a_folder_that_another_node_uses_is_one_sentence(tmp_path: Path) -> None:
    node = Node(tmp_path)
    await node.start()
    try:
        said = await refuses_to_start(tmp_path)
        assert "in use by another process" in said and "\n" not in said
    finally:
        await node.close()


async def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tidewire.db").write_bytes(b"not a database at all" * 400)
    said = await refuses_to_start(tmp_path)
    assert "cannot be opened" in said and "\n" not in said
