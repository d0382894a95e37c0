"""What the node asks of the media worker about envelopes that refer to blobs."""

from __future__ import annotations

from typing import Protocol

from server.kit.refusal import Refusal


class Media(Protocol):
    """Blobs, held by envelopes. Both methods may raise `Refused` with UNAVAILABLE, and may be repeated."""

    async def claim(self, account_id: str, conversation_id: str, envelope_id: str, body: bytes, until_ms: int) -> bytes | Refusal:
        """Hold the blob that the body refers to for an envelope of this account; the body with what is true of the blob.

        A refusal: no such blob, not the account's to send, not READY.
        """
        ...

    async def release(self, account_id: str, conversation_id: str, envelope_id: str) -> None:
        """The envelope refers to nothing any more."""
        ...
