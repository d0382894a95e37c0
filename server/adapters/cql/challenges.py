"""Registrations and logins that wait for their proof, on CQL. They go by their TTL, so that nothing is deleted."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import astuple

from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.domain.accounts import Challenge

KEPT_S = 86_400
"""How long a challenge is stored; it can be answered for a fraction of that."""

_COLUMNS = "purpose, handle, account_id, code_hash, device_name, tries, approval, created_at_ms"
GET = Statement(f"SELECT {_COLUMNS}, used_by FROM challenges WHERE challenge_id = ?", Kind.SERIAL_READ)  # noqa: S608
PUT = Statement(
    f"INSERT INTO challenges (challenge_id, {_COLUMNS}, used_by) VALUES (?,?,?,?,?,?,?,?,?,'')"  # noqa: S608
    f" IF NOT EXISTS USING TTL {KEPT_S}",
    Kind.CONDITIONAL,
)
REPLACE = Statement(
    f"UPDATE challenges USING TTL {KEPT_S} SET {_COLUMNS.replace(',', ' = ?,')} = ?, used_by = '' WHERE challenge_id = ? IF EXISTS",
    Kind.CONDITIONAL,
)
COUNT = Statement(
    f"UPDATE challenges USING TTL {KEPT_S} SET tries = ? WHERE challenge_id = ? IF tries = ? AND used_by = ''", Kind.CONDITIONAL
)
USE = Statement(f"UPDATE challenges USING TTL {KEPT_S} SET used_by = ? WHERE challenge_id = ? IF used_by = ''", Kind.CONDITIONAL)
LIST = Statement(
    f"INSERT INTO challenges_of_account (account_id, created_at_ms, challenge_id) VALUES (?, ?, ?) USING TTL {KEPT_S}",
    Kind.WRITE,
)
LISTED = Statement("SELECT challenge_id FROM challenges_of_account WHERE account_id = ? AND created_at_ms >= ?", Kind.READ)
STATEMENTS = (GET, PUT, REPLACE, COUNT, USE, LIST, LISTED)


class CqlChallenges:
    """The port `Challenges`."""

    def __init__(self, cql: Cql) -> None:
        self._cql = cql

    async def put(self, challenge: Challenge) -> None:
        """See `Challenges.put`. Listed first: what is listed and not there is passed over."""
        if challenge.account_id:
            await self._cql.write(LIST, challenge.account_id, challenge.created_at_ms, challenge.challenge_id)
        challenge_id, *values = astuple(challenge)
        if not await self._cql.settled(Bound(PUT, (challenge_id, *values))):
            await self._cql.settled(Bound(REPLACE, (*values, challenge_id)))

    async def get(self, challenge_id: str) -> Challenge | None:
        """See `Challenges.get`."""
        row = await self._row(challenge_id)
        return None if row is None else Challenge(challenge_id, *row[:8])

    async def count_try(self, challenge_id: str) -> int:
        """See `Challenges.count_try`. One whose outcome was unknown may count twice, which errs on the safe side."""
        while (row := await self._row(challenge_id)) is not None:
            if await self._cql.settled(Bound(COUNT, (row[5] + 1, challenge_id, row[5]))):
                return int(row[5]) + 1
        return 0

    async def remove(self, challenge_id: str) -> bool:
        """See `Challenges.remove`."""
        mine = secrets.token_hex(8)
        applied = await self._cql.settled(Bound(USE, (mine, challenge_id)))
        if applied is None:  # asked again, since an answer was lost: whose is it?
            rows = await self._cql.read(GET, challenge_id)
            return bool(rows) and rows[0][8] == mine
        return applied

    async def waiting(self, account_id: str, since_ms: int) -> list[Challenge]:
        """See `Challenges.waiting`."""
        listed = [row[0] for row in await self._cql.read(LISTED, account_id, since_ms)]
        found = await asyncio.gather(*(self.get(challenge_id) for challenge_id in listed))
        waiting = [each for each in found if each is not None and each.purpose == "login" and not each.approval]
        return sorted(waiting, key=lambda challenge: challenge.created_at_ms)

    async def forget(self, account_id: str) -> None:
        """The account is deleted."""
        listed = [row[0] for row in await self._cql.read(LISTED, account_id, 0)]
        await asyncio.gather(*(self.remove(challenge_id) for challenge_id in listed))

    async def _row(self, challenge_id: str) -> Row | None:
        rows = await self._cql.read(GET, challenge_id)
        return rows[0] if rows and rows[0][0] is not None and rows[0][8] == "" else None
