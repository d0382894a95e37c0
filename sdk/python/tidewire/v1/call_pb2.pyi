from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_STATE_UNSPECIFIED: _ClassVar[CallState]
    CALL_STATE_RINGING: _ClassVar[CallState]
    CALL_STATE_CONNECTING: _ClassVar[CallState]
    CALL_STATE_ACTIVE: _ClassVar[CallState]
    CALL_STATE_RECONNECTING: _ClassVar[CallState]

class CallEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_END_UNSPECIFIED: _ClassVar[CallEnd]
    CALL_END_HANGUP: _ClassVar[CallEnd]
    CALL_END_DECLINED: _ClassVar[CallEnd]
    CALL_END_BUSY: _ClassVar[CallEnd]
    CALL_END_MISSED: _ClassVar[CallEnd]
    CALL_END_CANCELLED: _ClassVar[CallEnd]
    CALL_END_ANSWERED_ELSEWHERE: _ClassVar[CallEnd]
    CALL_END_DECLINED_ELSEWHERE: _ClassVar[CallEnd]
    CALL_END_NETWORK: _ClassVar[CallEnd]
    CALL_END_FAILED: _ClassVar[CallEnd]
    CALL_END_REPLACED: _ClassVar[CallEnd]
    CALL_END_REMOVED: _ClassVar[CallEnd]
    CALL_END_DENIED: _ClassVar[CallEnd]
    CALL_END_REVOKED: _ClassVar[CallEnd]

class TrackSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACK_SOURCE_UNSPECIFIED: _ClassVar[TrackSource]
    TRACK_SOURCE_MICROPHONE: _ClassVar[TrackSource]
    TRACK_SOURCE_CAMERA: _ClassVar[TrackSource]
    TRACK_SOURCE_SCREEN: _ClassVar[TrackSource]

class WaitingAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WAITING_ANSWER_UNSPECIFIED: _ClassVar[WaitingAnswer]
    WAITING_ANSWER_ADMIT: _ClassVar[WaitingAnswer]
    WAITING_ANSWER_DENY: _ClassVar[WaitingAnswer]
    WAITING_ANSWER_BLOCK: _ClassVar[WaitingAnswer]
CALL_STATE_UNSPECIFIED: CallState
CALL_STATE_RINGING: CallState
CALL_STATE_CONNECTING: CallState
CALL_STATE_ACTIVE: CallState
CALL_STATE_RECONNECTING: CallState
CALL_END_UNSPECIFIED: CallEnd
CALL_END_HANGUP: CallEnd
CALL_END_DECLINED: CallEnd
CALL_END_BUSY: CallEnd
CALL_END_MISSED: CallEnd
CALL_END_CANCELLED: CallEnd
CALL_END_ANSWERED_ELSEWHERE: CallEnd
CALL_END_DECLINED_ELSEWHERE: CallEnd
CALL_END_NETWORK: CallEnd
CALL_END_FAILED: CallEnd
CALL_END_REPLACED: CallEnd
CALL_END_REMOVED: CallEnd
CALL_END_DENIED: CallEnd
CALL_END_REVOKED: CallEnd
TRACK_SOURCE_UNSPECIFIED: TrackSource
TRACK_SOURCE_MICROPHONE: TrackSource
TRACK_SOURCE_CAMERA: TrackSource
TRACK_SOURCE_SCREEN: TrackSource
WAITING_ANSWER_UNSPECIFIED: WaitingAnswer
WAITING_ANSWER_ADMIT: WaitingAnswer
WAITING_ANSWER_DENY: WaitingAnswer
WAITING_ANSWER_BLOCK: WaitingAnswer

class GetCallLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCallLimitsResponse(_message.Message):
    __slots__ = ("limits",)
    class LimitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: _containers.ScalarMap[str, int]
    def __init__(self, limits: _Optional[_Mapping[str, int]] = ...) -> None: ...

class SignalRequest(_message.Message):
    __slots__ = ("ref", "hello", "place", "show_ringing", "accept", "decline", "busy", "candidates", "describe", "hang_up", "media", "refresh_ice", "join", "answer_down", "restart_down", "watch", "set_self", "leave", "peek", "moderate", "ring_members", "answer_waiting")
    REF_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SHOW_RINGING_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    DECLINE_FIELD_NUMBER: _ClassVar[int]
    BUSY_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    DESCRIBE_FIELD_NUMBER: _ClassVar[int]
    HANG_UP_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    REFRESH_ICE_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    ANSWER_DOWN_FIELD_NUMBER: _ClassVar[int]
    RESTART_DOWN_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    SET_SELF_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    PEEK_FIELD_NUMBER: _ClassVar[int]
    MODERATE_FIELD_NUMBER: _ClassVar[int]
    RING_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_WAITING_FIELD_NUMBER: _ClassVar[int]
    ref: int
    hello: CallHello
    place: PlaceCall
    show_ringing: ShowRinging
    accept: AcceptCall
    decline: DeclineCall
    busy: SayBusy
    candidates: SendCandidates
    describe: DescribeCall
    hang_up: HangUp
    media: ReportMedia
    refresh_ice: RefreshIce
    join: JoinGroupCall
    answer_down: AnswerDown
    restart_down: RestartDown
    watch: WatchTracks
    set_self: SetSelf
    leave: LeaveGroupCall
    peek: PeekGroupCall
    moderate: Moderate
    ring_members: RingMembers
    answer_waiting: AnswerWaiting
    def __init__(self, ref: _Optional[int] = ..., hello: _Optional[_Union[CallHello, _Mapping]] = ..., place: _Optional[_Union[PlaceCall, _Mapping]] = ..., show_ringing: _Optional[_Union[ShowRinging, _Mapping]] = ..., accept: _Optional[_Union[AcceptCall, _Mapping]] = ..., decline: _Optional[_Union[DeclineCall, _Mapping]] = ..., busy: _Optional[_Union[SayBusy, _Mapping]] = ..., candidates: _Optional[_Union[SendCandidates, _Mapping]] = ..., describe: _Optional[_Union[DescribeCall, _Mapping]] = ..., hang_up: _Optional[_Union[HangUp, _Mapping]] = ..., media: _Optional[_Union[ReportMedia, _Mapping]] = ..., refresh_ice: _Optional[_Union[RefreshIce, _Mapping]] = ..., join: _Optional[_Union[JoinGroupCall, _Mapping]] = ..., answer_down: _Optional[_Union[AnswerDown, _Mapping]] = ..., restart_down: _Optional[_Union[RestartDown, _Mapping]] = ..., watch: _Optional[_Union[WatchTracks, _Mapping]] = ..., set_self: _Optional[_Union[SetSelf, _Mapping]] = ..., leave: _Optional[_Union[LeaveGroupCall, _Mapping]] = ..., peek: _Optional[_Union[PeekGroupCall, _Mapping]] = ..., moderate: _Optional[_Union[Moderate, _Mapping]] = ..., ring_members: _Optional[_Union[RingMembers, _Mapping]] = ..., answer_waiting: _Optional[_Union[AnswerWaiting, _Mapping]] = ...) -> None: ...

class SignalResponse(_message.Message):
    __slots__ = ("ref", "welcome", "refusal", "done", "placed", "incoming", "rings", "accepted", "candidates", "described", "over", "ice", "closing", "joined", "roster", "down_offer", "speakers", "muted", "move", "group_over", "group_rings", "waiting", "waiting_room", "admitted")
    REF_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    PLACED_FIELD_NUMBER: _ClassVar[int]
    INCOMING_FIELD_NUMBER: _ClassVar[int]
    RINGS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    DESCRIBED_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    ICE_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    DOWN_OFFER_FIELD_NUMBER: _ClassVar[int]
    SPEAKERS_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    MOVE_FIELD_NUMBER: _ClassVar[int]
    GROUP_OVER_FIELD_NUMBER: _ClassVar[int]
    GROUP_RINGS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    WAITING_ROOM_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    ref: int
    welcome: CallWelcome
    refusal: _refusal_pb2.Refusal
    done: CallDone
    placed: CallPlaced
    incoming: IncomingCall
    rings: CallRings
    accepted: CallAccepted
    candidates: CandidatesReceived
    described: CallDescribed
    over: CallOver
    ice: IceServers
    closing: CallClosing
    joined: GroupCallJoined
    roster: GroupCallRoster
    down_offer: DownOffer
    speakers: SpeakersChanged
    muted: MutedByAdmin
    move: GroupCallMove
    group_over: GroupCallOver
    group_rings: GroupCallRings
    waiting: GroupCallWaiting
    waiting_room: WaitingRoom
    admitted: GroupCallAdmitted
    def __init__(self, ref: _Optional[int] = ..., welcome: _Optional[_Union[CallWelcome, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., done: _Optional[_Union[CallDone, _Mapping]] = ..., placed: _Optional[_Union[CallPlaced, _Mapping]] = ..., incoming: _Optional[_Union[IncomingCall, _Mapping]] = ..., rings: _Optional[_Union[CallRings, _Mapping]] = ..., accepted: _Optional[_Union[CallAccepted, _Mapping]] = ..., candidates: _Optional[_Union[CandidatesReceived, _Mapping]] = ..., described: _Optional[_Union[CallDescribed, _Mapping]] = ..., over: _Optional[_Union[CallOver, _Mapping]] = ..., ice: _Optional[_Union[IceServers, _Mapping]] = ..., closing: _Optional[_Union[CallClosing, _Mapping]] = ..., joined: _Optional[_Union[GroupCallJoined, _Mapping]] = ..., roster: _Optional[_Union[GroupCallRoster, _Mapping]] = ..., down_offer: _Optional[_Union[DownOffer, _Mapping]] = ..., speakers: _Optional[_Union[SpeakersChanged, _Mapping]] = ..., muted: _Optional[_Union[MutedByAdmin, _Mapping]] = ..., move: _Optional[_Union[GroupCallMove, _Mapping]] = ..., group_over: _Optional[_Union[GroupCallOver, _Mapping]] = ..., group_rings: _Optional[_Union[GroupCallRings, _Mapping]] = ..., waiting: _Optional[_Union[GroupCallWaiting, _Mapping]] = ..., waiting_room: _Optional[_Union[WaitingRoom, _Mapping]] = ..., admitted: _Optional[_Union[GroupCallAdmitted, _Mapping]] = ...) -> None: ...

class CallHello(_message.Message):
    __slots__ = ("access_token",)
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    def __init__(self, access_token: _Optional[str] = ...) -> None: ...

class CallWelcome(_message.Message):
    __slots__ = ("calls", "silence_ms_max", "account_id", "device_id")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    SILENCE_MS_MAX_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[CallSnapshot]
    silence_ms_max: int
    account_id: str
    device_id: str
    def __init__(self, calls: _Optional[_Iterable[_Union[CallSnapshot, _Mapping]]] = ..., silence_ms_max: _Optional[int] = ..., account_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class CallSnapshot(_message.Message):
    __slots__ = ("state", "call", "outgoing", "answer", "candidates", "offer")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    OUTGOING_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    state: CallState
    call: IncomingCall
    outgoing: bool
    answer: CallDescription
    candidates: _containers.RepeatedCompositeFieldContainer[IceCandidate]
    offer: CallDescription
    def __init__(self, state: _Optional[_Union[CallState, str]] = ..., call: _Optional[_Union[IncomingCall, _Mapping]] = ..., outgoing: bool = ..., answer: _Optional[_Union[CallDescription, _Mapping]] = ..., candidates: _Optional[_Iterable[_Union[IceCandidate, _Mapping]]] = ..., offer: _Optional[_Union[CallDescription, _Mapping]] = ...) -> None: ...

class CallDescription(_message.Message):
    __slots__ = ("revision", "sdp", "sealed")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SDP_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    revision: int
    sdp: str
    sealed: bytes
    def __init__(self, revision: _Optional[int] = ..., sdp: _Optional[str] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class IceCandidate(_message.Message):
    __slots__ = ("candidate", "mid", "line")
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    MID_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    candidate: str
    mid: str
    line: int
    def __init__(self, candidate: _Optional[str] = ..., mid: _Optional[str] = ..., line: _Optional[int] = ...) -> None: ...

class IceServer(_message.Message):
    __slots__ = ("urls", "username", "credential")
    URLS_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    urls: _containers.RepeatedScalarFieldContainer[str]
    username: str
    credential: str
    def __init__(self, urls: _Optional[_Iterable[str]] = ..., username: _Optional[str] = ..., credential: _Optional[str] = ...) -> None: ...

class IceServers(_message.Message):
    __slots__ = ("servers", "relay_only", "expires_at_ms")
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    RELAY_ONLY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    servers: _containers.RepeatedCompositeFieldContainer[IceServer]
    relay_only: bool
    expires_at_ms: int
    def __init__(self, servers: _Optional[_Iterable[_Union[IceServer, _Mapping]]] = ..., relay_only: bool = ..., expires_at_ms: _Optional[int] = ...) -> None: ...

class PlaceCall(_message.Message):
    __slots__ = ("call_id", "conversation_id", "video", "offer")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    conversation_id: str
    video: bool
    offer: CallDescription
    def __init__(self, call_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., video: bool = ..., offer: _Optional[_Union[CallDescription, _Mapping]] = ...) -> None: ...

class CallPlaced(_message.Message):
    __slots__ = ("call_id", "rings_until_ms", "ice", "ticket", "calling_you_call_id")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    RINGS_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    ICE_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    CALLING_YOU_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    rings_until_ms: int
    ice: IceServers
    ticket: bytes
    calling_you_call_id: str
    def __init__(self, call_id: _Optional[str] = ..., rings_until_ms: _Optional[int] = ..., ice: _Optional[_Union[IceServers, _Mapping]] = ..., ticket: _Optional[bytes] = ..., calling_you_call_id: _Optional[str] = ...) -> None: ...

class IncomingCall(_message.Message):
    __slots__ = ("call_id", "conversation_id", "caller_account_id", "video", "offer", "rings_until_ms", "ice", "ticket", "silent")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    RINGS_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    ICE_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    conversation_id: str
    caller_account_id: str
    video: bool
    offer: CallDescription
    rings_until_ms: int
    ice: IceServers
    ticket: bytes
    silent: bool
    def __init__(self, call_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., caller_account_id: _Optional[str] = ..., video: bool = ..., offer: _Optional[_Union[CallDescription, _Mapping]] = ..., rings_until_ms: _Optional[int] = ..., ice: _Optional[_Union[IceServers, _Mapping]] = ..., ticket: _Optional[bytes] = ..., silent: bool = ...) -> None: ...

class ShowRinging(_message.Message):
    __slots__ = ("call_id",)
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    def __init__(self, call_id: _Optional[str] = ...) -> None: ...

class CallRings(_message.Message):
    __slots__ = ("call_id",)
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    def __init__(self, call_id: _Optional[str] = ...) -> None: ...

class AcceptCall(_message.Message):
    __slots__ = ("call_id", "answer")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    answer: CallDescription
    def __init__(self, call_id: _Optional[str] = ..., answer: _Optional[_Union[CallDescription, _Mapping]] = ...) -> None: ...

class CallAccepted(_message.Message):
    __slots__ = ("call_id", "answer", "device_id")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    answer: CallDescription
    device_id: str
    def __init__(self, call_id: _Optional[str] = ..., answer: _Optional[_Union[CallDescription, _Mapping]] = ..., device_id: _Optional[str] = ...) -> None: ...

class DeclineCall(_message.Message):
    __slots__ = ("call_id",)
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    def __init__(self, call_id: _Optional[str] = ...) -> None: ...

class SayBusy(_message.Message):
    __slots__ = ("call_id",)
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    def __init__(self, call_id: _Optional[str] = ...) -> None: ...

class SendCandidates(_message.Message):
    __slots__ = ("call_id", "candidates")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    candidates: _containers.RepeatedCompositeFieldContainer[IceCandidate]
    def __init__(self, call_id: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[IceCandidate, _Mapping]]] = ...) -> None: ...

class CandidatesReceived(_message.Message):
    __slots__ = ("call_id", "candidates")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    candidates: _containers.RepeatedCompositeFieldContainer[IceCandidate]
    def __init__(self, call_id: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[IceCandidate, _Mapping]]] = ...) -> None: ...

class DescribeCall(_message.Message):
    __slots__ = ("call_id", "description", "answers")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    description: CallDescription
    answers: bool
    def __init__(self, call_id: _Optional[str] = ..., description: _Optional[_Union[CallDescription, _Mapping]] = ..., answers: bool = ...) -> None: ...

class CallDescribed(_message.Message):
    __slots__ = ("call_id", "description", "answers")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    description: CallDescription
    answers: bool
    def __init__(self, call_id: _Optional[str] = ..., description: _Optional[_Union[CallDescription, _Mapping]] = ..., answers: bool = ...) -> None: ...

class HangUp(_message.Message):
    __slots__ = ("call_id", "ticket", "talked_ms", "failed")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    TALKED_MS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    ticket: bytes
    talked_ms: int
    failed: bool
    def __init__(self, call_id: _Optional[str] = ..., ticket: _Optional[bytes] = ..., talked_ms: _Optional[int] = ..., failed: bool = ...) -> None: ...

class ReportMedia(_message.Message):
    __slots__ = ("call_id", "flows")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    flows: bool
    def __init__(self, call_id: _Optional[str] = ..., flows: bool = ...) -> None: ...

class RefreshIce(_message.Message):
    __slots__ = ("call_id",)
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    def __init__(self, call_id: _Optional[str] = ...) -> None: ...

class CallOver(_message.Message):
    __slots__ = ("call_id", "reason")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    reason: CallEnd
    def __init__(self, call_id: _Optional[str] = ..., reason: _Optional[_Union[CallEnd, str]] = ...) -> None: ...

class CallDone(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CallClosing(_message.Message):
    __slots__ = ("replaced", "retry_after_ms")
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    replaced: bool
    retry_after_ms: int
    def __init__(self, replaced: bool = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class SectionSource(_message.Message):
    __slots__ = ("mid", "source")
    MID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    mid: str
    source: TrackSource
    def __init__(self, mid: _Optional[str] = ..., source: _Optional[_Union[TrackSource, str]] = ...) -> None: ...

class JoinGroupCall(_message.Message):
    __slots__ = ("conversation_id", "offer", "sections", "ring", "era_id", "muted", "camera_off", "link_token")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    RING_FIELD_NUMBER: _ClassVar[int]
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    CAMERA_OFF_FIELD_NUMBER: _ClassVar[int]
    LINK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    offer: CallDescription
    sections: _containers.RepeatedCompositeFieldContainer[SectionSource]
    ring: bool
    era_id: str
    muted: bool
    camera_off: bool
    link_token: str
    def __init__(self, conversation_id: _Optional[str] = ..., offer: _Optional[_Union[CallDescription, _Mapping]] = ..., sections: _Optional[_Iterable[_Union[SectionSource, _Mapping]]] = ..., ring: bool = ..., era_id: _Optional[str] = ..., muted: bool = ..., camera_off: bool = ..., link_token: _Optional[str] = ...) -> None: ...

class GroupCallWaiting(_message.Message):
    __slots__ = ("conversation_id", "until_ms")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    until_ms: int
    def __init__(self, conversation_id: _Optional[str] = ..., until_ms: _Optional[int] = ...) -> None: ...

class WaitingGuest(_message.Message):
    __slots__ = ("waiting_id", "account_id", "display_name", "since_ms")
    WAITING_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    waiting_id: str
    account_id: str
    display_name: str
    since_ms: int
    def __init__(self, waiting_id: _Optional[str] = ..., account_id: _Optional[str] = ..., display_name: _Optional[str] = ..., since_ms: _Optional[int] = ...) -> None: ...

class WaitingRoom(_message.Message):
    __slots__ = ("conversation_id", "waiting")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    waiting: _containers.RepeatedCompositeFieldContainer[WaitingGuest]
    def __init__(self, conversation_id: _Optional[str] = ..., waiting: _Optional[_Iterable[_Union[WaitingGuest, _Mapping]]] = ...) -> None: ...

class GroupCallAdmitted(_message.Message):
    __slots__ = ("conversation_id",)
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    def __init__(self, conversation_id: _Optional[str] = ...) -> None: ...

class AnswerWaiting(_message.Message):
    __slots__ = ("conversation_id", "waiting_ids", "answer")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    WAITING_IDS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    waiting_ids: _containers.RepeatedScalarFieldContainer[str]
    answer: WaitingAnswer
    def __init__(self, conversation_id: _Optional[str] = ..., waiting_ids: _Optional[_Iterable[str]] = ..., answer: _Optional[_Union[WaitingAnswer, str]] = ...) -> None: ...

class GroupCallJoined(_message.Message):
    __slots__ = ("call_id", "era_id", "participant_id", "answer", "roster", "ice")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    ICE_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    era_id: str
    participant_id: str
    answer: CallDescription
    roster: GroupCallRoster
    ice: IceServers
    def __init__(self, call_id: _Optional[str] = ..., era_id: _Optional[str] = ..., participant_id: _Optional[str] = ..., answer: _Optional[_Union[CallDescription, _Mapping]] = ..., roster: _Optional[_Union[GroupCallRoster, _Mapping]] = ..., ice: _Optional[_Union[IceServers, _Mapping]] = ...) -> None: ...

class Participant(_message.Message):
    __slots__ = ("participant_id", "account_id", "muted", "camera_off", "hand_raised", "sources", "reconnecting", "joined_at_ms", "guest", "display_name")
    PARTICIPANT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    CAMERA_OFF_FIELD_NUMBER: _ClassVar[int]
    HAND_RAISED_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    RECONNECTING_FIELD_NUMBER: _ClassVar[int]
    JOINED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    GUEST_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    participant_id: str
    account_id: str
    muted: bool
    camera_off: bool
    hand_raised: bool
    sources: _containers.RepeatedScalarFieldContainer[TrackSource]
    reconnecting: bool
    joined_at_ms: int
    guest: bool
    display_name: str
    def __init__(self, participant_id: _Optional[str] = ..., account_id: _Optional[str] = ..., muted: bool = ..., camera_off: bool = ..., hand_raised: bool = ..., sources: _Optional[_Iterable[_Union[TrackSource, str]]] = ..., reconnecting: bool = ..., joined_at_ms: _Optional[int] = ..., guest: bool = ..., display_name: _Optional[str] = ...) -> None: ...

class GroupCallRoster(_message.Message):
    __slots__ = ("conversation_id", "era_id", "participants", "began_at_ms")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    BEGAN_AT_MS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    era_id: str
    participants: _containers.RepeatedCompositeFieldContainer[Participant]
    began_at_ms: int
    def __init__(self, conversation_id: _Optional[str] = ..., era_id: _Optional[str] = ..., participants: _Optional[_Iterable[_Union[Participant, _Mapping]]] = ..., began_at_ms: _Optional[int] = ...) -> None: ...

class SectionTrack(_message.Message):
    __slots__ = ("mid", "participant_id", "source")
    MID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    mid: str
    participant_id: str
    source: TrackSource
    def __init__(self, mid: _Optional[str] = ..., participant_id: _Optional[str] = ..., source: _Optional[_Union[TrackSource, str]] = ...) -> None: ...

class DownOffer(_message.Message):
    __slots__ = ("conversation_id", "offer", "tracks")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    offer: CallDescription
    tracks: _containers.RepeatedCompositeFieldContainer[SectionTrack]
    def __init__(self, conversation_id: _Optional[str] = ..., offer: _Optional[_Union[CallDescription, _Mapping]] = ..., tracks: _Optional[_Iterable[_Union[SectionTrack, _Mapping]]] = ...) -> None: ...

class AnswerDown(_message.Message):
    __slots__ = ("conversation_id", "answer")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    answer: CallDescription
    def __init__(self, conversation_id: _Optional[str] = ..., answer: _Optional[_Union[CallDescription, _Mapping]] = ...) -> None: ...

class RestartDown(_message.Message):
    __slots__ = ("conversation_id",)
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    def __init__(self, conversation_id: _Optional[str] = ...) -> None: ...

class WatchedTrack(_message.Message):
    __slots__ = ("participant_id", "source", "height")
    PARTICIPANT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    participant_id: str
    source: TrackSource
    height: int
    def __init__(self, participant_id: _Optional[str] = ..., source: _Optional[_Union[TrackSource, str]] = ..., height: _Optional[int] = ...) -> None: ...

class WatchTracks(_message.Message):
    __slots__ = ("conversation_id", "tracks")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    tracks: _containers.RepeatedCompositeFieldContainer[WatchedTrack]
    def __init__(self, conversation_id: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[WatchedTrack, _Mapping]]] = ...) -> None: ...

class SetSelf(_message.Message):
    __slots__ = ("conversation_id", "muted", "camera_off", "hand_raised")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    CAMERA_OFF_FIELD_NUMBER: _ClassVar[int]
    HAND_RAISED_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    muted: bool
    camera_off: bool
    hand_raised: bool
    def __init__(self, conversation_id: _Optional[str] = ..., muted: bool = ..., camera_off: bool = ..., hand_raised: bool = ...) -> None: ...

class LeaveGroupCall(_message.Message):
    __slots__ = ("conversation_id",)
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    def __init__(self, conversation_id: _Optional[str] = ...) -> None: ...

class PeekGroupCall(_message.Message):
    __slots__ = ("conversation_id", "follow")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    follow: bool
    def __init__(self, conversation_id: _Optional[str] = ..., follow: bool = ...) -> None: ...

class Moderate(_message.Message):
    __slots__ = ("conversation_id", "participant_id", "remove", "block")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_ID_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    participant_id: str
    remove: bool
    block: bool
    def __init__(self, conversation_id: _Optional[str] = ..., participant_id: _Optional[str] = ..., remove: bool = ..., block: bool = ...) -> None: ...

class RingMembers(_message.Message):
    __slots__ = ("conversation_id", "account_ids")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_id: _Optional[str] = ..., account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SpeakersChanged(_message.Message):
    __slots__ = ("conversation_id", "participant_ids")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    participant_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_id: _Optional[str] = ..., participant_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class MutedByAdmin(_message.Message):
    __slots__ = ("conversation_id", "account_id")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    account_id: str
    def __init__(self, conversation_id: _Optional[str] = ..., account_id: _Optional[str] = ...) -> None: ...

class GroupCallMove(_message.Message):
    __slots__ = ("conversation_id", "after_ms")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    after_ms: int
    def __init__(self, conversation_id: _Optional[str] = ..., after_ms: _Optional[int] = ...) -> None: ...

class GroupCallRings(_message.Message):
    __slots__ = ("conversation_id", "era_id", "caller_account_id", "video", "rings_until_ms")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERA_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    RINGS_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    era_id: str
    caller_account_id: str
    video: bool
    rings_until_ms: int
    def __init__(self, conversation_id: _Optional[str] = ..., era_id: _Optional[str] = ..., caller_account_id: _Optional[str] = ..., video: bool = ..., rings_until_ms: _Optional[int] = ...) -> None: ...

class GroupCallOver(_message.Message):
    __slots__ = ("conversation_id", "reason")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    reason: CallEnd
    def __init__(self, conversation_id: _Optional[str] = ..., reason: _Optional[_Union[CallEnd, str]] = ...) -> None: ...
