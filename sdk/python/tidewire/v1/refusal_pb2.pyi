from tidewire.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_INVALID: _ClassVar[RefusalReason]
    REFUSAL_REASON_LIMIT_EXCEEDED: _ClassVar[RefusalReason]
    REFUSAL_REASON_KIND_NOT_ENABLED: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNAUTHENTICATED: _ClassVar[RefusalReason]
    REFUSAL_REASON_TOKEN_REUSED: _ClassVar[RefusalReason]
    REFUSAL_REASON_NOT_A_MEMBER: _ClassVar[RefusalReason]
    REFUSAL_REASON_NOT_ALLOWED: _ClassVar[RefusalReason]
    REFUSAL_REASON_NOT_FOUND: _ClassVar[RefusalReason]
    REFUSAL_REASON_ALREADY_TAKEN: _ClassVar[RefusalReason]
    REFUSAL_REASON_RATE_LIMITED: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNAVAILABLE: _ClassVar[RefusalReason]
    REFUSAL_REASON_WRONG_CODE: _ClassVar[RefusalReason]
    REFUSAL_REASON_CODE_EXPIRED: _ClassVar[RefusalReason]
    REFUSAL_REASON_TOO_MANY_DEVICES: _ClassVar[RefusalReason]
    REFUSAL_REASON_GROUP_FULL: _ClassVar[RefusalReason]
    REFUSAL_REASON_TOO_OLD: _ClassVar[RefusalReason]
    REFUSAL_REASON_TARGET_NOT_FOUND: _ClassVar[RefusalReason]
    REFUSAL_REASON_WINDOW_PASSED: _ClassVar[RefusalReason]
    REFUSAL_REASON_MODE_MISMATCH: _ClassVar[RefusalReason]
    REFUSAL_REASON_ALREADY_A_MEMBER: _ClassVar[RefusalReason]
    REFUSAL_REASON_APPROVAL_PENDING: _ClassVar[RefusalReason]
    REFUSAL_REASON_APPROVAL_DENIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_OUT_OF_PLACE: _ClassVar[RefusalReason]
    REFUSAL_REASON_INTERNAL: _ClassVar[RefusalReason]
    REFUSAL_REASON_ACCOUNT_SUSPENDED: _ClassVar[RefusalReason]
REFUSAL_REASON_UNSPECIFIED: RefusalReason
REFUSAL_REASON_INVALID: RefusalReason
REFUSAL_REASON_LIMIT_EXCEEDED: RefusalReason
REFUSAL_REASON_KIND_NOT_ENABLED: RefusalReason
REFUSAL_REASON_UNAUTHENTICATED: RefusalReason
REFUSAL_REASON_TOKEN_REUSED: RefusalReason
REFUSAL_REASON_NOT_A_MEMBER: RefusalReason
REFUSAL_REASON_NOT_ALLOWED: RefusalReason
REFUSAL_REASON_NOT_FOUND: RefusalReason
REFUSAL_REASON_ALREADY_TAKEN: RefusalReason
REFUSAL_REASON_RATE_LIMITED: RefusalReason
REFUSAL_REASON_UNAVAILABLE: RefusalReason
REFUSAL_REASON_WRONG_CODE: RefusalReason
REFUSAL_REASON_CODE_EXPIRED: RefusalReason
REFUSAL_REASON_TOO_MANY_DEVICES: RefusalReason
REFUSAL_REASON_GROUP_FULL: RefusalReason
REFUSAL_REASON_TOO_OLD: RefusalReason
REFUSAL_REASON_TARGET_NOT_FOUND: RefusalReason
REFUSAL_REASON_WINDOW_PASSED: RefusalReason
REFUSAL_REASON_MODE_MISMATCH: RefusalReason
REFUSAL_REASON_ALREADY_A_MEMBER: RefusalReason
REFUSAL_REASON_APPROVAL_PENDING: RefusalReason
REFUSAL_REASON_APPROVAL_DENIED: RefusalReason
REFUSAL_REASON_OUT_OF_PLACE: RefusalReason
REFUSAL_REASON_INTERNAL: RefusalReason
REFUSAL_REASON_ACCOUNT_SUSPENDED: RefusalReason

class Refusal(_message.Message):
    __slots__ = ("ref", "reason", "detail", "subject", "limit", "actual", "retry_after_ms")
    REF_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    ref: int
    reason: RefusalReason
    detail: str
    subject: str
    limit: int
    actual: int
    retry_after_ms: int
    def __init__(self, ref: _Optional[int] = ..., reason: _Optional[_Union[RefusalReason, str]] = ..., detail: _Optional[str] = ..., subject: _Optional[str] = ..., limit: _Optional[int] = ..., actual: _Optional[int] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class NotAMember(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NotAllowed(_message.Message):
    __slots__ = ("needed",)
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    needed: _envelope_pb2.Role
    def __init__(self, needed: _Optional[_Union[_envelope_pb2.Role, str]] = ...) -> None: ...

class LimitExceeded(_message.Message):
    __slots__ = ("name", "limit", "actual")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    limit: int
    actual: int
    def __init__(self, name: _Optional[str] = ..., limit: _Optional[int] = ..., actual: _Optional[int] = ...) -> None: ...

class KindNotEnabled(_message.Message):
    __slots__ = ("kind",)
    KIND_FIELD_NUMBER: _ClassVar[int]
    kind: _envelope_pb2.Kind
    def __init__(self, kind: _Optional[_Union[_envelope_pb2.Kind, str]] = ...) -> None: ...

class TooOld(_message.Message):
    __slots__ = ("head",)
    HEAD_FIELD_NUMBER: _ClassVar[int]
    head: int
    def __init__(self, head: _Optional[int] = ...) -> None: ...

class TargetNotFound(_message.Message):
    __slots__ = ("target_seq",)
    TARGET_SEQ_FIELD_NUMBER: _ClassVar[int]
    target_seq: int
    def __init__(self, target_seq: _Optional[int] = ...) -> None: ...

class WindowPassed(_message.Message):
    __slots__ = ("window_s", "age_s")
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    window_s: int
    age_s: int
    def __init__(self, window_s: _Optional[int] = ..., age_s: _Optional[int] = ...) -> None: ...

class ModeMismatch(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bool
    def __init__(self, sealed: bool = ...) -> None: ...

class RateLimited(_message.Message):
    __slots__ = ("retry_after_ms",)
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    retry_after_ms: int
    def __init__(self, retry_after_ms: _Optional[int] = ...) -> None: ...

class Unavailable(_message.Message):
    __slots__ = ("retry_after_ms",)
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    retry_after_ms: int
    def __init__(self, retry_after_ms: _Optional[int] = ...) -> None: ...

class Invalid(_message.Message):
    __slots__ = ("field", "detail")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    field: str
    detail: str
    def __init__(self, field: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
