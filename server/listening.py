"""The node's gRPC listeners: options, credentials, and the standard services on each. Part of the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from server.adapters import tls
from server.adapters.certificates import CertificateError, Named, check_mutual, check_pair
from server.adapters.grpc.edge import REQUEST_BYTES_MAX, Edge
from server.settings import Settings, SettingsError, host_of

SERVER_OPTIONS = [
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # without it a frozen client is noticed after a minute only
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_send_message_length", 1 << 20),
    ("grpc.max_metadata_size", 8_192),
]


def new_server(edge: Edge, *, reuse_port: bool = False) -> grpc.aio.Server:
    """A server that turns callers away at `edge`."""
    return grpc.aio.server(
        interceptors=[edge],
        options=[
            *SERVER_OPTIONS,
            ("grpc.so_reuseport", int(reuse_port)),
            ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
        ],
    )


async def add_standard_services(server: grpc.aio.Server, services: Sequence[str]) -> HealthServicer:
    """Health and reflection of these services, by their full names."""
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    for name in ("", *services):
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*services, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
    return health


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
    return _listen(server, settings.chat_listen, credentials), fingerprint


def listen_to_services(server: grpc.aio.Server, settings: Settings) -> int:
    """The port of the internal listener. With a cluster certificate it takes none but callers who have one of the same authority.

    Raises:
        OSError: the address is taken, or a certificate cannot be read.
    """
    credentials = None
    if settings.cluster_cert:
        key, chain = Path(settings.cluster_key).read_bytes(), Path(settings.cluster_cert).read_bytes()
        authority = Path(settings.cluster_ca).read_bytes()
        credentials = grpc.ssl_server_credentials([(key, chain)], authority, require_client_auth=True)
    return _listen(server, settings.internal_listen, credentials)


def _listen(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"{address} cannot be listened on: {error}") from error
    return int(port)
