"""A real MinIO, on a port of its own."""

from tests.support.minio.server import MinioServer

__all__ = ["MinioServer"]
