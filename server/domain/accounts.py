"""Accounts, devices and privacy: data, and the rules about them.

Rules that live here and nowhere else:
- An account has one primary device and at most `devices_max` in all; one more is refused with the list.
- A code is valid for `code_ttl_s` and `code_tries_max` tries; a secret is stored as a keyed hash only.
- Who may know something: by the audience of the one it is about; of presence, reciprocally; nobody across a block. A picture is hidden
  from whom its owner blocks.
- A suspended account can do nothing; who writes to it is not told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from enum import IntEnum

from server.domain.avatar import Avatar
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal


class Audience(IntEnum):
    """Who may know something; the numbers are those of `tidewire.v1.Audience`."""

    EVERYONE = 1
    CONTACTS = 2
    CONTACTS_EXCEPT = 3
    NOBODY = 4


@dataclass(frozen=True, slots=True)
class Privacy:
    """Who may see what of an account."""

    last_seen: Audience = Audience.EVERYONE
    last_seen_except: tuple[str, ...] = ()
    read_receipts: bool = True
    add_to_groups: Audience = Audience.EVERYONE
    add_to_groups_except: tuple[str, ...] = ()
    findable: bool = True
    silence_strangers: bool = False
    """Calls of who is not in the contacts make no sound."""
    avatar: Audience = Audience.EVERYONE
    avatar_except: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """What the operator has said of an account."""

    bot: bool = False
    """A program speaks for it."""
    suspended_at_ms: int = 0
    """Since when it is suspended (Unix ms); 0: it is not."""
    suspended_for: str = ""
    """Why, in the operator's words; told to nobody."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account. `handles`: kind (username, phone, email) → value."""

    account_id: str
    display_name: str
    bio: str = ""
    handles: dict[str, str] = field(default_factory=dict)
    privacy: Privacy = Privacy()
    created_at_ms: int = 0
    last_seen_ms: int = 0
    marks: Marks = Marks()
    avatar: Avatar | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device of an account."""

    device_id: str
    account_id: str
    name: str
    primary: bool
    created_at_ms: int
    active_at_ms: int
    access_until_ms: int = field(default=0, compare=False)
    """Where it was found by its access token: until when that holds (Unix ms)."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A registration or login that waits for its proof."""

    challenge_id: str
    purpose: str
    """"register" or "login"."""
    handle: str
    account_id: str
    """"": there is no such account; the caller is not told."""
    code_hash: str
    """"": no code was sent."""
    device_name: str
    tries: int
    approval: str
    """"", "approved" or "denied"."""
    created_at_ms: int


def hashed(pepper: str, *parts: str) -> str:
    """A keyed hash of a secret, as it is stored (HMAC-SHA256, RFC 2104), hex."""
    return hmac.new(pepper.encode(), "/".join(parts).encode(), hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """A token as it is stored: it has 256 random bits, so that a plain SHA-256 is enough, hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def next_token(pepper: str, prefix: str, refresh_token: str, exchange_id: str) -> str:
    """The token that an exchange puts in the place of another: 256 bits that only the node can make (HMAC-SHA256, RFC 2104).

    Derived, so that the same exchange asked for again, since its answer was lost, has the same result, and nothing but hashes is
    stored. Whoever has the refresh token alone cannot repeat the exchange.
    """
    digest = hmac.new(pepper.encode(), f"{prefix}/{exchange_id}/{refresh_token}".encode(), hashlib.sha256).digest()
    return prefix + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def recovery_code(letters: str) -> str:
    """20 random letters and digits as a person writes them down: four groups of five."""
    return "-".join(letters[at : at + 5] for at in range(0, 20, 5))


def plain_recovery_code(code: str) -> str:
    """What a person typed, without what does not matter."""
    return "".join(char for char in code.lower() if char.isalnum())


def check_challenge(challenge: Challenge | None, purpose: str, now_ms: int, limits: Limits) -> Refusal | None:
    """Whether a challenge can still be answered."""
    if challenge is None or challenge.purpose != purpose or now_ms - challenge.created_at_ms > 1000 * limits.code_ttl_s:
        return Refusal(Reason.CODE_EXPIRED)
    if challenge.tries >= limits.code_tries_max:
        return Refusal(
            Reason.WRONG_CODE,
            detail="no tries are left: ask for a new code",
            subject="code_tries_max",
            limit=limits.code_tries_max,
            actual=challenge.tries,
        )
    return None


def wrong_code(tries: int, limits: Limits) -> Refusal:
    """The refusal of a wrong code, with the number of tries so far."""
    return Refusal(Reason.WRONG_CODE, subject="code_tries_max", limit=limits.code_tries_max, actual=tries)


def check_suspended(account: Account | None) -> Refusal | None:
    """Whether the account may sign in, connect and send."""
    return Refusal(Reason.ACCOUNT_SUSPENDED) if account is not None and account.marks.suspended_at_ms else None


def check_devices(devices: list[Device], limits: Limits) -> Refusal | None:
    """Whether one more device may be added."""
    if len(devices) < limits.devices_max:
        return None
    return Refusal(Reason.TOO_MANY_DEVICES, subject="devices_max", limit=limits.devices_max, actual=len(devices) + 1)


def in_audience(audience: Audience, excepted: tuple[str, ...], viewer_id: str, *, is_contact: bool) -> bool:
    """Whether `viewer_id` belongs to an audience. `is_contact`: the owner has the viewer in his contacts."""
    match audience:
        case Audience.EVERYONE:
            return True
        case Audience.CONTACTS:
            return is_contact
        case Audience.CONTACTS_EXCEPT:
            return is_contact and viewer_id not in excepted
        case _:
            return False
