"""One client process: some accounts and their devices. Driven by lines of JSON on standard input; answers by lines on standard output."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from tidewire.load.crowd import Crowd
from tidewire.load.device import Away, Device, Ended, Told
from tidewire.load.latencies import Latencies
from tidewire.load.seen import Seen

ACK_S = 0.1
"""What has come is acked this often, as the SDK does."""
CONNECTING_MAX = 64
"""Devices that open their first stream at the same moment."""


def tell(**message: Any) -> None:
    """A line for the coordinator, if it is still there."""
    with suppress(BrokenPipeError):
        print(json.dumps(message), flush=True)


class Worker:
    """The process's state, over all phases."""

    def __init__(self, plan: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._began = float("inf")
        self._latencies = Latencies()
        self._away: list[Away] = []
        self._throttled: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._ended: list[str] = []
        self._delivered = self._sent = 0
        self._crowd = Crowd(
            plan, Told(self._on_delivered, self._away.append, self._on_throttled, self._on_refused), lambda n: tell(made=n)
        )
        self._running: list[asyncio.Task[None]] = []

    def _on_delivered(self, due: float) -> None:
        self._delivered += 1
        self._latencies.add(int(due - self._began), 1000 * (time.monotonic() - due))

    def _on_throttled(self, limit: str) -> None:
        self._throttled[limit] += 1

    def _on_refused(self, why: str) -> None:
        self._refused[why] += 1

    @property
    def _devices(self) -> Sequence[Device]:
        return self._crowd.devices

    async def prepare(self, _: dict[str, Any]) -> dict[str, Any]:
        """Make the accounts and connect their devices."""
        await self._crowd.make()
        room = asyncio.Semaphore(CONNECTING_MAX)

        async def connect(device: Device) -> None:
            async with room:
                self._running.append(self._tasks.create_task(self._run(device)))
                async with asyncio.timeout(60):
                    await device.caught_up.wait()
            tell(made=1)

        await asyncio.gather(*(connect(device) for device in self._devices))
        self._running.append(self._tasks.create_task(self._ack()))
        self._running.append(self._tasks.create_task(self._progress()))
        return {"accounts": self._crowd.account_ids}

    async def _run(self, device: Device) -> None:
        try:
            await device.run()
        except Ended as ended:
            self._ended.append(f"{device.device_id}: {ended}")

    async def _ack(self) -> None:
        while True:
            await asyncio.sleep(ACK_S)
            for device in self._devices:
                await device.ack()

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(1)
            tell(sent=self._sent, delivered=self._delivered, connected=self._connected())

    def _connected(self) -> int:
        return sum(device.caught_up.is_set() for device in self._devices)

    async def groups(self, message: dict[str, Any]) -> dict[str, Any]:
        """Make groups: each is a list of accounts, whose first is one of this process's."""
        return {"groups": [await self._crowd.group(members) for members in message["groups"]]}

    async def speak(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send at moments that were chosen beforehand, whatever comes of what was sent before."""
        self._began, seconds, rate = message["begin"], message["seconds"], message["rate"]
        cut = [self._cut(self._began + seconds / 2)] if message["cut"] else []
        await asyncio.gather(self._arrivals(message["places"], seconds, rate), *cut)
        await asyncio.sleep(max(0.0, self._began + seconds - time.monotonic()))
        return {"sent": self._sent}

    async def _arrivals(self, places: list[tuple[str, str]], seconds: float, rate: float) -> None:
        if not places:
            return
        firsts = self._crowd.first_devices()
        due = self._began
        while (due := due + random.expovariate(rate)) < self._began + seconds:
            if (wait_s := due - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            account_id, conversation_id = random.choice(places)
            self._sent += 1
            # a task of its own: a stream that takes nothing must not hold up what is due on others
            self._tasks.create_task(firsts[account_id].say(conversation_id, due))

    async def _cut(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        for device in self._devices:
            device.cut()

    async def settled(self, message: dict[str, Any]) -> dict[str, Any]:
        """Wait, at most until a moment, for answers to all that was sent; how far each conversation of this process's accounts goes."""
        while time.monotonic() < message["until"]:
            if all(device.caught_up.is_set() and not device.waiting for device in self._devices):
                break
            await asyncio.sleep(0.05)
        own: dict[str, list[int]] = {}
        for device in self._devices:
            for conversation_id, seen in device.seen.items():
                if seen.own.count:
                    own[f"{device.device_id} {conversation_id}"] = seen.own.pair()
        return {"own": own, "unanswered": sum(len(device.waiting) for device in self._devices)}

    async def caught(self, message: dict[str, Any]) -> dict[str, Any]:
        """Wait, at most until a moment, until each device has as many envelopes as its account's conversations have; what each has."""
        counts: dict[str, dict[str, int]] = message["counts"]

        def lacking() -> Iterable[Device]:
            for device in self._devices:
                for conversation_id, count in counts.get(device.account_id, {}).items():
                    seen = device.seen.get(conversation_id, Seen())
                    if seen.from_others.count + seen.own.count < count:
                        yield device

        while any(True for _ in lacking()) and time.monotonic() < message["until"]:
            await asyncio.sleep(0.1)
        await asyncio.gather(*(device.ack() for device in self._devices))
        return {
            "devices": {
                device.device_id: {
                    "account": device.account_id,
                    "seen": {c: [*s.from_others.pair(), s.twice, s.lost] for c, s in device.seen.items()},
                }
                for device in self._devices
            },
            "latencies": self._latencies.seconds,
            "away": self._away,
            "throttled": self._throttled,
            "refused": self._refused,
            "ended": self._ended,
            "connected": self._connected(),
            "reconnects": sum(device.reconnects for device in self._devices),
            "delivered": self._delivered,
            "sent": self._sent,
        }

    async def clean(self, message: dict[str, Any]) -> dict[str, Any]:
        """End the streams, and delete the accounts unless they are kept."""
        for task in self._running:
            task.cancel()
        left = await self._crowd.clean(delete=not message["keep"])
        return {"left": left}


async def serve() -> None:
    """One phase after another, until standard input ends; then clean up what is left, whatever the reason."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 28)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    plan = json.loads(await lines.readline())
    async with asyncio.TaskGroup() as tasks:
        worker = Worker(plan, tasks)
        cleaned = False
        following = asyncio.ensure_future(lines.readline())
        while line := await following:
            message = json.loads(line)
            following = asyncio.ensure_future(lines.readline())
            phase = asyncio.ensure_future(_answered(worker, message))
            await asyncio.wait((phase, following), return_when=asyncio.FIRST_COMPLETED)
            if not phase.done():  # nobody waits for it any more: the coordinator speaks once at a time
                phase.cancel()
                await asyncio.wait((phase,))
            elif message["do"] == "clean":
                cleaned = True
        if not cleaned:
            await worker.clean({"keep": plan["keep"]})


async def _answered(worker: Worker, message: dict[str, Any]) -> None:
    """Do a phase, and tell its end."""
    try:
        answer = await getattr(worker, message["do"])(message)
    except Exception as error:  # noqa: BLE001  # the coordinator says it in one sentence
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        tell(failed=" ".join(str(error).split()) or type(error).__name__)
    else:
        tell(done=message["do"], **answer)


def main() -> None:
    """Run, on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())


if __name__ == "__main__":
    main()
