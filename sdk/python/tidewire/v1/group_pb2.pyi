from tidewire.v1 import chat_pb2 as _chat_pb2
from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChangeResult(_message.Message):
    __slots__ = ("sent", "refusal", "refused")
    SENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    sent: _chat_pb2.Sent
    refusal: _refusal_pb2.Refusal
    refused: _containers.RepeatedCompositeFieldContainer[MemberRefusal]
    def __init__(self, sent: _Optional[_Union[_chat_pb2.Sent, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., refused: _Optional[_Iterable[_Union[MemberRefusal, _Mapping]]] = ...) -> None: ...

class MemberRefusal(_message.Message):
    __slots__ = ("account_id", "refusal")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    refusal: _refusal_pb2.Refusal
    def __init__(self, account_id: _Optional[str] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class ChangeId(_message.Message):
    __slots__ = ("envelope_id", "known_seq")
    ENVELOPE_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_SEQ_FIELD_NUMBER: _ClassVar[int]
    envelope_id: str
    known_seq: int
    def __init__(self, envelope_id: _Optional[str] = ..., known_seq: _Optional[int] = ...) -> None: ...

class CreateGroupRequest(_message.Message):
    __slots__ = ("change", "title", "description", "account_ids")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    change: ChangeId
    title: str
    description: str
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, change: _Optional[_Union[ChangeId, _Mapping]] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateGroupResponse(_message.Message):
    __slots__ = ("conversation_id", "result")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    result: ChangeResult
    def __init__(self, conversation_id: _Optional[str] = ..., result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...

class AddMembersRequest(_message.Message):
    __slots__ = ("conversation_id", "change", "account_ids")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    change: ChangeId
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_id: _Optional[str] = ..., change: _Optional[_Union[ChangeId, _Mapping]] = ..., account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class AddMembersResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: ChangeResult
    def __init__(self, result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...

class RemoveMembersRequest(_message.Message):
    __slots__ = ("conversation_id", "change", "account_ids")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_IDS_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    change: ChangeId
    account_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, conversation_id: _Optional[str] = ..., change: _Optional[_Union[ChangeId, _Mapping]] = ..., account_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RemoveMembersResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: ChangeResult
    def __init__(self, result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...

class LeaveGroupRequest(_message.Message):
    __slots__ = ("conversation_id", "change")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    change: ChangeId
    def __init__(self, conversation_id: _Optional[str] = ..., change: _Optional[_Union[ChangeId, _Mapping]] = ...) -> None: ...

class LeaveGroupResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: ChangeResult
    def __init__(self, result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...

class SetRoleRequest(_message.Message):
    __slots__ = ("conversation_id", "change", "account_id", "role")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    change: ChangeId
    account_id: str
    role: _envelope_pb2.Role
    def __init__(self, conversation_id: _Optional[str] = ..., change: _Optional[_Union[ChangeId, _Mapping]] = ..., account_id: _Optional[str] = ..., role: _Optional[_Union[_envelope_pb2.Role, str]] = ...) -> None: ...

class SetRoleResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: ChangeResult
    def __init__(self, result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...

class UpdateGroupRequest(_message.Message):
    __slots__ = ("conversation_id", "change", "profile")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    change: ChangeId
    profile: _envelope_pb2.GroupProfile
    def __init__(self, conversation_id: _Optional[str] = ..., change: _Optional[_Union[ChangeId, _Mapping]] = ..., profile: _Optional[_Union[_envelope_pb2.GroupProfile, _Mapping]] = ...) -> None: ...

class UpdateGroupResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: ChangeResult
    def __init__(self, result: _Optional[_Union[ChangeResult, _Mapping]] = ...) -> None: ...
