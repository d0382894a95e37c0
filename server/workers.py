"""`workers = N`: one node per core on one port, each a process of its own and a node like any other.

The kernel spreads new connections over the processes that listen with SO_REUSEPORT. This process only starts them, passes signals
on, and starts one again that died. A worker ends when this process is gone, which it notices by its standard input.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import sys
from collections.abc import Sequence

from server.kit import tls
from server.settings import Settings

log = logging.getLogger("server")

PORT_STEP = 100
"""Worker 2 has its HTTP and internal ports this much higher than worker 1, and so on."""
RESTART_S = 1.0
READY = "ready"
"""A worker's last line when it is up."""


def worker_settings(settings: Settings, number: int) -> Settings:
    """Those of worker `number`, from 0."""
    return dataclasses.replace(
        settings,
        http_listen=_shifted(settings.http_listen, number),
        internal_listen=_shifted(settings.internal_listen, number),
        internal_public=_shifted(settings.internal_public, number) if settings.internal_public else "",
        node_id=f"{settings.node_id}-{number + 1}" if settings.node_id else "",
    )


def _shifted(listen: str, number: int) -> str:
    host, _, port = listen.rpartition(":")
    return f"{host}:{int(port) + PORT_STEP * number if int(port) else 0}"


class Workers:
    """The processes of one `python -m server`."""

    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._arguments = arguments
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = False

    async def run(self) -> int:
        """Until a signal, or until a worker cannot start. The exit code."""
        settings = self._settings
        if settings.tls == "auto":  # once, before they would all make one
            tls.own_authority(settings.data_dir / "tls", [name.strip() for name in settings.tls_names.split(",")])
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signal, number)
        try:
            texts = await asyncio.gather(*(self._start(worker) for worker in range(settings.workers)))
            if self._stopping:
                return 0
            if None in texts:
                return 1
            log.info("%d workers", settings.workers)
            print(texts[0], flush=True)
            await asyncio.gather(*(self._keep(worker) for worker in range(settings.workers)))
            return 0
        finally:
            for process in self._running.values():
                if process.returncode is None:
                    process.terminate()
            await asyncio.gather(*(process.wait() for process in self._running.values()))

    def _signal(self, number: int) -> None:
        self._stopping = True
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)

    async def _start(self, worker: int) -> str | None:
        """Start a worker; what it printed when it was up, or None when it ended before."""
        process = self._running[worker] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", *self._arguments, "--worker", str(worker)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C of the terminal comes by way of this process, once
        )
        assert process.stdout is not None
        lines: list[str] = []
        while line := (await process.stdout.readline()).decode():
            if line.strip() == READY:
                return "".join(lines)
            lines.append(line)
        return None

    async def _keep(self, worker: int) -> None:
        """Start a worker again whenever it ends, unless all are to end."""
        while True:
            process = self._running[worker]
            assert process.stdout is not None
            while await process.stdout.readline():
                pass
            code = await process.wait()
            if self._stopping:
                return
            log.error("worker %d ended with %d and is started again", worker + 1, code)
            await asyncio.sleep(RESTART_S)
            if not self._stopping:
                await self._start(worker)
