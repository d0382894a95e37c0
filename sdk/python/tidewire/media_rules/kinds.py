"""What a person sends something as."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The sender's choice; whether the content fits it is judged."""

    IMAGE = "image"
    VIDEO = "video"
    VOICE = "voice"
    """Recorded in the chat: played once, drawn as a waveform."""
    AUDIO = "audio"
    """A piece of music or a recording that is sent as a file."""
    DOCUMENT = "document"
    """Any bytes; never looked into, always served as an attachment."""
    AVATAR = "avatar"
