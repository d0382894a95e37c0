"""`tidewire-load` against a real node: what it counts, what it reports, what it refuses. How fast the node is, is no test's business."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tidewire.load.judging import Conversation, judged, totals
from tidewire.load.options import parsed
from tidewire.load.seen import Tally
from tidewire.v1 import account_pb2, contact_pb2, contact_pb2_grpc

from tests.bench.chat import RAISED
from tests.bench.test_load_page import Page, missing
from tests.support.metrics import scrape
from tests.support.node import Node
from tests.support.raw import World


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node with raised rate limits."""
    running = Node(tmp_path / "node", **RAISED)
    await running.start()
    yield running
    await running.close()


async def load(node: Node, out: Path, *more: str) -> tuple[int, str, str]:
    """Run the command: its exit code, and what it wrote to either side."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tidewire.load",
        *("--server", node.address, "--metrics", f"127.0.0.1:{node.http_port}", "--seconds", "2", "--out", str(out), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode is not None
    return process.returncode, said.decode(), errors.decode()


async def exists(node: Node, username: str) -> bool:
    """Whether somebody can be found by this name."""
    async with grpc.aio.insecure_channel(node.address) as channel:
        seeker = await World(channel, node.address, node.http_port).person(f"seeker{secrets.token_hex(4)}")
        find = contact_pb2.FindAccountRequest(handle=account_pb2.Handle(username=username))
        found = await contact_pb2_grpc.ContactServiceStub(channel).FindAccount(
            find, metadata=(("authorization", f"Bearer {seeker.access_token}"),)
        )
        return bool(found.HasField("profile"))


@pytest.mark.process
async def test_a_storm_over_groups_loses_nothing_and_leaves_no_account(node: Node, tmp_path: Path) -> None:
    shape = ("--accounts", "8", "--devices-per-account", "2", "--group-size", "4", "--rate", "20", "--processes", "2")
    code, said, errors = await load(node, tmp_path / "out", *shape, "--pattern", "storm")
    assert code == 0, errors
    assert "every message was delivered to every device that had to get it, once" in said
    assert "CPU-seconds per 1,000 delivered" in said and "connecting" in errors, "lines where there is no terminal"
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    assert told["sent"] > 0 and told["delivered"] == 7 * told["sent"], "three others with two devices, and the sender's other one"
    assert told["caught_up_again_s"]["times"] == 16, "each was cut once"
    assert told["server"]["cpu_s"] > 0 and told["latency_ms"]["p99"] >= told["latency_ms"]["p50"]
    page = Page((tmp_path / "out" / "report.html").read_text())
    assert page.tags["figure"] == 6 and not missing(page, told)
    async with asyncio.timeout(30):  # that a stream was cut is known to its device first
        while (await scrape(f"127.0.0.1:{node.http_port}"))["tidewire_stream_open"]:
            await asyncio.sleep(0.05)
    assert not await exists(node, told["usernames"].split()[0]), "its accounts are deleted"


@pytest.mark.process
async def test_ctrl_c_in_the_middle_leaves_no_account(node: Node, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tidewire.load",
        *("--server", node.address, "--accounts", "4", "--seconds", "600", "--processes", "2", "--out", str(tmp_path / "out")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"sending: " not in (line := await process.stderr.readline()):
            assert line, "it ended"
        with sqlite3.connect(f"file:{node.database}?mode=ro", uri=True) as database:
            handles = [name.removeprefix("username:") for (name,) in database.execute("SELECT handle FROM handles")]
        assert len(handles) == 4
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in await process.stderr.read()
        assert await process.wait() == 130
    assert not any([await exists(node, name) for name in handles])


@pytest.mark.process
async def test_a_server_that_throttles_is_told_of_with_the_setting(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", registrations_per_address_hour=3)
    await node.start()
    try:
        code, _, errors = await load(node, tmp_path / "out", "--accounts", "8")
        assert code == 1 and "registrations_per_address_hour throttles this" in errors and "Traceback" not in errors
    finally:
        await node.close()


@pytest.mark.process
async def test_sends_that_are_throttled_wait_and_are_told_of(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", commands_per_s=5, commands_burst=5)
    await node.start()
    try:
        code, said, errors = await load(node, tmp_path / "out", "--accounts", "2", "--rate", "40")
        assert code == 0 and "THROTTLED: commands_per_s" in said, errors
    finally:
        await node.close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--accounts", "1"), "--accounts is from 2"),
        (("--rate", "0"), "--rate is from 0.1"),
        (("--accounts", "10", "--group-size", "11"), "--group-size is from 2 to 10"),
        (("--accounts", "40000", "--devices-per-account", "2"), "80000 devices are more"),
        (("--seconds", "9999"), "--seconds is from 1"),
        (("--processes", "20", "--accounts", "10"), "20 processes are more"),
        (("--server", "nowhere"), "not 'nowhere'"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(given: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parsed(["--server", "127.0.0.1:1", "--out", "x", *given])
    assert refused.value.code == 2 and why in capsys.readouterr().err


def verdict(seen: list[int], answered: int = 2) -> list[str]:
    """What is said when ann has sent so many messages to ben, and he has seen this: count, digests, twice, lost."""
    ann, talk, sent = "ann-phone", Conversation("d:ann:ben", ("ann", "ben")), Tally()
    for number in range(answered):
        sent.add(f"id {number}")
    plan = parsed(["--server", "127.0.0.1:1", "--out", "x", "--accounts", "2"])
    settled = [{"own": {f"{ann} d:ann:ben": sent.pair()}, "unanswered": 0}]
    devices = {
        ann: {"account": "ann", "seen": {"d:ann:ben": [0, 0, 0, 0]}},
        "ben-phone": {"account": "ben", "seen": {"d:ann:ben": seen}},
    }
    ended = [{"devices": devices, "connected": 2, "ended": [], "refused": {}}]
    return judged(plan, [talk], totals([talk], (each["own"] for each in settled)), settled, ended)


def test_a_loss_a_double_and_a_stranger_are_each_told_of() -> None:
    sent, other = Tally(), Tally()
    for number in range(2):
        sent.add(f"id {number}")
        other.add(f"id {number + 7}")
    assert verdict([*sent.pair(), 0, 0]) == []
    assert "LOST" in verdict([1, sent.digests, 0, 0])[0]
    assert "DOUBLE" in verdict([*sent.pair(), 1, 0])[0]
    assert "WRONG" in verdict([*other.pair(), 0, 0])[0]
    assert "LOST" in verdict([*sent.pair(), 0, 1])[0], "a gap is a loss"
