"""Accounts on CQL: one row each, changed on condition of its version."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from server.adapters.cql.challenges import CqlChallenges
from server.adapters.cql.contacts import CqlContacts
from server.adapters.cql.devices import CqlDevices
from server.adapters.cql.handles import Handles
from server.adapters.cql.session import Bound, Cql, Kind, Statement
from server.domain.accounts import Account, Audience, Marks, Privacy
from server.domain.avatar import Avatar
from server.kit.refusal import Refused, unavailable
from server.kit.world import Clock

_COLUMNS = "version, display_name, bio, recovery_hash, privacy, handles, created_at_ms, deleted, last_seen_ms, marks, avatar"
GET = Statement(f"SELECT {_COLUMNS} FROM accounts WHERE account_id = ?", Kind.READ)  # noqa: S608 -- constants only
GET_SERIAL = Statement(f"SELECT {_COLUMNS} FROM accounts WHERE account_id = ?", Kind.SERIAL_READ)  # noqa: S608
ADD = Statement(
    "UPDATE accounts SET version = 1, display_name = ?, bio = ?, recovery_hash = ?, privacy = ?, handles = ?, created_at_ms = ?,"
    " marks = ?, deleted = false WHERE account_id = ? IF version = null",
    Kind.CONDITIONAL,
)
CHANGE = Statement(
    "UPDATE accounts SET version = ?, display_name = ?, bio = ?, privacy = ?, handles = ? WHERE account_id = ?"
    " IF version = ? AND deleted = false",
    Kind.CONDITIONAL,
)
SET_AVATAR = Statement(
    "UPDATE accounts SET version = ?, avatar = ? WHERE account_id = ? IF version = ? AND deleted = false", Kind.CONDITIONAL
)
ERASE = Statement(
    "UPDATE accounts SET version = ?, display_name = '', bio = '', recovery_hash = '', avatar = '', deleted = true"
    " WHERE account_id = ?"
    " IF version = ?",
    Kind.CONDITIONAL,
)
SEEN = Statement("UPDATE accounts USING TIMESTAMP ? SET last_seen_ms = ? WHERE account_id = ?", Kind.WRITE)
MARK = Statement("UPDATE accounts SET marks = ? WHERE account_id = ? IF deleted = false", Kind.CONDITIONAL)
STATEMENTS = (GET, GET_SERIAL, ADD, CHANGE, SET_AVATAR, ERASE, SEEN, MARK)


class _Row(NamedTuple):
    version: int
    display_name: str
    bio: str
    recovery_hash: str
    privacy: str
    handles: frozenset[str]
    created_at_ms: int
    deleted: bool
    last_seen_ms: int
    marks: str | None
    avatar: str | None


class CqlAccounts:
    """The ports `Accounts` and `AccountMarks`."""

    def __init__(self, cql: Cql, clock: Clock, contacts: CqlContacts, devices: CqlDevices, challenges: CqlChallenges) -> None:
        self._cql = cql
        self._contacts = contacts
        self._devices = devices
        self._challenges = challenges
        self._handles = Handles(cql, clock, self._bears)

    async def add(self, account: Account, recovery_hash: str) -> bool:
        """See `Accounts.add`. Claims, row, settled claims: a crash between leaves claims that can be taken over (`Handles`)."""
        claims = await self._claim(account.account_id, _handles(account))
        if claims is None:
            return False
        values = (account.display_name, account.bio, recovery_hash, _privacy_text(account.privacy), _handles(account))
        key = (account.created_at_ms, json.dumps(asdict(account.marks)), account.account_id)
        if await self._cql.settled(Bound(ADD, (*values, *key))) is False:
            await self._give_back(claims)
            return False  # the id is taken
        if await self._settle(claims):
            await self._erase(account.account_id)
            return False
        return True

    async def update(self, account: Account) -> bool:
        """See `Accounts.update`. Another update that comes between has it begin again."""
        wanted = _handles(account)
        for _ in range(10):
            row = await self._row(account.account_id, serial=True)
            if row is None or row.deleted:
                return True  # deleted meanwhile: there is nothing to change
            claims = await self._claim(account.account_id, wanted - row.handles)
            if claims is None:
                return False
            values = (row.version + 1, account.display_name, account.bio, _privacy_text(account.privacy), wanted)
            if await self._cql.settled(Bound(CHANGE, (*values, account.account_id, row.version))):
                if lost := await self._settle(claims):
                    key = (account.account_id, row.version + 1)
                    await self._cql.settled(Bound(CHANGE, (row.version + 2, *values[1:4], wanted - lost, *key)))
                    return False
                await asyncio.gather(*(self._handles.free(handle, account.account_id) for handle in row.handles - wanted))
                return True
        raise Refused(unavailable("the account is being changed elsewhere"))

    async def set_avatar(self, account_id: str, avatar: Avatar | None) -> Avatar | None:
        """See `Accounts.set_avatar`. Another change that comes between has it begin again."""
        text, before = "" if avatar is None else json.dumps(avatar), None
        for _ in range(10):
            row = await self._row(account_id, serial=True)
            if row is None or row.deleted:
                return None
            if text and row.avatar == text:  # an attempt of unknown outcome has applied; each picture has a claim id of its own
                return before
            before = _avatar(row.avatar)
            if await self._cql.settled(Bound(SET_AVATAR, (row.version + 1, text, account_id, row.version))):
                return before
        raise Refused(unavailable("the account is being changed elsewhere"))

    async def get(self, account_ids: Sequence[str]) -> list[Account]:
        """See `Accounts.get`."""
        rows = await asyncio.gather(*(self._row(account_id) for account_id in account_ids))
        return [_account(key, row) for key, row in zip(account_ids, rows) if row is not None and not row.deleted]

    async def find(self, handle: str) -> Account | None:
        """See `Accounts.find`."""
        account_id = await self._handles.owner(handle)
        row = await self._row(account_id) if account_id else None
        return None if row is None or row.deleted or handle not in row.handles else _account(account_id, row)

    async def recovery_hash(self, account_id: str) -> str:
        """See `Accounts.recovery_hash`."""
        row = await self._row(account_id)
        return "" if row is None or row.deleted else row.recovery_hash

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Accounts.save_last_seen`."""
        await self._cql.write(SEEN, at_ms, at_ms, account_id)

    async def mark(self, account_id: str, marks: Marks) -> bool:
        """See `AccountMarks.mark`."""
        text = json.dumps(asdict(marks))
        applied = await self._cql.settled(Bound(MARK, (text, account_id)))
        if applied is None:  # unknown at first: asked again, it says whether the account is there
            row = await self._row(account_id, serial=True)
            return row is not None and row.marks == text
        return applied

    async def delete(self, account_id: str) -> None:
        """See `Accounts.delete`.

        The devices first, then what is beside the account, then its row, then its handles. A crash between leaves an account that is
        signed out everywhere and can be deleted again; or, at the end, handles of a deleted account, which can be taken over.
        """
        await self._devices.forget(account_id)
        await self._challenges.forget(account_id)
        await self._contacts.forget(account_id)
        await self._erase(account_id)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _erase(self, account_id: str) -> None:
        while (row := await self._row(account_id, serial=True)) is not None:
            if row.deleted or await self._cql.settled(Bound(ERASE, (row.version + 1, account_id, row.version))):
                await asyncio.gather(*(self._handles.free(handle, account_id) for handle in row.handles))
                return

    async def _row(self, account_id: str, *, serial: bool = False) -> _Row | None:
        rows = await self._cql.read(GET_SERIAL if serial else GET, account_id)
        if not rows or rows[0][0] is None:  # never added; it may have been seen all the same
            return None
        return _Row(*rows[0])._replace(handles=frozenset(rows[0][5] or ()), last_seen_ms=rows[0][8] or 0)

    async def _bears(self, account_id: str, handle: str) -> bool:
        row = await self._row(account_id, serial=True)
        return row is not None and not row.deleted and handle in row.handles

    async def _claim(self, account_id: str, handles: frozenset[str]) -> Mapping[str, str] | None:
        """Claim all of the handles, or none: None."""
        claims: dict[str, str] = {}
        for handle in sorted(handles):
            claim = await self._handles.claim(handle, account_id)
            if not claim:
                await self._give_back(claims)
                return None
            claims[handle] = claim
        return claims

    async def _give_back(self, claims: Mapping[str, str]) -> None:
        await asyncio.gather(*(self._handles.give_back(handle, claim) for handle, claim in claims.items()))

    async def _settle(self, claims: Mapping[str, str]) -> frozenset[str]:
        """Settle all; those that were taken over meanwhile, since this node stood still for a minute."""
        settled = await asyncio.gather(*(self._handles.settle(handle, claim) for handle, claim in claims.items()))
        return frozenset(handle for handle, held in zip(claims, settled) if not held)


def _handles(account: Account) -> frozenset[str]:
    return frozenset(f"{kind}:{value}" for kind, value in account.handles.items())


def _account(account_id: str, row: _Row) -> Account:
    handles = {kind: value for kind, _, value in (handle.partition(":") for handle in sorted(row.handles))}
    marks = Marks(**json.loads(row.marks or "{}"))
    privacy, avatar = _privacy(row.privacy), _avatar(row.avatar)
    return Account(account_id, row.display_name, row.bio, handles, privacy, row.created_at_ms, row.last_seen_ms, marks, avatar)


def _avatar(text: str | None) -> Avatar | None:
    return Avatar(*json.loads(text)) if text else None


def _privacy_text(privacy: Privacy) -> str:
    return json.dumps({name: getattr(privacy, name) for name in Privacy.__slots__})


def _privacy(text: str) -> Privacy:
    data = json.loads(text)
    return Privacy(
        Audience(data["last_seen"]),
        tuple(data["last_seen_except"]),
        data["read_receipts"],
        Audience(data["add_to_groups"]),
        tuple(data["add_to_groups_except"]),
        data["findable"],
        data.get("silence_strangers", False),  # not in what was stored before there were calls
        Audience(data.get("avatar", Audience.EVERYONE)),  # not in what was stored before there were pictures
        tuple(data.get("avatar_except", ())),
    )
