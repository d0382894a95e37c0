"""The page docs/grpcurl.md, run: every command on it with the real grpcurl against the real server, in order."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.node import Node

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "grpcurl.md"
GRPCURL = Path(sys.executable).parent / "grpcurl"


async def shell(command: str, variables: dict[str, str]) -> str:
    """Run a command of the page."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, env={"PATH": f"{GRPCURL.parent}:/usr/bin:/bin", **variables},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


def found(key: str, text: str) -> str:
    """The first value of a JSON key in what grpcurl printed."""
    match = re.search(rf'"{key}": "([^"]+)"', text)
    assert match, f"{key} is not in {text}"
    return match[1]


async def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    node = Node(tmp_path)
    await node.start()
    variables = {"SERVER": node.address}
    try:
        blocks = re.findall(r"```sh\n(.*?)```\n+(?:Expect: `(.*?)`)?(?:\s*Keep: ([^\n]*))?", PAGE.read_text(), re.S)
        assert len(blocks) >= 10
        for command, expected, keep in blocks:
            out = await shell(command, variables)
            assert not expected or expected in out, f"{command}\n{out}"
            for name, key in re.findall(r"`(\w+)` = `(\w+)`", keep):
                variables[name] = found(key, out)
    finally:
        assert await node.stop() == 0


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
