"""A bad network for datagrams: between one client and one server, with loss and delay that the test sets."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impairment:
    """Of each direction.

    Attributes:
        loss: share of datagrams that are lost, each by itself.
        jitter_s: each is held for a random time up to this, and none overtakes another, as in a queue.
    """

    loss: float = 0.0
    jitter_s: float = 0.0


class UdpProxy:
    """Passes datagrams between whoever sends to `address` first and the server. On the event loop that it is made on."""

    def __init__(self, host: str, server: tuple[str, int], seed: int) -> None:
        self.impairment = Impairment()
        """From now on; may be set at any time."""
        self.passed = self.lost = 0
        self._random = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._client: tuple[str, int] | None = None
        self._near, self._far = self._socket(host), self._socket(host)
        self._last = {self._near: 0.0, self._far: 0.0}
        self._held: dict[socket.socket, deque[tuple[bytes, tuple[str, int]]]] = {self._near: deque(), self._far: deque()}
        self._loop.add_reader(self._near, self._from_client)
        self._loop.add_reader(self._far, self._from_server)
        self._closed = False

    @staticmethod
    def _socket(host: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        made.bind((host, 0))
        return made

    @property
    def address(self) -> tuple[str, int]:
        """Where the client finds the server."""
        name: tuple[str, int] = self._near.getsockname()
        return name

    def _from_client(self) -> None:
        while True:
            try:
                data, self._client = self._near.recvfrom(2_048)
            except (BlockingIOError, ConnectionError):
                return
            self._pass(data, self._far, self._server)

    def _from_server(self) -> None:
        while True:
            try:
                data = self._far.recv(2_048)
            except (BlockingIOError, ConnectionError):
                return
            if self._client is not None:
                self._pass(data, self._near, self._client)

    def _pass(self, data: bytes, by: socket.socket, to: tuple[str, int]) -> None:
        if self.impairment.loss and self._random.random() < self.impairment.loss:
            self.lost += 1
            return
        self.passed += 1
        if not self.impairment.jitter_s:
            self._deliver(data, by, to)
            return
        at = max(self._last[by], self._loop.time() + self._random.random() * self.impairment.jitter_s)
        self._last[by] = at
        self._held[by].append((data, to))
        # Timers of one moment are called in any order: each lets go of the oldest.
        self._loop.call_at(at, self._release, by)

    def _release(self, by: socket.socket) -> None:
        data, to = self._held[by].popleft()
        self._deliver(data, by, to)

    def _deliver(self, data: bytes, by: socket.socket, to: tuple[str, int]) -> None:
        if not self._closed:
            try:
                by.sendto(data, to)
            except (BlockingIOError, ConnectionError):
                self.lost += 1

    def close(self) -> None:
        """End it; what is held is lost."""
        self._closed = True
        for one in (self._near, self._far):
            self._loop.remove_reader(one)
            one.close()
