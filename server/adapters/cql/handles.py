"""Who has which handle, exactly, though a handle and its account lie in two partitions.

A handle is taken in three steps: claim it, write the account's row that names it, settle the claim. A crash between leaves a claim that
no account's row bears out; whoever wants the handle may take such a claim over: at once when it was settled once (its account has
given the handle up, or is deleted), and when it is older than `CLAIM_S` otherwise. Each claim has a value of its own and each step is
conditional on it, so that of one that takes over and one that thaws and settles, exactly one goes through.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from server.adapters.cql.session import Bound, Cql, Kind, Statement
from server.kit.world import Clock

SERIAL = Statement("SELECT account_id, claim, claimed_at_ms, settled FROM handles WHERE handle = ?", Kind.SERIAL_READ)
OWNER = Statement("SELECT account_id FROM handles WHERE handle = ?", Kind.READ)
CLAIM = Statement(
    "INSERT INTO handles (handle, account_id, claim, claimed_at_ms, settled) VALUES (?,?,?,?,false) IF NOT EXISTS",
    Kind.CONDITIONAL,
)
TAKE_OVER = Statement(
    "UPDATE handles SET account_id = ?, claim = ?, claimed_at_ms = ?, settled = false WHERE handle = ? IF claim = ? AND settled = ?",
    Kind.CONDITIONAL,
)
SETTLE = Statement("UPDATE handles SET settled = true WHERE handle = ? IF claim = ?", Kind.CONDITIONAL)
FREE = Statement("DELETE FROM handles WHERE handle = ? IF claim = ?", Kind.CONDITIONAL)
STATEMENTS = (SERIAL, OWNER, CLAIM, TAKE_OVER, SETTLE, FREE)

CLAIM_S = 60
"""How long a claim that is not settled keeps others out."""

Bears = Callable[[str, str], Awaitable[bool]]
"""Whether an account's row names a handle."""


class Claim(NamedTuple):
    """What the row of a handle says."""

    account_id: str
    claim: str
    claimed_at_ms: int
    settled: bool


class Handles:
    """The table `handles`."""

    def __init__(self, cql: Cql, clock: Clock, bears: Bears) -> None:
        self._cql = cql
        self._clock = clock
        self._bears = bears

    async def owner(self, handle: str) -> str:
        """The account that may have a handle; its row decides. "": none."""
        rows = await self._cql.read(OWNER, handle)
        return rows[0][0] if rows else ""

    async def claim(self, handle: str, account_id: str) -> str:
        """Claim a handle; the claim, or "" when it is another's."""
        mine, now_ms = secrets.token_hex(12), self._clock.now_ms()
        while True:
            found = await self._read(handle)
            if found is None:
                item = Bound(CLAIM, (handle, account_id, mine, now_ms))
            elif found.claim == mine:
                return mine
            elif found.account_id == account_id or await self._abandoned(handle, found, now_ms):
                item = Bound(TAKE_OVER, (account_id, mine, now_ms, handle, found.claim, found.settled))
            else:
                return ""
            if await self._cql.settled(item):
                return mine

    async def settle(self, handle: str, claim: str) -> bool:
        """The account's row names the handle now. False: somebody else took the claim over before."""
        if await self._cql.settled(Bound(SETTLE, (handle, claim))):
            return True
        found = await self._read(handle)
        return found is not None and found.claim == claim and found.settled

    async def give_back(self, handle: str, claim: str) -> None:
        """Undo a claim."""
        await self._cql.settled(Bound(FREE, (handle, claim)))

    async def free(self, handle: str, account_id: str) -> None:
        """The account's row no longer names the handle."""
        found = await self._read(handle)
        if found is not None and found.account_id == account_id and found.settled:
            await self._cql.settled(Bound(FREE, (handle, found.claim)))

    async def _read(self, handle: str) -> Claim | None:
        rows = await self._cql.read(SERIAL, handle)
        return Claim(*rows[0]) if rows else None

    async def _abandoned(self, handle: str, found: Claim, now_ms: int) -> bool:
        if not found.settled and now_ms - found.claimed_at_ms < 1000 * CLAIM_S:
            return False
        return not await self._bears(found.account_id, handle)
