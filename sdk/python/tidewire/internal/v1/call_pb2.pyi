from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckCallRequest(_message.Message):
    __slots__ = ("account_id", "conversation_id")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    conversation_id: str
    def __init__(self, account_id: _Optional[str] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class CheckCallResponse(_message.Message):
    __slots__ = ("refusal", "callees", "admin", "shut")
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    CALLEES_FIELD_NUMBER: _ClassVar[int]
    ADMIN_FIELD_NUMBER: _ClassVar[int]
    SHUT_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    callees: _containers.RepeatedCompositeFieldContainer[Callee]
    admin: bool
    shut: bool
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., callees: _Optional[_Iterable[_Union[Callee, _Mapping]]] = ..., admin: bool = ..., shut: bool = ...) -> None: ...

class Callee(_message.Message):
    __slots__ = ("account_id", "unreachable", "stranger", "silent", "devices")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    STRANGER_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    unreachable: bool
    stranger: bool
    silent: bool
    devices: _containers.RepeatedCompositeFieldContainer[CalleeDevice]
    def __init__(self, account_id: _Optional[str] = ..., unreachable: bool = ..., stranger: bool = ..., silent: bool = ..., devices: _Optional[_Iterable[_Union[CalleeDevice, _Mapping]]] = ...) -> None: ...

class CalleeDevice(_message.Message):
    __slots__ = ("device_id", "connected")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    connected: bool
    def __init__(self, device_id: _Optional[str] = ..., connected: bool = ...) -> None: ...

class RecordCallRequest(_message.Message):
    __slots__ = ("account_id", "conversation_id", "record")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    conversation_id: str
    record: _envelope_pb2.CallRecord
    def __init__(self, account_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., record: _Optional[_Union[_envelope_pb2.CallRecord, _Mapping]] = ...) -> None: ...

class RecordCallResponse(_message.Message):
    __slots__ = ("refusal",)
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class OpenCallLinkRequest(_message.Message):
    __slots__ = ("account_id", "token")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    token: str
    def __init__(self, account_id: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class OpenCallLinkResponse(_message.Message):
    __slots__ = ("refusal", "room_id", "member", "admin", "approval", "maker_account_id", "display_name")
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ADMIN_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    MAKER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    room_id: str
    member: bool
    admin: bool
    approval: bool
    maker_account_id: str
    display_name: str
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., room_id: _Optional[str] = ..., member: bool = ..., admin: bool = ..., approval: bool = ..., maker_account_id: _Optional[str] = ..., display_name: _Optional[str] = ...) -> None: ...
