"""A real node in a process of its own, on free ports, that can be killed and started again over the same data."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """`python -m server` as a user starts it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port, self.http_port = free_port(), free_port()
        self._settings = {
            "data_dir": folder,
            "chat_listen": f"127.0.0.1:{self.port}",
            "http_listen": f"127.0.0.1:{self.http_port}",
            "registrations_per_address_hour": 10_000,
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the node is not running"
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it says where it listens."""
        arguments = [item for name, value in self._settings.items() for item in ("--set", f"{name}={value}")]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while b"is up" not in (line := await self._process.stdout.readline()):
                assert line or self._process.returncode is None, "the node did not start"

    async def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        await self._gone()

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self._gone()

    async def _gone(self) -> int:
        assert self._process is not None
        await self._process.communicate()
        code = self._process.returncode
        self._process = None
        assert code is not None
        return code

    async def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()
