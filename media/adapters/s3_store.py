"""The port `BlobStore` over any S3, with the `minio` package.

Its client blocks, so that it runs in a pool of threads; its own defaults (five retries, 300 s of waiting) are not used. Files go up in parts
of 5 MiB, which is also what is in memory; parts that a crash has left are listed and removed like files.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import certifi
import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from media.ports.blob_store import Missing, Stored, StoreUnavailable
from server.kit.store import StoreAway, StoreError

T = TypeVar("T")

PART = 5 * 1_048_576
"""The least that S3 takes."""
PIECE = 262_144
THREADS = 16
CONNECT_S, READ_S = 2.0, 15.0
FOR_GOOD = frozenset(
    {"AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed", "BucketAlreadyExists", "InvalidAccessKeyId",
     "InvalidBucketName", "PermanentRedirect", "SignatureDoesNotMatch"}
)  # fmt: skip
"""What waiting does not help against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Where the bucket is."""

    endpoint: str
    """https://HOST[:PORT], or http:// without TLS."""
    bucket: str
    region: str
    access_key: str
    secret_key: str
    ca: str = ""
    """A file with the authority of the endpoint's certificate; "": the public ones."""


class S3Store:
    """One bucket. Made by `opened`, ended by `close`."""

    def __init__(self, settings: S3Settings) -> None:
        scheme, _, host = settings.endpoint.rpartition("://")
        self._bucket = settings.bucket
        self._region = settings.region
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            maxsize=THREADS,
            cert_reqs="CERT_REQUIRED",
            ca_certs=settings.ca or certifi.where(),
        )
        self._client = Minio(
            host,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            secure=scheme != "http",
            region=settings.region,
            http_client=self._pool,
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")

    async def open(self) -> None:
        """Make the bucket if it is not there.

        Raises:
            StoreAway: it may answer if one waits. StoreError: it refuses, and will.
        """

        def work() -> None:
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket, self._region)

        try:
            await self._run(work)
        except Missing as error:
            raise StoreError(f"the S3 server has no such bucket: {error}") from error
        except StoreUnavailable as error:
            said = error.__cause__.code if isinstance(error.__cause__, S3Error) else ""
            raise (StoreError(str(error)) if said in FOR_GOOD else StoreAway(str(error))) from error

    async def close(self) -> None:
        """End the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()

    async def put(self, name: str, source: Path, content_type: str) -> None:
        """See `BlobStore.put`."""

        def work() -> None:
            with source.open("rb") as file:
                length = source.stat().st_size
                self._client.put_object(self._bucket, name, file, length, content_type, part_size=PART, num_parallel_uploads=1)

        await self._run(work)

    async def read(self, name: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        response: Any = await self._run(lambda: self._client.get_object(self._bucket, name, offset, length))
        try:
            if response.status != 206 and offset:
                raise StoreUnavailable("the S3 server does not keep to ranges")
            while length:
                piece: bytes = await self._run(partial(response.read, min(PIECE, length)))
                if not piece:
                    raise StoreUnavailable(f"{name} is shorter than it should be")
                length -= len(piece)
                yield piece
        finally:
            response.close()
            response.release_conn()

    async def size(self, name: str) -> int | None:
        """See `BlobStore.size`."""
        try:
            found = await self._run(lambda: self._client.stat_object(self._bucket, name))
        except Missing:
            return None
        return found.size

    async def remove(self, names: Sequence[str]) -> None:
        """See `BlobStore.remove`. Parts of files under these names go, too."""
        if not names:
            return

        def work() -> None:
            errors = list(self._client.remove_objects(self._bucket, [DeleteObject(name) for name in names]))
            if errors:
                raise StoreUnavailable(f"the S3 server did not remove {errors[0].name}: {errors[0].message}")
            for name in names:  # one by one: MinIO lists unfinished uploads by their whole name only
                for upload in self._unfinished(name):
                    if upload.object_name == name:
                        self._client._abort_multipart_upload(self._bucket, name, upload.upload_id)

        await self._run(work)

    async def all(self, prefix: str) -> AsyncIterator[Stored]:
        """See `BlobStore.all`."""

        def work() -> list[Stored]:
            files = [
                Stored(item.object_name or "", item.size or 0, _ms(item.last_modified))
                for item in self._client.list_objects(self._bucket, prefix, recursive=True)
            ]
            return files + [Stored(item.object_name, 0, _ms(item.initiated_time)) for item in self._unfinished(prefix)]

        for file in await self._run(work):
            yield file

    def _unfinished(self, prefix: str) -> list[Any]:
        """Uploads in parts that were never completed. The package has no public call for it any more."""
        return list(self._client._list_multipart_uploads(self._bucket, prefix=prefix).uploads)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except S3Error as error:
            if error.code == "NoSuchKey":
                raise Missing(error.object_name or "") from error
            raise StoreUnavailable(f"the S3 server refuses: {error.code}: {error.message}") from error
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise StoreUnavailable(f"the S3 server does not answer: {error}") from error
        except OSError as error:
            raise StoreUnavailable(f"the S3 server cannot be reached: {error}") from error


def _ms(at: Any) -> int:
    return 0 if at is None else int(at.timestamp() * 1000)
