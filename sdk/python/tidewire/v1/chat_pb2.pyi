from tidewire.v1 import conversation_pb2 as _conversation_pb2
from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import limits_pb2 as _limits_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TypingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TYPING_KIND_UNSPECIFIED: _ClassVar[TypingKind]
    TYPING_KIND_TEXT: _ClassVar[TypingKind]
    TYPING_KIND_VOICE: _ClassVar[TypingKind]

class ClosingReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOSING_REASON_UNSPECIFIED: _ClassVar[ClosingReason]
    CLOSING_REASON_REPLACED: _ClassVar[ClosingReason]
    CLOSING_REASON_DEVICE_REMOVED: _ClassVar[ClosingReason]
    CLOSING_REASON_DRAIN: _ClassVar[ClosingReason]
    CLOSING_REASON_FLOOD: _ClassVar[ClosingReason]
    CLOSING_REASON_NO_HELLO: _ClassVar[ClosingReason]
    CLOSING_REASON_SLOW: _ClassVar[ClosingReason]
    CLOSING_REASON_ACCOUNT_DELETED: _ClassVar[ClosingReason]
    CLOSING_REASON_SIGNED_OUT: _ClassVar[ClosingReason]
    CLOSING_REASON_INTERNAL: _ClassVar[ClosingReason]
    CLOSING_REASON_SUSPENDED: _ClassVar[ClosingReason]
TYPING_KIND_UNSPECIFIED: TypingKind
TYPING_KIND_TEXT: TypingKind
TYPING_KIND_VOICE: TypingKind
CLOSING_REASON_UNSPECIFIED: ClosingReason
CLOSING_REASON_REPLACED: ClosingReason
CLOSING_REASON_DEVICE_REMOVED: ClosingReason
CLOSING_REASON_DRAIN: ClosingReason
CLOSING_REASON_FLOOD: ClosingReason
CLOSING_REASON_NO_HELLO: ClosingReason
CLOSING_REASON_SLOW: ClosingReason
CLOSING_REASON_ACCOUNT_DELETED: ClosingReason
CLOSING_REASON_SIGNED_OUT: ClosingReason
CLOSING_REASON_INTERNAL: ClosingReason
CLOSING_REASON_SUSPENDED: ClosingReason

class ConnectRequest(_message.Message):
    __slots__ = ("commands",)
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[Command]
    def __init__(self, commands: _Optional[_Iterable[_Union[Command, _Mapping]]] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("hello",)
    HELLO_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("commands",)
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[Command]
    def __init__(self, commands: _Optional[_Iterable[_Union[Command, _Mapping]]] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class GetLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLimitsResponse(_message.Message):
    __slots__ = ("limits", "enabled_kinds")
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ENABLED_KINDS_FIELD_NUMBER: _ClassVar[int]
    limits: _limits_pb2.Limits
    enabled_kinds: _containers.RepeatedScalarFieldContainer[_envelope_pb2.Kind]
    def __init__(self, limits: _Optional[_Union[_limits_pb2.Limits, _Mapping]] = ..., enabled_kinds: _Optional[_Iterable[_Union[_envelope_pb2.Kind, str]]] = ...) -> None: ...

class GetEndpointsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEndpointsResponse(_message.Message):
    __slots__ = ("endpoints",)
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    endpoints: _limits_pb2.Endpoints
    def __init__(self, endpoints: _Optional[_Union[_limits_pb2.Endpoints, _Mapping]] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("ref", "hello", "send", "ack", "mark_read", "typing", "set_foreground", "watch_presence", "ping")
    REF_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SEND_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    MARK_READ_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    SET_FOREGROUND_FIELD_NUMBER: _ClassVar[int]
    WATCH_PRESENCE_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    ref: int
    hello: Hello
    send: Send
    ack: Ack
    mark_read: MarkRead
    typing: Typing
    set_foreground: SetForeground
    watch_presence: WatchPresence
    ping: Ping
    def __init__(self, ref: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., send: _Optional[_Union[Send, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., mark_read: _Optional[_Union[MarkRead, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., set_foreground: _Optional[_Union[SetForeground, _Mapping]] = ..., watch_presence: _Optional[_Union[WatchPresence, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("positions", "epoch", "unfinished_conversation_ids", "last", "foreground", "client")
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_CONVERSATION_IDS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    FOREGROUND_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedCompositeFieldContainer[DevicePosition]
    epoch: str
    unfinished_conversation_ids: _containers.RepeatedScalarFieldContainer[str]
    last: bool
    foreground: bool
    client: str
    def __init__(self, positions: _Optional[_Iterable[_Union[DevicePosition, _Mapping]]] = ..., epoch: _Optional[str] = ..., unfinished_conversation_ids: _Optional[_Iterable[str]] = ..., last: bool = ..., foreground: bool = ..., client: _Optional[str] = ...) -> None: ...

class DevicePosition(_message.Message):
    __slots__ = ("conversation_id", "acked_seq", "read_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACKED_SEQ_FIELD_NUMBER: _ClassVar[int]
    READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    acked_seq: int
    read_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., acked_seq: _Optional[int] = ..., read_seq: _Optional[int] = ...) -> None: ...

class Send(_message.Message):
    __slots__ = ("conversation_id", "envelope_id", "known_seq", "transmission", "body", "target_seq", "expires_in_s", "kind")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRANSMISSION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TARGET_SEQ_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    envelope_id: str
    known_seq: int
    transmission: int
    body: _envelope_pb2.Body
    target_seq: int
    expires_in_s: int
    kind: _envelope_pb2.Kind
    def __init__(self, conversation_id: _Optional[str] = ..., envelope_id: _Optional[str] = ..., known_seq: _Optional[int] = ..., transmission: _Optional[int] = ..., body: _Optional[_Union[_envelope_pb2.Body, _Mapping]] = ..., target_seq: _Optional[int] = ..., expires_in_s: _Optional[int] = ..., kind: _Optional[_Union[_envelope_pb2.Kind, str]] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("conversation_id", "up_to_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    UP_TO_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    up_to_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., up_to_seq: _Optional[int] = ...) -> None: ...

class MarkRead(_message.Message):
    __slots__ = ("conversation_id", "up_to_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    UP_TO_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    up_to_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., up_to_seq: _Optional[int] = ...) -> None: ...

class Typing(_message.Message):
    __slots__ = ("conversation_id", "kind", "account_id")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    kind: TypingKind
    account_id: str
    def __init__(self, conversation_id: _Optional[str] = ..., kind: _Optional[_Union[TypingKind, str]] = ..., account_id: _Optional[str] = ...) -> None: ...

class SetForeground(_message.Message):
    __slots__ = ("foreground",)
    FOREGROUND_FIELD_NUMBER: _ClassVar[int]
    foreground: bool
    def __init__(self, foreground: bool = ...) -> None: ...

class WatchPresence(_message.Message):
    __slots__ = ("account_ids",)
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Event(_message.Message):
    __slots__ = ("welcome", "state", "send_result", "envelope", "gap", "positions", "caught_up", "typing", "presence", "notice", "pong", "closing", "refusal")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEND_RESULT_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    state: State
    send_result: SendResult
    envelope: _envelope_pb2.Envelope
    gap: Gap
    positions: Positions
    caught_up: CaughtUp
    typing: Typing
    presence: Presence
    notice: Notice
    pong: Pong
    closing: Closing
    refusal: _refusal_pb2.Refusal
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., state: _Optional[_Union[State, _Mapping]] = ..., send_result: _Optional[_Union[SendResult, _Mapping]] = ..., envelope: _Optional[_Union[_envelope_pb2.Envelope, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., positions: _Optional[_Union[Positions, _Mapping]] = ..., caught_up: _Optional[_Union[CaughtUp, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., presence: _Optional[_Union[Presence, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., closing: _Optional[_Union[Closing, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("connection_id", "epoch", "server_time_ms", "limits", "enabled_kinds", "endpoints", "account_id", "device_id")
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ENABLED_KINDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    epoch: str
    server_time_ms: int
    limits: _limits_pb2.Limits
    enabled_kinds: _containers.RepeatedScalarFieldContainer[_envelope_pb2.Kind]
    endpoints: _limits_pb2.Endpoints
    account_id: str
    device_id: str
    def __init__(self, connection_id: _Optional[str] = ..., epoch: _Optional[str] = ..., server_time_ms: _Optional[int] = ..., limits: _Optional[_Union[_limits_pb2.Limits, _Mapping]] = ..., enabled_kinds: _Optional[_Iterable[_Union[_envelope_pb2.Kind, str]]] = ..., endpoints: _Optional[_Union[_limits_pb2.Endpoints, _Mapping]] = ..., account_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class State(_message.Message):
    __slots__ = ("conversation", "start_seq", "settings", "last", "resync")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    START_SEQ_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    conversation: _conversation_pb2.Conversation
    start_seq: int
    settings: _containers.RepeatedCompositeFieldContainer[_envelope_pb2.Setting]
    last: bool
    resync: bool
    def __init__(self, conversation: _Optional[_Union[_conversation_pb2.Conversation, _Mapping]] = ..., start_seq: _Optional[int] = ..., settings: _Optional[_Iterable[_Union[_envelope_pb2.Setting, _Mapping]]] = ..., last: bool = ..., resync: bool = ...) -> None: ...

class SendResult(_message.Message):
    __slots__ = ("ref", "conversation_id", "envelope_id", "sent", "not_a_member", "not_allowed", "limit_exceeded", "kind_not_enabled", "too_old", "target_not_found", "window_passed", "mode_mismatch", "rate_limited", "unavailable", "invalid")
    REF_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    NOT_A_MEMBER_FIELD_NUMBER: _ClassVar[int]
    NOT_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_EXCEEDED_FIELD_NUMBER: _ClassVar[int]
    KIND_NOT_ENABLED_FIELD_NUMBER: _ClassVar[int]
    TOO_OLD_FIELD_NUMBER: _ClassVar[int]
    TARGET_NOT_FOUND_FIELD_NUMBER: _ClassVar[int]
    WINDOW_PASSED_FIELD_NUMBER: _ClassVar[int]
    MODE_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMITED_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELD_NUMBER: _ClassVar[int]
    ref: int
    conversation_id: str
    envelope_id: str
    sent: Sent
    not_a_member: _refusal_pb2.NotAMember
    not_allowed: _refusal_pb2.NotAllowed
    limit_exceeded: _refusal_pb2.LimitExceeded
    kind_not_enabled: _refusal_pb2.KindNotEnabled
    too_old: _refusal_pb2.TooOld
    target_not_found: _refusal_pb2.TargetNotFound
    window_passed: _refusal_pb2.WindowPassed
    mode_mismatch: _refusal_pb2.ModeMismatch
    rate_limited: _refusal_pb2.RateLimited
    unavailable: _refusal_pb2.Unavailable
    invalid: _refusal_pb2.Invalid
    def __init__(self, ref: _Optional[int] = ..., conversation_id: _Optional[str] = ..., envelope_id: _Optional[str] = ..., sent: _Optional[_Union[Sent, _Mapping]] = ..., not_a_member: _Optional[_Union[_refusal_pb2.NotAMember, _Mapping]] = ..., not_allowed: _Optional[_Union[_refusal_pb2.NotAllowed, _Mapping]] = ..., limit_exceeded: _Optional[_Union[_refusal_pb2.LimitExceeded, _Mapping]] = ..., kind_not_enabled: _Optional[_Union[_refusal_pb2.KindNotEnabled, _Mapping]] = ..., too_old: _Optional[_Union[_refusal_pb2.TooOld, _Mapping]] = ..., target_not_found: _Optional[_Union[_refusal_pb2.TargetNotFound, _Mapping]] = ..., window_passed: _Optional[_Union[_refusal_pb2.WindowPassed, _Mapping]] = ..., mode_mismatch: _Optional[_Union[_refusal_pb2.ModeMismatch, _Mapping]] = ..., rate_limited: _Optional[_Union[_refusal_pb2.RateLimited, _Mapping]] = ..., unavailable: _Optional[_Union[_refusal_pb2.Unavailable, _Mapping]] = ..., invalid: _Optional[_Union[_refusal_pb2.Invalid, _Mapping]] = ...) -> None: ...

class Sent(_message.Message):
    __slots__ = ("seq", "at_ms", "duplicate")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    seq: int
    at_ms: int
    duplicate: bool
    def __init__(self, seq: _Optional[int] = ..., at_ms: _Optional[int] = ..., duplicate: bool = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("conversation_id", "from_seq", "to_seq", "own")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    TO_SEQ_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    from_seq: int
    to_seq: int
    own: _containers.RepeatedCompositeFieldContainer[OwnEnvelope]
    def __init__(self, conversation_id: _Optional[str] = ..., from_seq: _Optional[int] = ..., to_seq: _Optional[int] = ..., own: _Optional[_Iterable[_Union[OwnEnvelope, _Mapping]]] = ...) -> None: ...

class OwnEnvelope(_message.Message):
    __slots__ = ("seq", "envelope_id")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    seq: int
    envelope_id: str
    def __init__(self, seq: _Optional[int] = ..., envelope_id: _Optional[str] = ...) -> None: ...

class SeqRange(_message.Message):
    __slots__ = ("from_seq", "to_seq")
    FROM_SEQ_FIELD_NUMBER: _ClassVar[int]
    TO_SEQ_FIELD_NUMBER: _ClassVar[int]
    from_seq: int
    to_seq: int
    def __init__(self, from_seq: _Optional[int] = ..., to_seq: _Optional[int] = ...) -> None: ...

class Positions(_message.Message):
    __slots__ = ("conversation_id", "delivered", "read", "own_read_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    OWN_READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    delivered: _containers.RepeatedCompositeFieldContainer[SeqRange]
    read: _containers.RepeatedCompositeFieldContainer[SeqRange]
    own_read_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., delivered: _Optional[_Iterable[_Union[SeqRange, _Mapping]]] = ..., read: _Optional[_Iterable[_Union[SeqRange, _Mapping]]] = ..., own_read_seq: _Optional[int] = ...) -> None: ...

class CaughtUp(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Presence(_message.Message):
    __slots__ = ("account_id", "online", "last_seen_at_ms", "hidden")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_MS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    online: Online
    last_seen_at_ms: int
    hidden: Hidden
    def __init__(self, account_id: _Optional[str] = ..., online: _Optional[_Union[Online, _Mapping]] = ..., last_seen_at_ms: _Optional[int] = ..., hidden: _Optional[_Union[Hidden, _Mapping]] = ...) -> None: ...

class Online(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Hidden(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Notice(_message.Message):
    __slots__ = ("devices_changed", "login_requested", "account_changed", "call_ringing", "call_ended", "blob_ready", "blob_rejected", "service", "blob_viewed")
    DEVICES_CHANGED_FIELD_NUMBER: _ClassVar[int]
    LOGIN_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CALL_RINGING_FIELD_NUMBER: _ClassVar[int]
    CALL_ENDED_FIELD_NUMBER: _ClassVar[int]
    BLOB_READY_FIELD_NUMBER: _ClassVar[int]
    BLOB_REJECTED_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    BLOB_VIEWED_FIELD_NUMBER: _ClassVar[int]
    devices_changed: DevicesChanged
    login_requested: LoginRequested
    account_changed: AccountChanged
    call_ringing: CallRinging
    call_ended: CallEnded
    blob_ready: BlobReady
    blob_rejected: BlobRejected
    service: ServiceNotice
    blob_viewed: BlobViewed
    def __init__(self, devices_changed: _Optional[_Union[DevicesChanged, _Mapping]] = ..., login_requested: _Optional[_Union[LoginRequested, _Mapping]] = ..., account_changed: _Optional[_Union[AccountChanged, _Mapping]] = ..., call_ringing: _Optional[_Union[CallRinging, _Mapping]] = ..., call_ended: _Optional[_Union[CallEnded, _Mapping]] = ..., blob_ready: _Optional[_Union[BlobReady, _Mapping]] = ..., blob_rejected: _Optional[_Union[BlobRejected, _Mapping]] = ..., service: _Optional[_Union[ServiceNotice, _Mapping]] = ..., blob_viewed: _Optional[_Union[BlobViewed, _Mapping]] = ...) -> None: ...

class CallRinging(_message.Message):
    __slots__ = ("call_id", "conversation_id", "caller_account_id", "video", "rings_until_ms")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    RINGS_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    conversation_id: str
    caller_account_id: str
    video: bool
    rings_until_ms: int
    def __init__(self, call_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., caller_account_id: _Optional[str] = ..., video: bool = ..., rings_until_ms: _Optional[int] = ...) -> None: ...

class CallEnded(_message.Message):
    __slots__ = ("call_id", "outcome")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    outcome: _envelope_pb2.CallOutcome
    def __init__(self, call_id: _Optional[str] = ..., outcome: _Optional[_Union[_envelope_pb2.CallOutcome, str]] = ...) -> None: ...

class BlobReady(_message.Message):
    __slots__ = ("blob_id",)
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    def __init__(self, blob_id: _Optional[str] = ...) -> None: ...

class BlobRejected(_message.Message):
    __slots__ = ("blob_id", "reason", "limit", "actual", "name")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    reason: str
    limit: int
    actual: int
    name: str
    def __init__(self, blob_id: _Optional[str] = ..., reason: _Optional[str] = ..., limit: _Optional[int] = ..., actual: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class BlobViewed(_message.Message):
    __slots__ = ("blob_id", "conversation_id", "account_id")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    conversation_id: str
    account_id: str
    def __init__(self, blob_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., account_id: _Optional[str] = ...) -> None: ...

class ServiceNotice(_message.Message):
    __slots__ = ("topic", "payload")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    topic: str
    payload: bytes
    def __init__(self, topic: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class DevicesChanged(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LoginRequested(_message.Message):
    __slots__ = ("login_id", "device_name")
    LOGIN_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    login_id: str
    device_name: str
    def __init__(self, login_id: _Optional[str] = ..., device_name: _Optional[str] = ...) -> None: ...

class AccountChanged(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = ("ref", "server_time_ms")
    REF_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ref: int
    server_time_ms: int
    def __init__(self, ref: _Optional[int] = ..., server_time_ms: _Optional[int] = ...) -> None: ...

class Closing(_message.Message):
    __slots__ = ("reason", "retry_after_ms", "detail")
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    reason: ClosingReason
    retry_after_ms: int
    detail: str
    def __init__(self, reason: _Optional[_Union[ClosingReason, str]] = ..., retry_after_ms: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...
