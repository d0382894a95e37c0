from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Device(_message.Message):
    __slots__ = ("device_id", "name", "primary", "created_at_ms", "active_at_ms", "current")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    name: str
    primary: bool
    created_at_ms: int
    active_at_ms: int
    current: bool
    def __init__(self, device_id: _Optional[str] = ..., name: _Optional[str] = ..., primary: bool = ..., created_at_ms: _Optional[int] = ..., active_at_ms: _Optional[int] = ..., current: bool = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices", "devices_max")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_MAX_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    devices_max: int
    def __init__(self, devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., devices_max: _Optional[int] = ...) -> None: ...

class RenameDeviceRequest(_message.Message):
    __slots__ = ("device_id", "name")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    name: str
    def __init__(self, device_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class RenameDeviceResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: Device
    def __init__(self, device: _Optional[_Union[Device, _Mapping]] = ...) -> None: ...

class RemoveDeviceRequest(_message.Message):
    __slots__ = ("device_id",)
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    def __init__(self, device_id: _Optional[str] = ...) -> None: ...

class RemoveDeviceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListLoginRequestsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListLoginRequestsResponse(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[LoginRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[LoginRequest, _Mapping]]] = ...) -> None: ...

class LoginRequest(_message.Message):
    __slots__ = ("login_id", "device_name", "requested_at_ms")
    LOGIN_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    login_id: str
    device_name: str
    requested_at_ms: int
    def __init__(self, login_id: _Optional[str] = ..., device_name: _Optional[str] = ..., requested_at_ms: _Optional[int] = ...) -> None: ...

class AnswerLoginRequest(_message.Message):
    __slots__ = ("login_id", "approve")
    LOGIN_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVE_FIELD_NUMBER: _ClassVar[int]
    login_id: str
    approve: bool
    def __init__(self, login_id: _Optional[str] = ..., approve: bool = ...) -> None: ...

class AnswerLoginResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
