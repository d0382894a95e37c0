from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    FORMAT_ID: _ClassVar[Format]
    FORMAT_UUID: _ClassVar[Format]
    FORMAT_E164: _ClassVar[Format]
    FORMAT_EMAIL: _ClassVar[Format]
    FORMAT_USERNAME: _ClassVar[Format]
    FORMAT_CODE: _ClassVar[Format]
FORMAT_UNSPECIFIED: Format
FORMAT_ID: Format
FORMAT_UUID: Format
FORMAT_E164: Format
FORMAT_EMAIL: Format
FORMAT_USERNAME: Format
FORMAT_CODE: Format
LIMITS_FIELD_NUMBER: _ClassVar[int]
limits: _descriptor.FieldDescriptor

class FieldLimits(_message.Message):
    __slots__ = ("required", "chars_min", "chars_max", "bytes_max", "items_max", "value_min", "value_max", "format")
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    CHARS_MIN_FIELD_NUMBER: _ClassVar[int]
    CHARS_MAX_FIELD_NUMBER: _ClassVar[int]
    BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    VALUE_MIN_FIELD_NUMBER: _ClassVar[int]
    VALUE_MAX_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    required: bool
    chars_min: int
    chars_max: int
    bytes_max: int
    items_max: int
    value_min: int
    value_max: int
    format: Format
    def __init__(self, required: bool = ..., chars_min: _Optional[int] = ..., chars_max: _Optional[int] = ..., bytes_max: _Optional[int] = ..., items_max: _Optional[int] = ..., value_min: _Optional[int] = ..., value_max: _Optional[int] = ..., format: _Optional[_Union[Format, str]] = ...) -> None: ...
