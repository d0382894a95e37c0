from tidewire.v1 import call_pb2 as _call_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliverRequest(_message.Message):
    __slots__ = ("account_id", "device_id", "message")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    message: bytes
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., message: _Optional[bytes] = ...) -> None: ...

class DeliverResponse(_message.Message):
    __slots__ = ("delivered",)
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    delivered: bool
    def __init__(self, delivered: bool = ...) -> None: ...

class DoCommandRequest(_message.Message):
    __slots__ = ("account_id", "device_id", "request", "process_id", "address", "meant_process_id")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MEANT_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    request: _call_pb2.SignalRequest
    process_id: str
    address: str
    meant_process_id: str
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., request: _Optional[_Union[_call_pb2.SignalRequest, _Mapping]] = ..., process_id: _Optional[str] = ..., address: _Optional[str] = ..., meant_process_id: _Optional[str] = ...) -> None: ...

class DoCommandResponse(_message.Message):
    __slots__ = ("response",)
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    response: _call_pb2.SignalResponse
    def __init__(self, response: _Optional[_Union[_call_pb2.SignalResponse, _Mapping]] = ...) -> None: ...

class ListHeldRequest(_message.Message):
    __slots__ = ("conversation_ids",)
    CONVERSATION_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListHeldResponse(_message.Message):
    __slots__ = ("process_id", "conversation_ids")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_IDS_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    conversation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, process_id: _Optional[str] = ..., conversation_ids: _Optional[_Iterable[str]] = ...) -> None: ...
