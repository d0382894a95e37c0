"""Links into calls on CQL. The row of the maker decides; that of the token only says where it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.domain.call_links import CallLink
from server.kit.refusal import Refused, unavailable

_COLUMNS = "link_id, token_hash, maker_id, conversation_id, approval, created_at_ms, used_at_ms"
ADD = Statement(f"INSERT INTO call_links ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?", Kind.CONDITIONAL)
POINT = Statement("INSERT INTO call_link_tokens (token_hash, maker_id, link_id) VALUES (?, ?, ?) USING TTL ?", Kind.WRITE)
FIND = Statement("SELECT maker_id, link_id FROM call_link_tokens WHERE token_hash = ?", Kind.READ)
GET = Statement(f"SELECT {_COLUMNS} FROM call_links WHERE maker_id = ? AND link_id = ?", Kind.SERIAL_READ)  # noqa: S608
LIST = Statement(f"SELECT {_COLUMNS} FROM call_links WHERE maker_id = ?", Kind.READ)  # noqa: S608 -- constants only
_PUT = (
    "UPDATE call_links USING TTL ? SET token_hash = ?, conversation_id = ?, approval = ?, created_at_ms = ?, used_at_ms = ?"
    " WHERE maker_id = ? AND link_id = ? IF "
)
"""All columns: those that are not written again would end earlier. So each change is conditional on what it writes again and another
change may have written meanwhile; and no condition on a column holds of a row that was removed, so none comes back."""
APPROVE = Statement(_PUT + "used_at_ms = ?", Kind.CONDITIONAL)
TOUCH = Statement(_PUT + "approval = ? AND used_at_ms < ?", Kind.CONDITIONAL)
REMOVE = Statement("DELETE FROM call_links WHERE maker_id = ? AND link_id = ? IF EXISTS", Kind.CONDITIONAL)
STATEMENTS = (ADD, POINT, FIND, GET, LIST, APPROVE, TOUCH, REMOVE)
BUSY = unavailable("the link is changed by too many at once")
TRIES_MAX = 10
"""Times that a change is tried, since another came first."""


class CqlCallLinks:
    """The port `CallLinks`."""

    def __init__(self, cql: Cql, *, idle_s: int) -> None:
        """`idle_s`: rows end this long after they were last written."""
        self._cql = cql
        self._idle_s = idle_s

    async def add(self, link: CallLink) -> None:
        """See `CallLinks.add`."""
        row = (link.link_id, link.token_hash, link.maker_id, link.conversation_id, link.approval)
        await self._point(link)
        await self._cql.settled(Bound(ADD, (*row, link.created_at_ms, link.used_at_ms, self._idle_s)))

    async def of_maker(self, maker_id: str) -> Sequence[CallLink]:
        """See `CallLinks.of_maker`."""
        links = [_link(row) for row in await self._cql.read(LIST, maker_id)]
        return sorted(links, key=lambda link: (link.created_at_ms, link.link_id))

    async def find(self, maker_id: str, link_id: str) -> CallLink | None:
        """See `CallLinks.find`."""
        rows = await self._cql.read(GET, maker_id, link_id)
        return _link(rows[0]) if rows else None

    async def get(self, token_hash: str) -> CallLink | None:
        """See `CallLinks.get`."""
        found = await self._cql.read(FIND, token_hash)
        return await self.find(*found[0]) if found else None

    async def set_approval(self, maker_id: str, link_id: str, approval: bool) -> CallLink | None:
        """See `CallLinks.set_approval`."""
        for _ in range(TRIES_MAX):
            link = await self.find(maker_id, link_id)
            if link is None or link.approval == approval:
                return link
            changed = dataclasses.replace(link, approval=approval)
            if await self._put(APPROVE, changed, link.used_at_ms):
                return changed
        raise Refused(BUSY)

    async def touch(self, maker_id: str, link_id: str, used_at_ms: int) -> bool:
        """See `CallLinks.touch`."""
        for _ in range(TRIES_MAX):
            link = await self.find(maker_id, link_id)
            if link is None or link.used_at_ms >= used_at_ms:
                return link is not None
            if await self._put(TOUCH, dataclasses.replace(link, used_at_ms=used_at_ms), link.approval, used_at_ms):
                return True
        raise Refused(BUSY)

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """See `CallLinks.remove`."""
        applied = await self._cql.settled(Bound(REMOVE, (maker_id, link_id)))
        return applied is not False

    async def _put(self, statement: Statement, link: CallLink, *condition: Any) -> bool:
        """Whether it surely applied; otherwise what is stored now has to be looked at."""
        await self._point(link)
        changed = (link.token_hash, link.conversation_id, link.approval, link.created_at_ms, link.used_at_ms)
        values = (self._idle_s, *changed, link.maker_id, link.link_id, *condition)
        return bool(await self._cql.settled(Bound(statement, values)))

    async def _point(self, link: CallLink) -> None:
        await self._cql.write(POINT, link.token_hash, link.maker_id, link.link_id, self._idle_s)


def _link(row: Row) -> CallLink:
    return CallLink(*row)
