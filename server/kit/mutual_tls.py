"""Mutual TLS between the processes of a deployment: each shows a certificate of the cluster's authority."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import grpc


class ClusterFiles(Protocol):
    """The settings that name the files; all of them are empty where there is no mutual TLS."""

    @property
    def cluster_ca(self) -> str: ...
    @property
    def cluster_cert(self) -> str: ...
    @property
    def cluster_key(self) -> str: ...


def calling(files: ClusterFiles) -> grpc.ChannelCredentials | None:
    """For who calls; None: there is no mutual TLS.

    Raises:
        OSError: a file cannot be read.
    """
    if not files.cluster_cert:
        return None
    authority, key, chain = _read(files)
    return grpc.ssl_channel_credentials(authority, key, chain)


def listening(files: ClusterFiles) -> grpc.ServerCredentials | None:
    """For who listens, and takes none but callers with a certificate of the same authority; None: there is no mutual TLS.

    Raises:
        OSError: a file cannot be read.
    """
    if not files.cluster_cert:
        return None
    authority, key, chain = _read(files)
    return grpc.ssl_server_credentials([(key, chain)], authority, require_client_auth=True)


def _read(files: ClusterFiles) -> tuple[bytes, ...]:
    return tuple(Path(name).read_bytes() for name in (files.cluster_ca, files.cluster_key, files.cluster_cert))
