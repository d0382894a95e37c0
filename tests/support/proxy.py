"""A TCP proxy on loopback that does to a device's connections what networks do: cuts them after any byte, slows, holds, refuses."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

PREFACE = 24
"""Bytes of `PRI * HTTP/2.0 …`, with which a client begins."""
HEADER = 9
"""Bytes of a frame's header in HTTP/2."""
FRAMES = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
)
GOLDEN = 0.6180339887498949


class Way(Enum):
    """A direction of a connection."""

    UP = "to the server"
    DOWN = "to the device"


class Cut(Exception):
    """The connection ends here."""


class Meter:
    """Follows the frames of HTTP/2 in one direction, so that it can be said where in them a cut fell."""

    def __init__(self, way: Way) -> None:
        self._preface = PREFACE if way is Way.UP else 0
        self._header = b""
        self._name = ""
        self._body = 0

    def feed(self, data: bytes) -> None:
        """These bytes went by."""
        at = 0
        while at < len(data):
            if self._preface:
                step = min(self._preface, len(data) - at)
                self._preface -= step
            elif self._body:
                step = min(self._body, len(data) - at)
                self._body -= step
            else:
                step = min(HEADER - len(self._header), len(data) - at)
                self._header += data[at : at + step]
                if len(self._header) == HEADER:
                    self._body = int.from_bytes(self._header[:3], "big")
                    self._name = FRAMES[self._header[3]] if self._header[3] < len(FRAMES) else "OTHER"
                    self._header = b""
            at += step

    def where(self) -> str:
        """Where the next byte would be."""
        if self._preface:
            return "preface"
        if self._body:
            return f"inside {self._name}"
        return "inside a frame's header" if self._header else "between frames"


@dataclass
class Walk:
    """Cut points, each in turn: `count` of them, spread evenly over the first `span` bytes of either direction.

    Early and late ones alternate, so that devices get on between two cuts. After the last one it begins again.
    """

    count: int
    span: int = 2_000
    start: int = 0
    cuts: int = 0
    where: Counter[str] = field(default_factory=Counter)

    def next(self) -> tuple[Way, int]:
        """The next point: the direction, and how many bytes still go through."""
        points = max(1, self.count // 2)
        number, self.start = self.start, self.start + 1
        step = max(1, round(points * GOLDEN))
        while _common(step, points) != 1:
            step += 1
        index = number // 2 * step % points
        return (Way.UP, Way.DOWN)[number % 2], 1 + index * self.span // points

    def made(self, way: Way, where: str) -> None:
        """A cut was made."""
        self.cuts += 1
        self.where[f"{way.value}: {where}"] += 1


def _common(one: int, other: int) -> int:
    while other:
        one, other = other, one % other
    return one


@dataclass(eq=False)
class _Connection:
    device: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cut: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """One device's way to the server. What is said about it holds for open and later connections, but for cut points."""

    def __init__(self, target: int, walk: Walk | None = None) -> None:
        """With a walk, two of three new connections get its next point, as long as `walking`."""
        self.target = target
        self._walk = walk
        self._open: set[_Connection] = set()
        self._gates = {way: asyncio.Event() for way in Way}
        self._server: asyncio.Server | None = None
        self.walking = False
        self.refusing = False
        """New connections end at once."""
        self.bytes_per_s = 0
        """0: as fast as it goes."""
        self.port = 0
        self.connections = 0
        self.release()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def where(self) -> int:
        """The port that a new connection leads to.

        Raises:
            OSError: there is none now.
        """
        return self.target

    async def close(self) -> None:
        """Stop, and cut what is open."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def hold(self, *ways: Way) -> None:
        """Let nothing through, until `release`; connections stay open."""
        for way in ways:
            self._gates[way].clear()

    def release(self) -> None:
        """Let everything through again."""
        for gate in self._gates.values():
            gate.set()

    def cut(self) -> int:
        """Cut every open connection now. Returns how many there were."""
        for connection in self._open:
            connection.cut.set()
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refusing:
                raise Cut
            back, server = await asyncio.open_connection("127.0.0.1", self.where())
        except (OSError, Cut):
            writer.transport.abort()
            return
        connection = _Connection(writer, server)
        self._open.add(connection)
        self.connections += 1
        point = None
        if self._walk is not None and self.walking and self.connections % 3:
            point = self._walk.next()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, server, Way.UP, point))
                tasks.create_task(self._pump(back, writer, Way.DOWN, point))
                tasks.create_task(_until(connection.cut))
        except* (OSError, Cut):
            pass
        finally:
            self._open.discard(connection)
            for each in (writer, server):
                _end(each, reset=self.connections % 2 == 0)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, point: tuple[Way, int] | None
    ) -> None:
        meter = Meter(way)
        left = point[1] if point is not None and point[0] is way else None
        writer.transport.set_write_buffer_limits(high=0)
        while data := await reader.read(16_384):
            await self._gates[way].wait()
            last = left is not None and len(data) >= left
            if left is not None:
                data = data[:left]
                left -= len(data)
            await self._write(writer, data)
            meter.feed(data)
            if last and self._walk is not None:
                self._walk.made(way, meter.where())
                raise Cut
        raise Cut

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        at = 0
        while at < len(data):
            rate = self.bytes_per_s
            piece = data[at : at + max(1, rate // 20)] if rate else data[at:]
            writer.write(piece)
            await writer.drain()
            at += len(piece)
            if rate:
                await asyncio.sleep(len(piece) / rate)


async def _until(cut: asyncio.Event) -> None:
    await cut.wait()
    raise Cut


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """With a FIN, or with a RST."""
    if reset:
        with suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
