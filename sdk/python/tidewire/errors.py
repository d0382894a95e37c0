"""What can go wrong, as exceptions that say whether trying again helps.

TidewireError
├── Refused       the server said no; `reason` is its name in `tidewire.v1.RefusalReason`
├── MediaRejected a file is over a limit or cannot be read; `reason` is its name in `MediaRejectionReason`, or FILE_CHANGED
├── Unreachable   no answer; try again
├── NotSignedIn   register or log in first; or the sign-in was revoked
├── StoreInUse    another process has this store open
└── StoreBroken   the file cannot be read or written
"""

from __future__ import annotations


class TidewireError(Exception):
    """The base of all of them."""

    retryable = False
    """Whether the same call may succeed later."""
    retry_after_s: float | None = None
    """When, if the server said so."""


class Refused(TidewireError):
    """The server said no."""

    def __init__(
        self, reason: str, detail: str, *, limit: int | None = None, actual: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.limit = limit
        self.actual = actual
        self.retry_after_s = retry_after_s
        self.retryable = retry_after_s is not None


class MediaRejected(TidewireError):
    """A file was refused for good: by its content, before it was uploaded or after. `limit` and `actual` in the reason's unit."""

    def __init__(self, reason: str, detail: str, *, limit: int | None = None, actual: int | None = None) -> None:
        said = detail or reason.replace("_", " ").lower()
        super().__init__(f"{said} (limit: {limit}, actual: {actual})" if limit and actual else said)
        self.reason = reason
        self.limit = limit
        self.actual = actual


class Unreachable(TidewireError):
    """No answer."""

    retryable = True


class NotSignedIn(TidewireError):
    """Nobody is signed in on this device, or the sign-in was revoked."""


class StoreInUse(TidewireError):
    """Another process has this store open."""


class StoreBroken(TidewireError):
    """The store's file cannot be read or written: damaged, read-only, or its disk is full."""
