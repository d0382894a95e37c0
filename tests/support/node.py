"""A real node in a process of its own, on free ports, that can be killed, frozen, and started again over the same data."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from pathlib import Path

PORTS = (10_000, 32_000)
"""Below those that the kernel gives to whoever connects: it would give one away before its node has started."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_mine = range(PORTS[0] + _worker, PORTS[1], int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
"""Those of this one of several processes that run tests at once."""
_ports = iter(random.SystemRandom().sample(_mine, len(_mine)))


def free_port(*more: str) -> int:
    """A port that nobody listens on, on loopback, and on `more` addresses; and that was not given out before.

    A port is given long before its server binds it: drawn at random, one in some thousands is given to two of them.
    """
    for port in _ports:
        try:
            for host in ("127.0.0.1", *more):
                with socket.socket() as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        return port
    msg = f"all ports of {PORTS} are given out"
    raise LookupError(msg)


class NotStarted(Exception):
    """The node ended instead of starting; with its exit code and the end of its log."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(log)
        self.code = code
        self.log = log


async def server(*command: str, **settings: object) -> tuple[int, str]:
    """`python -m server` with a command: its exit code and what it said, stripped."""
    given = [item for name, value in settings.items() for item in ("--set", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *command, *given), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


class Node:
    """`python -m server` as a user starts it."""

    def __init__(self, folder: Path, *, module: str = "server", **settings: object) -> None:
        """`module`: what `python -m` runs; another one than the server's own has a bug planted."""
        self.folder = folder
        self.port, self.http_port, self.internal_port = free_port(), free_port(), free_port()
        self.log = folder.with_name(f"{folder.name}.log")
        """What it wrote to stderr, over all its lives."""
        self._module = module
        self.settings: dict[str, object] = {
            "data_dir": folder,
            "chat_listen": f"127.0.0.1:{self.port}",
            "http_listen": f"127.0.0.1:{self.http_port}",
            "internal_listen": f"127.0.0.1:{self.internal_port}",
            "registrations_per_address_hour": 10_000,
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "tidewire.db"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the node is not running"
        return self._process.pid

    async def start(self, within_s: float = 30) -> None:
        """Start it, and wait until it says where it listens.

        Raises:
            NotStarted
        """
        arguments = [item for name, value in self.settings.items() for item in ("--set", f"{name}={value}")]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            while b"is up" not in (line := await self._process.stdout.readline()):
                if not line:
                    code = await self._process.wait()  # at its end, reading never waits
                    raise NotStarted(code, self.log.read_text()[-2_000:])

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

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
