"""Envelopes of the wire as messages of the interface."""

from __future__ import annotations

from tidewire.events import UPDATE_TO_SEE, Message
from tidewire.v1 import envelope_pb2

_INVISIBLE = ("reaction", "edit", "deletion", "membership", "group_profile", "poll_vote", "setting")


def message(envelope: envelope_pb2.Envelope, account_id: str) -> tuple[Message, bool]:
    """The message, and whether a person sees it as a line of the chat."""
    header = envelope.header
    kind = kind_name(header.kind)
    deleted = not envelope.HasField("body")
    return (
        Message(
            envelope.conversation_id,
            envelope.seq,
            header.envelope_id,
            header.sender_account_id,
            kind,
            "" if deleted else text_of(envelope.body),
            header.at_ms,
            header.sender_account_id == account_id,
            header.target_seq,
            deleted=deleted,
        ),
        kind not in _INVISIBLE,
    )


def kind_name(kind: int) -> str:
    """ "text", "edit" …; "unknown" for one that this version does not know."""
    try:
        return envelope_pb2.Kind.Name(kind).removeprefix("KIND_").lower()  # type: ignore[arg-type]
    except ValueError:
        return "unknown"


def text_of(body: envelope_pb2.Body) -> str:
    """What a body says, as one line or more of text."""
    which = body.WhichOneof("content")
    match which:
        case "text":
            return body.text.text
        case "edit":
            return body.edit.text.text
        case "reaction":
            return body.reaction.emoji
        case "location":
            return f"{body.location.name} {body.location.latitude:.5f}, {body.location.longitude:.5f}".strip()
        case "contact_card":
            return body.contact_card.display_name
        case "membership":
            return ", ".join(_change(change) for change in body.membership.changes)
        case "group_profile":
            return body.group_profile.title
        case "system_notice":
            return body.system_notice.text
        case "deletion" | "setting":
            return ""
        case _:
            return UPDATE_TO_SEE


def _change(change: envelope_pb2.MemberChange) -> str:
    action = envelope_pb2.MemberAction.Name(change.action).removeprefix("MEMBER_ACTION_").lower().replace("_", " ")
    return f"{change.account_id} {action}"
