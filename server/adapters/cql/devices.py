"""Devices and their tokens on CQL.

What holds is in the row of the device, which changes by one conditional statement. `tokens` and `devices_of_account` only say where to
look: they are written before the row, and deleted, or marked, after it, so that a crash between leaves entries that lead nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import NamedTuple

from server.adapters.cql import generations
from server.adapters.cql.generations import Generations, key_of, name_of
from server.adapters.cql.session import Bound, Cql, Kind, Statement
from server.domain.accounts import Device
from server.kit.world import Clock
from server.ports.accounts import Secrets

_COLUMNS = (
    "account_id, name, is_primary, created_at_ms, active_at_ms, access_hash, access_until_ms, refresh_hash, refresh_until_ms"
)
TABLE = generations.table("devices_of_account", "device_id")
GET = Statement(f"SELECT {_COLUMNS} FROM devices WHERE device_id = ?", Kind.READ)  # noqa: S608 -- constants only
GET_SERIAL = Statement(f"SELECT {_COLUMNS} FROM devices WHERE device_id = ?", Kind.SERIAL_READ)  # noqa: S608
_SECRETS = "access_hash = ?, access_until_ms = ?, refresh_hash = ?, refresh_until_ms = ?"
ADD = Statement(
    f"UPDATE devices SET account_id = ?, name = ?, is_primary = ?, created_at_ms = ?, {_SECRETS} WHERE device_id = ?"
    " IF account_id = null",
    Kind.CONDITIONAL,
)
EXCHANGE = Statement(f"UPDATE devices SET {_SECRETS} WHERE device_id = ? IF refresh_hash = ?", Kind.CONDITIONAL)
RENAME = Statement("UPDATE devices SET name = ? WHERE device_id = ? IF account_id = ?", Kind.CONDITIONAL)
REMOVE = Statement("DELETE FROM devices WHERE device_id = ? IF account_id = ?", Kind.CONDITIONAL)
TOUCH = Statement("UPDATE devices USING TIMESTAMP ? SET active_at_ms = ? WHERE device_id = ?", Kind.WRITE)
LIST = Statement("INSERT INTO devices_of_account (account_id, device_id) VALUES (?, ?)", Kind.WRITE)
UNLIST = Statement("UPDATE devices_of_account SET removed = true WHERE account_id = ? AND device_id = ?", Kind.WRITE)
LISTED = Statement("SELECT generation, device_id, removed FROM devices_of_account WHERE account_id = ?", Kind.READ)
PUT_TOKEN = Statement("UPDATE tokens USING TTL ? SET device_id = ? WHERE hash = ?", Kind.WRITE)
SPEND = Statement("UPDATE tokens USING TTL ? SET device_id = ?, spent = true WHERE hash = ?", Kind.WRITE)
DROP_TOKEN = Statement("DELETE FROM tokens WHERE hash = ?", Kind.WRITE)
TOKEN = Statement("SELECT device_id, spent FROM tokens WHERE hash = ?", Kind.READ)
STATEMENTS = (
    *TABLE,
    *(GET, GET_SERIAL, ADD, EXCHANGE, RENAME, REMOVE, TOUCH, LIST, UNLIST, LISTED),
    *(PUT_TOKEN, SPEND, DROP_TOKEN, TOKEN),
)

TOKEN_KEPT_S = 30 * 86_400
"""How long it is remembered, after a token has expired, whose it was and whether it was spent."""


class _Row(NamedTuple):
    account_id: str
    name: str
    primary: bool
    created_at_ms: int
    active_at_ms: int | None
    access_hash: str
    access_until_ms: int
    refresh_hash: str
    refresh_until_ms: int

    def device(self, device_id: str) -> Device:
        active_at_ms = self.created_at_ms if self.active_at_ms is None else self.active_at_ms
        return Device(device_id, self.account_id, self.name, self.primary, self.created_at_ms, active_at_ms)

    def has(self, secrets: Secrets) -> bool:
        return (self.access_hash, self.refresh_hash) == (secrets.access_hash, secrets.refresh_hash)


class CqlDevices:
    """The port `Devices`."""

    def __init__(self, cql: Cql, clock: Clock, *, may_move: bool) -> None:
        """`may_move`: see `Generations`."""
        self._cql = cql
        self._clock = clock
        self._generations = Generations(cql, TABLE, may_move=may_move)

    async def add(self, device: Device, secrets: Secrets) -> None:
        """See `Devices.add`."""
        await asyncio.gather(
            self._put_tokens(device.device_id, secrets),
            self._generations.write(device.account_id, lambda n: [_listed(device.account_id, n, device.device_id)]),
            self.touch(device.device_id, device.active_at_ms),
        )
        values = (device.account_id, device.name, device.primary, device.created_at_ms)
        await self._cql.settled(Bound(ADD, (*values, *astuple(secrets), device.device_id)))

    async def of_account(self, account_id: str) -> list[Device]:
        """See `Devices.of_account`."""
        listed = await self._listed(account_id)
        rows = await asyncio.gather(*(self._row(device_id) for device_id in listed))
        found = [row.device(device_id) for device_id, row in zip(listed, rows) if row is not None]
        return sorted(found, key=lambda device: (not device.primary, device.created_at_ms, device.device_id))

    async def rename(self, device_id: str, name: str) -> None:
        """See `Devices.rename`."""
        row = await self._row(device_id)
        if row is not None:
            await self._cql.settled(Bound(RENAME, (name, device_id, row.account_id)))

    async def remove(self, device_id: str) -> None:
        """See `Devices.remove`. The row first: its tokens are void at once. What was spent stays known as spent."""
        row = await self._row(device_id, serial=True)
        if row is None:
            return
        await self._cql.settled(Bound(REMOVE, (device_id, row.account_id)))
        await asyncio.gather(
            self._generations.write(row.account_id, lambda n: [Bound(UNLIST, (row.account_id, key_of(n, device_id)))]),
            self._cql.write(DROP_TOKEN, row.access_hash),
            self._cql.write(DROP_TOKEN, row.refresh_hash),
        )
        await self._tidy(row.account_id)

    async def touch(self, device_id: str, at_ms: int) -> None:
        """See `Devices.touch`. Of a device that is gone it leaves a row without an account, which is none."""
        await self._cql.write(TOUCH, at_ms, at_ms, device_id)

    async def by_access(self, access_hash: str, now_ms: int) -> Device | None:
        """See `Devices.by_access`."""
        device_id, _ = await self._token(access_hash)
        row = await self._row(device_id) if device_id else None
        holds = row is not None and row.access_hash == access_hash and row.access_until_ms > now_ms
        return replace(row.device(device_id), access_until_ms=row.access_until_ms) if row is not None and holds else None

    async def exchange(self, refresh_hash: str, secrets: Secrets, now_ms: int) -> Device | str | None:
        """See `Devices.exchange`.

        The mark that the token is spent is written before the exchange, so that no crash makes a spent token look unknown. It counts
        only when the token is no longer the device's.
        """
        device_id, spent = await self._token(refresh_hash)
        if not device_id:
            return None
        row = await self._row(device_id, serial=True)
        if row is not None and row.refresh_hash == refresh_hash:
            if row.refresh_until_ms <= now_ms:
                return None
            ttl_s = self._ttl_s(row.refresh_until_ms)
            await asyncio.gather(self._cql.write(SPEND, ttl_s, device_id, refresh_hash), self._put_tokens(device_id, secrets))
            if await self._cql.settled(Bound(EXCHANGE, (*astuple(secrets), device_id, refresh_hash))):
                return row.device(device_id)
            row, spent = await self._row(device_id, serial=True), True
        if not spent:
            return None
        return row.device(device_id) if row is not None and row.has(secrets) else device_id

    async def replace_secrets(self, device_id: str, secrets: Secrets) -> str:
        """See `Devices.replace_secrets`."""
        await self._put_tokens(device_id, secrets)
        while (row := await self._row(device_id, serial=True)) is not None:
            changed = await self._cql.settled(Bound(EXCHANGE, (*astuple(secrets), device_id, row.refresh_hash)))
            if changed or row.has(secrets):
                return row.account_id
        return ""

    async def forget(self, account_id: str) -> None:
        """The account is deleted."""
        for device_id in await self._listed(account_id):
            await self.remove(device_id)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _listed(self, account_id: str) -> list[str]:
        rows = [(name_of(row[1])[1], row[2]) for row in await self._cql.read(LISTED, account_id) if row[1] is not None]
        removed = {device_id for device_id, is_removed in rows if is_removed}  # in whichever generation
        return sorted({device_id for device_id, _ in rows} - removed)

    async def _tidy(self, account_id: str) -> None:
        """Move on when more devices were removed than there are."""
        rows = await self._cql.read(LISTED, account_id)
        state = rows[0][0] or 0 if rows else 0
        here = [bool(row[2]) for row in rows if name_of(row[1])[0] == generations.current(state)]
        if self._generations.is_due(state, len(here) - sum(here), sum(here)):
            await self._generations.move(account_id, lambda n: self._living(account_id, n))

    async def _living(self, account_id: str, generation: int) -> Sequence[Bound]:
        return [_listed(account_id, generation, device_id) for device_id in await self._listed(account_id)]

    async def _row(self, device_id: str, *, serial: bool = False) -> _Row | None:
        rows = await self._cql.read(GET_SERIAL if serial else GET, device_id)
        return _Row(*rows[0]) if rows and rows[0][0] is not None else None

    async def _token(self, token_hash: str) -> tuple[str, bool]:
        rows = await self._cql.read(TOKEN, token_hash)
        return (rows[0][0], bool(rows[0][1])) if rows and rows[0][0] is not None else ("", False)

    async def _put_tokens(self, device_id: str, secrets: Secrets) -> None:
        await asyncio.gather(
            self._cql.write(PUT_TOKEN, self._ttl_s(secrets.access_until_ms), device_id, secrets.access_hash),
            self._cql.write(PUT_TOKEN, self._ttl_s(secrets.refresh_until_ms), device_id, secrets.refresh_hash),
        )

    def _ttl_s(self, until_ms: int) -> int:
        return max(0, until_ms - self._clock.now_ms()) // 1000 + TOKEN_KEPT_S


def _listed(account_id: str, generation: int, device_id: str) -> Bound:
    return Bound(LIST, (account_id, key_of(generation, device_id)))
