from tidewire.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallLink(_message.Message):
    __slots__ = ("link_id", "room_id", "approval", "created_at_ms", "used_at_ms")
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    USED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    link_id: str
    room_id: str
    approval: bool
    created_at_ms: int
    used_at_ms: int
    def __init__(self, link_id: _Optional[str] = ..., room_id: _Optional[str] = ..., approval: bool = ..., created_at_ms: _Optional[int] = ..., used_at_ms: _Optional[int] = ...) -> None: ...

class CreateCallLinkRequest(_message.Message):
    __slots__ = ("conversation_id", "approval")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    approval: bool
    def __init__(self, conversation_id: _Optional[str] = ..., approval: bool = ...) -> None: ...

class CreateCallLinkResponse(_message.Message):
    __slots__ = ("link", "token")
    LINK_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    link: CallLink
    token: str
    def __init__(self, link: _Optional[_Union[CallLink, _Mapping]] = ..., token: _Optional[str] = ...) -> None: ...

class ListCallLinksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCallLinksResponse(_message.Message):
    __slots__ = ("links",)
    LINKS_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[CallLink]
    def __init__(self, links: _Optional[_Iterable[_Union[CallLink, _Mapping]]] = ...) -> None: ...

class UpdateCallLinkRequest(_message.Message):
    __slots__ = ("link_id", "approval")
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    link_id: str
    approval: bool
    def __init__(self, link_id: _Optional[str] = ..., approval: bool = ...) -> None: ...

class UpdateCallLinkResponse(_message.Message):
    __slots__ = ("link",)
    LINK_FIELD_NUMBER: _ClassVar[int]
    link: CallLink
    def __init__(self, link: _Optional[_Union[CallLink, _Mapping]] = ...) -> None: ...

class RevokeCallLinkRequest(_message.Message):
    __slots__ = ("link_id",)
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    link_id: str
    def __init__(self, link_id: _Optional[str] = ...) -> None: ...

class RevokeCallLinkResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
