"""The full-screen chat on real terminals, and completion in a real shell."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sdk.test_commands import TIDEWIRE, Shell
from tests.support.node import Node
from tests.support.terminal import Terminal, terminal

pytestmark = pytest.mark.process


async def test_two_terminals_chat_while_the_node_is_killed_and_comes_back(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    await node.start()
    shell = Shell(tmp_path / "home", node.address)
    try:
        await asyncio.gather(shell.person("ann"), shell.person("ben"))
        env = {**os.environ, "TIDEWIRE_HOME": str(shell.home)}
        async with (
            terminal(str(TIDEWIRE), "--profile", "ann", "chat", "ben", env=env) as ann,
            terminal(str(TIDEWIRE), "--profile", "ben", "chat", "ann", env=env) as ben,
        ):
            await asyncio.gather(ann.sees("● connected", "Write a message"), ben.sees("● connected", "Write a message"))
            ann.keys("hello ben")
            await ben.sees("typing…")
            ben.keys("hi")  # both write at the same time
            await ann.sees("typing…")
            ann.keys("\r")
            await asyncio.gather(ann.sees("✓✓"), ben.sees("hello ben  "))
            await node.kill()
            await ann.sees("offline")
            ann.keys("are you there?\r")
            await ann.sees("are you there?  ", "…")
            await node.start()
            await asyncio.gather(ben.sees("are you there?  "), ann.sees("● connected", "✓✓"))
            await leave(ann, "\x11")
            await leave(ben, "\x03")
        assert [line.split(": ")[1] for line in (await shell("ben", "history", "ann")).lines] == ["hello ben", "are you there?"]
    finally:
        await node.close()


async def leave(running: Terminal, key: str) -> None:
    """Ctrl-Q or Ctrl-C, after which the terminal is as it was before."""
    running.keys(key)
    assert await running.ends() == 0
    assert "Traceback" not in running.text


async def test_completion_in_a_real_bash(tmp_path: Path) -> None:
    env = {"PATH": f"{TIDEWIRE.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "PS1": "ready> "}
    async with terminal("bash", "--norc", "--noprofile", "-i", env=env) as bash:
        await bash.sees("ready> ")
        bash.keys('eval "$(tidewire completion bash)"; echo done-$?\n')
        await bash.sees("done-0")
        for typed, completed in [
            ("tidewire conv", "tidewire conversations "),
            ("tidewire groups pro", "tidewire groups promote "),
            ("tidewire privacy --last-seen con", "tidewire privacy --last-seen contacts "),
        ]:
            bash.keys(f"{typed}\t")
            await bash.sees(completed)
            bash.keys("\x15")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_has_no_fault_that_the_shell_finds(shell: str, tmp_path: Path) -> None:
    script = tmp_path / shell
    script.write_text(subprocess.run([TIDEWIRE, "completion", shell], capture_output=True, check=True, text=True).stdout)
    assert "conversations" in script.read_text()
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", script], capture_output=True, check=False).returncode == 0
