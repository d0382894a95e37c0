"""`make run`: the node and the media worker as one command."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tidewire import Client

from tests.support.node import free_port

pytestmark = pytest.mark.process


class Command:
    """`python -m server --with media`, with everything on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("CHAT", "HTTP", "INTERNAL", "MEDIA_GRPC", "MEDIA_HTTP", "MEDIA_INTERNAL")}
        self.lines: list[str] = []
        self._process: asyncio.subprocess.Process | None = None

    @property
    def chat(self) -> str:
        """Where devices reach the node."""
        return f"127.0.0.1:{self.ports['CHAT']}"

    async def start(self) -> None:
        """Start it."""
        listens = {f"TIDEWIRE_{name}_LISTEN": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "--with", "media"),
            env={**os.environ, **listens, "TIDEWIRE_DATA_DIR": str(self.folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def says(self, *parts: str) -> str:
        """Read on until a line has all the parts."""
        assert self._process is not None and self._process.stdout is not None
        async with asyncio.timeout(30):
            while line := (await self._process.stdout.readline()).decode():
                self.lines.append(line)
                if all(part in line for part in parts):
                    return line
        raise AssertionError("".join(self.lines))

    async def up(self) -> None:
        """Wait until both have said that they are: one that dies before its first line counts as one that cannot start."""
        said = ""
        while not all(f"{name} | " in said for name in ("node ", "media")):
            said += await self.says(" is up")

    async def ends(self) -> int:
        """Its exit code."""
        assert self._process is not None
        out, _ = await asyncio.wait_for(self._process.communicate(), 30)
        self.lines += out.decode().splitlines(keepends=True)
        assert self._process.returncode is not None
        return self._process.returncode

    def signal(self, number: int) -> None:
        """Send a signal to the command itself."""
        assert self._process is not None
        self._process.send_signal(number)

    async def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self.ends()

    def child(self, module: str) -> int:
        """The process of a module that the command has started."""
        assert self._process is not None
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == self._process.pid and words[1:3] == [b"-m", module.encode()]:
                return int(folder.name)
        raise AssertionError(f"no {module} runs")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def command(tmp_path: Path) -> AsyncIterator[Command]:
    made = Command(tmp_path / "data")
    yield made
    await made.close()


async def test_one_command_runs_both_and_one_signal_ends_both(command: Command, files: Path) -> None:
    await command.start()
    await command.up()
    async with Client.open(command.chat, command.folder / "ann.db") as ann:
        await ann.register_username("ann")
        await (await ann.send_photo(await ann.direct("ann"), files / "photo.jpg"))
    command.signal(signal.SIGINT)
    assert await command.ends() == 0
    text = "".join(command.lines)
    assert "node  | " in text and "media | " in text and "Traceback" not in text
    assert not _answers(command.ports["CHAT"]) and not _answers(command.ports["MEDIA_GRPC"])


async def test_a_worker_that_dies_is_started_again_and_what_they_share_stays(command: Command, files: Path) -> None:
    await command.start()
    await command.up()
    kept = {path.name: path.read_text() for path in (command.folder / "media").iterdir() if path.name.endswith("token")}
    assert set(kept) == {"node_token", "blob_token"}
    os.kill(command.child("media"), signal.SIGKILL)
    await command.says("media", "ended", "started again")
    await command.says("media |", "is up")
    async with Client.open(command.chat, command.folder / "ann.db") as ann:
        await ann.register_username("ann")
        await (await ann.send_photo(await ann.direct("ann"), files / "photo.jpg"))
    assert kept == {name: (command.folder / "media" / name).read_text() for name in kept}


async def test_a_command_that_is_killed_leaves_nothing_behind(command: Command) -> None:
    await command.start()
    await command.up()
    command.signal(signal.SIGKILL)
    async with asyncio.timeout(30):
        while _answers(command.ports["CHAT"]) or _answers(command.ports["MEDIA_GRPC"]):
            await asyncio.sleep(0.02)
    await command.ends()


async def test_what_cannot_start_ends_all_with_a_sentence(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", command.ports["MEDIA_GRPC"]))
        taken.listen()
        await command.start()
        assert await command.ends() == 1
    text = "".join(command.lines)
    assert f"127.0.0.1:{command.ports['MEDIA_GRPC']} cannot be listened on" in text and "Traceback" not in text
