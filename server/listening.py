"""The node's gRPC listeners: options, credentials, and the standard services on each. Part of the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from server.adapters.certificates import CertificateError, Named, check_mutual, check_pair
from server.adapters.grpc.media import MediaWorker
from server.kit import mutual_tls, tls
from server.kit.grpc_server import listen
from server.kit.setting_sources import SettingsError, host_of
from server.settings import Settings


def check_certificates(settings: Settings) -> None:
    """Try the files that the settings name, before anything is opened.

    Raises:
        SettingsError: devices, or other nodes, could not connect.
    """
    try:
        if settings.tls == "files":
            check_pair(Named("tls_cert", settings.tls_cert), Named("tls_key", settings.tls_key))
        if settings.cluster_cert:
            check_mutual(
                Named("cluster_ca", settings.cluster_ca),
                Named("cluster_cert", settings.cluster_cert),
                Named("cluster_key", settings.cluster_key),
                host_of(settings.internal_public or settings.internal_listen) if settings.routes == "redis" else "",
            )
    except CertificateError as error:
        raise SettingsError(str(error)) from error


def listen_to_devices(server: grpc.aio.Server, settings: Settings) -> tuple[int, str]:
    """The port, and with tls = auto the fingerprint of the authority.

    Raises:
        OSError: the address is taken, or a certificate cannot be read.
    """
    fingerprint = ""
    credentials = None
    if settings.tls == "auto":
        own = tls.own_authority(settings.data_dir / "tls", [name.strip() for name in settings.tls_names.split(",")])
        fingerprint = own.fingerprint
        credentials = grpc.ssl_server_credentials([(own.key, own.chain)])
    elif settings.tls == "files":
        key, chain = Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes()
        credentials = grpc.ssl_server_credentials([(key, chain)])
    return listen(server, settings.chat_listen, credentials), fingerprint


def listen_to_services(server: grpc.aio.Server, settings: Settings) -> int:
    """The port of the internal listener. With a cluster certificate it takes none but callers who have one of the same authority.

    Raises:
        OSError: the address is taken, or a certificate cannot be read.
    """
    return listen(server, settings.internal_listen, mutual_tls.listening(settings))


@asynccontextmanager
async def media_worker(settings: Settings) -> AsyncIterator[MediaWorker | None]:
    """The way to the media worker; None: the deployment has none.

    Raises:
        OSError: a certificate cannot be read.
    """
    if not settings.blob_service:
        yield None
        return
    worker = MediaWorker(settings.blob_service, settings.blob_token, mutual_tls.calling(settings))
    try:
        yield worker
    finally:
        await worker.close()
