from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppendRequest(_message.Message):
    __slots__ = ("conversation_id", "account_id", "username", "envelope_id", "body", "target_seq", "expires_in_s")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TARGET_SEQ_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    account_id: str
    username: str
    envelope_id: str
    body: _envelope_pb2.Body
    target_seq: int
    expires_in_s: int
    def __init__(self, conversation_id: _Optional[str] = ..., account_id: _Optional[str] = ..., username: _Optional[str] = ..., envelope_id: _Optional[str] = ..., body: _Optional[_Union[_envelope_pb2.Body, _Mapping]] = ..., target_seq: _Optional[int] = ..., expires_in_s: _Optional[int] = ...) -> None: ...

class AppendResponse(_message.Message):
    __slots__ = ("appended", "refusal")
    APPENDED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    appended: Appended
    refusal: _refusal_pb2.Refusal
    def __init__(self, appended: _Optional[_Union[Appended, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class Appended(_message.Message):
    __slots__ = ("conversation_id", "seq", "at_ms", "duplicate")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    seq: int
    at_ms: int
    duplicate: bool
    def __init__(self, conversation_id: _Optional[str] = ..., seq: _Optional[int] = ..., at_ms: _Optional[int] = ..., duplicate: bool = ...) -> None: ...
