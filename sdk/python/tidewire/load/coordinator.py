"""Has client processes do one phase after another, and judges what they have seen."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tidewire.load import figures, page, report
from tidewire.load.device import Away
from tidewire.load.judging import Conversation, judged, totals
from tidewire.load.latencies import Latencies
from tidewire.load.options import Plan
from tidewire.load.progress import Progress
from tidewire.load.report import Result

LEAD_S = 0.5
"""Between the order to speak and the first moment: all processes have it by then."""
STARTING_S = 900
"""At most, to make accounts and connect."""


class Failed(Exception):
    """The load could not be put on; the message is one sentence."""


class Process:
    """One client process."""

    def __init__(self, process: asyncio.subprocess.Process, progress: Progress) -> None:
        self._process = process
        self._progress = progress

    async def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Have it do a phase, to the end.

        Raises:
            Failed: it could not.
        """
        await self.write({"do": what, **more})
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message: dict[str, Any] = json.loads(line)
            if "failed" in message:
                raise Failed(message["failed"])
            if "done" in message:
                return message
            self._progress.take(self, message)
        raise Failed("a client process has ended; what it wrote is above")

    async def write(self, message: dict[str, Any]) -> None:
        """A line for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def end(self) -> None:
        """Let it clean up, and wait for its end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(60):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def load(plan: Plan) -> int:
    """Put the load on, and write the report. Returns the exit code.

    Raises:
        Failed: it could not be put on.
        OSError: the report cannot be written.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    silent = [address for address, node in zip(plan.metrics, (await _sampled(plan)).nodes, strict=True) if node is None]
    if silent:
        raise Failed(f"{', '.join(silent)} does not answer as the HTTP listener of a node")
    prefix = f"load{secrets.token_hex(4)}"
    with Progress() as progress:
        processes = [await _started(plan, number, prefix, progress) for number in range(plan.processes)]
        try:
            result = await _run(plan, prefix, processes, progress)
        finally:
            await asyncio.gather(*(process.end() for process in processes))
    text = report.text(result)
    (plan.out / "report.txt").write_text(text)
    (plan.out / "report.json").write_text(json.dumps(report.as_json(result), indent=1) + "\n")
    (plan.out / "report.html").write_text(page.html(result))
    print(text)
    for error in result.errors:
        print(f"tidewire-load: {error}", file=sys.stderr)
    return 1 if result.errors else 0


async def _started(plan: Plan, number: int, prefix: str, progress: Progress) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tidewire.load.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 28,
        start_new_session=True,  # Ctrl-C is this process's to handle: the others clean up when their input ends
    )
    first, behind = (plan.accounts * n // plan.processes for n in (number, number + 1))
    started = Process(process, progress)
    await started.write(
        {
            "servers": plan.servers,
            "pin": plan.pin,
            "first": first,
            "accounts": behind - first,
            "devices_per_account": plan.devices_per_account,
            "prefix": prefix,
            "keep": plan.keep,
        }
    )
    return started


async def _sampled(plan: Plan) -> figures.Sample:
    try:
        return await figures.sample(plan.metrics)
    except ValueError as error:
        raise Failed(str(error)) from error


async def _run(plan: Plan, prefix: str, processes: Sequence[Process], progress: Progress) -> Result:
    at, before = datetime.now(UTC), await _sampled(plan)
    progress.phase("connecting", 2 * plan.devices)
    try:
        async with asyncio.timeout(STARTING_S):
            prepared = await _all(processes, "prepare")
    except TimeoutError as error:
        raise Failed(f"not all devices were connected after {STARTING_S} s") from error
    accounts = [each["accounts"] for each in prepared]
    connected = await _sampled(plan)
    conversations = await _conversations(plan, processes, accounts)
    begin = time.monotonic() + LEAD_S
    progress.phase("idle" if plan.pattern == "idle" else "sending", plan.seconds)
    samples: list[figures.Sample] = []
    watching = asyncio.ensure_future(_watch(plan, begin, samples, progress))
    try:
        await _speak(plan, processes, accounts, conversations, begin)
        until = time.monotonic() + plan.settle_s
        progress.phase("waiting for what is under way", 1)
        settled = await _all(processes, "settled", until=until)
        judging = totals(conversations, (each["own"] for each in settled))
        counts = {account: {c: judging[c].count for c in theirs} for account, theirs in _places(conversations).items()}
        until = max(until, time.monotonic() + 1)
        ended = await _all(processes, "caught", until=until, counts=counts)
        samples.append(await _sampled(plan))
    finally:
        watching.cancel()
    progress.phase("cleaning up", 1)
    left = sum(each["left"] for each in await _all(processes, "clean", keep=plan.keep))
    latencies, errors = Latencies(), judged(plan, conversations, judging, settled, ended)
    for each in ended:
        latencies.join(each["latencies"])
    errors += [f"{left} accounts could not be deleted"] if left else []
    return Result(
        plan=plan,
        prefix=prefix,
        at=at,
        conversations=len(conversations),
        sent=sum(each["sent"] for each in ended),
        delivered=sum(each["delivered"] for each in ended),
        latencies=latencies,
        away=[Away(*times) for each in ended for times in each["away"]],
        reconnects=sum(each["reconnects"] for each in ended),
        throttled=sum((Counter(each["throttled"]) for each in ended), Counter()),
        before=before,
        connected=connected,
        begin=begin,
        samples=samples,
        errors=errors,
    )


async def _all(processes: Iterable[Process], what: str, **more: Any) -> list[dict[str, Any]]:
    try:
        async with asyncio.TaskGroup() as tasks:
            works = [tasks.create_task(process.do(what, **more)) for process in processes]
    except* Failed as group:
        raise Failed(str(group.exceptions[0])) from group
    return [work.result() for work in works]


async def _conversations(plan: Plan, processes: Sequence[Process], accounts: Sequence[Sequence[str]]) -> list[Conversation]:
    """Who talks with whom."""
    if plan.pattern == "idle":
        return []
    everybody = [account for part in accounts for account in part]
    size = plan.group_size
    members = [everybody[n : n + size] for n in range(0, len(everybody), size)]
    members = [each for each in members if len(each) > 1]
    if size == 2:
        return [Conversation("d:" + ":".join(sorted(each)), tuple(each)) for each in members]
    made = []
    for process, own in zip(processes, accounts, strict=True):
        owners = set(own)
        mine = [each for each in members if each[0] in owners]
        answer = await process.do("groups", groups=mine)
        made += [Conversation(group_id, tuple(each)) for group_id, each in zip(answer["groups"], mine, strict=True)]
    return made


def _places(conversations: Iterable[Conversation]) -> dict[str, list[str]]:
    """The conversations of each account."""
    places: dict[str, list[str]] = {}
    for conversation in conversations:
        for account in conversation.members:
            places.setdefault(account, []).append(conversation.conversation_id)
    return places


async def _speak(
    plan: Plan,
    processes: Sequence[Process],
    accounts: Sequence[Sequence[str]],
    conversations: Sequence[Conversation],
    begin: float,
) -> None:
    places = _places(conversations)
    total = sum(len(each) for each in places.values()) or 1
    async with asyncio.TaskGroup() as tasks:
        for process, own in zip(processes, accounts, strict=True):
            mine = [(account, conversation) for account in own for conversation in places.get(account, ())]
            rate, cut = plan.rate * len(mine) / total, plan.pattern == "storm"
            tasks.create_task(process.do("speak", begin=begin, seconds=plan.seconds, rate=rate, places=mine, cut=cut))


async def _watch(plan: Plan, begin: float, samples: list[figures.Sample], progress: Progress) -> None:
    """Every second, for as long as it takes."""
    await asyncio.sleep(begin - time.monotonic())
    while True:
        samples.append(await _sampled(plan))
        progress.at(min(plan.seconds, int(time.monotonic() - begin)))
        await asyncio.sleep(1)
