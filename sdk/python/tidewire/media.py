"""Media as the interface sees it: what a message refers to, and how an upload goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tidewire.media_rules.kinds import Kind
from tidewire.v1 import envelope_pb2

NUMBERS = {
    Kind.IMAGE: envelope_pb2.MEDIA_KIND_IMAGE,
    Kind.VIDEO: envelope_pb2.MEDIA_KIND_VIDEO,
    Kind.VOICE: envelope_pb2.MEDIA_KIND_VOICE,
    Kind.AUDIO: envelope_pb2.MEDIA_KIND_AUDIO,
    Kind.DOCUMENT: envelope_pb2.MEDIA_KIND_DOCUMENT,
    Kind.AVATAR: envelope_pb2.MEDIA_KIND_AVATAR,
}
KINDS: dict[int, Kind] = {number: kind for kind, number in NUMBERS.items()}
SYMBOLS = {Kind.IMAGE: "📷", Kind.VIDEO: "🎥", Kind.VOICE: "🎤", Kind.AUDIO: "🎵", Kind.DOCUMENT: "📄", Kind.AVATAR: "📷"}


@dataclass(frozen=True, slots=True)
class Media:
    """What a message refers to. 0 and "": it has none."""

    blob_id: str
    kind: str
    """image, video, voice, audio, document; "unknown": a newer kind."""
    content_type: str
    size_bytes: int
    sha256: bytes
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    blurhash: str = ""
    waveform: bytes = b""
    """64 loudnesses, 0 to 255."""
    name: str = ""
    caption: str = ""
    view_once: bool = False

    def line(self) -> str:
        """One line for a list of messages: what it is, and its caption or name."""
        symbol = SYMBOLS.get(Kind(self.kind), "📎") if self.kind in set(Kind) else "📎"
        return " ".join(
            part for part in (symbol, "(once)" if self.view_once else "", self.caption or self.name or self.kind) if part
        )


@dataclass(frozen=True, slots=True)
class Avatar:
    """The picture of a person or a group; `Client.avatar` has the file."""

    blob_id: str
    """"" where a change says that there is none any more."""
    blurhash: str = ""
    """A blurred picture to show meanwhile."""


def avatar_of(profile: Any) -> Avatar | None:
    """The picture in a message that may have one."""
    return Avatar(profile.avatar.blob_id, profile.avatar.blurhash) if profile.HasField("avatar") else None


def media_of(body: envelope_pb2.Body) -> Media | None:
    """What a body refers to."""
    if body.WhichOneof("content") != "media":
        return None
    ref = body.media
    return Media(
        blob_id=ref.blob_id,
        kind=KINDS[ref.kind].value if ref.kind in KINDS else "unknown",
        content_type=ref.content_type,
        size_bytes=ref.size_bytes,
        sha256=ref.sha256,
        width=ref.width,
        height=ref.height,
        duration_ms=ref.duration_ms,
        blurhash=ref.blurhash,
        waveform=ref.waveform,
        name=ref.name,
        caption=ref.caption,
        view_once=ref.view_once,
    )


class MediaUsage(NamedTuple):
    """What an account has stored, and where."""

    used_bytes: int
    """With uploads under way."""
    quota_bytes: int
    blobs: int
    sandbox: str
    """What stands between the worker and the programs that read files: bubblewrap, or limits alone; "": it does not say."""


class Stage(StrEnum):
    """Where an upload is."""

    WAITING = "waiting"
    """For the network, or for others before it."""
    SENDING = "sending"
    PROBING = "probing"
    TRANSCODING = "transcoding"
    STORING = "storing"
    READY = "ready"
    """The message is in the outbox."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UploadMoved:
    """An upload has come further. `envelope_id` is that of the message that it becomes."""

    conversation_id: str
    envelope_id: str
    stage: Stage
    percent: int
    reason: str = ""
    """Why it failed, as `MediaRejectionReason` or `RefusalReason` names it, or FILE_CHANGED."""
    limit: int = 0
    actual: int = 0
