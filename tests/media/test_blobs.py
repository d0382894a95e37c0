"""HTTP, downloads and claims by the wire alone: every refusal, and who may see what for how long."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tidewire.transport import new_envelope_id
from tidewire.v1 import media_pb2

from media.keys_command import rotate
from tests.support.media_calls import chunks, start
from tests.support.media_world import DATA, Worker, World, refused

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
Code = media_pb2.MediaRejectionReason


async def put(http: aiohttp.ClientSession, url: str, data: bytes, said: str | None = None) -> tuple[int, dict[str, Any], str]:
    headers = {} if said is None else {"Content-Range": said}
    async with http.put(url, data=data, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Range", "")


async def test_a_put_of_all_bytes_and_in_pieces(worker: Worker) -> None:
    ann, size = await worker.person(), len(DATA)
    async with aiohttp.ClientSession() as http:
        whole = await ann.create(DATA)
        assert (await put(http, whole.status and whole.put_url, DATA))[0] == 200
        assert await ann.download((await ann.done(whole.status.upload_id)).media.blob_id) == DATA
        other = DATA[::-1]
        pieces = await ann.create(other)
        url = pieces.put_url
        assert await put(http, url, b"", f"bytes */{size}") == (
            308,
            {"stage": "receiving", "received_bytes": 0, "percent": 0},
            "",
        )
        status, told, range_ = await put(http, url, other[:1_000], f"bytes 0-999/{size}")
        assert (status, told["received_bytes"], range_) == (308, 1_000, "bytes=0-999")
        assert (await put(http, url, b"", f"bytes */{size}"))[2] == "bytes=0-999"
        assert (await put(http, url, other[500:2_000], f"bytes 500-1999/{size}"))[2] == "bytes=0-1999", "over what is there"
        assert (await put(http, url, other[2_000:], f"bytes 2000-{size - 1}/{size}"))[0] == 200
        assert await ann.download((await ann.done(pieces.status.upload_id)).media.blob_id) == other
        status, told, _ = await put(http, url, b"", f"bytes */{size}")
        assert (status, told["stage"]) == (200, "ready")


@pytest.mark.parametrize(
    ("data", "said", "status", "reason", "limit", "actual"),
    [
        (b"x" * 10, "bytes 5-14/100", 409, "OUT_OF_PLACE", 0, 5),
        (b"x" * 10, "bytes 0-9/101", 400, "INVALID", 100, 101),
        (b"x" * 20, "bytes 0-9/100", 400, "INVALID", 20, 10),
        (b"x" * 5, "bytes 0-9/100", 400, "INVALID", 5, 10),
        (b"x" * 10, "bytes 9-0/100", 400, "INVALID", None, None),
        (b"x" * 10, "pages 0-9/100", 400, "INVALID", None, None),
        (b"x" * 10, "bytes 95-104/100", 400, "INVALID", None, None),
    ],
)
async def test_a_wrong_range_is_refused_and_changes_nothing(
    worker: Worker, data: bytes, said: str, status: int, reason: str, limit: int | None, actual: int | None
) -> None:
    ann = await worker.person()
    created = await ann.create(bytes(100))
    async with aiohttp.ClientSession() as http:
        found = await put(http, created.put_url, data, said)
    assert (found[0], found[1]["reason"], found[1].get("limit"), found[1].get("actual")) == (status, reason, limit, actual)
    assert (await ann.resume(created.status.upload_id)).received_bytes == 0


async def test_a_body_longer_than_its_range_is_refused_also_without_a_length(worker: Worker) -> None:
    ann = await worker.person()
    created = await ann.create(bytes(100))

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 20

    async with (
        aiohttp.ClientSession() as http,
        http.put(created.put_url, data=body(), headers={"Content-Range": "bytes 0-9/100"}) as response,
    ):
        assert response.status == 400
    assert (await ann.resume(created.status.upload_id)).received_bytes == 0


async def test_a_put_of_other_bytes_is_refused_for_good(worker: Worker) -> None:
    ann = await worker.person()
    created = await ann.create(bytes(100))
    async with aiohttp.ClientSession() as http:
        status, told, _ = await put(http, created.put_url, b"x" * 100)
        assert status == 422 and told["rejection"]["reason"] == "NOT_AS_DECLARED"


async def test_an_address_that_was_changed_or_has_ended_is_refused(world: World) -> None:
    async with world.worker(world.settings(upload_url_ttl_s=0)) as worker, aiohttp.ClientSession() as http:
        ann, ben = await worker.person(), await worker.person()
        ended = (await ann.create(DATA)).put_url
        assert (await put(http, ended, DATA))[:1] == (403,)
        stolen = ended.replace(ann.account_id, ben.account_id)
        assert (await put(http, stolen, DATA))[1]["reason"] == "UNAUTHENTICATED"


async def test_head_says_what_get_would(worker: Worker) -> None:
    ann = await worker.person()
    blob_id = (await ann.ready(DATA)).media.blob_id
    url = (await ann.call("GetDownloadUrl", media_pb2.GetDownloadUrlRequest(blob_id=blob_id))).url
    async with aiohttp.ClientSession() as http, http.head(url) as head, http.get(url) as get:
        assert head.status == get.status == 200 and await head.read() == b"" and await get.read() == DATA
        names = ("Content-Length", "ETag", "Content-Type", "Content-Disposition", "Accept-Ranges")
        assert [head.headers[name] for name in names] == [get.headers[name] for name in names]


async def test_an_address_of_a_download_ends(world: World) -> None:
    async with world.worker(world.settings(download_url_ttl_s=0)) as worker, aiohttp.ClientSession() as http:
        ann = await worker.person()
        blob_id = (await ann.ready(DATA)).media.blob_id
        url = (await ann.call("GetDownloadUrl", media_pb2.GetDownloadUrlRequest(blob_id=blob_id))).url
        async with http.get(url) as response:
            assert response.status == 403


# -- used --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 0), (1, 1), (65_535, 2), (65_536, 65_536), (len(DATA) - 1, 9), (len(DATA), 0)]
)
async def test_any_range_is_downloaded(worker: Worker, offset: int, length: int) -> None:
    ann = await worker.person()
    blob_id = (await ann.ready(DATA)).media.blob_id
    expected = DATA[offset : offset + length] if length else DATA[offset:]
    assert await ann.download(blob_id, offset_bytes=offset, length_bytes=length) == expected


async def test_downloads_that_cannot_be(worker: Worker) -> None:
    ann, eve = await worker.person(), await worker.person()
    blob_id = (await ann.ready(DATA)).media.blob_id
    assert await refused(ann.download(blob_id, offset_bytes=len(DATA) + 1)) == ("INVALID", len(DATA), len(DATA) + 1)
    assert (await refused(ann.download(blob_id, variant=2))).reason == "NOT_FOUND"
    assert (await refused(ann.download(blob_id, variant=99))) == ("INVALID", 0, 99)
    for call in (eve.download(blob_id), eve.call("GetBlob", media_pb2.GetBlobRequest(blob_id=blob_id)), ann.download("nothing")):
        assert (await refused(call)).reason == "NOT_FOUND"


async def test_two_readers_of_one_blob_at_once(worker: Worker) -> None:
    ann, ben = await worker.person(), await worker.person()
    group = await worker.group(ann, ben)
    blob_id = (await ann.ready(DATA)).media.blob_id
    await worker.claim(blob_id, group, ann.account_id)
    found = await asyncio.gather(*(who.download(blob_id, group) for who in (ann, ben) * 4))
    assert all(data == DATA for data in found)


async def test_only_what_is_ready_and_seen_can_be_claimed(worker: Worker) -> None:
    ann, ben, eve = [await worker.person() for _ in range(3)]
    group, others = await worker.group(ann, ben), await worker.group(ben, eve)
    waiting = (await ann.create(DATA)).status.upload_id
    assert (await worker.claim(waiting, group, ann.account_id)).refusal.detail, "not READY"
    blob_id = (await ann.ready(b"mine")).media.blob_id
    for blob, account in ((waiting, ann), (blob_id, eve), (blob_id, ben), ("gone", ann)):
        response = await worker.claim(blob, group, account.account_id)
        assert response.WhichOneof("outcome") == "refusal" and "no such blob" in response.refusal.detail
    envelope = new_envelope_id()
    first = await worker.claim(blob_id, group, ann.account_id, envelope)
    again = await worker.claim(blob_id, group, ann.account_id, envelope)
    assert first.media == again.media and first.media.blob_id == blob_id
    assert await ben.download(blob_id, group) == b"mine", "who is in the group sees it"
    assert (await refused(eve.download(blob_id, group))).reason == "NOT_FOUND"
    assert (await worker.claim(blob_id, others, ben.account_id)).media.blob_id == blob_id, "who sees it may forward it"
    assert await eve.download(blob_id, others) == b"mine"


async def test_a_view_once_blob_is_for_one_envelope_of_its_owner(worker: Worker) -> None:
    ann, ben = await worker.person(), await worker.person()
    group = await worker.group(ann, ben)
    blob_id = (await ann.ready(b"look once")).media.blob_id
    assert (await worker.claim(blob_id, group, ann.account_id, view_once=True)).media.blob_id == blob_id
    for account in (ann, ben):
        for once in (False, True):
            response = await worker.claim(blob_id, group, account.account_id, view_once=once)
            assert "one envelope of its owner" in response.refusal.detail, "neither forwarded nor sent again"
    assert (await refused(ben.download(blob_id, group))).reason == "NOT_FOUND", "not without opening it"
    assert (await refused(ben.download(blob_id, group, view_token="guessed"))).reason == "NOT_FOUND"
    once = media_pb2.OpenViewOnceRequest(blob_id=blob_id, conversation_id=group)
    assert (await refused(ann.call("OpenViewOnce", once))).reason == "NOT_ALLOWED"
    opened = await asyncio.gather(*(ben.call("OpenViewOnce", once) for _ in range(5)), return_exceptions=True)
    tokens = [response.view_token for response in opened if not isinstance(response, BaseException)]
    assert len(tokens) == 1
    loads = [ben.download(blob_id, group, view_token=tokens[0]) for _ in range(4)]
    found = [item for item in await asyncio.gather(*loads, return_exceptions=True) if not isinstance(item, BaseException)]
    assert found and set(found) == {b"look once"}, "it may go on with a download that broke off"
    assert (
        await refused(ben.call("GetBlob", media_pb2.GetBlobRequest(blob_id=blob_id, conversation_id=group)))
    ).reason == "NOT_FOUND"
    assert (await refused(ann.call("GetBlob", media_pb2.GetBlobRequest(blob_id=blob_id)))).reason == "NOT_FOUND", "gone for all"


async def test_an_address_of_a_view_once_blob_is_used_up_by_its_download(worker: Worker) -> None:
    ann, ben, carol = [await worker.person() for _ in range(3)]
    group = await worker.group(ann, ben, carol)
    blob_id = (await ann.ready(DATA)).media.blob_id
    await worker.claim(blob_id, group, ann.account_id, view_once=True)
    once = media_pb2.OpenViewOnceRequest(blob_id=blob_id, conversation_id=group)
    token = (await ben.call("OpenViewOnce", once)).view_token
    asked = media_pb2.GetDownloadUrlRequest(blob_id=blob_id, conversation_id=group, view_token=token)
    url, other = [(await ben.call("GetDownloadUrl", asked)).url for _ in range(2)]
    async with aiohttp.ClientSession() as http:
        async with http.head(url) as head, http.get(url, headers={"Range": "bytes=0-999"}) as part:
            assert head.status == 200 and (part.status, await part.read()) == (206, DATA[:1_000])
        async with http.get(url, headers={"Range": "bytes=1000-"}) as rest:
            assert (rest.status, await rest.read()) == (206, DATA[1_000:]), "it may go on, and is used up by the end"
        for spent in (url, other):
            async with http.get(spent) as again:
                assert (again.status, (await again.json())["reason"]) == (404, "NOT_FOUND")
        async with http.get(url.replace(token, "another")) as changed:
            assert changed.status == 403
    assert (await refused(ben.download(blob_id, group, view_token=token))).reason == "NOT_FOUND", "nor by another way"
    token = (await carol.call("OpenViewOnce", once)).view_token
    assert await carol.download(blob_id, group, view_token=token) == DATA, "it was another's"


async def test_a_blob_goes_when_its_last_envelope_is_deleted_and_its_grace_is_over(world: World) -> None:
    async with world.worker(world.settings("graceless", blob_grace_s=0)) as worker:
        ann, ben = await worker.person(), await worker.person()
        group = await worker.group(ann, ben)
        blob_id = (await ann.ready(DATA)).media.blob_id
        envelopes = [new_envelope_id(), new_envelope_id()]
        for envelope in envelopes:
            await worker.claim(blob_id, group, ann.account_id, envelope)
        await worker.release(group, ann.account_id, envelopes[0])
        await worker.app.sweep()
        assert await ben.download(blob_id, group) == DATA, "another envelope holds it"
        await worker.release(group, ann.account_id, envelopes[1])
        await worker.release(group, ann.account_id, envelopes[1])
        assert (await refused(ben.download(blob_id, group))).reason == "NOT_FOUND"
        await asyncio.sleep(0.002)  # the grace is over at the next millisecond
        await worker.app.sweep()
        assert worker.stored() == [] and (await refused(ann.download(blob_id))).reason == "NOT_FOUND"
        response = await worker.claim(blob_id, group, ann.account_id)
        assert "no such blob" in response.refusal.detail, "already gone"
        assert (await ann.ready(DATA)).media.blob_id != blob_id, "it can be sent anew"
        key = new_envelope_id()
        forgotten = (await ann.create(b"late", upload_key=key)).status.upload_id
        await ann.send([start(forgotten), *chunks(b"late")])
        await ann.done(forgotten)
        await asyncio.sleep(0.002)
        await worker.app.sweep()
        late = (await ann.create(b"late", upload_key=key)).status
        assert late.stage == media_pb2.UPLOAD_STAGE_RECEIVING and late.upload_id != forgotten, (
            "also by a device that was away meanwhile"
        )
        expiring = (await ann.ready(b"for a moment")).media.blob_id
        await worker.claim(expiring, group, ann.account_id, until_ms=1)
        await worker.app.sweep()
        await asyncio.sleep(0.002)
        await worker.app.sweep()
        assert (await refused(ann.download(expiring))).reason == "NOT_FOUND", "its envelope has ended"


async def test_after_a_rotation_of_the_key_everything_is_read_and_only_by_the_new_key(world: World) -> None:
    settings = world.settings("rotated")
    async with world.worker(settings) as worker:
        ann = await worker.person()
        blob_ids = [(await ann.ready(data)).media.blob_id for data in (DATA, b"small")]
        metadata = ann.metadata
    old = (settings.data_dir / "keys.json").read_text()
    assert "2 files" in await rotate(settings)
    new = (settings.data_dir / "keys.json").read_text()
    assert old != new and '"k1"' not in new
    async with world.worker(settings) as worker:
        again = await worker.person()
        again.metadata = metadata
        assert [await again.download(blob_id) for blob_id in blob_ids] == [DATA, b"small"]
        assert (await again.ready(b"after it")).stage == media_pb2.UPLOAD_STAGE_READY
    assert hashlib.sha256(new.encode()).digest() != hashlib.sha256(old.encode()).digest()
