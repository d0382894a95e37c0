"""The real processes of a ledger: a node, and devices that each reach it through a line of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ledger.raw import Raw
from tests.ledger.truth import Texts, read_truth
from tests.support.ledger import Entry
from tests.support.ledger import Line as JournalLine
from tests.support.node import Node
from tests.support.proxy import Line, Walk

POLL_S = 0.02
PAUSE_S = 0.2
"""Before something is asked again."""
WAIT_S = 120.0
FAKETIME = Path("/usr/lib")


class Failed(Exception):
    """Something did not happen, or a device could not do what it was told."""


class Device:
    """One device's process, its line, and its journal over all its lives."""

    def __init__(self, name: str, folder: Path, line: Line, module: str, clock: str) -> None:
        self.name = name
        self.line = line
        self.busy = asyncio.Lock()
        """Held by a fault that needs the device as it is."""
        self.lines: list[JournalLine] = []
        self.counts: Counter[str] = Counter()
        """How many lines of each kind its journal has; as of the last `read`."""
        self._journal = folder / f"{name}.journal"
        self._store = folder / f"{name}.db"
        self._output = folder / f"{name}.out"
        self._module = module
        self._clock = clock
        self._offset = 0
        self._part = b""
        self._ref = 0
        self._answers: dict[int, JournalLine] = {}
        self._queued: set[str] = set()
        self._state = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether its process runs, frozen or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process; the store is what the last one left."""
        server, lives = f"127.0.0.1:{self.line.port}", self.count("ready")
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, self.name, server, str(self._store), str(self._journal),
                stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, env=os.environ | _faked(self._clock),
            )  # fmt: skip
        await self.until(lambda: self.count("ready") > lives, "to start")

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        if self.alive:
            os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def dead(self) -> None:
        """Wait until it has killed itself."""
        assert self._process is not None
        async with asyncio.timeout(WAIT_S):
            await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def tell(self, do: str, **values: object) -> int:
        """Tell it to do something. Lost if it is dead: its journal is what counts. Returns a reference for `answer`."""
        self._ref += 1
        if self.alive and self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"ref": self._ref, "do": do, **values}).encode() + b"\n")
        return self._ref

    async def ask(self, do: str, **values: object) -> Any:
        """Tell it to do something, and wait for the answer.

        Raises:
            Failed
        """
        ref = self.tell(do, **values)
        await self.until(lambda: self.read() is not None and ref in self._answers, f"to answer to {do}")
        answer = self._answers.pop(ref)
        if "error" in answer:
            raise Failed(f"{self.name} {do}: {answer['error']}")
        return answer["value"]

    def read(self) -> list[JournalLine]:
        """Its journal so far."""
        if self._journal.exists():
            with self._journal.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
            self._offset += len(data)
            *whole, self._part = (self._part + data).split(b"\n")
            for line in map(json.loads, whole):
                self._note(line)
        return self.lines

    def _note(self, line: JournalLine) -> None:
        self.lines.append(line)
        what = line["is"]
        self.counts[what] += 1
        if what == "answer":
            self._answers[line["ref"]] = line
        elif what == "queued":
            self._queued.add(line["text"])
        elif what in ("caught up", "disconnected", "start"):
            self._state = what

    def count(self, what: str) -> int:
        """How many such lines its journal has."""
        self.read()
        return self.counts[what]

    def wrote(self, text: str) -> bool:
        """Whether this text is on its disk, to be sent."""
        self.read()
        return text in self._queued

    def online(self) -> bool:
        """Whether it is caught up on the connection that it has."""
        self.read()
        return self._state == "caught up"

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true.

        Raises:
            Failed: the process has ended, which it does not do by itself, or it took too long.
        """
        await until(
            true, f"{self.name} {what}", lambda: "" if self.alive else f"it has ended: {self._output.read_text()[-2_000:]}"
        )

    async def close(self) -> None:
        """End it."""
        if self._process is not None:
            await self.kill()
        await self.line.close()


async def until(true: Callable[[], bool], what: str, hopeless: Callable[[], str] = lambda: "") -> None:
    """Wait until something is true.

    Raises:
        Failed: it has become hopeless, for this reason, or it took too long.
    """
    end_s = time.monotonic() + WAIT_S
    while not true():
        if (why := hopeless()) or time.monotonic() > end_s:
            raise Failed(f"waited in vain for {what}: {why or f'{WAIT_S:.0f} s'}")
        await asyncio.sleep(POLL_S)


def _faked(clock: str) -> dict[str, str]:
    """The environment of a process whose system clock is wrong, while its monotonic one is right."""
    if not clock:
        return {}
    found = sorted(FAKETIME.glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "libfaketime is not installed; `make test` installs it"
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class Devices:
    """The devices of a ledger, whatever serves them."""

    def __init__(self, folder: Path, module: str) -> None:
        """`module`: what `python -m` runs for each."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.devices: dict[str, Device] = {}
        self.codes: dict[str, str] = {}
        self.watched: dict[str, list[JournalLine]] = {}
        """What new devices have read at the end."""
        self.raw: Raw | None = None
        """A client without an SDK, whose claims are judged like the devices'."""
        self._module = module

    def line(self) -> Line:
        """A way to the server for one more device."""
        raise NotImplementedError

    def truth(self) -> dict[str, list[Entry]]:
        """What the store holds."""
        raise NotImplementedError

    async def add(self, name: str, clock: str = "") -> Device:
        """Start a device `person-kind`: the first of a person makes the account, a further one is linked."""
        line = self.line()
        await line.start()
        device = self.devices[name] = Device(name, self.folder, line, self._module, clock)
        await device.start()
        person = name.partition("-")[0]
        if person in self.codes:
            await device.ask("login", name=person, code=self.codes[person])
        else:
            self.codes[person] = await device.ask("register", name=person)
        return device

    def journals(self) -> dict[str, list[JournalLine]]:
        """Every device's journal."""
        raw = {"raw": self.raw.lines} if self.raw is not None else {}
        return {name: device.read() for name, device in self.devices.items()} | raw | self.watched

    async def close(self) -> None:
        """End every process that was started."""
        for device in self.devices.values():
            await device.close()


class Crew(Devices):
    """Devices, and the one node that serves them."""

    def __init__(
        self,
        folder: Path,
        *,
        server: str = "server",
        device: str = "tests.ledger.device",
        walk: Walk | None = None,
        **settings: int,
    ) -> None:
        """`server`, `device`: what `python -m` runs. `settings`: of the node."""
        super().__init__(folder, device)
        quick = {"commands_per_s": 100_000, "commands_burst": 100_000, "address_commands_per_s": 100_000}
        self.node = Node(folder / "data", module=server, **quick, group_receipt_delay_ms=300, **settings)
        self.walk = walk
        self._texts = Texts(self.node.database)

    def line(self) -> Line:
        """A way to the node."""
        return Line(self.node.port, self.walk)

    def truth(self) -> dict[str, list[Entry]]:
        """What the node's file holds."""
        return read_truth(self.node.database)

    async def stored(self, *texts: str) -> None:
        """Wait until the node's file holds these texts."""
        await until(lambda: set(texts) <= self.texts(), f"{texts[:3]} to be stored")

    def texts(self) -> set[str]:
        """The texts that the node's file holds; none while it cannot be read, since the node is just being killed or started."""
        try:
            return self._texts.read()
        except sqlite3.OperationalError:
            return set()

    async def close(self) -> None:
        """End every process that was started."""
        await super().close()
        await self.node.close()


async def change_members(owner: Device, what: str, group: str, person: str) -> None:
    """Have `owner` "add" or "remove" a person, until there is an answer; a refusal is one, too: it has happened already."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await owner.ask(what, c=group, names=[person])
                return
            except Failed as failed:
                if "Unreachable" not in str(failed):
                    return
            await asyncio.sleep(PAUSE_S)
