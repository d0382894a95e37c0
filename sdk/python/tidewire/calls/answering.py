"""Which relay answers: aiortc takes one alone, of several the first, and waits five seconds for one that does not answer.

All are asked at once what a relay is asked for least, which address this device has (STUN's Binding, RFC 8489), each by the way that a call
would take; the first that answers is used. Whether it gives an address for these credentials only the call shows.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Sequence

from tidewire.errors import TidewireError
from tidewire.v1 import call_pb2

try:
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import connection_kwargs
except ImportError as error:
    raise TidewireError("calls need aiortc: pip install 'tidewire[calls]'") from error

ANSWERS_S = 2.0
"""Nobody waits longer for an answer; for less, as soon as there is one."""
AGAIN_S = 0.25
"""What was asked by UDP is asked again after so long: datagrams get lost."""
ASKED_MAX = 16
"""Relays that are asked; further ones are not used."""
BINDING, MAGIC, HEADER = 0x0001, 0x2112A442, 20

Asked = Sequence[tuple[call_pb2.IceServer, str]]


async def answering(ice: call_pb2.IceServers) -> call_pb2.IceServers:
    """What of it answers first, by one address each: a relay, and, unless relays alone are wanted, one that says which address this device
    has. What does not answer is left out.

    Raises:
        TidewireError: relays alone are wanted, and none answers.
    """
    relays = [(server, url) for server in ice.servers if server.username for url in server.urls]
    others = [(server, url) for server in ice.servers if not server.username for url in server.urls]
    found = await asyncio.gather(_first([] if ice.relay_only else others), _first(relays))
    if ice.relay_only and relays and found[1] is None:
        raise TidewireError(
            f"this device is to be reached through relays alone, and none of {len(relays)} answers within {ANSWERS_S:g} s"
        )
    servers = [server for server in found if server is not None]
    return call_pb2.IceServers(servers=servers, relay_only=ice.relay_only, expires_at_ms=ice.expires_at_ms)


async def _first(asked: Asked) -> call_pb2.IceServer | None:
    questions = [asyncio.ensure_future(_answers(server, url)) for server, url in asked[:ASKED_MAX]]
    try:
        for question in asyncio.as_completed(questions, timeout=ANSWERS_S):
            if (server := await question) is not None:
                return server
    except TimeoutError:
        pass
    finally:
        for one in questions:
            one.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
    return None


async def _answers(server: call_pb2.IceServer, url: str) -> call_pb2.IceServer | None:
    """The server by this address alone; None: it cannot be used, or says that nobody is there."""
    try:
        given = connection_kwargs([RTCIceServer(urls=url, username=server.username, credential=server.credential)])
        where = given.get("turn_server") or given.get("stun_server")
        if where is None:
            return None  # aiortc does not know such a relay
        if given.get("turn_transport") == "tcp":
            await _by_tcp(*where, tls=given["turn_ssl"])
        else:
            await _by_udp(*where)
    except (OSError, EOFError, ValueError):
        return None
    return call_pb2.IceServer(urls=[url], username=server.username, credential=server.credential)


def _request() -> tuple[bytes, bytes]:
    """A Binding request, and how its answer is known."""
    transaction = secrets.token_bytes(12)
    return struct.pack("!HHI", BINDING, 0, MAGIC) + transaction, struct.pack("!I", MAGIC) + transaction


async def _by_tcp(host: str, port: int, *, tls: bool) -> None:
    request, mark = _request()
    reader, writer = await asyncio.open_connection(host, port, ssl=tls or None)
    try:
        writer.write(request)
        if (await reader.readexactly(HEADER))[4:] != mark:
            raise EOFError("it is no relay")
    finally:
        writer.transport.abort()


async def _by_udp(host: str, port: int) -> None:
    request, mark = _request()
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[None] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answer(mark, answered), remote_addr=(host, port))
    try:
        while True:
            transport.sendto(request)
            done, _ = await asyncio.wait({answered}, timeout=AGAIN_S)
            if done:
                return answered.result()
    finally:
        answered.cancel()
        transport.abort()


class _Answer(asyncio.DatagramProtocol):
    """Waits for the datagram that has the mark."""

    def __init__(self, mark: bytes, answered: asyncio.Future[None]) -> None:
        self._mark = mark
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        """From there."""
        if data[4:HEADER] == self._mark and not self._answered.done():
            self._answered.set_result(None)

    def error_received(self, exc: Exception) -> None:
        """Nobody is there."""
        if not self._answered.done():
            self._answered.set_exception(exc)
