"""The wire's messages and the worker's values, both ways. Nothing is decided here."""

from __future__ import annotations

from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.verdict import Rejected
from tidewire.v1 import envelope_pb2, media_pb2

from media.domain.blob import Blob
from media.domain.wish import Variant
from media.services.watching import Status
from server.kit.refusal import Reason, Refusal, Refused

_KINDS = {
    envelope_pb2.MEDIA_KIND_IMAGE: Kind.IMAGE,
    envelope_pb2.MEDIA_KIND_VIDEO: Kind.VIDEO,
    envelope_pb2.MEDIA_KIND_VOICE: Kind.VOICE,
    envelope_pb2.MEDIA_KIND_AUDIO: Kind.AUDIO,
    envelope_pb2.MEDIA_KIND_DOCUMENT: Kind.DOCUMENT,
    envelope_pb2.MEDIA_KIND_AVATAR: Kind.AVATAR,
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}
_VARIANTS = {
    media_pb2.MEDIA_VARIANT_UNSPECIFIED: Variant.MAIN,
    media_pb2.MEDIA_VARIANT_MAIN: Variant.MAIN,
    media_pb2.MEDIA_VARIANT_POSTER: Variant.POSTER,
    media_pb2.MEDIA_VARIANT_THUMBNAIL: Variant.THUMBNAIL,
}


def kind(number: int) -> Kind:
    """A kind.

    Raises:
        Refused: INVALID: one that this worker does not know.
    """
    found = _KINDS.get(number)  # type: ignore[call-overload]
    if found is None:
        raise Refused(Refusal(Reason.INVALID, "a kind of media that this worker does not know", "kind", actual=number))
    return Kind(found)


def variant(number: int) -> Variant:
    """A variant.

    Raises:
        Refused: INVALID: one that this worker does not know.
    """
    found = _VARIANTS.get(number)  # type: ignore[call-overload]
    if found is None:
        raise Refused(Refusal(Reason.INVALID, "a variant that this worker does not know", "variant", actual=number))
    return Variant(found)


def media(blob: Blob) -> envelope_pb2.MediaRef:
    """What an envelope refers to."""
    return envelope_pb2.MediaRef(
        blob_id=blob.blob_id,
        kind=_NUMBERS[blob.kind],
        content_type=blob.content_type,
        size_bytes=blob.main.size_bytes,
        sha256=blob.main.sha256,
        width=blob.width,
        height=blob.height,
        duration_ms=blob.duration_ms,
        blurhash=blob.blurhash,
        waveform=blob.waveform,
        name=blob.name,
    )


def variants(blob: Blob) -> list[media_pb2.MediaVariant]:
    """The files of a blob."""
    return [getattr(media_pb2, f"MEDIA_VARIANT_{item.variant.name}") for item in blob.objects]


def rejection(rejected: Rejected) -> media_pb2.MediaRejection:
    """Why media was refused for good."""
    return media_pb2.MediaRejection(
        reason=getattr(media_pb2, f"MEDIA_REJECTION_REASON_{rejected.reason.name}"),
        detail=rejected.detail,
        limit=rejected.limit or None,
        actual=rejected.actual or None,
    )


def status(value: Status) -> media_pb2.UploadStatus:
    """Where an upload is."""
    upload, blob = value.upload, value.blob
    return media_pb2.UploadStatus(
        upload_id=upload.upload_id,
        stage=getattr(media_pb2, f"UPLOAD_STAGE_{value.stage.name}"),
        received_bytes=upload.received_bytes,
        size_bytes=upload.size_bytes,
        percent=value.percent,
        media=media(blob) if blob is not None else None,
        rejection=rejection(upload.rejection) if upload.rejection is not None else None,
        variants=variants(blob) if blob is not None else [],
    )
