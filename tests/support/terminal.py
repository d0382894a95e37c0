"""A program on a terminal of its own: keys go in, what it prints comes out."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

PATIENCE_S = 45
ROWS, COLUMNS = 30, 100
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[\]P_^X][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")


class Terminal:
    """A running program and its screen's text."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process = process
        self._master = master
        self._bytes = bytearray()
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            self._bytes += os.read(self._master, 65_536)
        except OSError:  # the program has ended
            asyncio.get_running_loop().remove_reader(self._master)
        self._news.set()

    @property
    def text(self) -> str:
        """Everything that was printed since the last `keys`, without colours and movements."""
        return _ESCAPES.sub("", self._bytes.decode(errors="replace"))

    def keys(self, keys: str) -> None:
        """Press them."""
        self._bytes.clear()
        os.write(self._master, keys.encode())

    async def sees(self, *texts: str) -> None:
        """Wait until all of these are printed."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not all(text in self.text for text in texts):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{texts} never came; printed: {self.text[-2000:]}") from None

    async def ends(self) -> int:
        """Wait for its end."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def terminal(*command: str, env: Mapping[str, str]) -> AsyncIterator[Terminal]:
    """Start a program on a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = await asyncio.create_subprocess_exec(
        *command, env={**env, "TERM": "xterm-256color"}, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True, preexec_fn=own_terminal,
    )  # fmt: skip
    os.close(slave)
    running = Terminal(process, master)
    try:
        yield running
    finally:
        asyncio.get_running_loop().remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(master)
