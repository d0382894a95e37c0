"""A media worker in a process of its own, beside a node, as an operator starts both."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.support.node import Node, NotStarted, free_port

BLOB_TOKEN = "a blob token that only tests know, long enough"


async def service_token(data_dir: Path, name: str, *scopes: str) -> str:
    """A service token, made by the operator's command."""
    options = [item for scope in scopes for item in ("--scope", scope)]
    return await _token_command(data_dir, "create", "--name", name, *options)


async def revoke_service_token(data_dir: Path, name: str) -> None:
    """Void one, by the operator's command. A running node notices within seconds."""
    await _token_command(data_dir, "revoke", name)


async def _token_command(data_dir: Path, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "--set", f"data_dir={data_dir}", "token", *words), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()


async def emptied(spool: Path) -> None:
    """Wait until no upload's bytes are there any more: its device may see that it is done while they are being removed."""
    async with asyncio.timeout(30):
        while list(spool.iterdir()):
            await asyncio.sleep(0.01)


class MediaWorker:
    """`python -m media` as a user starts it."""

    def __init__(
        self, folder: Path, node: Node, node_token: str, *, module: str = "media", port: int = 0, **settings: object
    ) -> None:
        """`module`: what `python -m` runs; another one than the worker's own has a bug or a stop planted."""
        self.folder = folder
        self.port, self.http_port, self.internal_port = port or free_port(), free_port(), free_port()
        self.log = folder.with_name(f"{folder.name}.log")
        self._module = module
        self.settings = {
            "data_dir": folder,
            "grpc_listen": f"127.0.0.1:{self.port}",
            "http_listen": f"127.0.0.1:{self.http_port}",
            "internal_listen": f"127.0.0.1:{self.internal_port}",
            "node": f"127.0.0.1:{node.internal_port}",
            "node_token": node_token,
            "blob_token": BLOB_TOKEN,
            **settings,
        }
        self.environment: dict[str, str] = {}
        """Variables of its next life, besides the tests' own."""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where devices reach it."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the worker is not running"
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it says where it listens.

        Raises:
            NotStarted
        """
        arguments = [item for name, value in self.settings.items() for item in ("--set", f"{name}={value}")]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while b"is up" not in (line := await self._process.stdout.readline()):
                if not line:
                    raise NotStarted(await self._process.wait(), self.log.read_text()[-2_000:])

    async def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        await self._gone()

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self._gone()

    async def gone(self) -> int:
        """Wait until it has ended by itself; its exit code."""
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


class Deployment:
    """A node and its media worker."""

    def __init__(self, node: Node, worker: MediaWorker) -> None:
        self.node = node
        self.worker = worker

    @classmethod
    async def started(
        cls, folder: Path, *, module: str = "media", node_settings: dict[str, object] | None = None, **settings: object
    ) -> Deployment:
        """Both, running. `settings`: of the worker; `node_settings`: of the node."""
        internal, media = free_port(), free_port()
        own = {"blob_service": f"127.0.0.1:{internal}", "blob_token": BLOB_TOKEN, "public_media": f":{media}"}
        node = Node(folder / "node", **own, **(node_settings or {}))
        token = await service_token(folder / "node", "media", "introspect", "members", "notify")
        settings = {"internal_listen": f"127.0.0.1:{internal}", **settings}
        worker = MediaWorker(folder / "media", node, token, module=module, port=media, **settings)
        await asyncio.gather(node.start(), worker.start())
        return cls(node, worker)

    async def close(self) -> None:
        """End both."""
        await self.worker.close()
        await self.node.close()
