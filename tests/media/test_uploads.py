"""Uploads by the wire alone: every refusal, with its limit and what was found."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from tidewire.media_rules.limits import MediaLimits
from tidewire.transport import new_envelope_id
from tidewire.v1 import envelope_pb2, media_pb2

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.domain.limits import Limits
from media.services import processing
from media.services.uploads import UploadService
from tests.support.media import emptied
from tests.support.media_calls import CHUNK, FINISH, Caller, Said, chunks, start
from tests.support.media_world import DATA, MIB, Worker, World, refused, rejection

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
Code = media_pb2.MediaRejectionReason


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": 99}, ("INVALID", 0, 99)),
        ({"sha256": b"short"}, ("INVALID", 32, 5)),
        ({"sha256": b"x" * 33}, ("LIMIT_EXCEEDED", 32, 33)),
        ({"size_bytes": 0}, None),
        ({"upload_key": "no uuid"}, None),
        ({"name": "x" * 256}, ("LIMIT_EXCEEDED", 255, 256)),
        ({"fit": True}, ("INVALID", 0, 0)),
        ({"trim_start_ms": 5, "trim_end_ms": 5, "kind": envelope_pb2.MEDIA_KIND_VIDEO}, ("INVALID", 6, 5)),
        ({"conversation_id": "d:somebody:else"}, ("NOT_A_MEMBER", 0, 0)),
    ],
)
async def test_what_cannot_become_an_upload_is_refused_before_a_byte_travels(
    worker: Worker, changes: dict[str, Any], expected: tuple[str, int, int] | None
) -> None:
    ann = await worker.person()
    said = await refused(ann.create(DATA, **changes))
    assert said == expected if expected else said.reason == "INVALID"
    assert list(worker.spool.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (envelope_pb2.MEDIA_KIND_VIDEO, 16 * MIB),
        (envelope_pb2.MEDIA_KIND_DOCUMENT, 100 * MIB),
        (envelope_pb2.MEDIA_KIND_AVATAR, 8 * MIB),
    ],
)
async def test_too_large_is_refused_before_a_byte_travels(worker: Worker, kind: int, limit: int) -> None:
    ann = await worker.person()
    response = await ann.create(DATA, kind=kind, size_bytes=limit + 1)
    assert rejection(response) == ("TOO_LARGE", limit, limit + 1) and not response.put_url


async def test_nobody_without_a_token_is_heard(worker: Worker) -> None:
    ann = await worker.person()
    ann.metadata = (("authorization", "Bearer nonsense"),)
    assert (await refused(ann.create(DATA))).reason == "UNAUTHENTICATED"
    assert (await refused(ann.send([start("any")]))).reason == "UNAUTHENTICATED"


async def test_quota_open_uploads_and_rate_are_told_with_limit_and_actual(world: World) -> None:
    settings = world.settings(quota_bytes=1_000_000, uploads_open_max=2, uploads_per_hour=4)
    async with world.worker(settings) as worker:
        ann, ben = await worker.person(), await worker.person()
        key = new_envelope_id()
        first = await ann.create(DATA, upload_key=key)
        assert await refused(ann.create(DATA)) == ("LIMIT_EXCEEDED", 1_000_000, 2 * len(DATA))
        await ann.create(b"x" * 10)
        assert await refused(ann.create(b"x" * 10)) == ("LIMIT_EXCEEDED", 2, 3)
        assert (await refused(ann.create(b"x" * 10))).reason == "RATE_LIMITED"
        again = await ann.create(DATA, upload_key=key)
        assert again.status.upload_id == first.status.upload_id, "one that was announced before is counted already"
        usage = await ann.call("GetMediaUsage", media_pb2.GetMediaUsageRequest())
        assert (usage.used_bytes, usage.quota_bytes) == (len(DATA) + 10, 1_000_000)
        assert (await ben.create(DATA)).status.upload_id != first.status.upload_id, "each account has its own"


async def test_the_same_key_is_the_same_upload_and_the_same_bytes_are_the_same_blob(worker: Worker) -> None:
    ann = await worker.person()
    key = new_envelope_id()
    first, again = await ann.create(DATA, upload_key=key), await ann.create(DATA, upload_key=key)
    assert first.status.upload_id == again.status.upload_id
    await ann.send([start(first.status.upload_id), *chunks(DATA)])
    ready = await ann.done(first.status.upload_id)
    other = await ann.create(DATA)
    assert other.status.stage == media_pb2.UPLOAD_STAGE_READY and other.status.media.blob_id == ready.media.blob_id
    assert not other.put_url


async def test_limits_are_told_as_they_are_set(world: World) -> None:
    async with world.worker(world.settings(quota_bytes=12_345)) as worker:
        ann = await worker.person()
        told = dict((await ann.call("GetMediaLimits", media_pb2.GetMediaLimitsRequest())).limits)
    assert told == dataclasses.asdict(MediaLimits()) | dataclasses.asdict(Limits(quota_bytes=12_345))


# -- received ----------------------------------------------------------------------------------------------------------

BAD_STREAMS: list[tuple[str, Callable[[str], list[Any]], tuple[str, int, int]]] = [
    ("one byte more", lambda id: [start(id), *chunks(DATA + b"x")], ("NOT_AS_DECLARED", len(DATA), len(DATA) + 1)),
    ("fewer, and finish", lambda id: [start(id), *chunks(DATA[:-1]), FINISH], ("NOT_AS_DECLARED", len(DATA), len(DATA) - 1)),
    ("finish at once", lambda id: [start(id), FINISH], ("NOT_AS_DECLARED", len(DATA), 0)),
    ("another hash", lambda id: [start(id), *chunks(DATA[:-1] + b"\0")], ("NOT_AS_DECLARED", len(DATA), len(DATA))),
]


@pytest.mark.parametrize(("requests", "expected"), [row[1:] for row in BAD_STREAMS], ids=[row[0] for row in BAD_STREAMS])
async def test_other_bytes_than_declared_are_refused_and_nothing_is_kept(
    worker: Worker, requests: Callable[[str], list[Any]], expected: tuple[str, int, int]
) -> None:
    ann = await worker.person()
    data = DATA if DATA[-1] else DATA[:-1] + b"\1"
    upload_id = (await ann.create(data)).status.upload_id
    status = await ann.send(requests(upload_id))
    assert status is not None and rejection(status) == expected
    assert rejection(await ann.resume(upload_id)) == expected and upload_id not in [path.name for path in worker.spool.iterdir()]
    assert (await refused(ann.send([start(upload_id)]))).reason == "OUT_OF_PLACE"


BAD_ORDERS: list[tuple[str, Callable[[str], list[Any]], tuple[str, int, int]]] = [
    ("an offset after what is there", lambda id: [start(id, 10)], ("OUT_OF_PLACE", 0, 10)),
    ("chunks without a start", lambda id: chunks(DATA[:10]), ("OUT_OF_PLACE", 0, 0)),
    ("nothing", lambda id: [], ("OUT_OF_PLACE", 0, 0)),
    ("two starts", lambda id: [start(id), start(id)], ("OUT_OF_PLACE", 0, 0)),
    ("an empty message", lambda id: [start(id), media_pb2.UploadRequest()], ("OUT_OF_PLACE", 0, 0)),
    ("a chunk over the limit", lambda id: [start(id), *chunks(bytes(MIB + 1), MIB + 1)], ("LIMIT_EXCEEDED", MIB, MIB + 1)),
    (
        "a chunk far over it",
        lambda id: [start(id), *chunks(bytes(MIB + 2_000), MIB + 2_000)],
        ("LIMIT_EXCEEDED", MIB + 1_024, -1),
    ),
    ("another upload", lambda id: [start("nothing")], ("NOT_FOUND", 0, 0)),
]


@pytest.mark.parametrize(("requests", "expected"), [row[1:] for row in BAD_ORDERS], ids=[row[0] for row in BAD_ORDERS])
async def test_a_stream_that_is_wrong_ends_with_the_reason_and_the_upload_goes_on(
    worker: Worker, requests: Callable[[str], list[Any]], expected: tuple[str, int, int]
) -> None:
    ann = await worker.person()
    data = DATA + bytes(2 * MIB)
    upload_id = (await ann.create(data)).status.upload_id
    said = await refused(ann.send(requests(upload_id)))
    assert said[:2] == expected[:2] and (expected[2] == -1 or said.actual == expected[2])
    received = (await ann.resume(upload_id)).received_bytes
    await ann.send([start(upload_id, received), *chunks(data[received:])])
    assert (await ann.done(upload_id)).stage == media_pb2.UPLOAD_STAGE_READY


async def test_another_account_sees_nothing_of_an_upload(worker: Worker) -> None:
    ann, eve = await worker.person(), await worker.person()
    upload_id = (await ann.create(DATA)).status.upload_id
    for call in (
        eve.resume(upload_id),
        eve.call("CancelUpload", media_pb2.CancelUploadRequest(upload_id=upload_id)),
        eve.send([start(upload_id)]),
        eve.done(upload_id),
    ):
        assert (await refused(call)).reason == "NOT_FOUND"
    assert (await ann.resume(upload_id)).received_bytes == 0


class Slow:
    """A stream whose messages the test writes one by one."""

    def __init__(self, caller: Caller, upload_id: str) -> None:
        self.call = caller.media.Upload(metadata=caller.metadata, timeout=20)
        self._upload_id = upload_id

    async def begin(self, data: bytes) -> None:
        """Say which upload, and send bytes until the worker has made some of them durable."""
        await self.call.write(start(self._upload_id))
        for chunk in chunks(data):
            await self.call.write(chunk)
        await self.call.read()

    async def end(self) -> Said:
        """What it was refused with."""

        async def over() -> None:
            while await self.call.read() is not grpc.aio.EOF:
                pass

        return await refused(over())


async def test_the_newest_stream_has_the_upload_and_waits_for_no_other(world: World) -> None:
    async with world.worker(world.settings(upload_sync_bytes=CHUNK)) as worker:
        ann = await worker.person()
        upload_id = (await ann.create(DATA)).status.upload_id
        old = Slow(ann, upload_id)
        await old.begin(DATA[:CHUNK])
        async with asyncio.timeout(20):  # the old one is silent; without a word it would have been waited for for a minute
            status = await ann.send([start(upload_id, CHUNK), *chunks(DATA[CHUNK:])])
        assert status is not None and (await ann.done(upload_id)).stage == media_pb2.UPLOAD_STAGE_READY
        assert (await old.end()).reason == "OUT_OF_PLACE"


async def test_a_silent_stream_is_closed_and_its_upload_stays(world: World) -> None:
    async with world.worker(world.settings(upload_sync_bytes=CHUNK, upload_idle_s=2)) as worker:
        ann = await worker.person()
        upload_id = (await ann.create(DATA)).status.upload_id
        silent = Slow(ann, upload_id)
        await silent.begin(DATA[:CHUNK])
        assert (await silent.end())[:2] == ("UNAVAILABLE", 2)
        assert (await ann.resume(upload_id)).received_bytes == CHUNK
        url = (await ann.create(DATA, upload_key=new_envelope_id())).put_url

        async def nothing() -> AsyncIterator[bytes]:
            yield DATA[:CHUNK]
            await asyncio.Event().wait()

        async with aiohttp.ClientSession() as http, http.put(url, data=nothing()) as response:
            assert response.status == 503 and (await response.json())["limit"] == 2


async def test_giving_up_ends_the_stream_and_keeps_nothing(world: World) -> None:
    async with world.worker(world.settings(upload_sync_bytes=CHUNK)) as worker:
        ann = await worker.person()
        upload_id = (await ann.create(DATA)).status.upload_id
        sending = Slow(ann, upload_id)
        await sending.begin(DATA[:CHUNK])
        cancel = media_pb2.CancelUploadRequest(upload_id=upload_id)
        assert (await ann.call("CancelUpload", cancel)).status.stage == media_pb2.UPLOAD_STAGE_CANCELLED
        assert (await sending.end()).reason == "OUT_OF_PLACE"
        assert (await ann.call("CancelUpload", cancel)).status.stage == media_pb2.UPLOAD_STAGE_CANCELLED, "the same again"
        assert list(worker.spool.iterdir()) == []
        never = (await ann.create(b"never sent")).status.upload_id
        await ann.call("CancelUpload", media_pb2.CancelUploadRequest(upload_id=never))
        assert (await ann.done(never)).stage == media_pb2.UPLOAD_STAGE_CANCELLED
        ready = await ann.ready(b"all of it")
        done = media_pb2.CancelUploadRequest(upload_id=ready.upload_id)
        assert (await ann.call("CancelUpload", done)).status.stage == media_pb2.UPLOAD_STAGE_READY, "too late"


async def test_an_upload_without_a_byte_for_its_time_goes_away(world: World) -> None:
    async with world.worker(world.settings(upload_sync_bytes=CHUNK, upload_ttl_s=0)) as worker:
        ann = await worker.person()
        upload_id = (await ann.create(DATA)).status.upload_id
        await ann.send([start(upload_id), *chunks(DATA[:CHUNK])])
        assert [path.name for path in worker.spool.iterdir()] == [upload_id]
        await asyncio.sleep(0.002)  # its time is over at the next millisecond
        await worker.app.sweep()
        assert list(worker.spool.iterdir()) == []
        assert (await ann.resume(upload_id)).stage == media_pb2.UPLOAD_STAGE_CANCELLED
        assert (await ann.call("GetMediaUsage", media_pb2.GetMediaUsageRequest())).used_bytes == 0


class Clumsy(FfmpegWorkshop):
    """A workshop with a bug that one kind of file runs into."""

    async def inspect(self, source: Path, *args: Any) -> Any:
        """See the port."""
        if source.read_bytes().startswith(b"bug"):
            raise KeyError("bug")
        return await super().inspect(source, *args)


async def test_a_file_that_the_worker_fails_at_by_a_bug_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "RETRY_S", 0.01)
    clumsy = Clumsy.__new__(Clumsy)
    clumsy.__dict__.update(world._workshop.__dict__)
    async with world.worker(world.settings(), clumsy) as worker:
        ann = await worker.person()
        bad, good = await asyncio.gather(ann.ready(b"bug"), ann.ready(b"no insect"))
        assert rejection(bad)[0] == "CORRUPT" and good.stage == media_pb2.UPLOAD_STAGE_READY
        await emptied(worker.spool)


async def test_streams_of_uploads_that_are_not_there_are_not_remembered(world: World) -> None:
    others = services()
    async with world.worker(world.settings()) as worker:
        ann = await worker.person()
        for number in range(20):
            assert (await refused(ann.send([start(f"none{number}")]))).reason == "NOT_FOUND"
        (service,) = [one for one in services() if one not in others]
        async with asyncio.timeout(30):
            while service._locks:  # the last stream may be told before it is over
                await asyncio.sleep(0.01)


def services() -> list[UploadService]:
    """Of all workers of this process, those that are ended and not collected among them."""
    return [found for found in gc.get_objects() if type(found) is UploadService]


# -- by HTTP -----------------------------------------------------------------------------------------------------------
