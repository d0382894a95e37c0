"""The examples in sdk/python/examples, run as the reader runs them: against a real node, in processes that are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tidewire import Client, Message

from tests.support.node import Node

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[2] / "sdk" / "python" / "examples"
TEXTS = 120
KILLS = 4


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    made = Node(tmp_path / "data")
    await made.start()
    yield made
    await made.close()


async def token(node: Node, name: str, scope: str) -> str:
    """`python -m server token create`, beside the running node."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "--set", f"data_dir={node.folder}",
        "token", "create", "--name", name, "--scope", scope, "--account", name,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()


@pytest.fixture
async def running() -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Examples that are to be gone when the test is over, however it ends."""
    processes: list[asyncio.subprocess.Process] = []
    yield processes
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def example(node: Node, name: str, secret: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / f"{name}.py"), f"127.0.0.1:{node.internal_port}", secret,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def kill(process: asyncio.subprocess.Process) -> None:
    assert process.returncode is None, "it ended by itself"
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()


async def test_the_echo_bot_answers_each_text_once_however_often_it_is_killed(
    node: Node, tmp_path: Path, running: list[asyncio.subprocess.Process]
) -> None:
    secret = await token(node, "echo", "bot")
    async with Client.open(node.address, tmp_path / "ann.db") as ann:
        await ann.register_username("ann")
        at_ann = ann.listen()
        echo = await ann.direct("echo")
        answered: Counter[str] = Counter()

        async def listen(count: int) -> None:
            async with asyncio.timeout(30):
                while len(answered) < count:
                    event = await at_ann.get()
                    if isinstance(event, Message) and not event.mine:
                        answered[event.text] += 1

        bot = await example(node, "echo_bot", secret)
        running.append(bot)
        for kills in range(1, KILLS + 1):
            for number in range((kills - 1) * TEXTS // KILLS, kills * TEXTS // KILLS):
                await ann.send(echo, f"text {number}")
            await listen(kills * TEXTS // KILLS - TEXTS // KILLS // 2)  # in the middle of its answers
            await kill(bot)
            if kills == KILLS // 2:
                await node.kill()
                await node.start()
            bot = await example(node, "echo_bot", secret)
            running.append(bot)
        await listen(TEXTS)
        await (await ann.send(echo, "the last"))  # what would be answered twice is answered before this
        await listen(TEXTS + 1)
        await kill(bot)
        history = [message.text for message in await ann.history(echo, limit=3 * TEXTS) if not message.mine]
    wanted = [f"You said: text {number}" for number in range(TEXTS)]
    assert sorted(history) == sorted([*wanted, "You said: the last"])
    assert answered == Counter(history)


async def test_the_code_sender_sends_a_code_to_each_who_asks(
    node: Node, tmp_path: Path, running: list[asyncio.subprocess.Process]
) -> None:
    secret = await token(node, "codes", "append")
    async with Client.open(node.address, tmp_path / "ann.db") as ann:
        await ann.register_username("ann")
        at_ann = ann.listen()
        sender = await example(node, "one_time_codes", secret)
        running.append(sender)
        assert sender.stdin is not None and sender.stdout is not None
        sender.stdin.write(b"ann\nnobody\n")
        name, code = (await sender.stdout.readline()).decode().split()
        assert (name, len(code)) == ("ann", 6) and code.isdigit()
        assert await sender.stdout.readline() == b"nobody NOT_FOUND\n"
        async with asyncio.timeout(30):
            while not isinstance(event := await at_ann.get(), Message):
                pass
        assert event.text == f"Your code is {code}"
        sender.stdin.close()
        await sender.communicate()
        assert sender.returncode == 0
