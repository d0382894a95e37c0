"""The transport's limit for files: a grpc.aio server that takes and gives chunks as the media worker does, and keeps nothing.

`python -m tests.bench.bare_bytes` prints its port and serves until it is ended.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from tidewire.v1 import media_pb2

CHUNK = bytes(262_144)


async def upload(requests: Any, context: Any) -> None:
    """Take bytes."""
    received = 0
    async for request in requests:
        received += len(request.chunk)
    await context.write(media_pb2.UploadResponse(status=media_pb2.UploadStatus(received_bytes=received)))


async def download(request: media_pb2.DownloadRequest, context: Any) -> None:
    """Give `length_bytes` of nothing."""
    for _ in range(request.length_bytes // len(CHUNK)):
        await context.write(media_pb2.DownloadResponse(chunk=CHUNK))


async def main() -> None:
    """Serve."""
    server = grpc.aio.server()
    methods = {
        "Upload": grpc.stream_stream_rpc_method_handler(
            upload, media_pb2.UploadRequest.FromString, media_pb2.UploadResponse.SerializeToString
        ),
        "Download": grpc.unary_stream_rpc_method_handler(
            download, media_pb2.DownloadRequest.FromString, media_pb2.DownloadResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tidewire.v1.MediaService", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
