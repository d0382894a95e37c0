"""The port `Media` over the media worker's internal listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from tidewire.internal.v1 import blob_pb2, blob_pb2_grpc
from tidewire.v1 import envelope_pb2

from server.domain.avatar import Avatar
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Refusal, Refused, unavailable

DEADLINE_S = 5.0


class MediaWorker:
    """One media worker, or several behind one address."""

    def __init__(self, address: str, token: str, credentials: grpc.ChannelCredentials | None) -> None:
        """`token`: what the worker expects; `credentials`: of the cluster, None on the same machine without TLS."""
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials)
        self._blobs = blob_pb2_grpc.BlobServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    async def close(self) -> None:
        """End all calls."""
        await self._channel.close(None)

    async def claim(self, account_id: str, conversation_id: str, envelope_id: str, body: bytes, until_ms: int) -> bytes | Refusal:
        """See `Media.claim`."""
        said = envelope_pb2.Body.FromString(body)
        request = blob_pb2.ClaimRequest(
            blob_id=said.media.blob_id,
            conversation_id=conversation_id,
            envelope_id=envelope_id,
            account_id=account_id,
            until_ms=until_ms,
            view_once=said.media.view_once,
        )
        response = await self._call(self._blobs.Claim, request)
        if response.HasField("refusal"):
            return refusals.refusal(response.refusal)
        told = response.media
        told.caption, told.view_once = said.media.caption, said.media.view_once
        told.name = said.media.name or told.name
        said.media.CopyFrom(told)
        return said.SerializeToString()

    async def claim_avatar(self, account_id: str, place: str, claim_id: str, blob_id: str) -> Avatar | Refusal:
        """See `Media.claim_avatar`."""
        request = blob_pb2.ClaimRequest(
            blob_id=blob_id, conversation_id=place, envelope_id=claim_id, account_id=account_id, avatar=True
        )
        response = await self._call(self._blobs.Claim, request)
        if response.HasField("refusal"):
            return refusals.refusal(response.refusal)
        return Avatar(response.media.blob_id, response.media.blurhash)

    async def release(self, account_id: str, conversation_id: str, envelope_id: str) -> None:
        """See `Media.release`."""
        request = blob_pb2.ReleaseRequest(account_id=account_id, conversation_id=conversation_id, envelope_id=envelope_id)
        await self._call(self._blobs.Release, request)

    async def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return await method(request, metadata=self._metadata, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            raise Refused(unavailable(f"the media worker cannot do it now: {error.details() or error.code().name}")) from error
