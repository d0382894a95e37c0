"""The client for programs without an event loop: the same calls, each waiting for its end, on a thread of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from tidewire.client import Client as AsyncClient
from tidewire.events import Event, Message, Sent

T = TypeVar("T")
LISTENER_MAX = 10_000


class Client:
    """`with Client(server, store) as me:`; what is not here is reached with `me.run(me.client.anything())`."""

    def __init__(self, server: str, store: str | Path, *, pin: str = "") -> None:
        self._arguments = (server, store, pin)
        self._ready: Future[AsyncClient] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="tidewire", daemon=True)

    async def _serve(self) -> None:
        server, store, pin = self._arguments
        try:
            async with AsyncClient.open(server, store, pin=pin) as client:
                self._ready.set_result(client)
                await self._stop.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    def __enter__(self) -> Client:
        """Open the store and the stream.

        Raises:
            StoreInUse
        """
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(self, *error: object) -> None:
        """Close both."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def client(self) -> AsyncClient:
        """The asynchronous client; use it through `run`."""
        return self._ready.result()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a call of the asynchronous client and wait for its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def register_username(self, username: str) -> str:
        """See `tidewire.Client.register_username`."""
        return self.run(self.client.register_username(username))

    def direct(self, name: str) -> str:
        """See `tidewire.Client.direct`."""
        return self.run(self.client.direct(name))

    def send(self, conversation_id: str, text: str) -> Sent:
        """Send a text and wait until it is in the log."""

        async def both() -> Sent:
            sent: Sent = await (await self.client.send(conversation_id, text))
            return sent

        return self.run(both())

    def history(self, conversation_id: str) -> list[Message]:
        """See `tidewire.Client.history`."""
        return self.run(self.client.history(conversation_id))

    def events(self, timeout_s: float | None = None) -> Iterator[Event]:
        """Everything that happens from the first `next` on; ends when nothing happens for `timeout_s` seconds."""
        box: queue.Queue[Event] = queue.Queue(LISTENER_MAX)
        listening = asyncio.run_coroutine_threadsafe(self._forward(box), self._loop)
        try:
            while True:
                try:
                    yield box.get(timeout=timeout_s)
                except queue.Empty:
                    return
        finally:
            listening.cancel()

    async def _forward(self, box: queue.Queue[Event]) -> None:
        async for event in self.client.events():
            if not box.full():
                box.put_nowait(event)
