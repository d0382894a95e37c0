"""Media through the whole product: a node, a media worker, devices of the SDK, HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tidewire import Client, MediaRejected, Message, NoticeReceived, Refused, UploadMoved
from tidewire.media import Media
from tidewire.media_rules.kinds import Kind

from tests.support.media import Deployment

pytestmark = pytest.mark.process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    deployment = await Deployment.started(tmp_path_factory.mktemp("product"))
    yield deployment
    await deployment.close()


class People:
    """Devices, opened for one test."""

    def __init__(self, address: str, folder: Path, opened: AsyncExitStack) -> None:
        self._address = address
        self._folder = folder
        self._opened = opened

    async def register(self, name: str) -> Client:
        device = await self._open(name)
        await device.register_username(name)
        await device.caught_up()
        return device

    async def link(self, first: Client, name: str, device_name: str) -> Client:
        """Another device of the same account."""
        device, asked = await self._open(f"{name}-{device_name}"), first.listen()
        challenge_id = await device.start_login(name, device_name)  # asks the first device
        with pytest.raises(Refused):
            await device.confirm_login(challenge_id)
        async with asyncio.timeout(30):
            while not (isinstance(event := await asked.get(), NoticeReceived) and event.login_id):
                pass
        await first.answer_login(event.login_id, True)
        await device.confirm_login(challenge_id)
        await device.caught_up()
        return device

    async def _open(self, name: str) -> Client:
        return await self._opened.enter_async_context(Client.open(self._address, self._folder / f"{name}.db"))


@pytest.fixture
async def people(product: Deployment, tmp_path: Path) -> AsyncIterator[People]:
    async with AsyncExitStack() as opened:
        yield People(product.node.address, tmp_path, opened)


async def next_media(events: asyncio.Queue[object]) -> Message:
    """The next message with media that a device stores."""
    async with asyncio.timeout(30):
        while not (isinstance(event := await events.get(), Message) and event.media is not None):
            pass
    return event


@pytest.mark.parametrize(
    ("name", "kind", "content_type"),
    [
        ("photo.jpg", Kind.IMAGE, "image/jpeg"),
        ("h264.mp4", Kind.VIDEO, "video/mp4"),
        ("opus.ogg", Kind.VOICE, "audio/ogg"),
        ("photo.jpg", Kind.DOCUMENT, "image/jpeg"),
    ],
)
async def test_a_file_is_seen_by_the_others_of_a_group(
    people: People, files: Path, tmp_path: Path, name: str, kind: Kind, content_type: str
) -> None:
    tag = f"{kind.value}{name[:3]}"
    ann, ben = await people.register(f"ann.{tag}"), await people.register(f"ben.{tag}")
    group = await ann.create_group("Lunch", [f"ben.{tag}"])
    seen, stages = ben.listen(), []
    sending = await ann.send_file(group, files / name, kind, caption="look", progress=stages.append)
    sent = await sending
    message = await next_media(seen)
    media = message.media
    assert media is not None and (message.seq, media.kind, media.content_type) == (sent.seq, kind.value, content_type)
    assert media.caption == "look" and media.name == name and message.text.endswith("look")
    got = await ben.download(group, media, tmp_path / "got")
    assert hashlib.sha256(got.read_bytes()).digest() == media.sha256 and got.stat().st_size == media.size_bytes
    assert [moved.stage for moved in stages][-1] == "ready"
    if kind is Kind.DOCUMENT:
        assert got.read_bytes() == (files / name).read_bytes()
    if kind is Kind.VOICE:
        assert len(media.waveform) == 64 and media.duration_ms > 0
    if kind in (Kind.IMAGE, Kind.VIDEO):
        assert media.blurhash and media.width > 0
        thumbnail = await ben.media_file(group, media, "thumbnail")
        assert thumbnail.read_bytes().startswith(b"\xff\xd8") and await ben.media_file(group, media, "thumbnail") == thumbnail
    assert await ann.uploads() == [] and await ann.waiting() == []


async def test_bytes_sent_before_are_not_uploaded_again_and_forwarding_uploads_nothing(people: People, files: Path) -> None:
    ann, ben = await people.register("ann.again"), await people.register("ben.again")
    carol = await people.register("carol.again")
    both, others = await ann.direct("ben.again"), await ben.direct("carol.again")
    at_ben, at_carol = ben.listen(), carol.listen()
    stages: list[UploadMoved] = []
    await (await ann.send_photo(both, files / "photo.jpg"))
    await (await ann.send_photo(both, files / "photo.jpg", progress=stages.append))
    first, second = await next_media(at_ben), await next_media(at_ben)
    assert first.media is not None and second.media is not None and first.media.blob_id == second.media.blob_id
    assert [moved.stage.value for moved in stages] == ["waiting", "ready"]
    await (await ben.forward(others, first))
    forwarded = await next_media(at_carol)
    assert forwarded.media is not None and forwarded.media.blob_id == first.media.blob_id
    assert (await carol.media_file(others, forwarded.media)).stat().st_size == first.media.size_bytes
    assert (await ann.media_usage())[0] > 0 and (await ben.media_usage())[0] == 0


async def test_ready_is_said_once_when_the_message_is_in_the_outbox(people: People, files: Path) -> None:
    ann = await people.register("ann.ready")
    both, events = await ann.direct("ann.ready"), ann.listen()
    await (await ann.send_photo(both, files / "photo.jpg"))
    told = [event.stage.value for event in [events.get_nowait() for _ in range(events.qsize())] if isinstance(event, UploadMoved)]
    assert told[0] == "waiting" and told.count("ready") == 1 and told[-1] == "ready"


async def test_nobody_else_sees_it(people: People, files: Path, tmp_path: Path) -> None:
    ann, ben = await people.register("ann.private"), await people.register("ben.private")
    eve = await people.register("eve.private")
    both, theirs = await ann.direct("ben.private"), await eve.direct("ben.private")
    seen = ben.listen()
    await (await ann.send_photo(both, files / "photo.jpg"))
    media = (await next_media(seen)).media
    assert media is not None
    for conversation_id in (both, theirs, ""):
        with pytest.raises(Refused) as refused:
            await eve.download(conversation_id, media, tmp_path / "stolen")
        assert refused.value.reason == "NOT_FOUND"
    assert not (tmp_path / "stolen").exists()


async def test_a_file_over_the_limit_is_refused_by_the_device_and_told_with_limit_and_size(
    people: People, tmp_path: Path
) -> None:
    ann = await people.register("ann.large")
    both = await ann.direct("ann.large")
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(16 * 1_048_576 + 1)
    with pytest.raises(MediaRejected) as refused:
        await ann.send_video(both, large)
    assert (refused.value.reason, refused.value.limit, refused.value.actual) == ("TOO_LARGE", 16_777_216, 16_777_217)


@pytest.mark.parametrize(("file", "reason", "limit"), [("long.mp4", "TOO_LONG", 180_000), ("cut.mp4", "CORRUPT", 0)])
async def test_a_refusal_by_content_is_told_on_the_other_devices_of_the_sender(
    people: People, files: Path, tmp_path: Path, file: str, reason: str, limit: int
) -> None:
    name = f"ann.{reason.lower()}"
    ann = await people.register(name)
    tablet = await people.link(ann, name, "tablet")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes((files / "h264.mp4").read_bytes()[:20_000])
    told = tablet.listen()
    sending = await ann.send_video(await ann.direct(name), cut if file == "cut.mp4" else files / file)
    with pytest.raises(MediaRejected) as refused:
        await sending
    assert (refused.value.reason, refused.value.limit) == (reason, limit)
    async with asyncio.timeout(30):
        while not (isinstance(event := await told.get(), NoticeReceived) and event.kind == "blob_rejected"):
            pass
    assert (event.details["reason"], event.details["name"]) == (reason, file)
    assert event.details.get("limit", 0) == limit
    assert [upload.reason for upload in await ann.uploads()] == [reason]
    await ann.cancel_upload(sending.envelope_id)
    assert await ann.uploads() == []


async def test_view_once_is_opened_once_by_one_device_and_then_gone(people: People, files: Path, tmp_path: Path) -> None:
    ann, ben = await people.register("ann.once"), await people.register("ben.once")
    both = await ann.direct("ben.once")
    at_ben, at_ann = ben.listen(), ann.listen()
    await (await ann.send_photo(both, files / "photo.jpg", view_once=True))
    media = (await next_media(at_ben)).media
    assert media is not None and media.view_once
    with pytest.raises(Refused, match="cannot open it"):
        await ann.download(both, media, tmp_path / "own")
    await ben.download(both, media, tmp_path / "once")
    async with asyncio.timeout(30):
        while not (isinstance(event := await at_ann.get(), NoticeReceived) and event.kind == "blob_viewed"):
            pass
    assert event.details["blob_id"] == media.blob_id and event.details["account_id"] == ben.account_id
    with pytest.raises(Refused) as refused:
        await ben.download(both, media, tmp_path / "twice")
    assert refused.value.reason == "NOT_FOUND" and not (tmp_path / "twice").exists()


async def test_an_envelope_cannot_refer_to_what_is_not_there(people: People) -> None:
    ann = await people.register("ann.nothing")
    me = await ann.direct("ann.nothing")
    message = Message(me, 0, "", "", "media", "", 0, True, media=Media("nothing", "image", "", 0, b""))
    sending = await ann.forward(me, message)
    with pytest.raises(Refused):
        await sending


async def test_a_signed_address_serves_ranges_safely_and_no_other_address_does(
    people: People, product: Deployment, files: Path
) -> None:
    ann = await people.register("ann.http")
    me = await ann.direct("ann.http")
    seen = ann.listen()
    await (await ann.send_document(me, files / "photo.jpg"))
    media = (await next_media(seen)).media
    assert media is not None
    url = await ann.download_url(me, media)
    data = (files / "photo.jpg").read_bytes()
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as whole:
            assert whole.status == 200 and await whole.read() == data
            assert whole.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in whole.headers["Content-Security-Policy"]
            assert whole.headers["Content-Disposition"].startswith("attachment;")
            etag = whole.headers["ETag"]
        async with http.get(url, headers={"Range": "bytes=10-19"}) as part:
            assert part.status == 206 and await part.read() == data[10:20]
            assert part.headers["Content-Range"] == f"bytes 10-19/{len(data)}"
        async with http.get(url, headers={"Range": f"bytes={len(data)}-"}) as outside:
            assert outside.status == 416 and outside.headers["Content-Range"] == f"bytes */{len(data)}"
        async with http.get(url, headers={"If-None-Match": etag}) as same:
            assert same.status == 304
        for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/main", "/thumbnail"), url.partition("?")[0]):
            async with http.get(wrong) as refused:
                assert refused.status == 403 and (await refused.json())["reason"] == "UNAUTHENTICATED"
