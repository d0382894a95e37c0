"""What one node tells another. Each may be lost: the comparison with the log heals it."""

from __future__ import annotations

from dataclasses import dataclass

from server.domain.connection import Moved
from server.domain.envelope import Entry
from server.domain.identity import Identity
from server.domain.notice import ClosingReason


@dataclass(frozen=True, slots=True)
class Grown:
    """A log has grown."""

    conversation_id: str
    since: int
    """The head before."""
    head: int
    entries: tuple[Entry, ...]
    """What is new, or the last of it where that is much; none: it has to be read."""
    account_ids: tuple[str, ...]
    """Those of the audience that have devices on the node that is told."""


@dataclass(frozen=True, slots=True)
class DeviceMoved:
    """A device has acked or read: authors who wait for ticks may be on the node that is told."""

    identity: Identity
    moved: Moved


@dataclass(frozen=True, slots=True)
class AccountsTold:
    """Devices of accounts are to be told something, which is serialised already."""

    account_ids: tuple[str, ...]
    events: tuple[bytes, ...]
    except_device_id: str = ""
    along: bool = False
    """It may wait for the next frame."""
    only_device_id: str = ""


@dataclass(frozen=True, slots=True)
class DeviceClosed:
    """A device's stream is to be closed: any that it has, or one only."""

    account_id: str
    device_id: str
    reason: ClosingReason
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """An account is online on a node, or no more."""

    account_id: str
    node_id: str
    """With its incarnation (`Peer.place`): what it said before it was started again counts for nothing."""
    online: bool
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Profile, privacy, contacts, blocks or standing of an account have changed: what is kept of it in memory is old."""

    account_id: str


Relayed = Grown | DeviceMoved | AccountsTold | DeviceClosed | PresenceChanged | AccountChanged
