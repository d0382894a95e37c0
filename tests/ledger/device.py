"""One device in a process of its own: `python -m tests.ledger.device NAME SERVER STORE JOURNAL`.

It does what the lines on stdin say, with the SDK as its users have it, and writes what it saw to the journal: one JSON object a
line, appended with one `write` each, so that what is written survives `kill -9`. `at` is CLOCK_MONOTONIC in nanoseconds, which all
processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tidewire import (
    CaughtUp,
    Client,
    Connected,
    Disconnected,
    Event,
    Message,
    SendFailed,
    Sent,
    TicksMoved,
    TidewireError,
)

NOWHERE = "127.0.0.1:1"
"""Nobody listens there: a store can be looked at before anything is sent or received."""
RETRY_MAX_S = 0.4
READ_EVERY = 3
"""A person looks after this many messages of others."""
RECENT = 100
"""Messages whose ticks are looked at when they move; all of them at the start and at the end."""


class Journal:
    """An append-only file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def write(self, what: str, **values: Any) -> None:
        """One line."""
        os.write(self._file, json.dumps({"at": time.monotonic_ns(), "is": what, **values}).encode() + b"\n")


class Device:
    """The client, and what it is told to do."""

    def __init__(self, client: Client, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._ticks: dict[str, str] = {}
        self._moved: set[str] = set()
        self._look = asyncio.Event()
        self._die_after = 0
        self._die_silent = False
        self._unread: dict[str, int] = {}
        self._to_read: dict[str, int] = {}

    # -- what it sees --------------------------------------------------------------------------------------------------

    def see(self, event: Event) -> None:
        """Write down what the client tells: in the moment in which it tells it, so that no ack can have gone before."""
        match event:
            case Message():
                self._shown(event)
            case Sent(conversation_id, envelope_id, seq):
                self._journal.write("sent", c=conversation_id, id=envelope_id, seq=seq)
            case SendFailed(conversation_id, envelope_id, reason):
                self._journal.write("refused", c=conversation_id, id=envelope_id, reason=reason)
            case TicksMoved(conversation_id):
                self._moved.add(conversation_id)
                self._look.set()
            case Connected():
                self._journal.write("connected")
            case Disconnected(reason):
                self._journal.write("disconnected", reason=reason, final=event.retry_in_s is None)
            case CaughtUp():
                self._journal.write("caught up")

    def _shown(self, message: Message) -> None:
        dies = self._die_after == 1
        self._die_after = max(0, self._die_after - 1)
        if dies and self._die_silent:
            os.kill(os.getpid(), signal.SIGKILL)
        conversation_id, seq = message.conversation_id, message.seq
        self._journal.write(
            "shown", c=conversation_id, seq=seq, id=message.envelope_id, sender=message.sender_id, text=message.text
        )
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if not message.mine:
            self._unread[conversation_id] = self._unread.get(conversation_id, 0) + 1
            if self._unread[conversation_id] >= READ_EVERY:
                self._unread[conversation_id] = 0
                self._to_read[conversation_id] = seq
                self._look.set()

    async def look(self) -> None:
        """A person looks at what has come, and at ticks that have moved, which are written down."""
        while True:
            await self._look.wait()
            self._look.clear()
            reads, self._to_read = self._to_read, {}
            for conversation_id, seq in reads.items():
                self._journal.write("reading", c=conversation_id, seq=seq)
                await self._client.mark_read(conversation_id, seq)
            moved, self._moved = self._moved, set()
            for conversation_id in moved:
                for message in await self._client.history(conversation_id, limit=RECENT):
                    if message.mine and self._ticks.get(message.envelope_id) != message.tick:
                        self._ticks[message.envelope_id] = message.tick
                        self._journal.write("tick", c=conversation_id, seq=message.seq, id=message.envelope_id, tick=message.tick)

    # -- what it is told -----------------------------------------------------------------------------------------------

    async def obey(self, reader: asyncio.StreamReader) -> None:
        """Do what the lines say, each in a task of its own, until there are no more."""
        async with asyncio.TaskGroup() as tasks:
            while line := await reader.readline():
                order = json.loads(line)
                tasks.create_task(self._do(order.pop("ref"), order.pop("do"), order))

    async def _do(self, ref: int, what: str, values: dict[str, Any]) -> None:
        work: Callable[..., Awaitable[Any]] = getattr(self, what)
        try:
            self._journal.write("answer", ref=ref, value=await work(**values))
        except TidewireError as error:
            self._journal.write("answer", ref=ref, error=f"{type(error).__name__}: {error}", retryable=error.retryable)

    async def register(self, name: str) -> str:
        """Make an account. Returns the recovery code."""
        code = await self._client.register_username(name)
        self.who()
        return code

    async def login(self, name: str, code: str) -> None:
        """Be a further device of an account."""
        await self._client.confirm_login(await self._client.start_login(name), recovery_code=code)
        self.who()

    def who(self) -> None:
        """Write down whose device this is."""
        if self._client.account_id:
            self._journal.write("account", account=self._client.account_id, device=self._client.device_id)

    async def send(self, c: str, texts: list[str]) -> None:
        """Send these, in this order."""
        for text in texts:
            self._journal.write("intends", c=c, text=text)
            sending = await self._client.send(c, text)
            self._journal.write("queued", c=c, id=sending.envelope_id, text=text)

    async def group(self, title: str, names: list[str]) -> str:
        """Make a group. Returns its id."""
        return await self._client.create_group(title, names)

    async def direct(self, name: str) -> str:
        """The id of the direct conversation with somebody."""
        return await self._client.direct(name)

    async def add(self, c: str, names: list[str]) -> None:
        """Add members."""
        await self._client.add_members(c, names)

    async def remove(self, c: str, names: list[str]) -> None:
        """Remove members."""
        await self._client.remove_members(c, names)

    async def die(self, after: int, silent: bool) -> None:
        """`kill -9` of itself at the n-th message from now: stored but not acked; `silent`: and not yet written down."""
        self._die_after, self._die_silent = after, silent

    async def dump(self, why: str = "asked") -> None:
        """Write down all that the store holds."""
        for conversation in await self._client.conversations():
            lines = [
                [m.seq, m.envelope_id, m.sender_id, m.text, m.tick if m.mine else ""]
                for m in await self._client.log(conversation.conversation_id)
            ]
            self._journal.write("held", why=why, c=conversation.conversation_id, lines=lines)
        waiting = [[item.conversation_id, item.envelope_id, item.state.value] for item in await self._client.waiting()]
        self._journal.write("outbox", why=why, items=waiting)


async def main() -> None:
    """Until stdin ends."""
    server, store, journal = sys.argv[2], Path(sys.argv[3]), Journal(sys.argv[4])
    journal.write("start", wall=time.time())
    if store.exists():
        async with Client.open(NOWHERE, store) as client:
            device = Device(client, journal)
            device.who()
            await device.dump("start")
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Client.open(server, store, retry_max_s=RETRY_MAX_S) as client:
        device = Device(client, journal)
        client.listen().put_nowait = device.see  # type: ignore[method-assign]
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(device.look())
            journal.write("ready")
            await device.obey(reader)
            looking.cancel()
    journal.write("end")


if __name__ == "__main__":
    asyncio.run(main())
