"""`minio server`, that can be killed, frozen and started again over the same data."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp

from media.adapters.s3_store import S3Settings
from tests.support.minio.fetch import program
from tests.support.node import free_port

USER, PASSWORD = "tidewire-tests", "a password of the tests"


class MinioServer:
    """One server over one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    def settings(self, bucket: str = "tidewire") -> S3Settings:
        """How it is reached."""
        return S3Settings(
            endpoint=f"http://127.0.0.1:{self.port}", bucket=bucket, region="us-east-1", access_key=USER, secret_key=PASSWORD
        )

    def worker_settings(self, bucket: str = "tidewire") -> dict[str, str]:
        """The same as settings of the media worker."""
        return {
            "store": "s3",
            "s3_endpoint": f"http://127.0.0.1:{self.port}",
            "s3_bucket": bucket,
            "s3_access_key": USER,
            "s3_secret_key": PASSWORD,
        }

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder.with_name(f"{self._folder.name}.log")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "MINIO_ROOT_USER": USER,
            "MINIO_ROOT_PASSWORD": PASSWORD,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(str(program()), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", str(self._folder)),
                env=environment,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            while not await self._answers(http):
                assert self._process.returncode is None, log.read_text()[-2_000:]
                await asyncio.sleep(0.05)

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"http://127.0.0.1:{self.port}/minio/health/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and nobody answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def close(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()
