from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeedKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEED_KIND_UNSPECIFIED: _ClassVar[FeedKind]
    FEED_KIND_ENVELOPE: _ClassVar[FeedKind]
    FEED_KIND_ACCOUNT: _ClassVar[FeedKind]
    FEED_KIND_RECEIPT: _ClassVar[FeedKind]

class AccountChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCOUNT_CHANGE_KIND_UNSPECIFIED: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_REGISTERED: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_PROFILE: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_DEVICES: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_SUSPENDED: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_UNSUSPENDED: _ClassVar[AccountChangeKind]
    ACCOUNT_CHANGE_KIND_DELETED: _ClassVar[AccountChangeKind]
FEED_KIND_UNSPECIFIED: FeedKind
FEED_KIND_ENVELOPE: FeedKind
FEED_KIND_ACCOUNT: FeedKind
FEED_KIND_RECEIPT: FeedKind
ACCOUNT_CHANGE_KIND_UNSPECIFIED: AccountChangeKind
ACCOUNT_CHANGE_KIND_REGISTERED: AccountChangeKind
ACCOUNT_CHANGE_KIND_PROFILE: AccountChangeKind
ACCOUNT_CHANGE_KIND_DEVICES: AccountChangeKind
ACCOUNT_CHANGE_KIND_SUSPENDED: AccountChangeKind
ACCOUNT_CHANGE_KIND_UNSUSPENDED: AccountChangeKind
ACCOUNT_CHANGE_KIND_DELETED: AccountChangeKind

class FollowRequest(_message.Message):
    __slots__ = ("kinds", "account_ids", "conversation_ids")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_IDS_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[FeedKind]
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    conversation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kinds: _Optional[_Iterable[_Union[FeedKind, str]]] = ..., account_ids: _Optional[_Iterable[str]] = ..., conversation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class FollowResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[FeedEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[FeedEvent, _Mapping]]] = ...) -> None: ...

class FeedEvent(_message.Message):
    __slots__ = ("envelope", "account", "receipt", "gap")
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    envelope: EnvelopeAppended
    account: AccountChange
    receipt: PositionMoved
    gap: FeedGap
    def __init__(self, envelope: _Optional[_Union[EnvelopeAppended, _Mapping]] = ..., account: _Optional[_Union[AccountChange, _Mapping]] = ..., receipt: _Optional[_Union[PositionMoved, _Mapping]] = ..., gap: _Optional[_Union[FeedGap, _Mapping]] = ...) -> None: ...

class EnvelopeAppended(_message.Message):
    __slots__ = ("conversation_id", "seq", "header")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    seq: int
    header: _envelope_pb2.Header
    def __init__(self, conversation_id: _Optional[str] = ..., seq: _Optional[int] = ..., header: _Optional[_Union[_envelope_pb2.Header, _Mapping]] = ...) -> None: ...

class AccountChange(_message.Message):
    __slots__ = ("account_id", "kind")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    kind: AccountChangeKind
    def __init__(self, account_id: _Optional[str] = ..., kind: _Optional[_Union[AccountChangeKind, str]] = ...) -> None: ...

class PositionMoved(_message.Message):
    __slots__ = ("conversation_id", "account_id", "device_id", "acked_seq", "read_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ACKED_SEQ_FIELD_NUMBER: _ClassVar[int]
    READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    account_id: str
    device_id: str
    acked_seq: int
    read_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., acked_seq: _Optional[int] = ..., read_seq: _Optional[int] = ...) -> None: ...

class FeedGap(_message.Message):
    __slots__ = ("dropped",)
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    def __init__(self, dropped: _Optional[int] = ...) -> None: ...
