"""The wire's messages and the domain's values, both ways. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tidewire.v1 import chat_pb2, conversation_pb2, envelope_pb2, limits_pb2, refusal_pb2

from server.domain import events, ids
from server.domain.append import Sent
from server.domain.avatar import Avatar
from server.domain.envelope import Change, Entry, Header, Kind
from server.domain.fold import Fold
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import AccountChanged, DevicesChanged, LoginRequested, Notice, Passed
from server.domain.presence import LastSeen, Online, PresenceFact
from server.domain.ranges import Ranges
from server.domain.rules import Proposal
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal

MEMBERS_PER_PART = 400
"""Members in one part of a State, so that a part stays well below a frame."""

KINDS = {
    "text": Kind.TEXT,
    "media": Kind.MEDIA,
    "location": Kind.LOCATION,
    "contact_card": Kind.CONTACT_CARD,
    "reaction": Kind.REACTION,
    "edit": Kind.EDIT,
    "deletion": Kind.DELETION,
    "membership": Kind.MEMBERSHIP,
    "group_profile": Kind.GROUP_PROFILE,
    "poll": Kind.POLL,
    "poll_vote": Kind.POLL_VOTE,
    "call_record": Kind.CALL_RECORD,
    "system_notice": Kind.SYSTEM_NOTICE,
    "setting": Kind.SETTING,
}
"""Body branch → kind."""


def item(message: chat_pb2.Event) -> bytes:
    """An Event as it stands in a frame, tag and length included: protobuf lets a frame be joined of such items."""
    return chat_pb2.ConnectResponse(events=[message]).SerializeToString()


# -- from the device ---------------------------------------------------------------------------------------------------


def command(identity: Identity, message: chat_pb2.Command, check: Callable[[chat_pb2.Command], Refusal | None]) -> events.Command:
    """A command of a device. One that is malformed becomes `Bad` with its refusal."""
    refusal = check(message)
    which = message.WhichOneof("command")
    if refusal is not None:
        return events.Command(message.ref, events.Bad(refusal))
    if which is None:
        return events.Command(message.ref, events.Bad(Refusal(Reason.INVALID, detail="names no command this node knows")))
    return events.Command(message.ref, _SAID[which](identity, getattr(message, which)))


def send(identity: Identity, message: chat_pb2.Send) -> events.Said:
    """Append an envelope: `events.Send`, or `Bad` where the body is of no known kind."""
    body = message.body
    which = body.WhichOneof("content")
    sealed = which == "sealed"
    kind = message.kind if sealed else int(KINDS.get(which or "", 0))
    if which is None and not sealed:
        return events.Bad(
            Refusal(Reason.KIND_NOT_ENABLED, detail="a body of no kind that this node knows", subject="body", actual=0)
        )
    setting = (body.setting.key, body.setting.value) if which == "setting" else None
    return events.Send(
        message.conversation_id,
        Proposal(
            identity,
            message.envelope_id,
            message.known_seq,
            kind,
            None if setting else body.SerializeToString(),
            message.target_seq,
            None,
            message.expires_in_s,
            sealed,
            "",
            setting,
        ),
    )


def hello(message: chat_pb2.Hello) -> events.Hello:
    """Hello, or one part of it."""
    return events.Hello(
        {p.conversation_id: (p.acked_seq, p.read_seq) for p in message.positions},
        message.epoch,
        tuple(message.unfinished_conversation_ids),
        message.last,
        message.foreground,
        message.client,
    )


_SAID: dict[str, Callable[..., events.Said]] = {
    "hello": lambda identity, m: hello(m),
    "send": send,
    "ack": lambda identity, m: events.Ack(m.conversation_id, m.up_to_seq),
    "mark_read": lambda identity, m: events.MarkRead(m.conversation_id, m.up_to_seq),
    "typing": lambda identity, m: events.SetTyping(m.conversation_id, m.kind),
    "set_foreground": lambda identity, m: events.SetForeground(m.foreground),
    "watch_presence": lambda identity, m: events.WatchPresence(tuple(m.account_ids)),
    "ping": lambda identity, m: events.Ping(),
}

# -- to the device -----------------------------------------------------------------------------------------------------


def header(value: Header) -> envelope_pb2.Header:
    """The clear header. `withheld_from` stays here."""
    return envelope_pb2.Header(
        envelope_id=value.envelope_id,
        sender_account_id=value.sender_id,
        sender_device_id=value.device_id,
        at_ms=value.at_ms,
        expires_at_ms=value.expires_at_ms,
        kind=value.kind,  # type: ignore[arg-type]  # a newer node's kind is carried as its number
        target_seq=value.target_seq,
        visible_count=value.visible_count,
        sealed=value.sealed,
    )


def avatar_message(avatar: Avatar | None) -> envelope_pb2.Avatar | None:
    """A picture, as it is told."""
    return None if avatar is None else envelope_pb2.Avatar(blob_id=avatar.blob_id, blurhash=avatar.blurhash)


def avatar(message: envelope_pb2.Avatar) -> Avatar:
    """A picture that was told."""
    return Avatar(message.blob_id, message.blurhash)


def change_body(change: Change) -> envelope_pb2.Body:
    """The body of an entry of a rule kind, which is stored as its change."""
    if change.setting is not None:
        return envelope_pb2.Body(setting=envelope_pb2.Setting(key=change.setting[0], value=change.setting[1]))
    profile = None
    if change.title is not None or change.description is not None or change.avatar is not None:
        profile = envelope_pb2.GroupProfile(
            title=change.title, description=change.description, avatar=avatar_message(change.avatar)
        )
    if not change.members:
        return envelope_pb2.Body(group_profile=profile)
    members = [
        envelope_pb2.MemberChange(account_id=m.account_id, action=int(m.action), role=int(m.role))  # type: ignore[arg-type]
        for m in change.members
    ]
    return envelope_pb2.Body(membership=envelope_pb2.MembershipChange(changes=members, profile=profile))


def envelope(conversation_id: str, entry: Entry) -> envelope_pb2.Envelope:
    """An envelope as a message, for unary answers."""
    message = envelope_pb2.Envelope(conversation_id=conversation_id, seq=entry.seq, header=header(entry.header))
    if entry.header.change is not None:
        message.body.CopyFrom(change_body(entry.header.change))
    elif entry.body:
        message.body.MergeFromString(entry.body)
    return message


def conversation(fold: Fold, account_id: str, read_seq: int, *, members: bool) -> conversation_pb2.Conversation:
    """A conversation as of its fold."""
    kind = "GROUP" if ids.is_group(fold.conversation_id) else "SELF" if ids.is_self(fold.conversation_id) else "DIRECT"
    message = conversation_pb2.Conversation(
        id=fold.conversation_id,
        type=conversation_pb2.ConversationType.Value(f"CONVERSATION_TYPE_{kind}"),  # type: ignore[arg-type]
        as_of_seq=fold.seq,
        title=fold.title,
        description=fold.description,
        sealed=fold.sealed,
        visible_count=fold.visible_count,
        read_seq=read_seq,
        changed_at_ms=fold.at_ms,
        avatar=avatar_message(fold.avatar),
    )
    if members:
        message.members.extend(member_messages(fold))
    return message


def member_messages(fold: Fold) -> list[conversation_pb2.Member]:
    """Members and former members."""
    return [
        conversation_pb2.Member(
            account_id=account,
            role=int(m.role),  # type: ignore[arg-type]
            joined_seq=m.joined_seq(),
            left_seq=m.left_seq(),  # type: ignore[arg-type]
        )
        for account, m in fold.members.items()
    ]


def limits_message(limits: Limits) -> limits_pb2.Limits:
    """The limits that clients are told: every field of the message has a limit of the same name."""
    names = [field.name for field in limits_pb2.Limits.DESCRIPTOR.fields]
    return limits_pb2.Limits(**{name: getattr(limits, name) for name in names})


def _ranges(runs: Ranges) -> Iterable[chat_pb2.SeqRange]:
    return (chat_pb2.SeqRange(from_seq=first, to_seq=last) for first, last in runs)


def presence(account_id: str, fact: PresenceFact) -> chat_pb2.Presence:
    """What may be known of somebody."""
    match fact:
        case Online():
            return chat_pb2.Presence(account_id=account_id, online=chat_pb2.Online())
        case LastSeen(at_ms):
            return chat_pb2.Presence(account_id=account_id, last_seen_at_ms=at_ms)
        case _:
            return chat_pb2.Presence(account_id=account_id, hidden=chat_pb2.Hidden())


def send_result(event: events.SendResult) -> chat_pb2.SendResult:
    """How a Send ended, as its typed branch."""
    message = chat_pb2.SendResult(ref=event.ref, conversation_id=event.conversation_id, envelope_id=event.envelope_id)
    outcome = event.outcome
    if isinstance(outcome, Sent):
        message.sent.seq = outcome.seq
        message.sent.at_ms = outcome.at_ms
        message.sent.duplicate = outcome.duplicate
        return message
    _outcome(message, outcome)
    return message


def _outcome(message: chat_pb2.SendResult, refusal: Refusal) -> None:
    limit, actual = refusal.limit or 0, refusal.actual or 0
    match refusal.reason:
        case Reason.NOT_A_MEMBER:
            message.not_a_member.SetInParent()
        case Reason.NOT_ALLOWED | Reason.ACCOUNT_SUSPENDED:
            message.not_allowed.CopyFrom(refusal_pb2.NotAllowed(needed=limit))  # type: ignore[arg-type]
        case Reason.LIMIT_EXCEEDED:
            message.limit_exceeded.CopyFrom(refusal_pb2.LimitExceeded(name=refusal.subject, limit=limit, actual=actual))
        case Reason.KIND_NOT_ENABLED:
            message.kind_not_enabled.CopyFrom(refusal_pb2.KindNotEnabled(kind=actual))  # type: ignore[arg-type]
        case Reason.TOO_OLD:
            message.too_old.head = actual
            message.too_old.SetInParent()
        case Reason.TARGET_NOT_FOUND:
            message.target_not_found.CopyFrom(refusal_pb2.TargetNotFound(target_seq=actual))
        case Reason.WINDOW_PASSED:
            message.window_passed.CopyFrom(refusal_pb2.WindowPassed(window_s=limit, age_s=actual))
        case Reason.MODE_MISMATCH:
            message.mode_mismatch.CopyFrom(refusal_pb2.ModeMismatch(sealed=bool(limit)))
        case Reason.RATE_LIMITED:
            message.rate_limited.CopyFrom(refusal_pb2.RateLimited(retry_after_ms=refusal.retry_after_ms or 0))
        case Reason.UNAVAILABLE:
            message.unavailable.CopyFrom(refusal_pb2.Unavailable(retry_after_ms=refusal.retry_after_ms or 0))
        case _:
            message.invalid.CopyFrom(refusal_pb2.Invalid(field=refusal.subject, detail=refusal.sentence()))


def event(told: events.Told, account_id: str = "") -> list[chat_pb2.Event]:
    """Any event but Welcome and Envelope; a State in parts."""
    match told:
        case events.SendResult():
            return [chat_pb2.Event(send_result=send_result(told))]
        case events.State(fold, start_seq, read_seq, resync):
            return _state(fold, start_seq, read_seq, resync)
        case events.Gap(conversation_id, first, last, own):
            ours = [chat_pb2.OwnEnvelope(seq=seq, envelope_id=envelope_id) for seq, envelope_id in own]
            gap = chat_pb2.Gap(conversation_id=conversation_id, from_seq=first, to_seq=last, own=ours)
            return [chat_pb2.Event(gap=gap)]
        case events.Positions(conversation_id, delivered, read, own_read_seq):
            return [
                chat_pb2.Event(
                    positions=chat_pb2.Positions(
                        conversation_id=conversation_id,
                        delivered=_ranges(delivered),
                        read=_ranges(read),
                        own_read_seq=own_read_seq,
                    )
                )
            ]
        case events.CaughtUp():
            return [chat_pb2.Event(caught_up=chat_pb2.CaughtUp())]
        case events.TypingTold(conversation_id, who, kind):
            return [chat_pb2.Event(typing=chat_pb2.Typing(conversation_id=conversation_id, account_id=who, kind=kind))]  # type: ignore[arg-type]
        case events.PresenceTold(who, fact):
            return [chat_pb2.Event(presence=presence(who, fact))]
        case events.NoticeTold(notice):
            return [chat_pb2.Event(notice=_notice(notice))]
        case events.Pong(ref, server_time_ms):
            return [chat_pb2.Event(pong=chat_pb2.Pong(ref=ref, server_time_ms=server_time_ms))]
        case events.Closing(reason, retry_after_ms, detail):
            closing = chat_pb2.Closing(reason=reason.value, retry_after_ms=retry_after_ms, detail=detail)  # type: ignore[arg-type]
            return [chat_pb2.Event(closing=closing)]
        case events.RefusalTold(ref, refusal):
            return [chat_pb2.Event(refusal=refusals.message(refusal, ref))]
        case events.Welcome():
            raise AssertionError("Welcome is made by WireEvents, which knows the limits")


def _notice(notice: Notice) -> chat_pb2.Notice:
    match notice:
        case DevicesChanged():
            return chat_pb2.Notice(devices_changed=chat_pb2.DevicesChanged())
        case LoginRequested(login_id, device_name):
            return chat_pb2.Notice(login_requested=chat_pb2.LoginRequested(login_id=login_id, device_name=device_name))
        case AccountChanged():
            return chat_pb2.Notice(account_changed=chat_pb2.AccountChanged())
        case Passed(serialised):
            return chat_pb2.Notice.FromString(serialised)


def _state(fold: Fold, start_seq: int, read_seq: int, resync: bool) -> list[chat_pb2.Event]:
    members = member_messages(fold)
    settings = [envelope_pb2.Setting(key=key, value=value) for key, value in fold.settings.items()]
    first = chat_pb2.State(conversation=conversation(fold, "", read_seq, members=False), start_seq=start_seq, resync=resync)
    parts = [first]
    first.conversation.members.extend(members[:MEMBERS_PER_PART])
    for at in range(MEMBERS_PER_PART, len(members), MEMBERS_PER_PART):
        more = conversation_pb2.Conversation(id=fold.conversation_id, members=members[at : at + MEMBERS_PER_PART])
        parts.append(chat_pb2.State(conversation=more, start_seq=start_seq))
    size = 0
    for setting in settings:
        size += len(setting.value) + len(setting.key) + 16
        if size > 40_000:
            parts.append(chat_pb2.State(conversation=conversation_pb2.Conversation(id=fold.conversation_id), start_seq=start_seq))
            size = 0
        parts[-1].settings.append(setting)
    parts[-1].last = True
    return [chat_pb2.Event(state=part) for part in parts]


class WireEvents:
    """The port `Wire`: events as items of a frame."""

    def __init__(self, limits: Limits, kinds: Iterable[Kind], endpoints: limits_pb2.Endpoints) -> None:
        self.limits = limits_message(limits)
        self.kinds = [int(kind) for kind in kinds]
        self.endpoints = endpoints

    def envelope(self, conversation_id: str, entry: Entry) -> bytes:
        """See `Wire.envelope`. Assigned field by field: once per message, and half the price of keyword arguments."""
        frame = chat_pb2.ConnectResponse()
        message = frame.events.add().envelope
        message.conversation_id, message.seq = conversation_id, entry.seq
        value, header = entry.header, message.header
        header.envelope_id, header.sender_account_id, header.sender_device_id = value[:3]
        header.kind, header.at_ms, header.expires_at_ms = value[3:6]  # type: ignore[assignment]  # a newer node's kind is a number
        header.target_seq, header.visible_count, header.sealed = value[6:9]
        if value.change is not None:
            message.body.CopyFrom(change_body(value.change))
        elif entry.body:
            message.body.MergeFromString(entry.body)
        return frame.SerializeToString()

    def sent(self, ref: int, conversation_id: str, envelope_id: str, sent: Sent) -> bytes:
        """See `Wire.sent`."""
        frame = chat_pb2.ConnectResponse()
        message = frame.events.add().send_result
        message.ref, message.conversation_id, message.envelope_id = ref, conversation_id, envelope_id
        good = message.sent
        good.seq, good.at_ms, good.duplicate = sent.seq, sent.at_ms, sent.duplicate
        return frame.SerializeToString()

    def told(self, event_: events.Told) -> list[bytes]:
        """See `Wire.told`."""
        if isinstance(event_, events.Welcome):
            welcome = chat_pb2.Welcome(
                connection_id=event_.connection_id,
                epoch=event_.epoch,
                server_time_ms=event_.server_time_ms,
                limits=self.limits,
                enabled_kinds=self.kinds,  # type: ignore[arg-type]
                endpoints=self.endpoints,
                account_id=event_.account_id,
                device_id=event_.device_id,
            )
            return [item(chat_pb2.Event(welcome=welcome))]
        return [item(message) for message in event(event_)]
