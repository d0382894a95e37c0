"""The page docs/internal.md, run: the command line of tokens, and every call on it with the real grpcurl."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.acceptance.test_grpcurl import found, shell
from tests.support.node import Node

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "internal.md"


async def command(node: Node, *arguments: str) -> tuple[int, str, str]:
    """`python -m server token …`: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "--set", f"data_dir={node.folder}", "token", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().strip(), errors.decode()


async def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    node = Node(tmp_path / "data")
    scopes = [item for scope in ("admin", "introspect", "presence", "append", "feed") for item in ("--scope", scope)]
    code, token, _ = await command(node, "create", "--name", "desk", *scopes, "--account", "codes")  # before the first start
    assert code == 0 and token.startswith("tws_desk.")
    await node.start()
    variables = {"SERVER": node.address, "INTERNAL": f"127.0.0.1:{node.internal_port}", "TOKEN": token}
    try:
        blocks = re.findall(r"```sh\n(.*?)```\n+(?:Expect: `(.*?)`)?(?:\s*Keep: ([^\n]*))?", PAGE.read_text(), re.S)
        assert len(blocks) >= 8
        for text, expected, keep in blocks:
            out = await shell(text, variables)
            assert expected and expected in out, f"{text}\n{out}"
            for name, key in re.findall(r"`(\w+)` = `(\w+)`", keep):
                variables[name] = found(key, out)
        listed = (await command(node, "list"))[1]
        assert "desk" in listed and "codes" in listed and token.partition(".")[2] not in listed
        assert (await command(node, "create", "--name", "desk", "--scope", "admin"))[0] == 1
        assert (await command(node, "create", "--name", "x", "--scope", "root"))[0] == 1
        assert (await command(node, "revoke", "desk"))[0] == 0 and (await command(node, "list"))[1] == ""
        code, _, errors = await command(node, "revoke", "desk")
        assert code == 1 and "there is no token desk" in errors
    finally:
        assert await node.stop() == 0
