"""The composition root of the media worker: from settings to open listeners."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewire.internal import Services
from tidewire.internal.v1 import blob_pb2_grpc
from tidewire.v1 import media_pb2_grpc

from media.adapters.aes_sealer import KeyFileError, load_keys
from media.adapters.disk_spool import DiskSpool
from media.adapters.ffmpeg import opening
from media.adapters.folder_store import FolderStore
from media.adapters.grpc.devices import MediaServicer
from media.adapters.grpc.nodes import BlobServicer
from media.adapters.http_fetcher import HttpFetcher
from media.adapters.http_media import HttpMedia
from media.adapters.metrics import Metrics
from media.adapters.node import Node
from media.adapters.s3_store import S3Settings, S3Store
from media.adapters.sqlite.catalogue import SqliteBlobs, SqliteClaims, SqliteObjects, SqliteUploads, SqliteViews
from media.ports.blob_store import BlobStore, StoreUnavailable
from media.ports.fetcher import Fetcher
from media.ports.workshop import Workshop, WorkshopUnavailable
from media.services.blobs import BlobService
from media.services.previews import PreviewService
from media.services.processing import Processing
from media.services.signed import Signing
from media.services.storing import Storing
from media.services.uploads import UploadService
from media.services.watching import Watching
from media.settings import Settings
from server.kit import mutual_tls, tls
from server.kit.database import Database, open_database
from server.kit.edge import Edge
from server.kit.field_limits import FieldLimits
from server.kit.grpc_server import add_standard_services, listen, new_server
from server.kit.http_ops import operations, serving_http
from server.kit.kept import kept_secret
from server.kit.phones import is_phone
from server.kit.rates import address_limit
from server.kit.refusal import Refused
from server.kit.store import StoreError
from server.kit.system import SystemClock, SystemRandom
from server.kit.waiting import until_open

log = logging.getLogger(__name__)

CATALOGUE = "catalogue.sqlite"
FRAME_SLACK = 1_024
"""What a message of a chunk has besides the chunk."""
SWEEP_S = 600.0
"""TLS for gRPC, for HTTP, and the authority's fingerprint."""


@dataclass(frozen=True, slots=True)
class App:
    """A running worker."""

    grpc_port: int
    http_port: int
    internal_port: int
    fingerprint: str
    """Of the certificate authority with tls = auto; ""."""
    drain: Callable[[], Any]
    """Take nothing new, and give what is under way its grace."""
    sweep: Callable[[], Coroutine[Any, Any, None]]
    """End what has ended, now rather than within ten minutes."""


@dataclass(frozen=True, slots=True)
class _Parts:
    metrics: Metrics
    uploads: UploadService
    blobs: BlobService
    processing: Processing
    storing: Storing
    node: Node
    sandbox: str
    previews: PreviewService


@asynccontextmanager
async def serving(
    settings: Settings, store: BlobStore | None = None, workshop: Workshop | None = None, fetcher: Fetcher | None = None
) -> AsyncIterator[App]:
    """Run a worker until the block ends, over another store, workshop or fetcher than the settings' if given. Tests use it as `__main__` does.

    Raises:
        StoreError: the catalogue, the keys or the programs cannot be used. OSError: an address is taken, or the data folder cannot be written.
    """
    async with AsyncExitStack() as opened:
        database = await open_database(settings.data_dir / CATALOGUE, "media.schema")
        opened.push_async_callback(database.close)
        try:
            used = workshop or await opening.opened(settings.rules, walls_needed=settings.sandbox == "bubblewrap")
        except WorkshopUnavailable as error:
            raise StoreError(str(error)) from error
        services = Services(settings.node, settings.the_node_token(), mutual_tls.calling(settings))
        await opened.enter_async_context(services)
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        listening = tls.listening(settings, settings.data_dir)
        used_store = await opened.enter_async_context(blob_store(settings, listening[1])) if store is None else store
        if fetcher is None and settings.previews == "on":
            fetcher = HttpFetcher(settings.limits)
        made = _parts(settings, database, used_store, used, services, fetcher)
        yield await opened.enter_async_context(_running(settings, made, tasks, listening))


@asynccontextmanager
async def blob_store(settings: Settings, tls: ssl.SSLContext | None) -> AsyncIterator[BlobStore]:
    """The store of the settings; waits for an S3 that is away, at most `store_wait_s`. `tls`: of the HTTP listener.

    Raises:
        StoreError: it cannot be used. OSError: its folder cannot be made.
    """
    if settings.store == "folder":
        yield FolderStore(settings.data_dir / "blobs")
        return
    s3 = S3Store(
        S3Settings(
            endpoint=settings.s3_endpoint,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            ca=settings.s3_ca,
        )
    )
    try:
        async with _not_ready(settings, tls):
            await until_open(s3.open, settings.store_wait_s, SystemClock())
        yield s3
    finally:
        await s3.close()


@asynccontextmanager
async def _not_ready(settings: Settings, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Whoever asks for health is told that the process lives and takes nothing yet."""
    async with serving_http(settings.http_listen, operations(lambda: False, lambda: b""), tls):
        yield


def _parts(
    settings: Settings,
    database: Database,
    store: BlobStore,
    workshop: Workshop,
    services: Services,
    fetcher: Fetcher | None,
) -> _Parts:
    clock, chance, limits = SystemClock(), SystemRandom(), settings.limits
    uploads, blobs = SqliteUploads(database), SqliteBlobs(database)
    objects, claims = SqliteObjects(database), SqliteClaims(database)
    try:
        sealer = load_keys(Path(settings.keys_file) if settings.keys_file else settings.data_dir / "keys.json")
    except KeyFileError as error:
        raise StoreError(str(error)) from error
    spool, node, watching = DiskSpool(settings.data_dir / "spool"), Node(services, clock, limits), Watching()
    storing = Storing(store, sealer, objects, clock, lambda: secrets.token_hex(16))
    metrics = Metrics(lambda: len(processing))
    processing = Processing(
        uploads, blobs, spool, workshop, storing, node, watching, clock, limits, settings.rules, metrics.finished
    )
    service = UploadService(
        uploads, blobs, spool, node, node, watching, clock, chance, limits, settings.rules,
        processing.add, processing.has_room, processing.give_up,
    )  # fmt: skip
    return _Parts(
        metrics=metrics,
        uploads=service,
        blobs=BlobService(blobs, claims, SqliteViews(database), objects, node, node, node, storing, clock, chance, limits),
        processing=processing,
        storing=storing,
        node=node,
        sandbox=workshop.sandbox,
        previews=PreviewService(fetcher, workshop, clock, limits),
    )


@asynccontextmanager
async def _running(settings: Settings, made: _Parts, tasks: asyncio.TaskGroup, listening: tls.Listening) -> AsyncIterator[App]:
    limits, fields = settings.limits, FieldLimits(is_phone)
    frame = limits.chunk_bytes_max + FRAME_SLACK
    edge = Edge(
        fields,
        address_limit(limits.address_calls_per_s, limits.address_calls_burst, SystemClock()),
        made.metrics.refused,
        lambda method: frame,
    )
    devices, internal = new_server(edge, bytes_max=2 * frame), new_server(edge)
    credentials, context, fingerprint = listening
    draining = asyncio.Event()
    await made.processing.resume()

    async def sweep() -> None:
        await made.uploads.sweep()
        await made.blobs.sweep()

    signing = Signing(settings.url_secret or kept_secret(settings.data_dir / "url_secret"), "", SystemClock(), limits)
    http = HttpMedia(made.uploads, made.blobs, signing, limits.chunk_bytes_max, made.metrics.refused)
    work = [made.processing.run() for _ in range(settings.processes)]
    background = [tasks.create_task(one, name="media") for one in (*work, _sweeping(sweep))]
    routes = [*operations(lambda: not draining.is_set(), made.metrics.text), *http.routes()]
    async with serving_http(settings.http_listen, routes, context, [http.guarded]) as http_port:
        signing.base_url = settings.public_url or _own_url(settings, http_port)
        servicer = MediaServicer(
            made.uploads, made.blobs, signing, made.node, fields.violation, limits, settings.rules, made.sandbox, made.previews
        )
        media_pb2_grpc.add_MediaServiceServicer_to_server(servicer, devices)
        blob_pb2_grpc.add_BlobServiceServicer_to_server(BlobServicer(made.blobs, settings.blob_token), internal)
        health = await add_standard_services(devices, ["tidewire.v1.MediaService"])
        await add_standard_services(internal, ["tidewire.internal.v1.BlobService"])
        grpc_port = listen(devices, settings.grpc_listen, credentials)
        internal_port = listen(internal, settings.internal_listen, mutual_tls.listening(settings))
        await internal.start()
        await devices.start()

        async def drain() -> None:
            draining.set()
            await health.enter_graceful_shutdown()
            await devices.stop(settings.drain_grace_s)

        try:
            yield App(grpc_port, http_port, internal_port, fingerprint, drain, sweep)
        finally:
            await devices.stop(0.5)
            await internal.stop(0.5)
            for task in background:
                task.cancel()


async def _sweeping(sweep: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await sweep()
        except (Refused, StoreUnavailable, OSError) as error:
            log.warning("sweeping has to wait", extra={"why": str(error)})
        await asyncio.sleep(SWEEP_S)


def _own_url(settings: Settings, port: int) -> str:
    scheme = "http" if settings.tls == "off" else "https"
    return f"{scheme}://{settings.http_listen.rpartition(':')[0]}:{port}"
