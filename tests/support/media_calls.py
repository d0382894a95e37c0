"""A device's calls of the media worker without an SDK: what an SDK never says, too."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tidewire.transport import new_envelope_id
from tidewire.v1 import account_pb2, account_pb2_grpc, envelope_pb2, media_pb2, media_pb2_grpc

DOCUMENT = envelope_pb2.MEDIA_KIND_DOCUMENT
CHUNK = 262_144


def start(upload_id: str, offset: int = 0) -> media_pb2.UploadRequest:
    """The first message of a stream."""
    return media_pb2.UploadRequest(start=media_pb2.UploadStart(upload_id=upload_id, offset_bytes=offset))


def chunks(data: bytes, size: int = CHUNK) -> list[media_pb2.UploadRequest]:
    """The bytes, in messages."""
    return [media_pb2.UploadRequest(chunk=data[at : at + size]) for at in range(0, len(data), size)]


FINISH = media_pb2.UploadRequest(finish=media_pb2.UploadFinish())


class Said(NamedTuple):
    """A refusal as a status carries it; 0: it has no such number."""

    reason: str
    limit: int = 0
    actual: int = 0


def refusal(error: grpc.aio.AioRpcError) -> Said:
    """The typed refusal in a status."""
    status = rpc_status.from_call(error)  # type: ignore[no-untyped-call]
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info), status
    return Said(info.reason, *(int(info.metadata[name]) if name in info.metadata else 0 for name in ("limit", "actual")))


class Caller:
    """One device."""

    def __init__(self, address: str, token: str, account_id: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.media: Any = media_pb2_grpc.MediaServiceStub(self.channel)  # type: ignore[no-untyped-call]
        self.account_id = account_id
        self.metadata = (("authorization", f"Bearer {token}"),)

    @classmethod
    async def registered(cls, node: str, address: str, name: str) -> Caller:
        """Somebody new on the node."""
        async with grpc.aio.insecure_channel(node) as channel:
            stub = account_pb2_grpc.AccountServiceStub(channel)
            found = (await stub.RegisterUsername(account_pb2.RegisterUsernameRequest(username=name))).credentials
        return cls(address, found.access_token, found.account_id)

    async def call(self, name: str, request: Any) -> Any:
        """A unary call."""
        return await getattr(self.media, name)(request, metadata=self.metadata, timeout=20)

    async def create(self, data: bytes, **changes: Any) -> media_pb2.CreateUploadResponse:
        """Announce these bytes, as a document unless told otherwise."""
        fields: dict[str, Any] = {
            "upload_key": new_envelope_id(),
            "kind": DOCUMENT,
            "size_bytes": len(data),
            "sha256": hashlib.sha256(data).digest(),
            "name": "file.bin",
        }
        response: media_pb2.CreateUploadResponse = await self.call(
            "CreateUpload", media_pb2.CreateUploadRequest(**fields | changes)
        )
        return response

    async def send(self, requests: Iterable[Any] | AsyncIterator[Any]) -> media_pb2.UploadStatus | None:
        """One stream of an upload; the last word on it."""
        last = None
        async for response in self.media.Upload(requests, metadata=self.metadata, timeout=20):
            last = response.status
        return last

    async def resume(self, upload_id: str) -> media_pb2.UploadStatus:
        """Where an upload is."""
        status: media_pb2.UploadStatus = (
            await self.call("ResumeUpload", media_pb2.ResumeUploadRequest(upload_id=upload_id))
        ).status
        return status

    async def done(self, upload_id: str) -> media_pb2.UploadStatus:
        """Wait until an upload is over."""
        call = self.media.WatchUpload(media_pb2.WatchUploadRequest(upload_id=upload_id), metadata=self.metadata, timeout=60)
        return [response.status async for response in call][-1]

    async def ready(self, data: bytes, **changes: Any) -> media_pb2.UploadStatus:
        """Announce, send, and wait until it is over."""
        upload_id = (await self.create(data, **changes)).status.upload_id
        await self.send([start(upload_id), *chunks(data)])
        return await self.done(upload_id)

    async def download(self, blob_id: str, conversation_id: str = "", **fields: Any) -> bytes:
        """A file of a blob."""
        request = media_pb2.DownloadRequest(blob_id=blob_id, conversation_id=conversation_id, **fields)
        call = self.media.Download(request, metadata=self.metadata, timeout=30)
        return b"".join([response.chunk async for response in call])

    async def close(self) -> None:
        """End the connection."""
        await self.channel.close()
