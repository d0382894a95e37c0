"""A real Redis in a process of its own, that can be killed, frozen, and started again on the same port."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.support.certificates import Authority
from tests.support.node import free_port

STARTING_S = 20
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
"""Becomes the program that follows. Not a function between fork and exec: gRPC's fork handlers would run in this process, too."""


class RedisServer:
    """`redis-server` as an operator starts it for Tidewire: nothing is written to disk."""

    def __init__(self, folder: Path, *, password: str = "", tls: bool = False, settings: dict[str, object] | None = None) -> None:
        """`folder` becomes its own; `settings` are lines of redis.conf."""
        self.folder = folder
        self.port = free_port()
        self.password = password
        self.tls = tls
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if tls:
            Authority(folder).issue("redis")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}/0"

    @property
    def ca(self) -> str:
        """The file with its certificate authority; "" without TLS."""
        return str(self.folder / "ca.pem") if self.tls else ""

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "Redis is not running"
        return self._process.pid

    async def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        with (self.folder / "redis.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *DIE_WITH_PARENT, _program(), *self._arguments(), stdout=log, stderr=log
            )
        client = self.client()
        async with asyncio.timeout(STARTING_S):
            while not await self._answers(client):
                assert self._process.returncode is None, (self.folder / "redis.log").read_text()[-2_000:]
                await asyncio.sleep(0.01)
        await client.aclose()

    async def _answers(self, client: Redis) -> bool:
        try:
            return bool(await client.ping())
        except (OSError, RedisError):
            return False

    def _arguments(self) -> list[str]:
        settings: dict[str, object] = {
            "bind": "127.0.0.1",
            "port": 0 if self.tls else self.port,
            "dir": self.folder,
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            **self._settings,
        }
        if self.password:
            settings["requirepass"] = self.password
        if self.tls:
            settings |= {
                "tls-port": self.port,
                "tls-cert-file": self.folder / "redis.pem",
                "tls-key-file": self.folder / "redis.key",
                "tls-ca-cert-file": self.folder / "ca.pem",
                "tls-auth-clients": "no",
            }
        return [item for name, value in settings.items() for item in (f"--{name}", str(value))]

    def client(self) -> Redis:
        """A client of the test's own, patient, to look and to tamper."""
        options: dict[str, Any] = {"ssl_ca_certs": self.ca} if self.tls else {}
        return Redis.from_url(
            self.url, password=self.password or None, decode_responses=True, retry=Retry(NoBackoff(), 0), **options
        )

    async def command(self, *words: str | int) -> Any:
        """The answer to one command."""
        async with self.client() as client:
            return await client.execute_command(*words)

    async def wipe(self) -> None:
        """FLUSHALL."""
        await self.command("FLUSHALL")

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, new ones open, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9: everything that was in it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        await self._process.wait()
        self._process = None

    async def restart(self) -> None:
        """kill -9, and start it again on the same port."""
        await self.kill()
        await self.start()

    async def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            await self.kill()


def _program() -> str:
    """The program's name says what it does: Debian's redis-tools has it under another one, and `make` links it."""
    linked = Path(__file__).parents[2] / ".tools/redis-server"
    found = str(linked) if linked.exists() else shutil.which("redis-server")
    assert found, "redis-server is not installed: make test does it"
    return found
