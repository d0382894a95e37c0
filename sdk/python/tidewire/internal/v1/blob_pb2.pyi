from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClaimRequest(_message.Message):
    __slots__ = ("blob_id", "conversation_id", "envelope_id", "account_id", "until_ms", "view_once", "avatar")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    envelope_id: str
    account_id: str
    until_ms: int
    view_once: bool
    avatar: bool
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., envelope_id: _Optional[str] = ..., account_id: _Optional[str] = ..., until_ms: _Optional[int] = ..., view_once: bool = ..., avatar: bool = ...) -> None: ...

class ClaimResponse(_message.Message):
    __slots__ = ("media", "refusal")
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    media: _envelope_pb2.MediaRef
    refusal: _refusal_pb2.Refusal
    def __init__(self, media: _Optional[_Union[_envelope_pb2.MediaRef, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("conversation_id", "envelope_id", "account_id")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    envelope_id: str
    account_id: str
    def __init__(self, conversation_id: _Optional[str] = ..., envelope_id: _Optional[str] = ..., account_id: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
