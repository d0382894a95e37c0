"""Tidewire for Python: `Client` keeps a conversation going through restarts, drains and dead networks, and forgets nothing.

    async with Client.open("127.0.0.1:7400", "~/.tidewire/ann.db") as me:
        await me.register_username("ann")
        ben = await me.direct("ben")
        sending = await me.send(ben, "hello")     # durable on this device
        print((await sending).seq)                # durable on the server
        async for event in me.events(): ...

No protobuf type appears in this interface.
"""

from tidewire.account import Device, Privacy, Profile
from tidewire.attachments import UploadingMessage
from tidewire.client import Client, Sending
from tidewire.conversations import Conversation, Member
from tidewire.errors import MediaRejected, NotSignedIn, Refused, StoreBroken, StoreInUse, TidewireError, Unreachable
from tidewire.events import (
    CaughtUp,
    Connected,
    ConversationChanged,
    Disconnected,
    Event,
    Lagged,
    MemberChange,
    Message,
    NoticeReceived,
    PresenceChanged,
    Preview,
    ProfileChange,
    Quote,
    Reaction,
    SendFailed,
    Sent,
    TicksMoved,
    Typing,
)
from tidewire.media import Avatar, Media, MediaUsage, UploadMoved
from tidewire.media_rules.kinds import Kind

__all__ = [
    "Avatar",
    "CaughtUp",
    "Client",
    "Connected",
    "Conversation",
    "ConversationChanged",
    "Device",
    "Disconnected",
    "Event",
    "Kind",
    "Lagged",
    "Member",
    "MemberChange",
    "Media",
    "MediaRejected",
    "MediaUsage",
    "Message",
    "NotSignedIn",
    "NoticeReceived",
    "PresenceChanged",
    "Preview",
    "Privacy",
    "Profile",
    "ProfileChange",
    "Quote",
    "Reaction",
    "Refused",
    "SendFailed",
    "Sending",
    "Sent",
    "StoreBroken",
    "StoreInUse",
    "TicksMoved",
    "TidewireError",
    "Typing",
    "Unreachable",
    "UploadMoved",
    "UploadingMessage",
]
