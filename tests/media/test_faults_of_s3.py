"""S3 is away before, in the middle of, and after an upload: nothing is lost, and nothing half-stored is ever served."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import grpc
import pytest
import pytest_asyncio
from tidewire import Unreachable
from tidewire.media import Stage

from media.adapters.s3_store import S3Store
from tests.media.test_crashes import nothing_is_left
from tests.support.media import Deployment
from tests.support.media_calls import Caller, refusal
from tests.support.media_faults import (
    LARGE,
    MIB,
    OnS3,
    cleared,
    has_to_wait,
    large,
    media_of,
    postponed,
    reached,
    talk,
    the_chat_goes_on,
)
from tests.support.minio import MinioServer
from tests.support.proxy import Line

pytestmark = pytest.mark.process
on_s3 = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def s3(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OnS3]:
    folder = tmp_path_factory.mktemp("s3")
    minio = MinioServer(folder / "minio")
    await minio.start()
    line = Line(minio.port)
    await line.start()
    settings = minio.worker_settings() | {"s3_endpoint": f"http://127.0.0.1:{line.port}"}
    deployment = await Deployment.started(folder, **settings)
    yield OnS3(deployment, minio, line, folder)
    await deployment.close()
    await line.close()
    await minio.close()


@pytest_asyncio.fixture(loop_scope="module")
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@on_s3
async def test_an_upload_while_s3_is_away_waits_for_it(s3: OnS3, opened: AsyncExitStack, files: Path, tmp_path: Path) -> None:
    ann, ben, both = await talk(s3.deployment, tmp_path, opened, "before")
    before = await postponed(s3.worker)
    await s3.minio.kill()
    sending = await ann.send_photo(both, files / "photo.jpg")
    await has_to_wait(s3.worker, before)
    await the_chat_goes_on(ann, ben, both)
    assert not sending.done and [upload.reason for upload in await ann.uploads()] == [""]
    await s3.minio.start()
    await sending
    media = await media_of(ann, both, sending.envelope_id)
    assert (await ben.download(both, media, tmp_path / "got")).stat().st_size == media.size_bytes
    await cleared(s3.worker)


@on_s3
async def test_s3_dies_in_the_middle_of_storing(s3: OnS3, opened: AsyncExitStack, tmp_path: Path) -> None:
    ann, ben, both = await talk(s3.deployment, tmp_path, opened, "middle")
    before, document = await postponed(s3.worker), large(tmp_path)
    storing, tell = reached(Stage.STORING)
    s3.line.bytes_per_s = 8 * MIB
    sending = await ann.send_document(both, document, progress=tell)
    await storing
    await s3.minio.kill()
    s3.line.bytes_per_s = 0
    await has_to_wait(s3.worker, before)
    await the_chat_goes_on(ann, ben, both)
    assert not sending.done and (await ann.media_usage())[0] == LARGE
    await s3.minio.start()
    await sending
    media = await media_of(ann, both, sending.envelope_id)
    assert (await ben.download(both, media, tmp_path / "got")).read_bytes() == document.read_bytes()
    await cleared(s3.worker)


@on_s3
async def test_s3_freezes_in_the_middle_of_storing(s3: OnS3, opened: AsyncExitStack, tmp_path: Path) -> None:
    ann, ben, both = await talk(s3.deployment, tmp_path, opened, "frozen")
    document = large(tmp_path)
    storing, tell = reached(Stage.STORING)
    s3.line.bytes_per_s = 8 * MIB
    sending = await ann.send_document(both, document, progress=tell)
    await storing
    s3.minio.freeze()
    s3.line.bytes_per_s = 0
    received, tell_received = reached(Stage.WAITING)
    other = await ben.send_document(both, large(tmp_path, 5 * MIB), progress=tell_received)
    await received
    await the_chat_goes_on(ann, ben, both)
    assert not sending.done and not other.done
    s3.minio.thaw()
    await asyncio.gather(sending, other)
    media = await media_of(ann, both, sending.envelope_id)
    assert (await ben.download(both, media, tmp_path / "got")).read_bytes() == document.read_bytes()
    await cleared(s3.worker)


@on_s3
async def test_a_download_without_s3_is_refused_and_goes_on_when_it_is_back(
    s3: OnS3, opened: AsyncExitStack, tmp_path: Path
) -> None:
    ann, ben, both = await talk(s3.deployment, tmp_path, opened, "after")
    document = large(tmp_path, 2 * LARGE)  # more than what lies in buffers on its way
    sending = await ann.send_document(both, document)
    await sending
    media = await media_of(ann, both, sending.envelope_id)
    url = await ben.download_url(both, media)
    caller = await Caller.registered(s3.deployment.node.address, s3.worker.address, "caller.after")
    mine = await caller.ready(b"a document of the caller")
    loaded: list[int] = []
    some: asyncio.Event = asyncio.Event()

    def progress(done: int, total: int) -> None:
        loaded.append(done)
        if done > 2 * MIB:
            some.set()

    s3.line.bytes_per_s = 8 * MIB
    loading = asyncio.ensure_future(ben.download(both, media, tmp_path / "got", progress=progress))
    await some.wait()
    await s3.minio.kill()
    s3.line.bytes_per_s = 0
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.download(mine.media.blob_id)
    assert refusal(refused.value).reason == "UNAVAILABLE"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await the_chat_goes_on(ann, ben, both)
    assert not (tmp_path / "got").exists(), "a part is not the file"
    broken_off = len(loaded)
    await s3.minio.start()
    try:
        await loading
    except Unreachable:  # it was tried often enough while S3 was away
        await ben.download(both, media, tmp_path / "got", progress=progress)
    assert (tmp_path / "got").read_bytes() == document.read_bytes() and loaded[broken_off] > 2 * MIB, "not from the beginning"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        assert hashlib.sha256(await response.read()).digest() == media.sha256
    assert await caller.download(mine.media.blob_id) == b"a document of the caller"
    await caller.close()


@on_s3
async def test_after_all_that_s3_holds_nothing_that_the_sweeper_would_not_find(s3: OnS3) -> None:
    await nothing_is_left(s3.worker)
    catalogue = sqlite3.connect(s3.worker.folder / "catalogue.sqlite")
    known = {name for (name,) in catalogue.execute("SELECT name FROM objects")}
    catalogue.close()
    store = S3Store(s3.minio.settings())
    stored = {file.name async for file in store.all("m/")}
    await store.close()
    assert stored and stored <= known
