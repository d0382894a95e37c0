"""Writes docs/refusals.md from the enum that the code uses: `python -m tests.repo.refusals`."""

from __future__ import annotations

from pathlib import Path

from tidewire.v1 import media_pb2

from server.domain.notice import ClosingReason
from server.kit.grpc_refusals import STATUS
from server.kit.refusal import Reason

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"

HEAD = """# Refusals

Every refusal of the node, from the enum that the code uses. In a response it is a `tidewire.v1.Refusal` (or a typed branch of
`SendResult`); as a status it carries `google.rpc.ErrorInfo` with this reason in the domain `tidewire`, and `RetryInfo` where trying
again may help. A limit comes with its value and the actual one. Generated: `python -m tests.repo.refusals`.

| reason | meaning | status, where it ends a call |
|---|---|---|
"""

CASES: list[tuple[str, Reason | ClosingReason | str, str]] = [
    ("bytes that are no message", Reason.INVALID, "on a stream a Refusal, and the stream goes on; a unary call ends"),
    ("a frame over `frame_bytes_max`", Reason.LIMIT_EXCEEDED, "likewise"),
    ("a frame over 256 KiB", "the transport's `RESOURCE_EXHAUSTED`", "the call ends"),
    ("a field that is missing or has the wrong form", Reason.INVALID, "a Refusal with the command's reference"),
    ("a field over its limit", Reason.LIMIT_EXCEEDED, "likewise, with the limit and the actual value"),
    ("a kind that is not enabled here", Reason.KIND_NOT_ENABLED, "a branch of SendResult"),
    ("an edit of what is not there", Reason.TARGET_NOT_FOUND, "a branch of SendResult"),
    ("a second Hello", Reason.OUT_OF_PLACE, "a Refusal"),
    ("a first frame that is no Hello, or none in time", ClosingReason.NO_HELLO, "the stream ends"),
    ("no token, an unknown one, an expired one", Reason.UNAUTHENTICATED, "the call ends; an open stream outlives its token"),
    ("a refresh token again, by somebody else", Reason.TOKEN_REUSED, "the sign-in is revoked"),
    ("a used code or challenge again", Reason.CODE_EXPIRED, "in the response"),
    ("the same Send again", "`sent` with `duplicate`", "the first seq, and no second envelope"),
    ("more commands than `commands_per_s` in the long run", Reason.RATE_LIMITED, "a branch or a Refusal, with when to try again"),
    ("more calls of an address than `address_commands_per_s`", Reason.RATE_LIMITED, "the call ends, with RetryInfo"),
    ("more refused commands than `bad_commands_burst`", ClosingReason.FLOOD, "the stream ends, with when to come back"),
    ("a device that takes nothing for `slow_timeout_ms`", ClosingReason.SLOW, "the stream ends"),
    ("a second stream of the same device", ClosingReason.REPLACED, "the first stream ends"),
]
"""What a client does, what it is told, and what becomes of the call; each is a test in tests/server/test_bad_input.py or beside it."""

CASES_HEAD = """
## What becomes of bad input

| what a client does | what it is told | and then |
|---|---|---|
"""


MEDIA_HEAD = """
## Media

What the media worker refuses a file for, for good: `MediaRejection` in a response or a `WatchUpload`, 422 by HTTP, and a notice to the
sender's other devices. Limits are settings of the worker; the SDK checks by the same rules first, and knows `FILE_CHANGED` besides.

| reason | meaning | limit and actual value in |
|---|---|---|
"""

MEDIA = {
    "TOO_LARGE": ("more bytes than its kind may have", "bytes"),
    "TOO_LONG": ("it lasts longer than its kind may", "milliseconds"),
    "BAD_CONTAINER": ("no format that is known, or text", ""),
    "BAD_CODEC": ("a known format with contents that cannot be decoded here", ""),
    "CORRUPT": ("damaged, cut short, or not what it begins like", ""),
    "TOO_MANY_PIXELS": ("width times height of one frame", "pixels"),
    "TOO_MANY_FRAMES": ("more frames, or packets, than are counted", "frames"),
    "TOO_MANY_STREAMS": ("more streams of any type", "streams"),
    "FRAME_RATE": ("more frames a second, on average", "frames a second"),
    "EMPTY": ("no bytes, or nothing is left after the trim", ""),
    "WRONG_KIND": ("fine as something else, as a document at least", ""),
    "NOT_AS_DECLARED": ("other bytes than declared: their number or their hash", "bytes"),
    "TOO_COMPLEX": ("reading it took more processor time, memory or disk than it may", ""),
    "TIMEOUT": ("reading it took longer than it may", "milliseconds"),
}


def media_rows() -> list[str]:
    """The table of media."""
    names = [name.removeprefix("MEDIA_REJECTION_REASON_") for name in media_pb2.MediaRejectionReason.DESCRIPTOR.values_by_name]
    return [f"| `{name}` | {MEDIA[name][0]} | {MEDIA[name][1] or '—'} |\n" for name in names if name != "UNSPECIFIED"]


def page() -> str:
    """The page as it should be."""
    rows = (f"| `{r.name}` | {r.value} | {STATUS[r].name if r in STATUS else 'travels in the response'} |\n" for r in Reason)
    cases = (
        f"| {what} | {f'`{told.name}`' if isinstance(told, (Reason, ClosingReason)) else told} | {then} |\n"
        for what, told, then in CASES
    )
    return HEAD + "".join(rows) + MEDIA_HEAD + "".join(media_rows()) + CASES_HEAD + "".join(cases)


if __name__ == "__main__":
    PAGE.write_text(page())
