"""One workshop and one corpus for all tests of media."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tidewire.media_rules.limits import MediaLimits

from media.adapters.ffmpeg.opening import opened
from media.adapters.ffmpeg.opening import opened as workshop_opened
from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from tests.media import corpus
from tests.support.media import service_token
from tests.support.media_world import Worker, World
from tests.support.node import Node


@pytest.fixture(scope="session")
def files() -> Path:
    """The folder with the corpus, made by the real ffmpeg, kept between runs."""
    return corpus.made()


@pytest.fixture(scope="session")
def workshop() -> FfmpegWorkshop:
    """On the system's ffmpeg, in the best sandbox that works here."""
    return asyncio.run(opened(MediaLimits()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("uploads")
    node = Node(folder / "node")
    token = await service_token(folder / "node", "media", "introspect", "members", "notify")
    await node.start()
    yield World(node, token, await workshop_opened(MediaLimits()), folder)
    await node.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(world: World) -> AsyncIterator[Worker]:
    """The one that most tests share."""
    async with world.worker(world.settings()) as running:
        yield running
