"""What the node asks of the media worker about envelopes and profiles that refer to blobs."""

from __future__ import annotations

from typing import Protocol

from server.domain.avatar import Avatar
from server.kit.refusal import Refusal


class Media(Protocol):
    """Blobs, held by envelopes and profiles. Every method may raise `Refused` with UNAVAILABLE, and may be repeated."""

    async def claim(self, account_id: str, conversation_id: str, envelope_id: str, body: bytes, until_ms: int) -> bytes | Refusal:
        """Hold the blob that the body refers to for an envelope of this account; the body with what is true of the blob.

        A refusal: no such blob, not the account's to send, not READY.
        """
        ...

    async def claim_avatar(self, account_id: str, place: str, claim_id: str, blob_id: str) -> Avatar | Refusal:
        """Hold a blob of this account as the picture of a place, a group or `ids.profile_id`; the picture, as it is told. It is held until
        it is released, or the worker has asked and it is none any more.

        A refusal: no such blob, not READY, not the account's own, not of the kind AVATAR.
        """
        ...

    async def release(self, account_id: str, conversation_id: str, envelope_id: str) -> None:
        """The envelope, or the profile since another change, refers to nothing any more. "": nothing that the account holds there does."""
        ...
