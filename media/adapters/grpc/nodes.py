"""BlobService: decode, call, encode."""

from __future__ import annotations

import hmac
from typing import Any

from tidewire.internal.v1 import blob_pb2, blob_pb2_grpc

from media.adapters.grpc import codec
from media.domain.blob import Claim
from media.services.blobs import BlobService
from server.kit import grpc_refusals as refusals
from server.kit.edge import bearer_token
from server.kit.refusal import Reason, Refusal, Refused


class BlobServicer(blob_pb2_grpc.BlobServiceServicer):
    """BlobService."""

    def __init__(self, blobs: BlobService, token: str) -> None:
        """`token`: what nodes show; "": they have shown a certificate of the cluster."""
        self._blobs = blobs
        self._token = token

    async def Claim(self, request: blob_pb2.ClaimRequest, context: Any) -> blob_pb2.ClaimResponse:
        """Hold a blob for an envelope or a profile."""
        self._authorise(context)
        claim = Claim(
            request.blob_id,
            request.conversation_id,
            request.envelope_id,
            request.account_id,
            request.until_ms,
            request.view_once,
            request.avatar,
        )
        held = await self._blobs.claim(claim)
        if isinstance(held, Refusal):
            return blob_pb2.ClaimResponse(refusal=refusals.message(held))
        return blob_pb2.ClaimResponse(media=codec.media(held))

    async def Release(self, request: blob_pb2.ReleaseRequest, context: Any) -> blob_pb2.ReleaseResponse:
        """End an envelope's claims."""
        self._authorise(context)
        await self._blobs.release(request.conversation_id, request.account_id, request.envelope_id)
        return blob_pb2.ReleaseResponse()

    def _authorise(self, context: Any) -> None:
        if self._token and not hmac.compare_digest(bearer_token(context, "blob token").encode(), self._token.encode()):
            raise Refused(Refusal(Reason.UNAUTHENTICATED, "the blob token is another one"))
