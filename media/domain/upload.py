"""An upload: from its declaration to READY or REJECTED.

            declare             all bytes, right hash          made and stored
    (none) ────────▶ RECEIVING ──────────────────────▶ WAITING ───────────────▶ READY
                         │ ▲                              │
                         │ └── the disk has lost bytes ───┤
                         │  other bytes, too many, fewer  │  judged and refused
                         ├────────────────────────────────┴───────────────────▶ REJECTED
                         └─ cancelled, or no byte for `upload_ttl_s` ──────────▶ CANCELLED

Rules that live here and nowhere else:
- Only these stages are stored. PROBING, TRANSCODING and STORING are what a worker does with one that is WAITING: after a crash it
  does it again from the bytes that are kept, so that every step may be repeated.
- Declared size, quota and number of open uploads are checked before a byte travels.
- Bytes come in order from an offset that is durable already; what was sent after it and not made durable is sent again.
- More bytes than declared, fewer, or another hash: REJECTED as NOT_AS_DECLARED, and nothing is kept.
- Bytes that were durable and are not on the disk any more, since that was replaced or cleared, are sent again: the device has them. So the
  upload goes back to where the disk says, whatever was told before.
- An upload that is done never changes again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tidewire.media_rules.judge import judge_declared, judge_size
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Rejected

from media.domain.limits import Limits
from media.domain.wish import Wish
from server.kit.refusal import Reason, Refusal, limit_exceeded

SHA256_BYTES = 32


class Stage(StrEnum):
    """Where an upload is. Names are those of `tidewire.v1.UploadStage`."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    PROBING = "probing"
    TRANSCODING = "transcoding"
    STORING = "storing"
    READY = "ready"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


DONE = frozenset({Stage.READY, Stage.REJECTED, Stage.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload as it is stored. Its blob, if it becomes one, has the same id."""

    upload_id: str
    account_id: str
    device_id: str
    upload_key: str
    """Made by the device; one upload for each key of an account."""
    wish: Wish
    size_bytes: int
    sha256: bytes
    name: str
    created_ms: int
    touched_ms: int
    """When bytes came last."""
    stage: Stage = Stage.RECEIVING
    received_bytes: int = 0
    """Durable bytes."""
    rejection: Rejected | None = None

    @property
    def done(self) -> bool:
        """It never changes again."""
        return self.stage in DONE


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has."""

    blobs: int = 0
    stored_bytes: int = 0
    open_uploads: int = 0
    open_bytes: int = 0


def declare(upload: Upload, usage: Usage, limits: Limits, rules: MediaLimits) -> Refusal | Rejected | None:
    """Whether an upload may begin; None: it may."""
    if len(upload.sha256) != SHA256_BYTES:
        return Refusal(Reason.INVALID, "is not 32 bytes", "sha256", SHA256_BYTES, len(upload.sha256))
    wish, size = upload.wish, upload.size_bytes
    if (wish.fit or wish.trims) and wish.kind is not Kind.VIDEO:
        return Refusal(Reason.INVALID, "only a video can be trimmed or made to fit", "fit")
    if wish.trim_end_ms and wish.trim_end_ms <= wish.trim_start_ms:
        return Refusal(Reason.INVALID, "ends before it begins", "trim_end_ms", wish.trim_start_ms + 1, wish.trim_end_ms)
    rejection = judge_size(wish.kind, size, rules, fit=wish.fit or wish.trims)
    if rejection is not None:
        return rejection
    used = usage.stored_bytes + usage.open_bytes
    if used + size > limits.quota_bytes:
        return limit_exceeded("quota_bytes", limits.quota_bytes, used + size)
    if usage.open_uploads >= limits.uploads_open_max:
        return limit_exceeded("uploads_open_max", limits.uploads_open_max, usage.open_uploads + 1)
    return None


def begin(upload: Upload, offset: int) -> Refusal | None:
    """Whether bytes may come from `offset` on."""
    if upload.stage is not Stage.RECEIVING:
        return Refusal(Reason.OUT_OF_PLACE, f"the upload is {upload.stage.value}: no bytes are missing", "upload_id")
    if offset > upload.received_bytes:
        return Refusal(
            Reason.OUT_OF_PLACE,
            "bytes before it are missing: go on at the durable offset",
            "offset_bytes",
            upload.received_bytes,
            offset,
        )
    return None


def lost(upload: Upload, there: int, now_ms: int) -> Upload | None:
    """The upload when only so many bytes are on the disk; None: those that it should have are there."""
    if upload.done or there >= upload.received_bytes:
        return None
    return replace(upload, stage=Stage.RECEIVING, received_bytes=there, touched_ms=now_ms)


def excess(upload: Upload, end: int) -> Rejected | None:
    """Whether bytes up to `end` are more than declared."""
    return None if end <= upload.size_bytes else judge_declared(upload.size_bytes, end, False)


def received(upload: Upload, durable: int, now_ms: int) -> Upload:
    """The upload with so many durable bytes."""
    return replace(upload, received_bytes=durable, touched_ms=now_ms)


def complete(upload: Upload, sha256: bytes) -> Upload:
    """The upload when no more bytes come: WAITING, or REJECTED when they are not those that were declared."""
    rejection = judge_declared(upload.size_bytes, upload.received_bytes, sha256 == upload.sha256)
    return replace(upload, stage=Stage.WAITING) if rejection is None else rejected(upload, rejection)


def rejected(upload: Upload, rejection: Rejected) -> Upload:
    """The upload, refused for good."""
    return replace(upload, stage=Stage.REJECTED, rejection=rejection)


def ready(upload: Upload) -> Upload:
    """The upload, stored."""
    return replace(upload, stage=Stage.READY)


def cancelled(upload: Upload) -> Upload:
    """The upload, given up; one that is done stays what it is."""
    return upload if upload.done else replace(upload, stage=Stage.CANCELLED)


def stale_before_ms(now_ms: int, limits: Limits) -> int:
    """An upload whose last byte came before this is given up."""
    return now_ms - 1000 * limits.upload_ttl_s
