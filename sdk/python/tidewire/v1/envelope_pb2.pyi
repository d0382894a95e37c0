from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_TEXT: _ClassVar[Kind]
    KIND_MEDIA: _ClassVar[Kind]
    KIND_LOCATION: _ClassVar[Kind]
    KIND_CONTACT_CARD: _ClassVar[Kind]
    KIND_REACTION: _ClassVar[Kind]
    KIND_EDIT: _ClassVar[Kind]
    KIND_DELETION: _ClassVar[Kind]
    KIND_MEMBERSHIP: _ClassVar[Kind]
    KIND_GROUP_PROFILE: _ClassVar[Kind]
    KIND_POLL: _ClassVar[Kind]
    KIND_POLL_VOTE: _ClassVar[Kind]
    KIND_CALL_RECORD: _ClassVar[Kind]
    KIND_SYSTEM_NOTICE: _ClassVar[Kind]
    KIND_SETTING: _ClassVar[Kind]

class MediaKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_KIND_UNSPECIFIED: _ClassVar[MediaKind]
    MEDIA_KIND_IMAGE: _ClassVar[MediaKind]
    MEDIA_KIND_VIDEO: _ClassVar[MediaKind]
    MEDIA_KIND_VOICE: _ClassVar[MediaKind]
    MEDIA_KIND_AUDIO: _ClassVar[MediaKind]
    MEDIA_KIND_DOCUMENT: _ClassVar[MediaKind]
    MEDIA_KIND_AVATAR: _ClassVar[MediaKind]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_MEMBER: _ClassVar[Role]
    ROLE_ADMIN: _ClassVar[Role]
    ROLE_OWNER: _ClassVar[Role]

class MemberAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEMBER_ACTION_UNSPECIFIED: _ClassVar[MemberAction]
    MEMBER_ACTION_CREATED: _ClassVar[MemberAction]
    MEMBER_ACTION_ADDED: _ClassVar[MemberAction]
    MEMBER_ACTION_REMOVED: _ClassVar[MemberAction]
    MEMBER_ACTION_LEFT: _ClassVar[MemberAction]
    MEMBER_ACTION_ROLE_CHANGED: _ClassVar[MemberAction]

class CallOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_OUTCOME_UNSPECIFIED: _ClassVar[CallOutcome]
    CALL_OUTCOME_ANSWERED: _ClassVar[CallOutcome]
    CALL_OUTCOME_MISSED: _ClassVar[CallOutcome]
    CALL_OUTCOME_DECLINED: _ClassVar[CallOutcome]
    CALL_OUTCOME_CANCELLED: _ClassVar[CallOutcome]
    CALL_OUTCOME_BUSY: _ClassVar[CallOutcome]
KIND_UNSPECIFIED: Kind
KIND_TEXT: Kind
KIND_MEDIA: Kind
KIND_LOCATION: Kind
KIND_CONTACT_CARD: Kind
KIND_REACTION: Kind
KIND_EDIT: Kind
KIND_DELETION: Kind
KIND_MEMBERSHIP: Kind
KIND_GROUP_PROFILE: Kind
KIND_POLL: Kind
KIND_POLL_VOTE: Kind
KIND_CALL_RECORD: Kind
KIND_SYSTEM_NOTICE: Kind
KIND_SETTING: Kind
MEDIA_KIND_UNSPECIFIED: MediaKind
MEDIA_KIND_IMAGE: MediaKind
MEDIA_KIND_VIDEO: MediaKind
MEDIA_KIND_VOICE: MediaKind
MEDIA_KIND_AUDIO: MediaKind
MEDIA_KIND_DOCUMENT: MediaKind
MEDIA_KIND_AVATAR: MediaKind
ROLE_UNSPECIFIED: Role
ROLE_MEMBER: Role
ROLE_ADMIN: Role
ROLE_OWNER: Role
MEMBER_ACTION_UNSPECIFIED: MemberAction
MEMBER_ACTION_CREATED: MemberAction
MEMBER_ACTION_ADDED: MemberAction
MEMBER_ACTION_REMOVED: MemberAction
MEMBER_ACTION_LEFT: MemberAction
MEMBER_ACTION_ROLE_CHANGED: MemberAction
CALL_OUTCOME_UNSPECIFIED: CallOutcome
CALL_OUTCOME_ANSWERED: CallOutcome
CALL_OUTCOME_MISSED: CallOutcome
CALL_OUTCOME_DECLINED: CallOutcome
CALL_OUTCOME_CANCELLED: CallOutcome
CALL_OUTCOME_BUSY: CallOutcome

class Envelope(_message.Message):
    __slots__ = ("conversation_id", "seq", "header", "body")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    seq: int
    header: Header
    body: Body
    def __init__(self, conversation_id: _Optional[str] = ..., seq: _Optional[int] = ..., header: _Optional[_Union[Header, _Mapping]] = ..., body: _Optional[_Union[Body, _Mapping]] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("envelope_id", "sender_account_id", "sender_device_id", "at_ms", "expires_at_ms", "kind", "target_seq", "visible_count", "sealed")
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_SEQ_FIELD_NUMBER: _ClassVar[int]
    VISIBLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    envelope_id: str
    sender_account_id: str
    sender_device_id: str
    at_ms: int
    expires_at_ms: int
    kind: Kind
    target_seq: int
    visible_count: int
    sealed: bool
    def __init__(self, envelope_id: _Optional[str] = ..., sender_account_id: _Optional[str] = ..., sender_device_id: _Optional[str] = ..., at_ms: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., kind: _Optional[_Union[Kind, str]] = ..., target_seq: _Optional[int] = ..., visible_count: _Optional[int] = ..., sealed: bool = ...) -> None: ...

class Body(_message.Message):
    __slots__ = ("text", "media", "location", "contact_card", "reaction", "edit", "deletion", "membership", "group_profile", "poll", "poll_vote", "call_record", "system_notice", "sealed", "setting", "quote", "forward_score")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CONTACT_CARD_FIELD_NUMBER: _ClassVar[int]
    REACTION_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    DELETION_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    GROUP_PROFILE_FIELD_NUMBER: _ClassVar[int]
    POLL_FIELD_NUMBER: _ClassVar[int]
    POLL_VOTE_FIELD_NUMBER: _ClassVar[int]
    CALL_RECORD_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_NOTICE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    SETTING_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    FORWARD_SCORE_FIELD_NUMBER: _ClassVar[int]
    text: Text
    media: MediaRef
    location: Location
    contact_card: ContactCard
    reaction: Reaction
    edit: Edit
    deletion: Deletion
    membership: MembershipChange
    group_profile: GroupProfile
    poll: Poll
    poll_vote: PollVote
    call_record: CallRecord
    system_notice: SystemNotice
    sealed: Sealed
    setting: Setting
    quote: Quote
    forward_score: int
    def __init__(self, text: _Optional[_Union[Text, _Mapping]] = ..., media: _Optional[_Union[MediaRef, _Mapping]] = ..., location: _Optional[_Union[Location, _Mapping]] = ..., contact_card: _Optional[_Union[ContactCard, _Mapping]] = ..., reaction: _Optional[_Union[Reaction, _Mapping]] = ..., edit: _Optional[_Union[Edit, _Mapping]] = ..., deletion: _Optional[_Union[Deletion, _Mapping]] = ..., membership: _Optional[_Union[MembershipChange, _Mapping]] = ..., group_profile: _Optional[_Union[GroupProfile, _Mapping]] = ..., poll: _Optional[_Union[Poll, _Mapping]] = ..., poll_vote: _Optional[_Union[PollVote, _Mapping]] = ..., call_record: _Optional[_Union[CallRecord, _Mapping]] = ..., system_notice: _Optional[_Union[SystemNotice, _Mapping]] = ..., sealed: _Optional[_Union[Sealed, _Mapping]] = ..., setting: _Optional[_Union[Setting, _Mapping]] = ..., quote: _Optional[_Union[Quote, _Mapping]] = ..., forward_score: _Optional[int] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("text", "mentions", "preview")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MENTIONS_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    text: str
    mentions: _containers.RepeatedCompositeFieldContainer[Mention]
    preview: LinkPreview
    def __init__(self, text: _Optional[str] = ..., mentions: _Optional[_Iterable[_Union[Mention, _Mapping]]] = ..., preview: _Optional[_Union[LinkPreview, _Mapping]] = ...) -> None: ...

class Mention(_message.Message):
    __slots__ = ("account_id", "start", "length")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    start: int
    length: int
    def __init__(self, account_id: _Optional[str] = ..., start: _Optional[int] = ..., length: _Optional[int] = ...) -> None: ...

class LinkPreview(_message.Message):
    __slots__ = ("url", "title", "description", "thumbnail")
    URL_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    url: str
    title: str
    description: str
    thumbnail: bytes
    def __init__(self, url: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., thumbnail: _Optional[bytes] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("seq", "conversation_id", "sender_account_id", "excerpt")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    EXCERPT_FIELD_NUMBER: _ClassVar[int]
    seq: int
    conversation_id: str
    sender_account_id: str
    excerpt: str
    def __init__(self, seq: _Optional[int] = ..., conversation_id: _Optional[str] = ..., sender_account_id: _Optional[str] = ..., excerpt: _Optional[str] = ...) -> None: ...

class MediaRef(_message.Message):
    __slots__ = ("blob_id", "kind", "content_type", "size_bytes", "sha256", "width", "height", "duration_ms", "blurhash", "waveform", "name", "caption", "view_once")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    BLURHASH_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    kind: MediaKind
    content_type: str
    size_bytes: int
    sha256: bytes
    width: int
    height: int
    duration_ms: int
    blurhash: str
    waveform: bytes
    name: str
    caption: str
    view_once: bool
    def __init__(self, blob_id: _Optional[str] = ..., kind: _Optional[_Union[MediaKind, str]] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., duration_ms: _Optional[int] = ..., blurhash: _Optional[str] = ..., waveform: _Optional[bytes] = ..., name: _Optional[str] = ..., caption: _Optional[str] = ..., view_once: bool = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("latitude", "longitude", "accuracy_m", "name", "address")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_M_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    accuracy_m: int
    name: str
    address: str
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., accuracy_m: _Optional[int] = ..., name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class ContactCard(_message.Message):
    __slots__ = ("display_name", "account_id", "phones", "emails")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PHONES_FIELD_NUMBER: _ClassVar[int]
    EMAILS_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    account_id: str
    phones: _containers.RepeatedScalarFieldContainer[str]
    emails: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, display_name: _Optional[str] = ..., account_id: _Optional[str] = ..., phones: _Optional[_Iterable[str]] = ..., emails: _Optional[_Iterable[str]] = ...) -> None: ...

class Reaction(_message.Message):
    __slots__ = ("emoji",)
    EMOJI_FIELD_NUMBER: _ClassVar[int]
    emoji: str
    def __init__(self, emoji: _Optional[str] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: Text
    def __init__(self, text: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class Deletion(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MemberChange(_message.Message):
    __slots__ = ("account_id", "action", "role")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    action: MemberAction
    role: Role
    def __init__(self, account_id: _Optional[str] = ..., action: _Optional[_Union[MemberAction, str]] = ..., role: _Optional[_Union[Role, str]] = ...) -> None: ...

class MembershipChange(_message.Message):
    __slots__ = ("changes", "profile")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[MemberChange]
    profile: GroupProfile
    def __init__(self, changes: _Optional[_Iterable[_Union[MemberChange, _Mapping]]] = ..., profile: _Optional[_Union[GroupProfile, _Mapping]] = ...) -> None: ...

class Avatar(_message.Message):
    __slots__ = ("blob_id", "blurhash")
    BLOB_ID_FIELD_NUMBER: _ClassVar[int]
    BLURHASH_FIELD_NUMBER: _ClassVar[int]
    blob_id: str
    blurhash: str
    def __init__(self, blob_id: _Optional[str] = ..., blurhash: _Optional[str] = ...) -> None: ...

class GroupProfile(_message.Message):
    __slots__ = ("title", "description", "avatar")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    avatar: Avatar
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ..., avatar: _Optional[_Union[Avatar, _Mapping]] = ...) -> None: ...

class Poll(_message.Message):
    __slots__ = ("question", "choices", "choices_max")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    CHOICES_MAX_FIELD_NUMBER: _ClassVar[int]
    question: str
    choices: _containers.RepeatedScalarFieldContainer[str]
    choices_max: int
    def __init__(self, question: _Optional[str] = ..., choices: _Optional[_Iterable[str]] = ..., choices_max: _Optional[int] = ...) -> None: ...

class PollVote(_message.Message):
    __slots__ = ("choices",)
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, choices: _Optional[_Iterable[int]] = ...) -> None: ...

class CallRecord(_message.Message):
    __slots__ = ("call_id", "video", "outcome", "duration_ms")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    video: bool
    outcome: CallOutcome
    duration_ms: int
    def __init__(self, call_id: _Optional[str] = ..., video: bool = ..., outcome: _Optional[_Union[CallOutcome, str]] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class SystemNotice(_message.Message):
    __slots__ = ("code", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Sealed(_message.Message):
    __slots__ = ("ciphertext", "scheme")
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    ciphertext: bytes
    scheme: str
    def __init__(self, ciphertext: _Optional[bytes] = ..., scheme: _Optional[str] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
