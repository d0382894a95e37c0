from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MediaVariant(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_VARIANT_UNSPECIFIED: _ClassVar[MediaVariant]
    MEDIA_VARIANT_MAIN: _ClassVar[MediaVariant]
    MEDIA_VARIANT_POSTER: _ClassVar[MediaVariant]
    MEDIA_VARIANT_THUMBNAIL: _ClassVar[MediaVariant]

class UploadStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPLOAD_STAGE_UNSPECIFIED: _ClassVar[UploadStage]
    UPLOAD_STAGE_RECEIVING: _ClassVar[UploadStage]
    UPLOAD_STAGE_WAITING: _ClassVar[UploadStage]
    UPLOAD_STAGE_PROBING: _ClassVar[UploadStage]
    UPLOAD_STAGE_TRANSCODING: _ClassVar[UploadStage]
    UPLOAD_STAGE_STORING: _ClassVar[UploadStage]
    UPLOAD_STAGE_READY: _ClassVar[UploadStage]
    UPLOAD_STAGE_REJECTED: _ClassVar[UploadStage]
    UPLOAD_STAGE_CANCELLED: _ClassVar[UploadStage]

class MediaRejectionReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_REJECTION_REASON_UNSPECIFIED: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_LARGE: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_LONG: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_BAD_CONTAINER: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_BAD_CODEC: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_CORRUPT: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_MANY_PIXELS: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_MANY_FRAMES: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_MANY_STREAMS: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_FRAME_RATE: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_EMPTY: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_WRONG_KIND: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_NOT_AS_DECLARED: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TOO_COMPLEX: _ClassVar[MediaRejectionReason]
    MEDIA_REJECTION_REASON_TIMEOUT: _ClassVar[MediaRejectionReason]
MEDIA_VARIANT_UNSPECIFIED: MediaVariant
MEDIA_VARIANT_MAIN: MediaVariant
MEDIA_VARIANT_POSTER: MediaVariant
MEDIA_VARIANT_THUMBNAIL: MediaVariant
UPLOAD_STAGE_UNSPECIFIED: UploadStage
UPLOAD_STAGE_RECEIVING: UploadStage
UPLOAD_STAGE_WAITING: UploadStage
UPLOAD_STAGE_PROBING: UploadStage
UPLOAD_STAGE_TRANSCODING: UploadStage
UPLOAD_STAGE_STORING: UploadStage
UPLOAD_STAGE_READY: UploadStage
UPLOAD_STAGE_REJECTED: UploadStage
UPLOAD_STAGE_CANCELLED: UploadStage
MEDIA_REJECTION_REASON_UNSPECIFIED: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_LARGE: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_LONG: MediaRejectionReason
MEDIA_REJECTION_REASON_BAD_CONTAINER: MediaRejectionReason
MEDIA_REJECTION_REASON_BAD_CODEC: MediaRejectionReason
MEDIA_REJECTION_REASON_CORRUPT: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_MANY_PIXELS: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_MANY_FRAMES: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_MANY_STREAMS: MediaRejectionReason
MEDIA_REJECTION_REASON_FRAME_RATE: MediaRejectionReason
MEDIA_REJECTION_REASON_EMPTY: MediaRejectionReason
MEDIA_REJECTION_REASON_WRONG_KIND: MediaRejectionReason
MEDIA_REJECTION_REASON_NOT_AS_DECLARED: MediaRejectionReason
MEDIA_REJECTION_REASON_TOO_COMPLEX: MediaRejectionReason
MEDIA_REJECTION_REASON_TIMEOUT: MediaRejectionReason

class MediaRejection(_message.Message):
    __slots__ = ("reason", "detail", "limit", "actual")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    reason: MediaRejectionReason
    detail: str
    limit: int
    actual: int
    def __init__(self, reason: _Optional[_Union[MediaRejectionReason, str]] = ..., detail: _Optional[str] = ..., limit: _Optional[int] = ..., actual: _Optional[int] = ...) -> None: ...

class GetMediaLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetMediaLimitsResponse(_message.Message):
    __slots__ = ("limits",)
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: _containers.ScalarMap[str, int]
    def __init__(self, limits: _Optional[_Mapping[str, int]] = ...) -> None: ...

class CreateUploadRequest(_message.Message):
    __slots__ = ("upload_key", "kind", "size_bytes", "sha256", "name", "content_type", "conversation_id", "fit", "trim_start_ms", "trim_end_ms", "view_once")
    UPLOAD_KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    TRIM_START_MS_FIELD_NUMBER: _ClassVar[int]
    TRIM_END_MS_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    upload_key: str
    kind: _envelope_pb2.MediaKind
    size_bytes: int
    sha256: bytes
    name: str
    content_type: str
    conversation_id: str
    fit: bool
    trim_start_ms: int
    trim_end_ms: int
    view_once: bool
    def __init__(self, upload_key: _Optional[str] = ..., kind: _Optional[_Union[_envelope_pb2.MediaKind, str]] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[bytes] = ..., name: _Optional[str] = ..., content_type: _Optional[str] = ..., conversation_id: _Optional[str] = ..., fit: bool = ..., trim_start_ms: _Optional[int] = ..., trim_end_ms: _Optional[int] = ..., view_once: bool = ...) -> None: ...

class UploadStatus(_message.Message):
    __slots__ = ("upload_id", "stage", "received_bytes", "size_bytes", "percent", "media", "rejection", "variants")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    stage: UploadStage
    received_bytes: int
    size_bytes: int
    percent: int
    media: _envelope_pb2.MediaRef
    rejection: MediaRejection
    variants: _containers.RepeatedScalarFieldContainer[MediaVariant]
    def __init__(self, upload_id: _Optional[str] = ..., stage: _Optional[_Union[UploadStage, str]] = ..., received_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., percent: _Optional[int] = ..., media: _Optional[_Union[_envelope_pb2.MediaRef, _Mapping]] = ..., rejection: _Optional[_Union[MediaRejection, _Mapping]] = ..., variants: _Optional[_Iterable[_Union[MediaVariant, str]]] = ...) -> None: ...

class CreateUploadResponse(_message.Message):
    __slots__ = ("status", "rejection", "put_url")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    PUT_URL_FIELD_NUMBER: _ClassVar[int]
    status: UploadStatus
    rejection: MediaRejection
    put_url: str
    def __init__(self, status: _Optional[_Union[UploadStatus, _Mapping]] = ..., rejection: _Optional[_Union[MediaRejection, _Mapping]] = ..., put_url: _Optional[str] = ...) -> None: ...

class UploadRequest(_message.Message):
    __slots__ = ("start", "chunk", "finish")
    START_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    start: UploadStart
    chunk: bytes
    finish: UploadFinish
    def __init__(self, start: _Optional[_Union[UploadStart, _Mapping]] = ..., chunk: _Optional[bytes] = ..., finish: _Optional[_Union[UploadFinish, _Mapping]] = ...) -> None: ...

class UploadFinish(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UploadStart(_message.Message):
    __slots__ = ("upload_id", "offset_bytes")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    offset_bytes: int
    def __init__(self, upload_id: _Optional[str] = ..., offset_bytes: _Optional[int] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: UploadStatus
    def __init__(self, status: _Optional[_Union[UploadStatus, _Mapping]] = ...) -> None: ...

class ResumeUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class ResumeUploadResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: UploadStatus
    def __init__(self, status: _Optional[_Union[UploadStatus, _Mapping]] = ...) -> None: ...

class CancelUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class CancelUploadResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: UploadStatus
    def __init__(self, status: _Optional[_Union[UploadStatus, _Mapping]] = ...) -> None: ...

class WatchUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class WatchUploadResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: UploadStatus
    def __init__(self, status: _Optional[_Union[UploadStatus, _Mapping]] = ...) -> None: ...

class GetBlobRequest(_message.Message):
    __slots__ = ("blob_id", "conversation_id")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class GetBlobResponse(_message.Message):
    __slots__ = ("media", "variants")
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    media: _envelope_pb2.MediaRef
    variants: _containers.RepeatedScalarFieldContainer[MediaVariant]
    def __init__(self, media: _Optional[_Union[_envelope_pb2.MediaRef, _Mapping]] = ..., variants: _Optional[_Iterable[_Union[MediaVariant, str]]] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("blob_id", "conversation_id", "variant", "offset_bytes", "length_bytes", "view_token")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    LENGTH_BYTES_FIELD_NUMBER: _ClassVar[int]
    VIEW_TOKEN_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    variant: MediaVariant
    offset_bytes: int
    length_bytes: int
    view_token: str
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., variant: _Optional[_Union[MediaVariant, str]] = ..., offset_bytes: _Optional[int] = ..., length_bytes: _Optional[int] = ..., view_token: _Optional[str] = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ("info", "chunk")
    INFO_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    info: DownloadInfo
    chunk: bytes
    def __init__(self, info: _Optional[_Union[DownloadInfo, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class DownloadInfo(_message.Message):
    __slots__ = ("content_type", "size_bytes", "offset_bytes", "length_bytes", "sha256")
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    LENGTH_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    content_type: str
    size_bytes: int
    offset_bytes: int
    length_bytes: int
    sha256: bytes
    def __init__(self, content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., offset_bytes: _Optional[int] = ..., length_bytes: _Optional[int] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class GetDownloadUrlRequest(_message.Message):
    __slots__ = ("blob_id", "conversation_id", "variant", "view_token")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    VIEW_TOKEN_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    variant: MediaVariant
    view_token: str
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., variant: _Optional[_Union[MediaVariant, str]] = ..., view_token: _Optional[str] = ...) -> None: ...

class GetDownloadUrlResponse(_message.Message):
    __slots__ = ("url", "expires_at_ms")
    URL_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    url: str
    expires_at_ms: int
    def __init__(self, url: _Optional[str] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class OpenViewOnceRequest(_message.Message):
    __slots__ = ("blob_id", "conversation_id")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class OpenViewOnceResponse(_message.Message):
    __slots__ = ("view_token", "expires_at_ms")
    VIEW_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    view_token: str
    expires_at_ms: int
    def __init__(self, view_token: _Optional[str] = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class GetMediaUsageRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetMediaUsageResponse(_message.Message):
    __slots__ = ("used_bytes", "quota_bytes", "blobs", "sandbox")
    USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    QUOTA_BYTES_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    used_bytes: int
    quota_bytes: int
    blobs: int
    sandbox: str
    def __init__(self, used_bytes: _Optional[int] = ..., quota_bytes: _Optional[int] = ..., blobs: _Optional[int] = ..., sandbox: _Optional[str] = ...) -> None: ...

class PreviewLinkRequest(_message.Message):
    __slots__ = ("url",)
    URL_FIELD_NUMBER: _ClassVar[int]
    url: str
    def __init__(self, url: _Optional[str] = ...) -> None: ...

class PreviewLinkResponse(_message.Message):
    __slots__ = ("preview",)
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    preview: _envelope_pb2.LinkPreview
    def __init__(self, preview: _Optional[_Union[_envelope_pb2.LinkPreview, _Mapping]] = ...) -> None: ...
