from tidewire.v1 import chat_pb2 as _chat_pb2
from tidewire.v1 import envelope_pb2 as _envelope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkRequest(_message.Message):
    __slots__ = ("hello", "batch", "ack")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    hello: LinkHello
    batch: Batch
    ack: BatchAck
    def __init__(self, hello: _Optional[_Union[LinkHello, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., ack: _Optional[_Union[BatchAck, _Mapping]] = ...) -> None: ...

class LinkResponse(_message.Message):
    __slots__ = ("hello", "batch", "ack")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    hello: LinkHello
    batch: Batch
    ack: BatchAck
    def __init__(self, hello: _Optional[_Union[LinkHello, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., ack: _Optional[_Union[BatchAck, _Mapping]] = ...) -> None: ...

class LinkHello(_message.Message):
    __slots__ = ("node_id", "incarnation")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    incarnation: str
    def __init__(self, node_id: _Optional[str] = ..., incarnation: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("number", "relayed")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RELAYED_FIELD_NUMBER: _ClassVar[int]
    number: int
    relayed: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, number: _Optional[int] = ..., relayed: _Optional[_Iterable[bytes]] = ...) -> None: ...

class BatchAck(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Relayed(_message.Message):
    __slots__ = ("grown", "device_moved", "accounts_told", "device_closed", "presence_changed", "account_changed")
    GROWN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_MOVED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_TOLD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CHANGED_FIELD_NUMBER: _ClassVar[int]
    grown: Grown
    device_moved: DeviceMoved
    accounts_told: AccountsTold
    device_closed: DeviceClosed
    presence_changed: PresenceChanged
    account_changed: AccountChanged
    def __init__(self, grown: _Optional[_Union[Grown, _Mapping]] = ..., device_moved: _Optional[_Union[DeviceMoved, _Mapping]] = ..., accounts_told: _Optional[_Union[AccountsTold, _Mapping]] = ..., device_closed: _Optional[_Union[DeviceClosed, _Mapping]] = ..., presence_changed: _Optional[_Union[PresenceChanged, _Mapping]] = ..., account_changed: _Optional[_Union[AccountChanged, _Mapping]] = ...) -> None: ...

class Grown(_message.Message):
    __slots__ = ("conversation_id", "since", "head", "entries", "account_ids")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    since: int
    head: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_id: _Optional[str] = ..., since: _Optional[int] = ..., head: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("seq", "header", "withheld_from", "body", "change")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FROM_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    seq: int
    header: _envelope_pb2.Header
    withheld_from: str
    body: bytes
    change: _envelope_pb2.Body
    def __init__(self, seq: _Optional[int] = ..., header: _Optional[_Union[_envelope_pb2.Header, _Mapping]] = ..., withheld_from: _Optional[str] = ..., body: _Optional[bytes] = ..., change: _Optional[_Union[_envelope_pb2.Body, _Mapping]] = ...) -> None: ...

class DeviceMoved(_message.Message):
    __slots__ = ("account_id", "device_id", "conversation_id", "acked", "read", "skipped")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    conversation_id: str
    acked: int
    read: int
    skipped: _containers.RepeatedCompositeFieldContainer[_chat_pb2.SeqRange]
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., acked: _Optional[int] = ..., read: _Optional[int] = ..., skipped: _Optional[_Iterable[_Union[_chat_pb2.SeqRange, _Mapping]]] = ...) -> None: ...

class AccountsTold(_message.Message):
    __slots__ = ("account_ids", "events", "except_device_id", "along", "only_device_id")
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    EXCEPT_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ALONG_FIELD_NUMBER: _ClassVar[int]
    ONLY_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    events: _containers.RepeatedScalarFieldContainer[bytes]
    except_device_id: str
    along: bool
    only_device_id: str
    def __init__(self, account_ids: _Optional[_Iterable[str]] = ..., events: _Optional[_Iterable[bytes]] = ..., except_device_id: _Optional[str] = ..., along: bool = ..., only_device_id: _Optional[str] = ...) -> None: ...

class DeviceClosed(_message.Message):
    __slots__ = ("account_id", "device_id", "reason", "connection_id")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    reason: _chat_pb2.ClosingReason
    connection_id: str
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., reason: _Optional[_Union[_chat_pb2.ClosingReason, str]] = ..., connection_id: _Optional[str] = ...) -> None: ...

class PresenceChanged(_message.Message):
    __slots__ = ("account_id", "node_id", "online", "last_seen_ms")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_MS_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    node_id: str
    online: bool
    last_seen_ms: int
    def __init__(self, account_id: _Optional[str] = ..., node_id: _Optional[str] = ..., online: bool = ..., last_seen_ms: _Optional[int] = ...) -> None: ...

class AccountChanged(_message.Message):
    __slots__ = ("account_id",)
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    def __init__(self, account_id: _Optional[str] = ...) -> None: ...

class ForwardRequest(_message.Message):
    __slots__ = ("account_id", "device_id", "commands")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    commands: _containers.RepeatedCompositeFieldContainer[_chat_pb2.Command]
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., commands: _Optional[_Iterable[_Union[_chat_pb2.Command, _Mapping]]] = ...) -> None: ...

class ForwardResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_chat_pb2.Event]
    def __init__(self, events: _Optional[_Iterable[_Union[_chat_pb2.Event, _Mapping]]] = ...) -> None: ...
