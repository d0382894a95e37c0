"""Groups. Every change carries an id, so that it is tried again until there is an answer and still done once."""

from __future__ import annotations

from typing import Any

from tidewire.contacts import Contacts
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.transport import new_envelope_id, refused, sleep_jittered
from tidewire.v1 import envelope_pb2, group_pb2

TRIES = 8


class Groups(Contacts):
    """The group's side of a client."""

    async def create_group(self, title: str, names: list[str], description: str = "") -> str:
        """Make a group with these people. Returns its id."""
        accounts = [(await self.find(name)).account_id for name in names]
        change = group_pb2.ChangeId(envelope_id=new_envelope_id())
        request = group_pb2.CreateGroupRequest(change=change, title=title, description=description, account_ids=accounts)
        response = await self._again(self._transport.groups.CreateGroup, request)
        return str(response.conversation_id)

    async def add_members(self, conversation_id: str, names: list[str]) -> dict[str, str]:
        """Add people. Returns those that could not be added, with the reason."""
        accounts = [(await self.find(name)).account_id for name in names]
        request = group_pb2.AddMembersRequest(
            conversation_id=conversation_id, change=await self._change(conversation_id), account_ids=accounts
        )
        response = await self._again(self._transport.groups.AddMembers, request)
        return {item.account_id: item.refusal.detail for item in response.result.refused}

    async def remove_members(self, conversation_id: str, names: list[str]) -> None:
        """Remove people."""
        accounts = [(await self.find(name)).account_id for name in names]
        request = group_pb2.RemoveMembersRequest(
            conversation_id=conversation_id, change=await self._change(conversation_id), account_ids=accounts
        )
        await self._again(self._transport.groups.RemoveMembers, request)

    async def leave_group(self, conversation_id: str) -> None:
        """Leave."""
        request = group_pb2.LeaveGroupRequest(conversation_id=conversation_id, change=await self._change(conversation_id))
        await self._again(self._transport.groups.LeaveGroup, request)

    async def set_role(self, conversation_id: str, name: str, role: str) -> None:
        """Make somebody "admin", "member" or "owner".

        Raises:
            TidewireError: no such role.
        """
        if role not in ("owner", "admin", "member"):
            raise TidewireError(f"there is no role {role!r}: owner, admin or member")
        request = group_pb2.SetRoleRequest(
            conversation_id=conversation_id,
            change=await self._change(conversation_id),
            account_id=(await self.find(name)).account_id,
            role=envelope_pb2.Role.Value(f"ROLE_{role.upper()}"),  # type: ignore[arg-type]
        )
        await self._again(self._transport.groups.SetRole, request)

    async def set_title(self, conversation_id: str, title: str) -> None:
        """Give the group another title."""
        await self._update(conversation_id, envelope_pb2.GroupProfile(title=title))

    async def set_description(self, conversation_id: str, description: str) -> None:
        """Give the group another description."""
        await self._update(conversation_id, envelope_pb2.GroupProfile(description=description))

    async def _update(self, conversation_id: str, profile: envelope_pb2.GroupProfile) -> None:
        request = group_pb2.UpdateGroupRequest(
            conversation_id=conversation_id,
            change=await self._change(conversation_id),
            profile=profile,
        )
        await self._again(self._transport.groups.UpdateGroup, request)

    async def _change(self, conversation_id: str) -> group_pb2.ChangeId:
        statement = "SELECT head FROM conversations WHERE id=?"
        row = await self._store.run(lambda: self._store.db.execute(statement, (conversation_id,)).fetchone())
        return group_pb2.ChangeId(envelope_id=new_envelope_id(), known_seq=row[0] if row else 0)

    async def _again(self, method: Any, request: Any) -> Any:
        """Call until there is an answer, with the same id."""
        for attempt in range(TRIES):
            try:
                response = await self.call(method, request)
            except Unreachable:
                if attempt == TRIES - 1:
                    raise
                await sleep_jittered(0.5, attempt)
                continue
            if response.result.HasField("refusal"):
                error = refused(response.result.refusal)
                if error.retry_after_s is None or attempt == TRIES - 1:
                    raise error
                await sleep_jittered(error.retry_after_s, 0)
                continue
            return response
        raise Refused("UNAVAILABLE", "no answer")
