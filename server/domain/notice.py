"""What devices are told of things outside the logs. Never stored; each names where the truth is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ClosingReason(Enum):
    """Why a stream ends; the values are the numbers of `tidewire.v1.ClosingReason`."""

    REPLACED = 1
    DEVICE_REMOVED = 2
    DRAIN = 3
    FLOOD = 4
    NO_HELLO = 5
    SLOW = 6
    ACCOUNT_DELETED = 7
    SIGNED_OUT = 8
    INTERNAL = 9
    SUSPENDED = 10


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """The account's devices have changed."""


@dataclass(frozen=True, slots=True)
class LoginRequested:
    """Somebody asks to log in to this account."""

    login_id: str
    device_name: str


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Profile, privacy, contacts or blocks have changed."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What an internal service says, which the node does not read: a serialised `tidewire.v1.Notice`."""

    notice: bytes


Notice = DevicesChanged | LoginRequested | AccountChanged | Passed
