"""A TCP proxy on loopback that cuts connections in the middle of whatever they carry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Forwards to `target`. Each connection may be cut after a number of bytes from the server."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._budget: int | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.cuts = 0

    def cut_after(self, count: int) -> None:
        """Cut the next connection that receives, after `count` more bytes, in the middle of a frame or not."""
        self._budget = count

    def cut_all(self) -> None:
        """Cut every connection now."""
        for writer in list(self._open):
            self.cuts += 1
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        other: asyncio.StreamWriter | None = None
        try:
            back, other = await asyncio.open_connection("127.0.0.1", self._target)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, other, False))
                tasks.create_task(self._pump(back, writer, True))
        except (OSError, ExceptionGroup):
            pass
        finally:
            self._open.discard(writer)
            for each in (writer, other):
                if each is not None:
                    each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_server: bool) -> None:
        while data := await reader.read(65_536):
            if from_server and self._budget is not None:
                if len(data) >= self._budget:
                    writer.write(data[: self._budget])
                    self._budget = None
                    self.cuts += 1
                    with suppress(OSError):
                        await writer.drain()
                    raise ConnectionResetError
                self._budget -= len(data)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    """A running proxy to a port on loopback."""
    made = Proxy(target)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut_all()
