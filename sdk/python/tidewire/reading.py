"""Envelopes of the wire as messages of the interface."""

from __future__ import annotations

from tidewire.events import UPDATE_TO_SEE, MemberChange, Message, Preview, ProfileChange, Quote
from tidewire.media import avatar_of, media_of
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
            quote=quote_of(envelope.body),
            changes=changes_of(envelope.body),
            profile=profile_of(envelope.body),
            media=media_of(envelope.body),
            preview=preview_of(envelope.body),
        ),
        kind not in _INVISIBLE,
    )


def preview_of(body: envelope_pb2.Body) -> Preview | None:
    """The preview of a link in a text."""
    if body.WhichOneof("content") != "text" or not body.text.HasField("preview"):
        return None
    said = body.text.preview
    return Preview(said.url, said.title, said.description, said.thumbnail)


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
        case "media":
            return media.line() if (media := media_of(body)) is not None else ""
        case "contact_card":
            return body.contact_card.display_name
        case "membership":
            return ", ".join(f"{change.account_id} {change.action.replace('_', ' ')}" for change in changes_of(body))
        case "group_profile":
            return body.group_profile.title
        case "system_notice":
            return body.system_notice.text
        case "call_record":
            return call_line(body.call_record)
        case "deletion" | "setting":
            return ""
        case _:
            return UPDATE_TO_SEE


def call_line(record: envelope_pb2.CallRecord) -> str:
    """How a call went, in one line; whose it was is the sender's."""
    what = "video call" if record.video else "voice call"
    match record.outcome:
        case envelope_pb2.CALL_OUTCOME_ANSWERED:
            minutes, seconds = divmod(record.duration_ms // 1000, 60)
            return f"📞 {what}, {minutes}:{seconds:02d}"
        case envelope_pb2.CALL_OUTCOME_MISSED:
            return f"📞 missed {what}"
        case envelope_pb2.CALL_OUTCOME_DECLINED:
            return f"📞 {what}, declined"
        case envelope_pb2.CALL_OUTCOME_CANCELLED:
            return f"📞 {what}, cancelled"
        case envelope_pb2.CALL_OUTCOME_BUSY:
            return f"📞 {what}, busy"
    return f"📞 {what}"


def quote_of(body: envelope_pb2.Body) -> Quote | None:
    """What a body answers."""
    quote = body.quote
    return Quote(quote.seq, quote.sender_account_id, quote.excerpt) if body.HasField("quote") else None


def changes_of(body: envelope_pb2.Body) -> tuple[MemberChange, ...]:
    """Members that a body changes; an action of a newer version is called "changed"."""
    return tuple(MemberChange(c.account_id, _action(c.action), role_name(c.role)) for c in body.membership.changes)


def profile_of(body: envelope_pb2.Body) -> ProfileChange | None:
    """What a body changes of a group's profile."""
    profile = body.group_profile if body.HasField("group_profile") else body.membership.profile
    if not (body.HasField("group_profile") or body.membership.HasField("profile")):
        return None
    return ProfileChange(
        profile.title if profile.HasField("title") else None,
        profile.description if profile.HasField("description") else None,
        avatar_of(profile),
    )


def role_name(role: int) -> str:
    """ "owner", "admin", "member"; "": not a member."""
    return _ROLES.get(role, "")


_ROLES: dict[int, str] = {envelope_pb2.ROLE_OWNER: "owner", envelope_pb2.ROLE_ADMIN: "admin", envelope_pb2.ROLE_MEMBER: "member"}


def _action(action: int) -> str:
    known = envelope_pb2.MemberAction.values()
    if action not in known:
        return "changed"
    return envelope_pb2.MemberAction.Name(action).removeprefix("MEMBER_ACTION_").lower()  # type: ignore[arg-type]
