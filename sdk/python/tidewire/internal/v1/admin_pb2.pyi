from tidewire.v1 import account_pb2 as _account_pb2
from tidewire.v1 import device_pb2 as _device_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LookUpRequest(_message.Message):
    __slots__ = ("account_id", "handle")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    handle: _account_pb2.Handle
    def __init__(self, account_id: _Optional[str] = ..., handle: _Optional[_Union[_account_pb2.Handle, _Mapping]] = ...) -> None: ...

class LookUpResponse(_message.Message):
    __slots__ = ("account", "refusal")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    account: AccountRecord
    refusal: _refusal_pb2.Refusal
    def __init__(self, account: _Optional[_Union[AccountRecord, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class AccountRecord(_message.Message):
    __slots__ = ("account", "bot", "suspended_at_ms", "suspended_for", "last_seen_at_ms", "connected", "devices")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    BOT_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FOR_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_MS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    account: _account_pb2.Account
    bot: bool
    suspended_at_ms: int
    suspended_for: str
    last_seen_at_ms: int
    connected: bool
    devices: _containers.RepeatedCompositeFieldContainer[_device_pb2.Device]
    def __init__(self, account: _Optional[_Union[_account_pb2.Account, _Mapping]] = ..., bot: bool = ..., suspended_at_ms: _Optional[int] = ..., suspended_for: _Optional[str] = ..., last_seen_at_ms: _Optional[int] = ..., connected: bool = ..., devices: _Optional[_Iterable[_Union[_device_pb2.Device, _Mapping]]] = ...) -> None: ...

class SuspendRequest(_message.Message):
    __slots__ = ("account_id", "reason")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    reason: str
    def __init__(self, account_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SuspendResponse(_message.Message):
    __slots__ = ("refusal",)
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class UnsuspendRequest(_message.Message):
    __slots__ = ("account_id",)
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    def __init__(self, account_id: _Optional[str] = ...) -> None: ...

class UnsuspendResponse(_message.Message):
    __slots__ = ("refusal",)
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class SignOutRequest(_message.Message):
    __slots__ = ("account_id",)
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    def __init__(self, account_id: _Optional[str] = ...) -> None: ...

class SignOutResponse(_message.Message):
    __slots__ = ("devices", "refusal")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    devices: int
    refusal: _refusal_pb2.Refusal
    def __init__(self, devices: _Optional[int] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class DeleteAccountRequest(_message.Message):
    __slots__ = ("account_id",)
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    def __init__(self, account_id: _Optional[str] = ...) -> None: ...

class DeleteAccountResponse(_message.Message):
    __slots__ = ("refusal",)
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    refusal: _refusal_pb2.Refusal
    def __init__(self, refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class ListRefusalsRequest(_message.Message):
    __slots__ = ("minutes",)
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    minutes: int
    def __init__(self, minutes: _Optional[int] = ...) -> None: ...

class ListRefusalsResponse(_message.Message):
    __slots__ = ("refusals",)
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    refusals: _containers.RepeatedCompositeFieldContainer[RefusalCount]
    def __init__(self, refusals: _Optional[_Iterable[_Union[RefusalCount, _Mapping]]] = ...) -> None: ...

class RefusalCount(_message.Message):
    __slots__ = ("reason", "count", "total", "last_at_ms")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    LAST_AT_MS_FIELD_NUMBER: _ClassVar[int]
    reason: _refusal_pb2.RefusalReason
    count: int
    total: int
    last_at_ms: int
    def __init__(self, reason: _Optional[_Union[_refusal_pb2.RefusalReason, str]] = ..., count: _Optional[int] = ..., total: _Optional[int] = ..., last_at_ms: _Optional[int] = ...) -> None: ...
