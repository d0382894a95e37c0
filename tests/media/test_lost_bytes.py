"""The worker's disk was replaced or cleared: what was sent is asked for again, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tidewire import Client, UploadMoved
from tidewire.v1 import media_pb2

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from tests.support.media import BLOB_TOKEN, service_token
from tests.support.media_calls import chunks, start
from tests.support.media_world import DATA, World, refused
from tests.support.node import Node, free_port

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
RECEIVING, WAITING = media_pb2.UPLOAD_STAGE_RECEIVING, media_pb2.UPLOAD_STAGE_WAITING


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory, workshop: FfmpegWorkshop) -> AsyncIterator[tuple[World, int, str]]:
    """A node that knows its worker: where devices, and where the node, will find it."""
    folder, devices, internal = tmp_path_factory.mktemp("lost"), free_port(), f"127.0.0.1:{free_port()}"
    node = Node(folder / "node", blob_service=internal, blob_token=BLOB_TOKEN, public_media=f":{devices}")
    token = await service_token(folder / "node", "media", "introspect", "members", "notify")
    await node.start()
    yield World(node, token, workshop, folder), devices, internal
    await node.close()


async def test_what_waits_without_its_bytes_is_received_again(place: tuple[World, int, str]) -> None:
    world, *_ = place
    settings = world.settings("waits")
    async with world.worker(dataclasses.replace(settings, processes=0)) as idle:
        ann = await idle.person()
        metadata, upload_id = ann.metadata, (await ann.create(DATA)).status.upload_id
        await ann.send([start(upload_id), *chunks(DATA)])
        assert (await ann.resume(upload_id)).stage == WAITING
    shutil.rmtree(idle.spool / upload_id)
    async with world.worker(settings) as worker:
        again = await worker.person()
        again.metadata = metadata
        call = again.media.WatchUpload(media_pb2.WatchUploadRequest(upload_id=upload_id), metadata=metadata, timeout=20)
        async for response in call:
            if response.status.stage == RECEIVING:
                break
        assert response.status.received_bytes == 0
        await again.send([start(upload_id), *chunks(DATA)])
        assert await again.download((await again.done(upload_id)).media.blob_id) == DATA


@pytest.mark.parametrize("left", [0, 1_000])
async def test_what_is_half_there_goes_on_at_what_the_disk_has(place: tuple[World, int, str], left: int) -> None:
    world, *_ = place
    async with world.worker(world.settings()) as worker:
        ann = await worker.person()
        upload_id = (await ann.create(DATA)).status.upload_id
        await ann.send([start(upload_id), *chunks(DATA)[:1]])
        received = (await ann.resume(upload_id)).received_bytes
        assert received > left
        with (worker.spool / upload_id / "bytes").open("r+b") as file:
            file.truncate(left)
        said = await refused(ann.send([start(upload_id, received), *chunks(DATA[received:])]))
        assert said == ("OUT_OF_PLACE", left, received)
        assert (await ann.resume(upload_id)).received_bytes == left
        await ann.send([start(upload_id, left), *chunks(DATA[left:])])
        assert await ann.download((await ann.done(upload_id)).media.blob_id) == DATA


async def test_a_device_sends_again_by_itself(place: tuple[World, int, str], tmp_path: Path) -> None:
    world, devices, internal = place
    settings = dataclasses.replace(
        world.settings("device"), grpc_listen=f"127.0.0.1:{devices}", internal_listen=internal, drain_grace_s=0
    )
    document = tmp_path / "document.bin"
    document.write_bytes(DATA)
    async with Client.open(world.node.address, tmp_path / "ann.db", retry_max_s=0.5) as ann:
        await ann.register_username("ann.lost")
        moved: asyncio.Queue[UploadMoved] = asyncio.Queue()
        async with world.worker(dataclasses.replace(settings, processes=0)) as idle:
            own = await ann.direct("ann.lost")
            sending = await ann.send_document(own, document, progress=moved.put_nowait)
            async with asyncio.timeout(20):
                while (await moved.get()).stage != "sending":
                    pass
                while (await moved.get()).stage != "waiting":
                    pass
        for folder in idle.spool.iterdir():
            shutil.rmtree(folder)
        async with world.worker(settings), asyncio.timeout(60):
            await sending
