"""The page docs/grpcurl.md, run: every command on it with the real grpcurl against the real server, in order."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from calls.app import serving as calls_serving
from tests.support.calls_world import SCOPES, World
from tests.support.cassandra import CassandraNode
from tests.support.cluster import Nodes
from tests.support.media import Deployment, service_token
from tests.support.node import Node, free_port
from tests.support.redis import RedisServer

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "grpcurl.md"
GRPCURL = Path(sys.executable).parent / "grpcurl"


async def shell(command: str, variables: dict[str, str], folder: Path | None = None) -> str:
    """Run a command of the page, in a folder of its own."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, env={"PATH": f"{GRPCURL.parent}:/usr/bin:/bin", **variables},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


def found(key: str, text: str) -> str:
    """The first value of a JSON key in what grpcurl printed."""
    match = re.search(rf'"{key}": "([^"]+)"', text)
    assert match, f"{key} is not in {text}"
    value: str = json.loads(f'"{match[1]}"')
    return value


async def follow(page: str, address: str, folder: Path) -> None:
    """Do what it says."""
    variables = {"SERVER": address}
    blocks = re.findall(r"```sh\n(.*?)```\n+(?:Expect: `(.*?)`)?(?:\s*Keep: ([^\n]*))?", page, re.S)
    assert len(blocks) >= 10
    for command, expected, keep in blocks:
        out = await shell(command, variables, folder)
        assert not expected or expected in out, f"{command}\n{out}"
        for name, key in re.findall(r"`(\w+)` = `(\w+)`", keep):
            variables[name] = found(key, out)


async def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    port = free_port()
    deployment = await Deployment.started(tmp_path / "deployment", node_settings={"public_calls": f":{port}"})
    token = await service_token(deployment.node.folder, "calls", *SCOPES)
    settings = replace(World(deployment.node, token, tmp_path).settings(), grpc_listen=f"127.0.0.1:{port}")
    try:
        async with calls_serving(settings):
            await follow(PAGE.read_text(), deployment.node.address, tmp_path)
    finally:
        assert await deployment.worker.stop() == 0 and await deployment.node.stop() == 0


async def test_the_page_holds_for_two_workers_whichever_takes_a_call(
    tmp_path: Path, cassandra: CassandraNode, redis: RedisServer
) -> None:
    both = Nodes(tmp_path, redis, [cassandra.host], cassandra.port, "two_workers", count=1, workers=2)
    await both.start()
    (node,) = both.all
    try:
        await follow(PAGE.read_text().partition("## Media")[0], node.address, tmp_path)
        assert await taken_by_each(node) == [True, True]
    finally:
        assert await node.stop() == 0


async def taken_by_each(node: Node) -> list[bool]:
    """Whether each of two workers has answered a call on the common port: asked until both have, each caller on a channel of its own."""
    async with asyncio.timeout(30):
        while True:
            await shell(f"grpcurl -plaintext -d '{{}}' {node.address} tidewire.v1.AccountService/GetAccount", {})
            async with aiohttp.ClientSession() as http:
                texts = [await (await http.get(f"http://127.0.0.1:{node.http_port + step}/metrics")).text() for step in (0, 100)]
            taken = ['tidewire_refusal_total{reason="UNAUTHENTICATED"}' in text for text in texts]
            if all(taken):
                return taken


async def test_bad_input_gets_a_typed_refusal_and_the_node_lives_on(tmp_path: Path) -> None:
    node = Node(tmp_path, frame_bytes_max=65_536)
    await node.start()
    call = f"grpcurl -plaintext -d '%s' {node.address} tidewire.v1.%s"
    try:
        for body, method, reason in [
            ({}, "AccountService/GetAccount", "UNAUTHENTICATED"),
            ({"username": "A"}, "AccountService/RegisterUsername", "INVALID"),
            ({"username": "ann", "display_name": "x" * 65}, "AccountService/RegisterUsername", "LIMIT_EXCEEDED"),
            ({"refresh_token": "twr_x"}, "AccountService/RefreshToken", "REFUSAL_REASON_UNAUTHENTICATED"),
            ({"handle": {"phone": "+1"}}, "AccountService/StartRegistration", "INVALID"),
            ({"challenge_id": "x", "code": "123456"}, "AccountService/ConfirmRegistration", "REFUSAL_REASON_CODE_EXPIRED"),
            ({"refresh_token": "x" * 100_000}, "AccountService/RefreshToken", "LIMIT_EXCEEDED"),
        ]:
            out = await shell(call % (json.dumps(body), method), {})
            assert reason in out, f"{method}: {out}"
        assert "SERVING" in await shell(f"grpcurl -plaintext {node.address} grpc.health.v1.Health/Check", {})
    finally:
        await node.close()
