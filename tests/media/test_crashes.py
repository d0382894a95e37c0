"""The worker is killed at moment after moment of uploads of every kind: each goes on afterwards, and ends as if nothing had been."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tidewire import Client
from tidewire.media import Media
from tidewire.media_rules.kinds import Kind

from tests.support.media import Deployment, MediaWorker
from tests.support.media_faults import cleared, spool
from tests.support.minio import MinioServer
from tests.support.node import NotStarted
from tests.support.processes import children

pytestmark = pytest.mark.process

FILES = (
    ("photo.jpg", Kind.IMAGE),
    ("h264.mp4", Kind.VIDEO),
    ("opus.ogg", Kind.VOICE),
    ("cover.mp3", Kind.AUDIO),
    ("h264.mkv", Kind.DOCUMENT),
    ("vp8.mkv", Kind.VIDEO),
)
MOMENTS = 60
"""One upload has up to 25 of them from its first byte to its last file, and two go on at a time."""


def facts(media: Media) -> tuple[object, ...]:
    """What has to be the same however often the worker died."""
    return (
        media.kind,
        media.content_type,
        media.size_bytes,
        media.sha256,
        media.width,
        media.height,
        media.duration_ms,
        media.blurhash,
    )


async def uploaded(ann: Client, name: str, files: Path) -> list[tuple[object, ...]]:
    """Every file is sent, and its message in the log: what each has become."""
    me = await ann.direct(name)
    for sending in [await ann.send_file(me, files / file, kind) for file, kind in FILES]:
        await sending
    return sorted(facts(message.media) for message in await ann.log(me) if message.media is not None)


async def live_and_die(worker: MediaWorker, moments: Iterable[int], done: asyncio.Future[Any]) -> int:
    """Start the worker again and again, to die at one moment after the other, and then to live until `done`. How often it died."""
    deaths = 0
    for moment in (*moments, 0):
        worker.environment["TW_TESTS_DIE_AT"] = str(moment)
        try:
            await worker.start()
        except NotStarted:  # it died while it was starting
            deaths += 1
            continue
        gone = asyncio.ensure_future(worker.gone())
        await asyncio.wait([done, gone], return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            os.kill(worker.pid, signal.SIGKILL)
            await gone
            return deaths
        deaths += 1
    return deaths


@pytest.mark.timeout(900)
@pytest.mark.parametrize("store", ["folder", "s3"])
async def test_uploads_survive_the_death_of_the_worker_at_moment_after_moment(
    store: str, files: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    step = int(request.config.getoption("--crash-step"))
    async with AsyncExitStack() as opened:
        minio = MinioServer(tmp_path / "minio")
        opened.push_async_callback(minio.close)
        if store == "s3":
            await minio.start()
        settings = minio.worker_settings() if store == "s3" else {}
        deployment = await Deployment.started(tmp_path, module="tests.media.dying_worker", **settings)
        opened.push_async_callback(deployment.close)
        worker = deployment.worker

        async def person(name: str) -> Client:
            address, store = deployment.node.address, tmp_path / f"{name}.db"
            client = await opened.enter_async_context(Client.open(address, store, retry_max_s=1.0))
            await client.register_username(name)
            return client

        expected = await uploaded(await person("undisturbed"), "undisturbed", files)
        deaths = uploads = 0
        moments = [*range(1, MOMENTS + 1, step)]
        while moments:
            ann = await person(f"ann{uploads}")
            await worker.kill()
            uploading = asyncio.ensure_future(uploaded(ann, f"ann{uploads}", files))
            died = await live_and_die(worker, moments, uploading)
            assert await uploading == expected, "the same files as without a death, one message each"
            assert await ann.uploads() == [] and await ann.waiting() == []
            del moments[: max(1, died)]
            deaths, uploads = deaths + died, uploads + len(FILES)
            worker.environment.clear()
            await worker.start()
        print(f"\n{store}: the worker died {deaths} times over {uploads} uploads")
        assert deaths >= MOMENTS // step // 2
        await nothing_is_left(worker)


async def nothing_is_left(worker: MediaWorker) -> None:
    """No upload under way, no file that belongs to no blob but those whose grace is not over, no process."""
    await cleared(worker)  # what a death has left there goes soon after the next start
    await worker.stop()
    catalogue = sqlite3.connect(worker.folder / "catalogue.sqlite")
    (open_uploads,) = catalogue.execute("SELECT count(*) FROM uploads WHERE stage IN ('receiving', 'waiting')").fetchone()
    known = {name for (name,) in catalogue.execute("SELECT name FROM objects")}
    catalogue.close()
    assert open_uploads == 0
    assert spool(worker) == []
    if (worker.folder / "blobs").exists():
        stored = {
            path.relative_to(worker.folder / "blobs").as_posix()
            for path in (worker.folder / "blobs").rglob("*")
            if path.is_file()
        }
        parts = {name for name in stored if "/.part-" in name}
        assert stored - parts <= known, "a file that no sweeper would find"
    assert [name for name in children() if name.startswith(("ffmpeg", "ffprobe", "bwrap"))] == []
