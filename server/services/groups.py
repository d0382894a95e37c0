"""Changes of groups, through the same append as messages; and what account services ask of the groups."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from server.domain import groups, ids, ranges
from server.domain.append import Outcome, Sent
from server.domain.avatar import Avatar
from server.domain.envelope import Kind
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.refusal import Reason, Refusal, Refused, limit_exceeded, unavailable
from server.ports.log import Log, Memberships, PositionRow, Positions
from server.ports.people import People
from server.services.avatars import HeldAvatars
from server.services.conversations import Conversations

Refusals = tuple[tuple[str, Refusal], ...]


class Changed(NamedTuple):
    """How a change ended, and which accounts it could not change."""

    conversation_id: str
    outcome: Outcome
    refused: Refusals = ()


class GroupChanges:
    """GroupService's use cases, and the port `Groups`."""

    def __init__(
        self,
        conversations: Conversations,
        log: Log,
        memberships: Memberships,
        positions: Positions,
        people: People,
        avatars: HeldAvatars,
        limits: Limits,
    ) -> None:
        self._conversations = conversations
        self._log = log
        self._memberships = memberships
        self._positions = positions
        self._people = people
        self._avatars = avatars
        self._limits = limits

    async def create(self, actor: Identity, envelope_id: str, title: str, description: str, account_ids: list[str]) -> Changed:
        """Make a group. Its id follows from actor and envelope id, so that a repeated command finds its first try."""
        conversation_id = ids.group_id(actor.account_id, envelope_id)
        wanted = [account for account in dict.fromkeys(account_ids) if account != actor.account_id]
        able, refused = await self._addable(actor.account_id, wanted)
        command = groups.Create(title, description, tuple(able))
        return await self._change(actor, conversation_id, envelope_id, 0, command, Kind.MEMBERSHIP, refused)

    async def add(
        self, actor: Identity, conversation_id: str, envelope_id: str, known_seq: int, account_ids: list[str]
    ) -> Changed:
        """Add members; who cannot be added is named."""
        if len(account_ids) > self._limits.members_per_command_max:
            refusal = limit_exceeded("members_per_command_max", self._limits.members_per_command_max, len(account_ids))
            return Changed(conversation_id, refusal)
        able, refused = await self._addable(actor.account_id, list(dict.fromkeys(account_ids)))
        if not able and refused:
            return Changed(conversation_id, refused[0][1], refused)
        command = groups.Add(tuple(able))
        return await self._change(actor, conversation_id, envelope_id, known_seq, command, Kind.MEMBERSHIP, refused)

    async def change(
        self, actor: Identity, conversation_id: str, envelope_id: str, known_seq: int, command: groups.Command
    ) -> Changed:
        """Remove, leave, promote, demote, or change the profile."""
        if not isinstance(command, groups.SetProfile):
            return await self._change(actor, conversation_id, envelope_id, known_seq, command, Kind.MEMBERSHIP, ())
        if command.avatar is not None and ids.is_group(conversation_id):
            return await self._set_avatar(actor, conversation_id, envelope_id, known_seq, command, command.avatar)
        return await self._change(actor, conversation_id, envelope_id, known_seq, command, Kind.GROUP_PROFILE, ())

    async def _set_avatar(
        self,
        actor: Identity,
        conversation_id: str,
        envelope_id: str,
        known_seq: int,
        command: groups.SetProfile,
        avatar: Avatar,
    ) -> Changed:
        """Hold the new picture, change the profile, let go of the one before."""
        held = await self._avatars.hold(actor.account_id, conversation_id, envelope_id, avatar)
        if isinstance(held, Refusal):
            return Changed(conversation_id, held)
        before = (await self._conversations.current(conversation_id)).fold.avatar
        command = dataclasses.replace(command, avatar=held)
        changed = await self._change(actor, conversation_id, envelope_id, known_seq, command, Kind.GROUP_PROFILE, ())
        if before is not None and isinstance(changed.outcome, Sent) and not changed.outcome.duplicate:
            self._avatars.let_go(conversation_id, before)
        return changed

    async def _addable(self, adder_id: str, account_ids: list[str]) -> tuple[list[str], Refusals]:
        existing = await self._people.existing(account_ids)
        able: list[str] = []
        refused: list[tuple[str, Refusal]] = []
        for account_id in account_ids:
            if account_id not in existing:
                refused.append((account_id, Refusal(Reason.NOT_FOUND)))
            elif not await self._people.may_add(adder_id, account_id):
                refused.append((account_id, Refusal(Reason.NOT_ALLOWED, detail="does not let you add it to groups")))
            else:
                able.append(account_id)
        return able, tuple(refused)

    async def _change(
        self,
        actor: Identity,
        conversation_id: str,
        envelope_id: str,
        known_seq: int,
        command: groups.Command,
        kind: Kind,
        refused: Refusals,
    ) -> Changed:
        if not ids.is_group(conversation_id):
            return Changed(conversation_id, Refusal(Reason.NOT_A_MEMBER, detail="is not a group"), refused)
        proposal = Proposal(actor, envelope_id, known_seq, int(kind), command=command)
        outcome = await self._conversations.append(conversation_id, proposal)
        if isinstance(outcome, Sent):
            refused = (*refused, *outcome.refused)
        return Changed(conversation_id, outcome, refused)

    # -- the port `Groups` ---------------------------------------------------------------------------------------------

    async def leave_all(self, account_id: str) -> None:
        """See `server.ports.people.Groups`. The envelope id follows from the account, so that it can be done again."""
        for hint in await self._memberships.of_account(account_id):
            if hint.left_seq or not ids.is_group(hint.conversation_id):
                continue
            live = await self._conversations.current(hint.conversation_id)
            known = max(live.fold.members[account_id].joined_seq() - 1, live.floor) if account_id in live.fold.members else 0
            proposal = Proposal(
                Identity(account_id, ""), f"leave-{account_id}-{known}", known, int(Kind.MEMBERSHIP), command=groups.Leave()
            )
            outcome = await self._conversations.append(hint.conversation_id, proposal)
            if isinstance(outcome, Refusal) and outcome.reason is Reason.UNAVAILABLE:
                raise Refused(unavailable(f"could not leave {hint.conversation_id}"))

    async def start_device(self, account_id: str, device_id: str) -> None:
        """See `server.ports.people.Groups`."""
        await start_device(self._log, self._memberships, self._positions, account_id, device_id)


async def start_device(log: Log, memberships: Memberships, positions: Positions, account_id: str, device_id: str) -> None:
    """See `server.ports.people.Groups.start_device`."""
    hints = await memberships.of_account(account_id)
    heads = await log.heads([hint.conversation_id for hint in hints])
    rows = [
        PositionRow(conversation_id, account_id, device_id, head.seq, 0, ranges.up_to(head.seq))
        for conversation_id, head in heads.items()
        if not ids.is_self(conversation_id)
    ]
    if rows:
        await positions.raise_to(rows)
