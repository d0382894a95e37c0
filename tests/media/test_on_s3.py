"""A worker over S3, as an operator meets it: a store that is not up yet, one that refuses, and a new key."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from tidewire.v1 import media_pb2

from media.adapters.s3_store import S3Store
from tests.support.media import Deployment
from tests.support.media_calls import Caller
from tests.support.media_world import DATA
from tests.support.minio import MinioServer
from tests.support.node import NotStarted

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Deployment, MinioServer]]:
    folder = tmp_path_factory.mktemp("on-s3")
    minio = MinioServer(folder / "minio")
    await minio.start()
    deployment = await Deployment.started(folder, log_format="json", **minio.worker_settings())
    yield deployment, minio
    await deployment.close()
    await minio.close()


def said(deployment: Deployment, after: int) -> list[str]:
    return deployment.worker.log.read_text()[after:].splitlines()


async def test_a_worker_waits_aloud_for_a_store_that_is_not_up_yet_and_is_not_ready(
    place: tuple[Deployment, MinioServer],
) -> None:
    deployment, minio = place
    worker = deployment.worker
    await worker.kill()
    await minio.kill()
    before = worker.log.stat().st_size
    starting = asyncio.ensure_future(worker.start())
    async with asyncio.timeout(90), aiohttp.ClientSession() as http:
        while not any("waiting for the store" in line for line in said(deployment, before)):
            assert not starting.done()
            await asyncio.sleep(0.02)
        for path, status in (("healthz", 200), ("readyz", 503)):
            async with http.get(f"http://127.0.0.1:{worker.http_port}/{path}") as response:
                assert response.status == status
        await minio.start()
        await starting
        async with http.get(f"http://127.0.0.1:{worker.http_port}/readyz") as response:
            assert response.status == 200
    waiting = next(json.loads(line) for line in said(deployment, before) if "waiting" in line)
    assert waiting["level"] == "warning" and "does not answer" in waiting["error"] and waiting["seconds_left"] <= 60


async def test_it_waits_no_longer_than_it_may_and_not_at_all_for_one_that_refuses(place: tuple[Deployment, MinioServer]) -> None:
    deployment, minio = place
    worker = deployment.worker
    await worker.stop()
    right = dict(worker.settings)
    try:
        for changes, ends in (
            ({"s3_secret_key": "a wrong password"}, "the S3 server refuses: AccessDenied"),
            ({"s3_endpoint": "http://127.0.0.1:9", "store_wait_s": 0.5}, "(waited 0.5 s: store_wait_s)"),
        ):
            worker.settings = right | changes
            before = worker.log.stat().st_size
            with pytest.raises(NotStarted) as end:
                await worker.start()
            assert end.value.code == 1
            assert ends in said(deployment, before)[-1] and "Traceback" not in "".join(said(deployment, before))
    finally:
        worker.settings = right
        await worker.start()


async def test_a_worker_that_waits_ends_at_once_when_it_is_told_to(place: tuple[Deployment, MinioServer]) -> None:
    deployment, _ = place
    worker = deployment.worker
    await worker.stop()
    right = dict(worker.settings)
    worker.settings = right | {"s3_endpoint": "http://127.0.0.1:9"}
    before = worker.log.stat().st_size
    try:
        starting = asyncio.ensure_future(worker.start())
        async with asyncio.timeout(90):
            while not any("waiting for the store" in line for line in said(deployment, before)):
                await asyncio.sleep(0.02)
            os.kill(worker.pid, signal.SIGTERM)
            with pytest.raises(NotStarted) as end:
                await starting
        assert end.value.code == 0
        assert any("stopped before it was up" in line for line in said(deployment, before))
    finally:
        worker.settings = right
        await worker.start()


async def test_after_a_rotation_of_the_key_what_lies_in_s3_is_read_and_nothing_of_it_was_stored_anew(
    place: tuple[Deployment, MinioServer],
) -> None:
    deployment, _ = place
    worker = deployment.worker
    ann = await Caller.registered(deployment.node.address, worker.address, "ann.rotates")
    blob_ids = [(await ann.ready(data)).media.blob_id for data in (DATA, b"small")]
    stored = await objects(place)
    running = await rotate(worker.settings)
    assert running[0] == 1 and "in use" in running[1], "not while a worker runs"
    await worker.stop()
    old = json.loads((worker.folder / "keys.json").read_text())
    code, told = await rotate(worker.settings)
    assert code == 0 and "files are under the new key" in told
    new = json.loads((worker.folder / "keys.json").read_text())
    assert old != new
    await worker.start()
    assert [await ann.download(blob_id) for blob_id in blob_ids] == [DATA, b"small"]
    assert await objects(place) == stored
    assert (await ann.ready(b"after it")).stage == media_pb2.UPLOAD_STAGE_READY
    await ann.close()


async def rotate(settings: dict[str, object]) -> tuple[int, str]:
    """The operator's command: its exit code, and what it said."""
    given = [item for name, value in settings.items() for item in ("--set", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "media", *given, "rotate-key"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


async def objects(place: tuple[Deployment, MinioServer]) -> list[tuple[str, int]]:
    """What lies in the bucket, and since when."""
    store = S3Store(place[1].settings())
    try:
        return sorted([(file.name, file.modified_ms) async for file in store.all("m/")])
    finally:
        await store.close()
