from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Limits(_message.Message):
    __slots__ = ("frame_bytes_max", "body_bytes_max", "window_envelopes_max", "window_bytes_max", "group_members_max", "members_per_command_max", "devices_max", "commands_per_s", "commands_burst", "edit_window_s", "delete_window_s", "typing_ms", "watched_accounts_max", "ack_delay_ms", "ack_envelopes_max", "retention_s", "header_retention_s", "hello_timeout_ms", "ping_interval_ms", "setting_keys_max", "page_envelopes_max", "call_links_max", "call_link_idle_s")
    FRAME_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    BODY_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    WINDOW_ENVELOPES_MAX_FIELD_NUMBER: _ClassVar[int]
    WINDOW_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    GROUP_MEMBERS_MAX_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_PER_COMMAND_MAX_FIELD_NUMBER: _ClassVar[int]
    DEVICES_MAX_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_PER_S_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_BURST_FIELD_NUMBER: _ClassVar[int]
    EDIT_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    DELETE_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    TYPING_MS_FIELD_NUMBER: _ClassVar[int]
    WATCHED_ACCOUNTS_MAX_FIELD_NUMBER: _ClassVar[int]
    ACK_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    ACK_ENVELOPES_MAX_FIELD_NUMBER: _ClassVar[int]
    RETENTION_S_FIELD_NUMBER: _ClassVar[int]
    HEADER_RETENTION_S_FIELD_NUMBER: _ClassVar[int]
    HELLO_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    PING_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    SETTING_KEYS_MAX_FIELD_NUMBER: _ClassVar[int]
    PAGE_ENVELOPES_MAX_FIELD_NUMBER: _ClassVar[int]
    CALL_LINKS_MAX_FIELD_NUMBER: _ClassVar[int]
    CALL_LINK_IDLE_S_FIELD_NUMBER: _ClassVar[int]
    frame_bytes_max: int
    body_bytes_max: int
    window_envelopes_max: int
    window_bytes_max: int
    group_members_max: int
    members_per_command_max: int
    devices_max: int
    commands_per_s: int
    commands_burst: int
    edit_window_s: int
    delete_window_s: int
    typing_ms: int
    watched_accounts_max: int
    ack_delay_ms: int
    ack_envelopes_max: int
    retention_s: int
    header_retention_s: int
    hello_timeout_ms: int
    ping_interval_ms: int
    setting_keys_max: int
    page_envelopes_max: int
    call_links_max: int
    call_link_idle_s: int
    def __init__(self, frame_bytes_max: _Optional[int] = ..., body_bytes_max: _Optional[int] = ..., window_envelopes_max: _Optional[int] = ..., window_bytes_max: _Optional[int] = ..., group_members_max: _Optional[int] = ..., members_per_command_max: _Optional[int] = ..., devices_max: _Optional[int] = ..., commands_per_s: _Optional[int] = ..., commands_burst: _Optional[int] = ..., edit_window_s: _Optional[int] = ..., delete_window_s: _Optional[int] = ..., typing_ms: _Optional[int] = ..., watched_accounts_max: _Optional[int] = ..., ack_delay_ms: _Optional[int] = ..., ack_envelopes_max: _Optional[int] = ..., retention_s: _Optional[int] = ..., header_retention_s: _Optional[int] = ..., hello_timeout_ms: _Optional[int] = ..., ping_interval_ms: _Optional[int] = ..., setting_keys_max: _Optional[int] = ..., page_envelopes_max: _Optional[int] = ..., call_links_max: _Optional[int] = ..., call_link_idle_s: _Optional[int] = ...) -> None: ...

class Endpoints(_message.Message):
    __slots__ = ("chat", "media", "calls")
    CHAT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    chat: str
    media: str
    calls: str
    def __init__(self, chat: _Optional[str] = ..., media: _Optional[str] = ..., calls: _Optional[str] = ...) -> None: ...
