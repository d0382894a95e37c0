"""The proxy cuts where it says: after the chosen byte, in either direction, and every point comes in its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.proxy import Line, Meter, Walk, Way

ANSWER = b"0123456789" * 10


@asynccontextmanager
async def echo(line: Line, heard: bytearray) -> AsyncIterator[Line]:
    """A server that answers to a connection at once, and writes down what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWER)
        try:
            while data := await reader.read(1_000):
                heard.extend(data)
        except ConnectionResetError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    line.target = server.sockets[0].getsockname()[1]
    await line.start()
    try:
        yield line
    finally:
        await line.close()
        server.close()


async def talk(line: Line, said: bytes) -> bytes:
    """Say something, and read until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    out = bytearray()
    try:
        writer.write(said)
        while data := await reader.read(1_000):
            out.extend(data)
    except ConnectionError:
        pass
    writer.close()
    return bytes(out)


@pytest.mark.parametrize("count", [1, 8, 9, 10, 57, 99])
async def test_a_connection_is_cut_after_exactly_so_many_bytes(count: int) -> None:
    for way in Way:
        heard = bytearray()
        async with asyncio.timeout(30), echo(Line(0, Fixed((way, count))), heard) as line:
            line.walking = True
            got = await talk(line, ANSWER)
            while way is Way.UP and len(heard) < count:
                await asyncio.sleep(0.01)
        assert len(heard if way is Way.UP else got) == count


class Fixed(Walk):
    """Always the same point."""

    def __init__(self, point: tuple[Way, int]) -> None:
        super().__init__(1)
        self.point = point

    def next(self) -> tuple[Way, int]:
        return self.point


def test_a_walk_comes_by_every_point_of_both_directions_once() -> None:
    walk = Walk(4_000, span=2_000)
    points = [walk.next() for _ in range(4_000)]
    assert sorted(points, key=str) == sorted(((way, n) for way in Way for n in range(1, 2_001)), key=str)


def test_a_short_walk_is_spread_evenly() -> None:
    walk = Walk(200, span=2_000)
    points = sorted(n for way, n in (walk.next() for _ in range(200)) if way is Way.DOWN)
    assert points == list(range(1, 2_001, 20))


def test_a_meter_knows_where_a_byte_lies() -> None:
    frame = (5).to_bytes(3, "big") + bytes([0, 0, 0, 0, 0, 1]) + b"hello"
    meter, places = Meter(Way.UP), []
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame:
        places.append(meter.where())
        meter.feed(bytes([byte]))
    assert places == ["preface"] * 24 + ["between frames"] + ["inside a frame's header"] * 8 + ["inside DATA"] * 5
    assert meter.where() == "between frames"


async def test_held_bytes_come_when_they_are_released() -> None:
    async with asyncio.timeout(30), echo(Line(0), bytearray()) as line:
        line.hold(Way.DOWN)
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.2)
        line.release()
        assert await reader.readexactly(len(ANSWER)) == ANSWER
        writer.close()


async def test_a_slow_line_is_slow() -> None:
    async with asyncio.timeout(30), echo(Line(0), bytearray()) as line:
        line.bytes_per_s = 200
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await reader.readexactly(len(ANSWER))
        assert loop.time() - began > 0.4, "100 bytes at 200 a second, and the last piece at once"
        writer.close()


async def test_a_line_that_refuses_ends_connections_at_once() -> None:
    async with asyncio.timeout(30), echo(Line(0), bytearray()) as line:
        line.refusing = True
        assert await talk(line, b"x") == b""
