"""A gRPC server of ours: options, credentials, and the standard services on each."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from server.kit.edge import Edge

REQUEST_BYTES_MAX = 262_144
"""Greatest request of a method that has no limit of its own; the transport ends a call with a larger one."""
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


def new_server(edge: Edge, *, reuse_port: bool = False, bytes_max: int = REQUEST_BYTES_MAX) -> grpc.aio.Server:
    """A server that turns callers away at `edge`. `bytes_max`: a larger request ends its call in the transport."""
    return grpc.aio.server(
        interceptors=[edge],
        options=[
            *SERVER_OPTIONS,
            ("grpc.so_reuseport", int(reuse_port)),
            ("grpc.max_receive_message_length", bytes_max),
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


def listen(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """The port. Raises OSError: the address is taken."""
    try:
        port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"{address} cannot be listened on: {error}") from error
    return int(port)
