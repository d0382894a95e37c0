"""A blob: what was made of an upload, who may see it, and how long it stays.

Rules that live here and nowhere else:
- An envelope that refers to a blob holds it by a claim, until the envelope's end; the same claim again changes nothing.
- The picture of a profile is held by a claim, too, which its owner makes of a blob of kind AVATAR; envelopes cannot refer to these. It has
  no end of its own: once in `avatar_check_s` the node is asked whether it is the picture still.
- Who may claim: the owner, and whoever may see it where it is claimed already (forwarding). A view-once blob: its owner, for one envelope.
- Who may see it: the owner, and the members of a conversation with a claim that has not ended; the picture of an account: whom its owner
  shows it, as the node says.
- A blob goes away when the last claim has ended and `blob_grace_s` have passed since; a view-once blob after `view_once_ttl_s` at the
  most, or when everybody else has opened it.
- A view-once blob is opened once by each account, by one device, which may then download it once, or go on with a download that broke off,
  for a minute; its owner cannot open it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidewire.media_rules.kinds import Kind

from media.domain.limits import Limits
from media.domain.wish import Variant
from server.kit.refusal import Reason, Refusal, limit_exceeded


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One file of a blob, in the object store."""

    variant: Variant
    name: str
    """In the object store; random."""
    content_type: str
    size_bytes: int
    """Of the plain bytes."""
    sha256: bytes
    """Of the plain bytes."""
    width: int
    height: int
    key: bytes
    """Of this object, wrapped by the deployment's key."""
    key_id: str
    """Which key of the deployment wrapped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob that is READY."""

    blob_id: str
    account_id: str
    kind: Kind
    name: str
    content_type: str
    width: int
    height: int
    duration_ms: int
    blurhash: str
    waveform: bytes
    created_ms: int
    objects: tuple[StoredObject, ...]

    @property
    def size_bytes(self) -> int:
        """Of all its files: what counts for the quota."""
        return sum(item.size_bytes for item in self.objects)

    def object(self, variant: Variant) -> StoredObject | None:
        """One of its files."""
        return next((item for item in self.objects if item.variant is variant), None)

    @property
    def main(self) -> StoredObject:
        """What is seen, heard or saved."""
        return next(item for item in self.objects if item.variant is Variant.MAIN)


@dataclass(frozen=True, slots=True)
class Claim:
    """An envelope that refers to a blob, or a profile whose picture it is."""

    blob_id: str
    conversation_id: str
    """Where the envelope is; of a picture of an account "p:" and the account's id."""
    envelope_id: str
    """Of a picture: of the change that made it one."""
    account_id: str
    """Who sent the envelope."""
    until_ms: int
    """Of a picture: when the node is asked whether it is one still."""
    view_once: bool = False
    avatar: bool = False

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it the same claim, whenever it comes again."""
        return self.conversation_id, self.account_id, self.envelope_id


NOT_FOUND = Refusal(Reason.NOT_FOUND, "there is no such blob, or none that this account may see", "blob_id")


def live(claims: Iterable[Claim], now_ms: int) -> list[Claim]:
    """The claims that have not ended. A picture stays one until the node says otherwise."""
    return [claim for claim in claims if claim.avatar or claim.until_ms > now_ms]


def until_ms(claim: Claim, now_ms: int, limits: Limits) -> int:
    """How long a claim holds."""
    if claim.avatar:
        return now_ms + 1000 * limits.avatar_check_s
    most = now_ms + 1000 * limits.view_once_ttl_s
    return min(claim.until_ms, most) if claim.view_once else claim.until_ms


def may_claim(blob: Blob, claim: Claim, claims: Sequence[Claim], sees: bool, limits: Limits) -> Refusal | None:
    """Whether an envelope may refer to the blob. `claims`: the live ones; `sees`: whether its sender may see it by one of them."""
    if any(held.identity == claim.identity for held in claims):
        return None
    owner = claim.account_id == blob.account_id
    if not owner and (claim.avatar or not sees):
        return NOT_FOUND
    if claim.avatar is not (blob.kind is Kind.AVATAR):
        wanted = "another kind" if blob.kind is Kind.AVATAR else "the kind avatar"
        return Refusal(Reason.INVALID, f"is of the kind {blob.kind.value}: upload it as {wanted}", "blob_id")
    if any(held.view_once for held in claims) or (claim.view_once and (claims or not owner)):
        return Refusal(Reason.NOT_ALLOWED, "a view-once blob is for one envelope of its owner", "view_once")
    if len(claims) >= limits.claims_per_blob_max:
        return limit_exceeded("claims_per_blob_max", limits.claims_per_blob_max, len(claims) + 1)
    return None


def may_see(blob: Blob, account_id: str, conversation_id: str, claims: Sequence[Claim], member: bool) -> Refusal | None:
    """Whether an account may see the blob. `claims`: the live ones; `member`: of the conversation."""
    held = any(claim.conversation_id == conversation_id for claim in claims)
    if account_id == blob.account_id or (held and member):
        return None
    return NOT_FOUND


def view_once(claims: Iterable[Claim]) -> bool:
    """Whether the blob may be opened only once."""
    return any(claim.view_once for claim in claims)


def all_viewed(blob: Blob, viewers: Iterable[str], members: Iterable[str]) -> bool:
    """Whether everybody who may open a view-once blob has done so."""
    return set(members) - {blob.account_id} <= set(viewers)
