"""A program in a process group of its own, whose start costs the same however much memory the worker has.

uvloop forks: the kernel copies the worker's page tables, 18 ms for each start. The standard library starts a program by vfork (Python 3.11,
Linux), which copies nothing. Its end is told by a pidfd, so there is no thread for each.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import IO

READ_BYTES = 65_536


class Process:
    """One that runs, or has ended. `started` makes it."""

    def __init__(self, popen: subprocess.Popen[bytes], stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.pid = popen.pid
        """Also of its group."""
        self._popen = popen
        self._pipes: list[asyncio.ReadTransport] = []

    @classmethod
    async def started(cls, command: Sequence[str], environment: dict[str, str]) -> Process:
        """Start it in /, with nothing to read, and this environment alone.

        Raises:
            OSError: it cannot be started.
        """
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            env=environment,
        )
        process = cls(popen, asyncio.StreamReader(), asyncio.StreamReader())
        assert popen.stdout is not None and popen.stderr is not None
        try:
            await process._connect(popen.stdout, process.stdout)
            await process._connect(popen.stderr, process.stderr)
        except BaseException:  # nobody would end it
            os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()
            process.close()
            for pipe in (popen.stdout, popen.stderr):
                pipe.close()
            raise
        return process

    async def _connect(self, pipe: IO[bytes], reader: asyncio.StreamReader) -> None:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._pipes.append(transport)

    @property
    def returncode(self) -> int | None:
        """None: it runs, or nobody has waited for it. Negative: minus the signal that ended it."""
        code: int | None = self._popen.returncode
        return code

    async def wait(self) -> None:
        """Until it has ended."""
        if self._popen.poll() is not None:
            return
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        told = os.pidfd_open(self.pid)
        try:
            loop.add_reader(told, lambda: None if ended.done() else ended.set_result(None))
            await ended
        finally:
            loop.remove_reader(told)
            os.close(told)
        self._popen.wait()

    def close(self) -> None:
        """Read no more: whoever still holds the other end gets nothing from us."""
        for pipe in self._pipes:
            pipe.close()
