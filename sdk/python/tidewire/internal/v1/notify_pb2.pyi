from tidewire.v1 import chat_pb2 as _chat_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NotifyRequest(_message.Message):
    __slots__ = ("account_id", "device_id", "except_device_id", "notice")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    EXCEPT_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    except_device_id: str
    notice: _chat_pb2.Notice
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., except_device_id: _Optional[str] = ..., notice: _Optional[_Union[_chat_pb2.Notice, _Mapping]] = ...) -> None: ...

class NotifyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
