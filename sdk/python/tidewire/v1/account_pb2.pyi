from tidewire.v1 import device_pb2 as _device_pb2
from tidewire.v1 import envelope_pb2 as _envelope_pb2
from tidewire.v1 import options_pb2 as _options_pb2
from tidewire.v1 import refusal_pb2 as _refusal_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Audience(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIENCE_UNSPECIFIED: _ClassVar[Audience]
    AUDIENCE_EVERYONE: _ClassVar[Audience]
    AUDIENCE_CONTACTS: _ClassVar[Audience]
    AUDIENCE_CONTACTS_EXCEPT: _ClassVar[Audience]
    AUDIENCE_NOBODY: _ClassVar[Audience]
AUDIENCE_UNSPECIFIED: Audience
AUDIENCE_EVERYONE: Audience
AUDIENCE_CONTACTS: Audience
AUDIENCE_CONTACTS_EXCEPT: Audience
AUDIENCE_NOBODY: Audience

class Handle(_message.Message):
    __slots__ = ("username", "phone", "email")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    username: str
    phone: str
    email: str
    def __init__(self, username: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class StartRegistrationRequest(_message.Message):
    __slots__ = ("handle",)
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    handle: Handle
    def __init__(self, handle: _Optional[_Union[Handle, _Mapping]] = ...) -> None: ...

class StartRegistrationResponse(_message.Message):
    __slots__ = ("challenge", "refusal")
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    challenge: Challenge
    refusal: _refusal_pb2.Refusal
    def __init__(self, challenge: _Optional[_Union[Challenge, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class Challenge(_message.Message):
    __slots__ = ("challenge_id", "expires_in_s", "resend_after_s", "tries_max")
    CHALLENGE_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    RESEND_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    TRIES_MAX_FIELD_NUMBER: _ClassVar[int]
    challenge_id: str
    expires_in_s: int
    resend_after_s: int
    tries_max: int
    def __init__(self, challenge_id: _Optional[str] = ..., expires_in_s: _Optional[int] = ..., resend_after_s: _Optional[int] = ..., tries_max: _Optional[int] = ...) -> None: ...

class ConfirmRegistrationRequest(_message.Message):
    __slots__ = ("challenge_id", "code", "display_name", "device_name")
    CHALLENGE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    challenge_id: str
    code: str
    display_name: str
    device_name: str
    def __init__(self, challenge_id: _Optional[str] = ..., code: _Optional[str] = ..., display_name: _Optional[str] = ..., device_name: _Optional[str] = ...) -> None: ...

class ConfirmRegistrationResponse(_message.Message):
    __slots__ = ("credentials", "refusal")
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    credentials: Credentials
    refusal: _refusal_pb2.Refusal
    def __init__(self, credentials: _Optional[_Union[Credentials, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class RegisterUsernameRequest(_message.Message):
    __slots__ = ("username", "display_name", "device_name")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    username: str
    display_name: str
    device_name: str
    def __init__(self, username: _Optional[str] = ..., display_name: _Optional[str] = ..., device_name: _Optional[str] = ...) -> None: ...

class RegisterUsernameResponse(_message.Message):
    __slots__ = ("credentials", "refusal", "recovery_code")
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_CODE_FIELD_NUMBER: _ClassVar[int]
    credentials: Credentials
    refusal: _refusal_pb2.Refusal
    recovery_code: str
    def __init__(self, credentials: _Optional[_Union[Credentials, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., recovery_code: _Optional[str] = ...) -> None: ...

class Credentials(_message.Message):
    __slots__ = ("account_id", "device_id", "access_token", "access_expires_in_s", "refresh_token", "refresh_expires_in_s")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACCESS_EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REFRESH_EXPIRES_IN_S_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    device_id: str
    access_token: str
    access_expires_in_s: int
    refresh_token: str
    refresh_expires_in_s: int
    def __init__(self, account_id: _Optional[str] = ..., device_id: _Optional[str] = ..., access_token: _Optional[str] = ..., access_expires_in_s: _Optional[int] = ..., refresh_token: _Optional[str] = ..., refresh_expires_in_s: _Optional[int] = ...) -> None: ...

class StartLoginRequest(_message.Message):
    __slots__ = ("handle", "device_name")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    handle: Handle
    device_name: str
    def __init__(self, handle: _Optional[_Union[Handle, _Mapping]] = ..., device_name: _Optional[str] = ...) -> None: ...

class StartLoginResponse(_message.Message):
    __slots__ = ("challenge", "refusal")
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    challenge: Challenge
    refusal: _refusal_pb2.Refusal
    def __init__(self, challenge: _Optional[_Union[Challenge, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class ConfirmLoginRequest(_message.Message):
    __slots__ = ("challenge_id", "code", "recovery_code", "approval", "device_name", "replace_device_id")
    CHALLENGE_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_CODE_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    REPLACE_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    challenge_id: str
    code: str
    recovery_code: str
    approval: Approval
    device_name: str
    replace_device_id: str
    def __init__(self, challenge_id: _Optional[str] = ..., code: _Optional[str] = ..., recovery_code: _Optional[str] = ..., approval: _Optional[_Union[Approval, _Mapping]] = ..., device_name: _Optional[str] = ..., replace_device_id: _Optional[str] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConfirmLoginResponse(_message.Message):
    __slots__ = ("credentials", "refusal", "devices")
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    credentials: Credentials
    refusal: _refusal_pb2.Refusal
    devices: _containers.RepeatedCompositeFieldContainer[_device_pb2.Device]
    def __init__(self, credentials: _Optional[_Union[Credentials, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[_device_pb2.Device, _Mapping]]] = ...) -> None: ...

class RefreshTokenRequest(_message.Message):
    __slots__ = ("refresh_token", "exchange_id")
    REFRESH_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    refresh_token: str
    exchange_id: str
    def __init__(self, refresh_token: _Optional[str] = ..., exchange_id: _Optional[str] = ...) -> None: ...

class RefreshTokenResponse(_message.Message):
    __slots__ = ("credentials", "refusal")
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    credentials: Credentials
    refusal: _refusal_pb2.Refusal
    def __init__(self, credentials: _Optional[_Union[Credentials, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAccountResponse(_message.Message):
    __slots__ = ("account",)
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    account: Account
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("account_id", "display_name", "bio", "username", "phone", "email", "privacy", "created_at_ms", "avatar")
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    BIO_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    display_name: str
    bio: str
    username: str
    phone: str
    email: str
    privacy: Privacy
    created_at_ms: int
    avatar: _envelope_pb2.Avatar
    def __init__(self, account_id: _Optional[str] = ..., display_name: _Optional[str] = ..., bio: _Optional[str] = ..., username: _Optional[str] = ..., phone: _Optional[str] = ..., email: _Optional[str] = ..., privacy: _Optional[_Union[Privacy, _Mapping]] = ..., created_at_ms: _Optional[int] = ..., avatar: _Optional[_Union[_envelope_pb2.Avatar, _Mapping]] = ...) -> None: ...

class Privacy(_message.Message):
    __slots__ = ("last_seen", "last_seen_except", "read_receipts", "add_to_groups", "add_to_groups_except", "findable", "silence_strangers", "avatar", "avatar_except")
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_EXCEPT_FIELD_NUMBER: _ClassVar[int]
    READ_RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    ADD_TO_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ADD_TO_GROUPS_EXCEPT_FIELD_NUMBER: _ClassVar[int]
    FINDABLE_FIELD_NUMBER: _ClassVar[int]
    SILENCE_STRANGERS_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    AVATAR_EXCEPT_FIELD_NUMBER: _ClassVar[int]
    last_seen: Audience
    last_seen_except: _containers.RepeatedScalarFieldContainer[str]
    read_receipts: bool
    add_to_groups: Audience
    add_to_groups_except: _containers.RepeatedScalarFieldContainer[str]
    findable: bool
    silence_strangers: bool
    avatar: Audience
    avatar_except: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, last_seen: _Optional[_Union[Audience, str]] = ..., last_seen_except: _Optional[_Iterable[str]] = ..., read_receipts: bool = ..., add_to_groups: _Optional[_Union[Audience, str]] = ..., add_to_groups_except: _Optional[_Iterable[str]] = ..., findable: bool = ..., silence_strangers: bool = ..., avatar: _Optional[_Union[Audience, str]] = ..., avatar_except: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateAccountRequest(_message.Message):
    __slots__ = ("display_name", "bio", "username", "avatar")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    BIO_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    bio: str
    username: str
    avatar: _envelope_pb2.Avatar
    def __init__(self, display_name: _Optional[str] = ..., bio: _Optional[str] = ..., username: _Optional[str] = ..., avatar: _Optional[_Union[_envelope_pb2.Avatar, _Mapping]] = ...) -> None: ...

class UpdateAccountResponse(_message.Message):
    __slots__ = ("account", "refusal")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    account: Account
    refusal: _refusal_pb2.Refusal
    def __init__(self, account: _Optional[_Union[Account, _Mapping]] = ..., refusal: _Optional[_Union[_refusal_pb2.Refusal, _Mapping]] = ...) -> None: ...

class UpdatePrivacyRequest(_message.Message):
    __slots__ = ("privacy",)
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    privacy: Privacy
    def __init__(self, privacy: _Optional[_Union[Privacy, _Mapping]] = ...) -> None: ...

class UpdatePrivacyResponse(_message.Message):
    __slots__ = ("privacy",)
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    privacy: Privacy
    def __init__(self, privacy: _Optional[_Union[Privacy, _Mapping]] = ...) -> None: ...

class DeleteAccountRequest(_message.Message):
    __slots__ = ("account_id",)
    ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    account_id: str
    def __init__(self, account_id: _Optional[str] = ...) -> None: ...

class DeleteAccountResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
