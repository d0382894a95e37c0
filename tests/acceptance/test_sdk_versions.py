"""The SDK on the oldest and the newest grpcio and protobuf that it allows, each in an environment of its own, against a real node."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.node import Node

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
SDK = tomllib.loads((ROOT / "sdk/python/pyproject.toml").read_text())["project"]["dependencies"]


@pytest.mark.parametrize("which", ["oldest", "newest"])
async def test_two_people_talk(which: str, tmp_path: Path) -> None:
    python = ROOT / f".venv-sdk-{which}/bin/python"
    assert python.exists(), f"make .venv-sdk-{which}/.done"
    node = Node(tmp_path / "node")
    await node.start()
    try:
        process = await asyncio.create_subprocess_exec(
            str(python), str(ROOT / "tests/support/sdk_talk.py"), node.address, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(process.communicate(), 90)
        assert process.returncode == 0
    finally:
        await node.close()
    ran_on = {name: Version(found) for name, found in json.loads(said).items()}
    for requirement in map(Requirement, SDK):
        (least,) = [Version(part.version) for part in requirement.specifier if part.operator == ">="]
        assert ran_on[requirement.name] in requirement.specifier
        assert (ran_on[requirement.name] == least) == (which == "oldest")
