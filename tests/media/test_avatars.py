"""Pictures of people and groups, from a file to what others see: devices of the SDK, a node, and a worker with the real ffmpeg."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from tidewire import Avatar, Client, MediaRejected, Message, Refused, Unreachable, UploadMoved
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, contact_pb2, envelope_pb2, group_pb2

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from tests.support.media import BLOB_TOKEN, service_token
from tests.support.media_calls import Caller
from tests.support.media_world import Worker, World, refused
from tests.support.node import Node, free_port

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
_names = itertools.count(1)


class Place:
    """A node that knows its worker, and the devices of one test."""

    def __init__(self, node: Node, worker: Worker, folder: Path, opened: AsyncExitStack) -> None:
        self.node = node
        self.worker = worker
        self._folder = folder
        self._opened = opened

    async def person(self, name: str) -> Client:
        username = f"{name}{next(_names)}"
        device = await self._opened.enter_async_context(Client.open(self.node.address, self._folder / f"{username}.db"))
        await device.register_username(username)
        await device.caught_up()
        return device

    def bare(self, device: Client) -> Caller:
        """The same device without an SDK, at the worker."""
        caller = Caller(f"127.0.0.1:{self.worker.app.grpc_port}", device._transport.token, device.account_id)
        self._opened.push_async_callback(caller.close)
        return caller


@asynccontextmanager
async def deployed(folder: Path, workshop: FfmpegWorkshop, **limits: int) -> AsyncIterator[tuple[Node, Worker]]:
    """A node, and its worker in this process. What nobody holds goes with the next sweep."""
    internal, devices = f"127.0.0.1:{free_port()}", free_port()
    node = Node(folder / "node", blob_service=internal, blob_token=BLOB_TOKEN, public_media=f":{devices}")
    token = await service_token(folder / "node", "media", "introspect", "members", "notify")
    await node.start()
    world = World(node, token, workshop, folder)
    settings = dataclasses.replace(
        world.settings("worker", blob_grace_s=0, member_cache_ms=0, **limits),
        internal_listen=internal,
        grpc_listen=f"127.0.0.1:{devices}",
    )
    async with world.worker(settings) as worker:
        yield node, worker
    await node.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, workshop: FfmpegWorkshop) -> AsyncIterator[tuple[Node, Worker]]:
    async with deployed(tmp_path_factory.mktemp("avatars"), workshop) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def place(running: tuple[Node, Worker], tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as opened:
        yield Place(*running, tmp_path, opened)


async def called(device: Client, profile: envelope_pb2.Avatar) -> None:
    """What `set_avatar` says once the file is up."""
    await device._update_account(account_pb2.UpdateAccountRequest(avatar=profile))


async def gone(caller: Caller, blob_id: str, worker: Worker) -> None:
    """Wait until a blob is not kept any more: it was let go of, and swept."""
    async with asyncio.timeout(30):
        while True:
            await worker.app.sweep()
            try:
                await caller.download(blob_id)
            except grpc.aio.AioRpcError as error:
                assert "no such blob" in str(error)
                return
            await asyncio.sleep(0.01)


async def shown(viewer: Client, account_id: str) -> Avatar | None:
    return (await viewer.profiles(account_id))[account_id].avatar


# -- of an account -----------------------------------------------------------------------------------------------------


async def test_a_picture_is_seen_by_others_in_two_sizes_until_it_is_replaced(place: Place, files: Path) -> None:
    ann, ben = await place.person("ann"), await place.person("ben")
    assert await ben.avatar(ann.account_id) is None
    moved: list[UploadMoved] = []
    first = await ann.set_avatar(files / "photo.jpg", progress=moved.append)
    assert first.blurhash and moved[-1].stage == "ready"
    assert await shown(ben, ann.account_id) == first == (await ben.people(ann.account_id, ask=False))[ann.account_id].avatar
    large, small = await ben.avatar(ann.account_id), await ben.avatar(ann.account_id, small=True)
    assert large is not None and small is not None and large.read_bytes().startswith(b"\xff\xd8")
    assert small.stat().st_size < large.stat().st_size and await ben.avatar(ann.account_id) == large, "from the cache"
    own = place.bare(ann)
    await place.worker.app.sweep()
    assert await own.download(first.blob_id) == large.read_bytes(), "it is held, though its grace is over"
    second = await ann.set_avatar(files / "turned.jpg")
    assert await shown(ben, ann.account_id) == second != first
    assert (await ben.find((await ann.profiles(ann.account_id))[ann.account_id].username)).avatar == second
    await gone(own, first.blob_id, place.worker)
    assert (await ben.avatar(ann.account_id)) != large
    await ann.remove_avatar()
    assert await shown(ben, ann.account_id) is None and await ben.avatar(ann.account_id) is None
    await gone(own, second.blob_id, place.worker)


async def test_the_same_file_again_is_the_same_blob_and_stays(place: Place, files: Path) -> None:
    ann = await place.person("ann")
    first = await ann.set_avatar(files / "photo.jpg")
    assert await ann.set_avatar(files / "photo.jpg") == first
    assert await shown(ann, ann.account_id) == first
    await asyncio.sleep(0.05)  # the claim of the first time is let go of meanwhile
    await place.worker.app.sweep()
    assert await place.bare(ann).download(first.blob_id)


async def test_a_picture_is_shown_to_its_audience_alone(place: Place, files: Path) -> None:
    ann, ben, eve = [await place.person(name) for name in ("ann", "ben", "eve")]
    picture = await ann.set_avatar(files / "photo.jpg")
    own, at_ann = f"p:{ann.account_id}", place.bare(ann)
    contact = contact_pb2.PutContactRequest(contact=contact_pb2.Contact(account_id=ben.account_id))
    await ann.call(ann._transport.contacts.PutContact, contact)

    async def seen() -> list[bool]:
        found = []
        for viewer in (ann, ben, eve):
            profile = await shown(viewer, ann.account_id)
            caller = place.bare(viewer)
            try:
                loaded = bool(await caller.download(picture.blob_id, own))
            except grpc.aio.AioRpcError as error:
                assert "no such blob" in str(error)
                loaded = False
            assert loaded is (profile is not None), "who sees that there is one can load it, and nobody else"
            found.append(loaded)
        return found

    assert await seen() == [True, True, True]
    assert (await ann.set_privacy(avatar="contacts")).avatar == "contacts" == (await ann.privacy()).avatar
    assert await seen() == [True, True, False]
    await ann.set_privacy(last_seen="nobody")
    assert await seen() == [True, True, False], "another audience leaves it as it is"
    await ann.set_privacy(avatar="nobody")
    assert await seen() == [True, False, False]
    await ann.set_privacy(avatar="everyone")
    await ann.block(eve.account_id)
    assert await seen() == [True, True, False]
    assert await at_ann.download(picture.blob_id), "it is her own blob all the while"


async def test_what_cannot_be_a_picture_is_refused_and_changes_nothing(place: Place, files: Path) -> None:
    ann, ben = await place.person("ann"), await place.person("ben")
    picture = await ann.set_avatar(files / "photo.jpg")
    with pytest.raises(MediaRejected) as rejected:
        await ann.set_avatar(files / "opus.ogg")
    assert rejected.value.reason == "WRONG_KIND"
    at_ann = place.bare(ann)
    document = (await at_ann.ready(b"no picture")).media.blob_id
    waiting = (await at_ann.create(b"on its way", kind=envelope_pb2.MEDIA_KIND_AVATAR)).status.upload_id
    cases = [
        (ann, document, "INVALID", "is of the kind document: upload it as the kind avatar"),
        (ann, waiting, "NOT_FOUND", "no such blob"),
        (ann, "nothing", "NOT_FOUND", "no such blob"),
        (ben, picture.blob_id, "NOT_FOUND", "no such blob"),
    ]
    for who, blob_id, reason, detail in cases:
        with pytest.raises(Refused, match=detail) as error:
            await called(who, envelope_pb2.Avatar(blob_id=blob_id))
        assert error.value.reason == reason
    assert await shown(ben, ann.account_id) == picture and await shown(ann, ben.account_id) is None
    username = (await ben.profiles(ben.account_id))[ben.account_id].username
    taken = account_pb2.UpdateAccountRequest(username=username, avatar=envelope_pb2.Avatar(blob_id=picture.blob_id), bio="new")
    with pytest.raises(Refused, match="taken"):
        await ann._update_account(taken)
    response = await ann.call(ann._transport.accounts.GetAccount, account_pb2.GetAccountRequest())
    assert response.account.bio == "" and response.account.avatar.blob_id == picture.blob_id, "all of it, or nothing"


async def test_an_envelope_cannot_refer_to_a_picture_of_a_profile(place: Place, files: Path) -> None:
    ann = await place.person("ann")
    group = await ann.create_group("All", [])
    picture = await ann.set_avatar(files / "photo.jpg")
    response = await place.worker.claim(picture.blob_id, group, ann.account_id)
    assert "is of the kind avatar: upload it as another kind" in response.refusal.detail


async def test_with_an_account_its_picture_goes(place: Place, files: Path) -> None:
    ann, ben = await place.person("ann"), await place.person("ben")
    before = set(place.worker.stored())
    picture = await ann.set_avatar(files / "photo.jpg")
    stored = set(place.worker.stored()) - before
    assert len(stored) == 2
    await ann.delete_account()
    assert (await ben.profiles(ann.account_id)) == {}
    assert (await refused(place.bare(ben).download(picture.blob_id, f"p:{ann.account_id}"))).reason == "NOT_FOUND"
    async with asyncio.timeout(30):
        while stored & set(place.worker.stored()):
            await place.worker.app.sweep()
            await asyncio.sleep(0.01)


# -- of a group --------------------------------------------------------------------------------------------------------


async def next_profile(events: asyncio.Queue[Any]) -> Message:
    """The next change of a group's profile that a device stores."""
    async with asyncio.timeout(30):
        while not (isinstance(event := await events.get(), Message) and event.profile is not None):
            pass
    return event


async def test_a_group_has_a_picture_that_its_members_see(place: Place, files: Path) -> None:
    ann, ben, eve = [await place.person(name) for name in ("ann", "ben", "eve")]
    names = [(await ben.profiles(ben.account_id))[ben.account_id].username]
    at_ben = ben.listen()
    group = await ann.create_group("Lunch", names)
    await next_profile(at_ben)
    await ann.set_group_avatar(group, files / "photo.jpg")
    told = (await next_profile(at_ben)).profile
    assert told is not None and told.avatar is not None and told.avatar.blurhash and told.title is None
    (conversation,) = [one for one in await ben.conversations() if one.conversation_id == group]
    assert conversation.avatar == told.avatar and conversation.title == "Lunch"
    picture = await ben.avatar(group)
    assert picture is not None and picture.read_bytes().startswith(b"\xff\xd8")
    assert await eve.avatar(group) is None
    for where in (group, f"p:{ann.account_id}", ""):
        assert (await refused(place.bare(eve).download(told.avatar.blob_id, where))).reason == "NOT_FOUND"
    await place.worker.app.sweep()
    assert await place.bare(ben).download(told.avatar.blob_id, group) == picture.read_bytes(), "held"
    await ann.set_group_avatar(group, files / "turned.jpg")
    assert (await next_profile(at_ben)).profile != told
    await gone(place.bare(ann), told.avatar.blob_id, place.worker)
    await ann.remove_group_avatar(group)
    assert (await next_profile(at_ben)).profile.avatar == Avatar("")  # type: ignore[union-attr]
    assert await ben.avatar(group) is None


async def test_only_admins_change_the_picture_and_what_is_refused_is_not_held(place: Place, files: Path) -> None:
    ann, ben = await place.person("ann"), await place.person("ben")
    group = await ann.create_group("Lunch", [(await ben.profiles(ben.account_id))[ben.account_id].username])
    caller = place.bare(ben)
    data = (files / "photo.jpg").read_bytes()
    blob_id = (await caller.ready(data, kind=envelope_pb2.MEDIA_KIND_AVATAR)).media.blob_id
    with pytest.raises(Refused, match="needs the role admin"):
        await ben._update(group, envelope_pb2.GroupProfile(avatar=envelope_pb2.Avatar(blob_id=blob_id)))
    with pytest.raises(Refused) as error:
        await ann._update(group, envelope_pb2.GroupProfile(title="New", avatar=envelope_pb2.Avatar(blob_id=blob_id)))
    assert error.value.reason == "NOT_FOUND", "it is not hers"
    assert [one.title for one in await ann.conversations()] == ["Lunch"]
    await gone(caller, blob_id, place.worker)


async def test_the_same_change_again_is_one_and_the_picture_stays_held(place: Place, files: Path) -> None:
    ann = await place.person("ann")
    group = await ann.create_group("Lunch", [])
    caller = place.bare(ann)
    data = (files / "photo.jpg").read_bytes()
    blob_id = (await caller.ready(data, kind=envelope_pb2.MEDIA_KIND_AVATAR)).media.blob_id
    change = group_pb2.ChangeId(envelope_id=new_envelope_id())
    request = group_pb2.UpdateGroupRequest(
        conversation_id=group,
        change=change,
        profile=envelope_pb2.GroupProfile(avatar=envelope_pb2.Avatar(blob_id=blob_id)),
    )
    first = (await ann.call(ann._transport.groups.UpdateGroup, request)).result.sent
    again = (await ann.call(ann._transport.groups.UpdateGroup, request)).result.sent
    assert again.duplicate and again.seq == first.seq
    await place.worker.app.sweep()
    assert await caller.download(blob_id)


# -- what is lost ------------------------------------------------------------------------------------------------------


async def test_a_claim_that_nobody_let_go_of_ends_when_the_node_is_asked(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path
) -> None:
    async with deployed(tmp_path, workshop, avatar_check_s=0) as made, AsyncExitStack() as opened:
        await left_behind(Place(*made, tmp_path, opened), files)


async def left_behind(place: Place, files: Path) -> None:
    ann = await place.person("ann")
    group = await ann.create_group("Lunch", [])
    picture = await ann.set_avatar(files / "photo.jpg")
    await ann.set_group_avatar(group, files / "turned.jpg")
    caller = place.bare(ann)
    data = (files / "alpha.png").read_bytes()
    left = (await caller.ready(data, kind=envelope_pb2.MEDIA_KIND_AVATAR)).media.blob_id
    for where in (f"p:{ann.account_id}", group, "p:nobody", "g:nowhere"):
        held = await place.worker.claim(left, where, ann.account_id, avatar=True)
        assert held.media.blob_id == left
    await gone(caller, left, place.worker)
    assert await caller.download(picture.blob_id), "what is somebody's picture stays"
    assert (await ann.avatar(group)) is not None
    await ann.leave_group(group)
    blob_id = next(one.avatar.blob_id for one in await ann.conversations() if one.avatar is not None)
    await gone(caller, blob_id, place.worker)


async def test_without_a_worker_a_picture_waits_and_one_can_be_taken_away(tmp_path: Path) -> None:
    away = Node(tmp_path / "away", blob_service=f"127.0.0.1:{free_port()}", blob_token=BLOB_TOKEN)
    none = Node(tmp_path / "none")
    for node, expected in ((away, Unreachable), (none, Refused)):
        await node.start()
        try:
            async with Client.open(node.address, tmp_path / f"{node.port}.db") as ann:
                await ann.register_username("ann")
                with pytest.raises(expected, match="worker"):
                    await called(ann, envelope_pb2.Avatar(blob_id="some"))
                await ann.remove_avatar()
                assert await shown(ann, ann.account_id) is None
        finally:
            await node.close()
