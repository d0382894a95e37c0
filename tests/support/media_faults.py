"""Stages on which parts of media fail, and what is looked at afterwards."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from tidewire import Client, Message
from tidewire.media import Media, Stage, UploadMoved

from tests.support.media import Deployment, MediaWorker, emptied
from tests.support.metrics import scrape
from tests.support.minio import MinioServer
from tests.support.processes import descendants
from tests.support.proxy import Line

MIB = 1_048_576
LARGE = 12 * MIB
"""Bytes of a document of three parts of S3."""


class OnS3:
    """A node, a worker over S3 by a line that can be slowed, and two people who talk."""

    def __init__(self, deployment: Deployment, minio: MinioServer, line: Line, folder: Path) -> None:
        self.deployment = deployment
        self.worker = deployment.worker
        self.minio = minio
        self.line = line
        self.folder = folder


async def talk(deployment: Deployment, folder: Path, opened: AsyncExitStack, name: str) -> tuple[Client, Client, str]:
    """Two people, and their conversation."""
    address = deployment.node.address
    ann, ben = [
        await opened.enter_async_context(Client.open(address, folder / f"{who}.{name}.db", retry_max_s=0.5))
        for who in ("ann", "ben")
    ]
    await ann.register_username(f"ann.{name}")
    await ben.register_username(f"ben.{name}")
    return ann, ben, await ann.direct(f"ben.{name}")


async def the_chat_goes_on(ann: Client, ben: Client, both: str) -> None:
    """A message comes through, now."""
    words = f"still here {random.random()}"
    at_ben = ben.listen()
    async with asyncio.timeout(30):
        await (await ann.send(both, words))
        while not (isinstance(event := await at_ben.get(), Message) and event.text == words):
            pass


def large(folder: Path, size: int = LARGE) -> Path:
    """A document that nothing makes smaller."""
    path = folder / f"large-{size}.bin"
    path.write_bytes(random.Random(size).randbytes(size))
    return path


async def counted(worker: MediaWorker, name: str, least: float) -> None:
    """Wait until a metric of the worker has this value."""
    async with asyncio.timeout(60):
        while (await scrape(f"127.0.0.1:{worker.http_port}")).get(name, 0.0) < least:
            await asyncio.sleep(0.05)


async def postponed(worker: MediaWorker) -> float:
    """How often an upload had to wait so far."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{worker.http_port}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("tidewire_media_upload_total") and "postponed" in line
    )


async def has_to_wait(worker: MediaWorker, before: float) -> None:
    """Wait until one more upload had to wait."""
    async with asyncio.timeout(60):
        while await postponed(worker) <= before:
            await asyncio.sleep(0.05)


async def media_of(ann: Client, both: str, envelope_id: str) -> Media:
    """What a message refers to."""
    found = next(message for message in await ann.log(both) if message.envelope_id == envelope_id)
    assert found.media is not None
    return found.media


def reached(stage: Stage) -> tuple[asyncio.Future[None], object]:
    """A future that is done when an upload is at this stage, and the callback that tells it."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(moved: UploadMoved) -> None:
        if moved.stage is stage and not future.done():
            future.set_result(None)

    return future, tell


def spool(worker: MediaWorker) -> list[str]:
    """What is on the worker's disk of uploads that are not done."""
    return [path.name for path in (worker.folder / "spool").iterdir()]


async def cleared(worker: MediaWorker) -> None:
    """Wait until nothing is there any more."""
    await emptied(worker.folder / "spool")


def programs(worker: MediaWorker) -> list[str]:
    """What the worker runs."""
    return [name for _, name in descendants(worker.pid)]
