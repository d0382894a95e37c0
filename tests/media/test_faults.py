"""Everything around the media worker fails: each upload ends, or goes on when the fault is over; nothing half-stored is ever served."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import grpc
import pytest
import pytest_asyncio
from tidewire import MediaRejected
from tidewire.media import Stage, UploadMoved
from tidewire.media_rules.kinds import Kind

from tests.media.test_crashes import nothing_is_left
from tests.support.media import Deployment, MediaWorker
from tests.support.media_calls import Caller, refusal
from tests.support.media_faults import (
    LARGE,
    MIB,
    cleared,
    counted,
    has_to_wait,
    large,
    media_of,
    programs,
    reached,
    spool,
    talk,
    the_chat_goes_on,
)
from tests.support.processes import descendants

pytestmark = pytest.mark.process


@pytest_asyncio.fixture(loop_scope="module")
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A node and a worker over a folder, whose ffmpeg can be exchanged; every test leaves both running."""
    deployment = await Deployment.started(tmp_path_factory.mktemp("beside"), module="tests.media.faulty_worker", processes=2)
    yield deployment
    await deployment.close()


async def with_ffmpeg(worker: MediaWorker, fault: str) -> None:
    """Start the worker again, with an ffmpeg that does this."""
    await worker.close()
    worker.environment["TW_TESTS_FFMPEG"] = fault
    await worker.start()


beside_all = pytest.mark.asyncio(loop_scope="module")


@beside_all
async def test_the_folder_of_blobs_is_away_and_comes_back(beside: Deployment, files: Path, tmp_path: Path) -> None:
    deployment = beside
    async with AsyncExitStack() as opened:
        ann, ben, both = await talk(deployment, tmp_path, opened, "folder")
        blobs, away = deployment.worker.folder / "blobs", tmp_path / "away"
        first = await ann.send_photo(both, files / "photo.jpg")
        await first
        media = await media_of(ann, both, first.envelope_id)
        blobs.rename(away)
        blobs.write_text("no folder")
        second = await ann.send_document(both, files / "photo.jpg")
        await has_to_wait(deployment.worker, 0)
        async with aiohttp.ClientSession() as http, http.get(await ben.download_url(both, media)) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        await the_chat_goes_on(ann, ben, both)
        assert not second.done
        blobs.unlink()
        away.rename(blobs)
        await second
        for sent in (first, second):
            await ben.download(both, await media_of(ann, both, sent.envelope_id), tmp_path / sent.envelope_id)
        await nothing_is_left(deployment.worker)
        await deployment.worker.start()


class Disk:
    """The worker's disk: a small file system of its own where that may be made, else a limit on the size of its files."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._mounted = kind == "file system"
        self.folder = folder
        folder.mkdir()
        if self._mounted:
            self._mount("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder))

    def leave(self, worker: MediaWorker, *, room: int, file: int) -> None:
        """Leave so much room in all, or for each file."""
        if self._mounted:
            self._mount("mount", "-o", f"remount,size={room}", str(self.folder))
        else:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (file, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Unmount it."""
        if self._mounted:
            self._mount("umount", "-l", str(self.folder))

    @staticmethod
    def _mount(*command: str) -> None:
        subprocess.run(command, check=True)


DISKS = ["limit", *(["file system"] if os.geteuid() == 0 else [])]


@pytest.mark.parametrize("kind", DISKS)
async def test_the_disk_is_full_while_bytes_come_and_while_they_are_stored(kind: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        disk = Disk(kind, tmp_path / "disk")
        opened.callback(disk.close)
        deployment = await Deployment.started(tmp_path, data_dir=disk.folder)
        worker = deployment.worker
        worker.folder = disk.folder
        opened.push_async_callback(deployment.close)
        ann, ben, both = await talk(deployment, tmp_path, opened, "full")
        document = large(tmp_path)

        disk.leave(worker, room=8 * MIB, file=8 * MIB)
        receiving = await ann.send_document(both, document)
        await counted(worker, "tidewire_media_refusal_total", 2)
        await the_chat_goes_on(ann, ben, both)
        assert not receiving.done and [upload.reason for upload in await ann.uploads()] == [""]
        disk.leave(worker, room=20 * MIB, file=LARGE + 16)
        await has_to_wait(worker, 0)
        await the_chat_goes_on(ann, ben, both)
        # A try that goes on at this moment has a part of it there, under a name that is no blob's.
        stored = [path for path in (disk.folder / "blobs").rglob("*") if path.is_file() and not path.name.startswith(".part-")]
        assert not receiving.done and not stored
        disk.leave(worker, room=256 * MIB, file=256 * MIB)
        await receiving
        media = await media_of(ann, both, receiving.envelope_id)
        assert (await ben.download(both, media, tmp_path / "got")).read_bytes() == document.read_bytes()

        await nothing_is_left(worker)
        assert not [path for path in (disk.folder / "blobs").rglob(".part-*")], "the tries that failed have taken theirs away"


@beside_all
@pytest.mark.parametrize(("fault", "reason"), [("hangs", "TIMEOUT"), ("eats", "CORRUPT"), ("hold", "TOO_COMPLEX")])
async def test_an_ffmpeg_that_hangs_eats_or_is_killed_costs_its_upload_alone(
    beside: Deployment, fault: str, reason: str, files: Path, tmp_path: Path
) -> None:
    worker = beside.worker
    await with_ffmpeg(worker, fault)
    async with AsyncExitStack() as opened:
        ann, ben, both = await talk(beside, tmp_path, opened, fault)
        transcoding, tell = reached(Stage.TRANSCODING)
        video = await ann.send_video(both, files / "vp8.mkv", progress=tell)
        await transcoding
        if fault == "hold":
            async with asyncio.timeout(30):
                while len(found := [pid for pid, name in descendants(worker.pid) if name == "sleep"]) < 2:
                    await asyncio.sleep(0.02)  # the program itself, which comes first, and its child
            await (await ann.send_document(both, files / "photo.jpg"))
            await the_chat_goes_on(ann, ben, both)
            os.kill(found[0], signal.SIGKILL)
        with pytest.raises(MediaRejected) as refused:
            await video
        assert refused.value.reason == reason
        await (await ann.send_document(both, files / "h264.mp4"))
        await cleared(worker)
        assert programs(worker) == []
        await nothing_is_left(worker)
        await with_ffmpeg(worker, "")


@beside_all
async def test_an_upload_that_is_given_up_ends_its_ffmpeg(beside: Deployment, files: Path, tmp_path: Path) -> None:
    worker = beside.worker
    await with_ffmpeg(worker, "hold")
    async with AsyncExitStack() as opened:
        ann, _, both = await talk(beside, tmp_path, opened, "given.up")
        video = await ann.send_video(both, files / "vp8.mkv")
        async with asyncio.timeout(30):
            while "sleep" not in programs(worker):
                await asyncio.sleep(0.02)
        await ann.cancel_upload(video.envelope_id)
        async with asyncio.timeout(30):
            while programs(worker) or spool(worker):  # the worker has answered before the program was gone
                await asyncio.sleep(0.02)
        await (await ann.send_document(both, files / "photo.jpg"))
    await with_ffmpeg(worker, "")


@beside_all
async def test_a_device_that_is_killed_while_it_sends_goes_on_where_it_was(beside: Deployment, tmp_path: Path) -> None:
    document = large(tmp_path, 80 * MIB)

    async def device(*more: str) -> asyncio.subprocess.Process:
        command = ("-m", "tests.media.sending_device", beside.node.address, str(tmp_path / "sender.db"), str(document), *more)
        return await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)

    first = await device("halts")
    assert first.stdout is not None
    async with asyncio.timeout(30):
        while (said := (await first.stdout.readline()).split())[0] != b"sending":
            pass
    first.kill()
    await first.communicate()
    second = await device()
    out, _ = await asyncio.wait_for(second.communicate(), 60)
    lines = [line.split() for line in out.splitlines()]
    sent = [int(line[1]) for line in lines if line[0] == b"sending"]
    assert second.returncode == 0 and lines[-1] == [b"sent"] and sent
    assert all(percent > int(said[1]) for percent in sent), "what was durable is not sent again"
    await cleared(beside.worker)


@beside_all
async def test_without_the_node_nothing_new_is_taken_and_what_was_begun_goes_on_when_it_is_back(
    beside: Deployment, tmp_path: Path
) -> None:
    deployment = beside
    async with AsyncExitStack() as opened:
        ann, ben, both = await talk(deployment, tmp_path, opened, "node")
        caller = await Caller.registered(deployment.node.address, deployment.worker.address, "caller")
        await deployment.node.kill()
        sending = await ann.send_document(both, large(tmp_path))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await caller.create(b"data")
        assert refusal(refused.value).reason == "UNAVAILABLE"
        assert not sending.done and [upload.reason for upload in await ann.uploads()] == [""]
        await deployment.node.start()
        await sending
        media = await media_of(ann, both, sending.envelope_id)
        assert (await ben.download(both, media, tmp_path / "got")).stat().st_size == LARGE
        await caller.close()


@beside_all
async def test_a_file_that_is_cut_while_it_is_sent_is_given_up_with_a_reason(beside: Deployment, tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        ann, _, both = await talk(beside, tmp_path, opened, "cut")
        document = large(tmp_path, 60 * MIB)

        def cut(moved: UploadMoved) -> None:
            if moved.stage is Stage.SENDING and document.stat().st_size > MIB:
                os.truncate(document, MIB)

        sending = await ann.send_document(both, document, progress=cut)
        with pytest.raises(MediaRejected) as refused:
            await sending
        assert refused.value.reason == "FILE_CHANGED"


async def test_a_token_that_ends_while_the_worker_works_costs_nothing(files: Path, tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        deployment = await Deployment.started(tmp_path, member_cache_ms=1, node_settings={"access_token_ttl_s": 1})
        opened.push_async_callback(deployment.close)
        ann, _, both = await talk(deployment, tmp_path, opened, "token")
        for kind, name in ((Kind.VIDEO, "vp8.mkv"), (Kind.VIDEO, "mpeg2.mkv"), (Kind.VIDEO, "vp9.webm")):
            await (await ann.send_file(both, files / name, kind))
        assert await ann.uploads() == []
