"""Why something is refused: one enum, one value, one exception.

An outcome that a caller expects is returned as a `Refusal`; `Refused` carries one through layers that cannot do anything about it
(no token, store down). The edge turns both into the wire's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Every refusal of the node. Names are those of `tidewire.v1.RefusalReason`; values say it in one sentence."""

    INVALID = "a field is missing or has a wrong shape: mend the client"
    LIMIT_EXCEEDED = "a limit was passed"
    KIND_NOT_ENABLED = "this deployment does not take this kind of content"
    UNAUTHENTICATED = "the access token is missing, unknown or expired: refresh it"
    TOKEN_REUSED = "the refresh token was used before, so its family was revoked: log in again"
    NOT_A_MEMBER = "not a member of the conversation, or there is none"
    NOT_ALLOWED = "the role does not allow it"
    NOT_FOUND = "there is no such thing, or none that you may know of"
    ALREADY_TAKEN = "the name, number or address is taken"
    RATE_LIMITED = "too many commands, codes or attempts"
    UNAVAILABLE = "the store or the node cannot do it now"
    WRONG_CODE = "the code is wrong"
    CODE_EXPIRED = "the code is no longer valid: ask for a new one"
    TOO_MANY_DEVICES = "the account has as many devices as it may have"
    GROUP_FULL = "the group is full"
    TOO_OLD = "the log of the time before known_seq is gone, so that a twin could not be ruled out"
    TARGET_NOT_FOUND = "what the envelope is about is not there, or cannot be its target"
    WINDOW_PASSED = "too late for an edit or deletion"
    MODE_MISMATCH = "sealed content in a protected conversation, or the other way round"
    ALREADY_A_MEMBER = "the account is in the group already"
    APPROVAL_PENDING = "the login waits for the approval of another device"
    APPROVAL_DENIED = "the login was denied by another device"
    OUT_OF_PLACE = "the command makes no sense here"
    INTERNAL = "a bug of the node; it has been logged"
    ACCOUNT_SUSPENDED = "the account is suspended"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal.

    Attributes:
        reason: which.
        detail: one sentence for the engineer who reads it; "": the reason says it all.
        subject: the name of the field or limit; "": none.
        limit: the limit, in the unit of its name; None: none.
        actual: the actual value; None: none.
        retry_after_ms: when to try again; None: it cannot succeed as it is.
    """

    reason: Reason
    detail: str = ""
    subject: str = ""
    limit: int | None = None
    actual: int | None = None
    retry_after_ms: int | None = None

    def sentence(self) -> str:
        """The refusal as a person reads it, with limit and actual value where there are any."""
        text = self.detail or self.reason.value
        if self.limit is not None and self.actual is not None:
            text += f" ({self.subject or 'limit'}: {self.limit}, actual: {self.actual})"
        return text


class Refused(Exception):
    """Carries a refusal through layers that cannot do anything about it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence())
        self.refusal = refusal


def limit_exceeded(name: str, limit: int, actual: int) -> Refusal:
    """The refusal of a value over the limit `name`."""
    return Refusal(Reason.LIMIT_EXCEEDED, subject=name, limit=limit, actual=actual)


def unavailable(detail: str, retry_after_ms: int = 1_000) -> Refusal:
    """The refusal of something that may succeed later."""
    return Refusal(Reason.UNAVAILABLE, detail=detail, retry_after_ms=retry_after_ms)
