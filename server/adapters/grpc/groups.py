"""GroupService and ConversationService: decode, call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.v1 import (
    chat_pb2,
    conversation_pb2,
    conversation_pb2_grpc,
    group_pb2,
    group_pb2_grpc,
)

from server.adapters.grpc import codec
from server.domain import groups
from server.domain.append import Sent
from server.domain.envelope import Role
from server.domain.identity import Identity
from server.kit import grpc_refusals as refusals
from server.services.groups import Changed, GroupChanges
from server.services.history import History, Summary

Authenticate = Callable[[Any], Awaitable[Identity]]


def _result(changed: Changed) -> group_pb2.ChangeResult:
    result = group_pb2.ChangeResult(
        refused=[
            group_pb2.MemberRefusal(account_id=account_id, refusal=refusals.message(refusal))
            for account_id, refusal in changed.refused
        ]
    )
    if isinstance(changed.outcome, Sent):
        sent = changed.outcome
        result.sent.CopyFrom(chat_pb2.Sent(seq=sent.seq, at_ms=sent.at_ms, duplicate=sent.duplicate))
    else:
        result.refusal.CopyFrom(refusals.message(changed.outcome))
    return result


class GroupServicer(group_pb2_grpc.GroupServiceServicer):
    """GroupService."""

    def __init__(self, changes: GroupChanges, authenticate: Authenticate) -> None:
        self._changes = changes
        self._authenticate = authenticate

    async def CreateGroup(self, request: group_pb2.CreateGroupRequest, context: Any) -> group_pb2.CreateGroupResponse:
        """Make a group."""
        actor = await self._authenticate(context)
        changed = await self._changes.create(
            actor, request.change.envelope_id, request.title, request.description, list(request.account_ids)
        )
        done = isinstance(changed.outcome, Sent)
        return group_pb2.CreateGroupResponse(conversation_id=changed.conversation_id if done else "", result=_result(changed))

    async def AddMembers(self, request: group_pb2.AddMembersRequest, context: Any) -> group_pb2.AddMembersResponse:
        """Add members."""
        actor = await self._authenticate(context)
        change = request.change
        changed = await self._changes.add(
            actor, request.conversation_id, change.envelope_id, change.known_seq, list(request.account_ids)
        )
        return group_pb2.AddMembersResponse(result=_result(changed))

    async def RemoveMembers(self, request: group_pb2.RemoveMembersRequest, context: Any) -> group_pb2.RemoveMembersResponse:
        """Remove members."""
        command = groups.Remove(tuple(request.account_ids))
        return group_pb2.RemoveMembersResponse(result=await self._change(request, context, command))

    async def LeaveGroup(self, request: group_pb2.LeaveGroupRequest, context: Any) -> group_pb2.LeaveGroupResponse:
        """Leave."""
        return group_pb2.LeaveGroupResponse(result=await self._change(request, context, groups.Leave()))

    async def SetRole(self, request: group_pb2.SetRoleRequest, context: Any) -> group_pb2.SetRoleResponse:
        """Promote, demote, hand over."""
        command = groups.SetRole(request.account_id, Role(request.role))
        return group_pb2.SetRoleResponse(result=await self._change(request, context, command))

    async def UpdateGroup(self, request: group_pb2.UpdateGroupRequest, context: Any) -> group_pb2.UpdateGroupResponse:
        """Change title, description or picture."""
        profile = request.profile
        title = profile.title if profile.HasField("title") else None
        description = profile.description if profile.HasField("description") else None
        avatar = codec.avatar(profile.avatar) if profile.HasField("avatar") else None
        command = groups.SetProfile(title, description, avatar)
        return group_pb2.UpdateGroupResponse(result=await self._change(request, context, command))

    async def _change(self, request: Any, context: Any, command: groups.Command) -> group_pb2.ChangeResult:
        actor = await self._authenticate(context)
        change = request.change
        return _result(await self._changes.change(actor, request.conversation_id, change.envelope_id, change.known_seq, command))


class ConversationServicer(conversation_pb2_grpc.ConversationServiceServicer):
    """ConversationService."""

    def __init__(self, history: History, authenticate: Authenticate) -> None:
        self._history = history
        self._authenticate = authenticate

    async def ListConversations(
        self, request: conversation_pb2.ListConversationsRequest, context: Any
    ) -> conversation_pb2.ListConversationsResponse:
        """A page of the list."""
        account_id = (await self._authenticate(context)).account_id
        page, token = await self._history.conversations(
            account_id, request.changed_since_ms, request.page_size, request.page_token
        )
        conversations = [_summary(summary, account_id, members=False) for summary in page]
        return conversation_pb2.ListConversationsResponse(conversations=conversations, next_page_token=token)

    async def GetConversation(
        self, request: conversation_pb2.GetConversationRequest, context: Any
    ) -> conversation_pb2.GetConversationResponse:
        """One conversation."""
        account_id = (await self._authenticate(context)).account_id
        summary = await self._history.conversation(account_id, request.conversation_id)
        return conversation_pb2.GetConversationResponse(conversation=_summary(summary, account_id, members=True))

    async def GetDirect(self, request: conversation_pb2.GetDirectRequest, context: Any) -> conversation_pb2.GetDirectResponse:
        """The direct conversation with somebody."""
        account_id = (await self._authenticate(context)).account_id
        conversation_id = await self._history.direct(account_id, request.account_id)
        return conversation_pb2.GetDirectResponse(conversation_id=conversation_id)

    async def GetReceipts(
        self, request: conversation_pb2.GetReceiptsRequest, context: Any
    ) -> conversation_pb2.GetReceiptsResponse:
        """Who exactly."""
        account_id = (await self._authenticate(context)).account_id
        found = await self._history.receipts(account_id, request.conversation_id, request.seq)
        receipts = [conversation_pb2.Receipt(account_id=who, delivered=d, read=r) for who, d, r in found]
        return conversation_pb2.GetReceiptsResponse(receipts=receipts)

    async def ListEnvelopes(
        self, request: conversation_pb2.ListEnvelopesRequest, context: Any
    ) -> conversation_pb2.ListEnvelopesResponse:
        """A page of the log."""
        identity = await self._authenticate(context)
        entries, more = await self._history.page(identity, request.conversation_id, request.before_seq, request.page_size)
        envelopes = [codec.envelope(request.conversation_id, entry) for entry in entries]
        return conversation_pb2.ListEnvelopesResponse(envelopes=envelopes, more=more)


def _summary(summary: Summary, account_id: str, *, members: bool) -> conversation_pb2.Conversation:
    message = codec.conversation(summary.fold, account_id, summary.read_seq, members=members)
    message.unread_count = summary.unread_count
    return message
