"""Identifiers: which are random, which are derived, and what can be read from them.

A direct conversation's id is made of its two accounts and a self conversation's of its account, so that nobody has to create
them and two first messages meet in the same log.
"""

from __future__ import annotations

import hashlib
import re

ID_CHARS_MAX = 96

_ID = re.compile(r"[a-z0-9_.:-]{1,96}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Whether `text` could be an id of ours."""
    return _ID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in canonical lower-case form (RFC 9562 §4)."""
    return _UUID.fullmatch(text) is not None


def direct_id(one: str, other: str) -> str:
    """The id of the direct conversation of two different accounts, the same whoever asks."""
    low, high = sorted((one, other))
    return f"d:{low}:{high}"


def self_id(account_id: str) -> str:
    """The id of an account's self conversation."""
    return f"s:{account_id}"


def group_id(creator_id: str, envelope_id: str) -> str:
    """The id of the group that `creator_id` makes with the change `envelope_id`: a repeated command meets its first try."""
    digest = hashlib.sha256(f"{creator_id}/{envelope_id}".encode()).hexdigest()
    return f"g:{digest[:24]}"


def profile_id(account_id: str) -> str:
    """Where the picture of an account is held and seen. It is no conversation."""
    return f"p:{account_id}"


def profile_of(place: str) -> str:
    """The account whose profile the id names; "": it names none."""
    return place[2:] if place.startswith("p:") else ""


def is_group(conversation_id: str) -> bool:
    """Whether the id is a group's."""
    return conversation_id.startswith("g:")


def is_direct(conversation_id: str) -> bool:
    """Whether the id is a direct conversation's."""
    return conversation_id.startswith("d:")


def is_self(conversation_id: str) -> bool:
    """Whether the id is a self conversation's."""
    return conversation_id.startswith("s:")


def accounts_of(conversation_id: str) -> tuple[str, ...]:
    """The accounts that the id of a direct or self conversation names; () for a group or a malformed id."""
    parts = conversation_id.split(":")
    if parts[0] == "d" and len(parts) == 3 and "" < parts[1] < parts[2]:
        return (parts[1], parts[2])
    if parts[0] == "s" and len(parts) == 2 and parts[1]:
        return (parts[1],)
    return ()
