"""What nodes tell one another, as messages and as the domain's values. Nothing is decided here."""

from __future__ import annotations

from tidewire.internal.v1 import relay_pb2
from tidewire.v1 import chat_pb2, envelope_pb2

from server.adapters.grpc import codec
from server.domain import events, relayed
from server.domain.connection import Moved
from server.domain.envelope import Change, Entry, Header, MemberAction, MemberChange, Role
from server.domain.identity import Identity
from server.domain.notice import ClosingReason


def entry_message(entry: Entry) -> relay_pb2.Entry:
    """An entry with all that is stored of it."""
    header = entry.header
    message = relay_pb2.Entry(seq=entry.seq, header=codec.header(header), withheld_from=header.withheld_from, body=entry.body)
    if header.change is not None:
        message.change.CopyFrom(codec.change_body(header.change))
    return message


def entry(message: relay_pb2.Entry) -> Entry:
    """The inverse of `entry_message`."""
    header = message.header
    return Entry(
        message.seq,
        Header(
            header.envelope_id,
            header.sender_account_id,
            header.sender_device_id,
            int(header.kind),
            header.at_ms,
            header.expires_at_ms,
            header.target_seq,
            header.visible_count,
            header.sealed,
            message.withheld_from,
            _change(message.change) if message.HasField("change") else None,
        ),
        message.body if message.HasField("body") else None,
    )


def _change(body: envelope_pb2.Body) -> Change:
    which = body.WhichOneof("content")
    if which == "setting":
        return Change(setting=(body.setting.key, body.setting.value))
    profile = body.membership.profile if which == "membership" else body.group_profile
    return Change(
        tuple(
            MemberChange(change.account_id, MemberAction(change.action), Role(change.role)) for change in body.membership.changes
        ),
        profile.title if profile.HasField("title") else None,
        profile.description if profile.HasField("description") else None,
        avatar=codec.avatar(profile.avatar) if profile.HasField("avatar") else None,
    )


def message(told: relayed.Relayed) -> relay_pb2.Relayed:
    """Anything that is told."""
    out = relay_pb2.Relayed()
    match told:
        case relayed.Grown(conversation_id, since, head, entries, account_ids):
            grown = out.grown
            grown.conversation_id, grown.since, grown.head = conversation_id, since, head
            grown.entries.extend(map(entry_message, entries))
            grown.account_ids.extend(account_ids)
        case relayed.DeviceMoved(identity, moved):
            at = out.device_moved
            at.account_id, at.device_id = identity
            at.conversation_id, at.acked, at.read = moved.conversation_id, moved.acked, moved.read
            at.skipped.extend(chat_pb2.SeqRange(from_seq=first, to_seq=last) for first, last in moved.skipped)
        case relayed.AccountsTold(account_ids, serialised, except_device_id, along, only_device_id):
            out.accounts_told.CopyFrom(
                relay_pb2.AccountsTold(
                    account_ids=account_ids,
                    events=serialised,
                    except_device_id=except_device_id,
                    along=along,
                    only_device_id=only_device_id,
                )
            )
        case relayed.DeviceClosed(account_id, device_id, reason, connection_id):
            out.device_closed.CopyFrom(
                relay_pb2.DeviceClosed(
                    account_id=account_id,
                    device_id=device_id,
                    reason=reason.value,  # type: ignore[arg-type]
                    connection_id=connection_id,
                )
            )
        case relayed.PresenceChanged(account_id, node_id, online, last_seen_ms):
            out.presence_changed.CopyFrom(
                relay_pb2.PresenceChanged(account_id=account_id, node_id=node_id, online=online, last_seen_ms=last_seen_ms)
            )
        case relayed.AccountChanged(account_id):
            out.account_changed.account_id = account_id
    return out


def told(message: relay_pb2.Relayed) -> relayed.Relayed | None:
    """The inverse of `message`; None: a newer node's."""
    match message.WhichOneof("relayed"):
        case "grown":
            grown = message.grown
            return relayed.Grown(
                grown.conversation_id, grown.since, grown.head, tuple(map(entry, grown.entries)), tuple(grown.account_ids)
            )
        case "device_moved":
            at = message.device_moved
            skipped = tuple((run.from_seq, run.to_seq) for run in at.skipped)
            return relayed.DeviceMoved(
                Identity(at.account_id, at.device_id), Moved(at.conversation_id, at.acked, at.read, skipped, False)
            )
        case "accounts_told":
            accounts = message.accounts_told
            return relayed.AccountsTold(
                tuple(accounts.account_ids),
                tuple(accounts.events),
                accounts.except_device_id,
                accounts.along,
                accounts.only_device_id,
            )
        case "device_closed":
            closed = message.device_closed
            return relayed.DeviceClosed(closed.account_id, closed.device_id, ClosingReason(closed.reason), closed.connection_id)
        case "presence_changed":
            presence = message.presence_changed
            return relayed.PresenceChanged(presence.account_id, presence.node_id, presence.online, presence.last_seen_ms)
        case "account_changed":
            return relayed.AccountChanged(message.account_changed.account_id)
        case _:
            return None


def command_message(command: events.Command) -> chat_pb2.Command:
    """A command that is about a device's stream, for the node that has it."""
    out = chat_pb2.Command(ref=command.ref)
    match command.said:
        case events.Ack(conversation_id, up_to_seq):
            out.ack.conversation_id, out.ack.up_to_seq = conversation_id, up_to_seq
        case events.MarkRead(conversation_id, up_to_seq):
            out.mark_read.conversation_id, out.mark_read.up_to_seq = conversation_id, up_to_seq
        case events.SetForeground(foreground):
            out.set_foreground.foreground = foreground
        case events.WatchPresence(account_ids):
            out.watch_presence.account_ids.extend(account_ids)
        case _:
            raise AssertionError("not about a stream")
    return out
