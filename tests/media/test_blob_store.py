"""What every store of blobs does: a folder, and a real MinIO."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from media.adapters.folder_store import FolderStore
from media.adapters.s3_store import S3Settings, S3Store
from media.ports.blob_store import BlobStore, Missing, StoreUnavailable
from server.kit.store import StoreAway, StoreError
from tests.support.minio import MinioServer
from tests.support.node import free_port

pytestmark = pytest.mark.process
LARGE = random.Random(1).randbytes(11 * 1_048_576 + 5)
"""Three parts of S3."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def minio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MinioServer]:
    server = MinioServer(tmp_path_factory.mktemp("minio") / "data")
    await server.start()
    yield server
    await server.close()


_buckets = iter(range(1_000))


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, minio: MinioServer) -> AsyncIterator[BlobStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "blobs")
        return
    s3 = S3Store(minio.settings(f"contracts-{next(_buckets)}"))
    await s3.open()
    yield s3
    await s3.close()


async def put(store: BlobStore, tmp_path: Path, name: str, data: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    await store.put(name, source, "application/octet-stream")


async def got(store: BlobStore, name: str, offset: int, length: int) -> bytes:
    return b"".join([piece async for piece in store.read(name, offset, length)])


@pytest.mark.parametrize("data", [b"x", b"some bytes", LARGE], ids=["one byte", "small", "several parts"])
async def test_what_is_put_is_read_whole_and_in_any_range(store: BlobStore, tmp_path: Path, data: bytes) -> None:
    await put(store, tmp_path, "m/one", data)
    assert await store.size("m/one") == len(data)
    assert await got(store, "m/one", 0, len(data)) == data
    middle = len(data) // 2
    assert await got(store, "m/one", middle, 1) == data[middle : middle + 1]
    assert await got(store, "m/one", len(data) - 1, 1) == data[-1:]


async def test_the_same_name_again_replaces_the_file(store: BlobStore, tmp_path: Path) -> None:
    await put(store, tmp_path, "m/one", b"before")
    await put(store, tmp_path, "m/one", b"after it")
    assert await got(store, "m/one", 0, 8) == b"after it"


async def test_what_is_not_there_is_missing(store: BlobStore) -> None:
    assert await store.size("m/none") is None
    with pytest.raises(Missing):
        await got(store, "m/none", 0, 1)


async def test_removed_is_gone_and_removing_again_is_no_error(store: BlobStore, tmp_path: Path) -> None:
    for name in ("m/one", "m/two"):
        await put(store, tmp_path, name, b"data")
    await store.remove(["m/one", "m/never"])
    await store.remove(["m/one"])
    await store.remove([])
    assert await store.size("m/one") is None and await store.size("m/two") == 4


async def test_everything_is_listed_by_its_beginning(store: BlobStore, tmp_path: Path) -> None:
    for name in ("m/one", "m/two", "other/three"):
        await put(store, tmp_path, name, b"data")
    found = {file.name: file.size_bytes async for file in store.all("m/")}
    assert found == {"m/one": 4, "m/two": 4}
    assert all([file.modified_ms > 1_600_000_000_000 async for file in store.all("m/")])


async def test_a_reader_that_stops_early_holds_nothing(store: BlobStore, tmp_path: Path) -> None:
    await put(store, tmp_path, "m/large", LARGE)
    for _ in range(40):  # more than there are connections or threads
        pieces = store.read("m/large", 0, len(LARGE))
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
    assert await got(store, "m/large", 7, 3) == LARGE[7:10]


async def test_many_at_once(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"data" * 1_000)
    await asyncio.gather(*(store.put(f"m/{number}", source, "") for number in range(40)))
    assert len([file async for file in store.all("m/")]) == 40


async def test_a_folder_leaves_nothing_of_a_put_that_fails(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "blobs")
    with pytest.raises(StoreUnavailable):
        await store.put("m/one", tmp_path / "no such file", "")
    assert [file async for file in store.all("")] == []


async def test_parts_that_a_crash_has_left_go_with_the_name(minio: MinioServer) -> None:
    s3 = S3Store(minio.settings("parts"))
    await s3.open()
    client = s3._client
    for name in ("m/broken", "m/broken", "m/broken-too"):
        client._create_multipart_upload("parts", name, {})
    await s3.remove(["m/broken"])
    left = {name: len(s3._unfinished(name)) for name in ("m/broken", "m/broken-too")}
    assert left == {"m/broken": 0, "m/broken-too": 1}
    await s3.close()


@pytest.mark.parametrize(
    "changes",
    [{"secret_key": "a wrong password"}, {"access_key": "nobody"}],
)
async def test_a_server_that_refuses_is_one_sentence(minio: MinioServer, changes: dict[str, str]) -> None:
    right = minio.settings("refused")
    settings = S3Settings(
        endpoint=right.endpoint,
        bucket=right.bucket,
        region=right.region,
        access_key=changes.get("access_key", right.access_key),
        secret_key=changes.get("secret_key", right.secret_key),
    )
    store = S3Store(settings)
    with pytest.raises(StoreError, match="refuses") as refused:
        await store.open()
    assert not isinstance(refused.value, StoreAway), "waiting does not help"
    await store.close()


async def test_a_server_that_is_away_is_told_within_seconds(tmp_path: Path) -> None:
    settings = S3Settings(
        endpoint=f"http://127.0.0.1:{free_port()}", bucket="away", region="us-east-1", access_key="a", secret_key="b" * 8
    )
    store = S3Store(settings)
    async with asyncio.timeout(30):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await put(store, tmp_path, "m/one", b"data")
        with pytest.raises(StoreAway, match="does not answer"):
            await store.open()
    await store.close()
