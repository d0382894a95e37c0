"""Links into calls on CQL. The row of the maker decides; that of the token only says where it is."""

from __future__ import annotations

from collections.abc import Sequence

from server.adapters.cql.session import Bound, Cql, Kind, Row, Statement
from server.domain.call_links import CallLink

_COLUMNS = "link_id, token_hash, maker_id, conversation_id, approval, created_at_ms, used_at_ms"
ADD = Statement(f"INSERT INTO call_links ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?", Kind.CONDITIONAL)
POINT = Statement("INSERT INTO call_link_tokens (token_hash, maker_id, link_id) VALUES (?, ?, ?) USING TTL ?", Kind.WRITE)
FIND = Statement("SELECT maker_id, link_id FROM call_link_tokens WHERE token_hash = ?", Kind.READ)
GET = Statement(f"SELECT {_COLUMNS} FROM call_links WHERE maker_id = ? AND link_id = ?", Kind.SERIAL_READ)  # noqa: S608
LIST = Statement(f"SELECT {_COLUMNS} FROM call_links WHERE maker_id = ?", Kind.READ)  # noqa: S608 -- constants only
PUT = Statement(
    "UPDATE call_links USING TTL ? SET token_hash = ?, conversation_id = ?, approval = ?, created_at_ms = ?, used_at_ms = ?"
    " WHERE maker_id = ? AND link_id = ? IF EXISTS",
    Kind.CONDITIONAL,
)
"""All columns: those that are not written again would end earlier."""
REMOVE = Statement("DELETE FROM call_links WHERE maker_id = ? AND link_id = ? IF EXISTS", Kind.CONDITIONAL)
STATEMENTS = (ADD, POINT, FIND, GET, LIST, PUT, REMOVE)


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

    async def get(self, token_hash: str) -> CallLink | None:
        """See `CallLinks.get`."""
        found = await self._cql.read(FIND, token_hash)
        rows = await self._cql.read(GET, *found[0]) if found else []
        return _link(rows[0]) if rows else None

    async def put(self, link: CallLink) -> bool:
        """See `CallLinks.put`."""
        await self._point(link)
        changed = (link.token_hash, link.conversation_id, link.approval, link.created_at_ms, link.used_at_ms)
        applied = await self._cql.settled(Bound(PUT, (self._idle_s, *changed, link.maker_id, link.link_id)))
        return applied is not False

    async def remove(self, maker_id: str, link_id: str) -> bool:
        """See `CallLinks.remove`."""
        applied = await self._cql.settled(Bound(REMOVE, (maker_id, link_id)))
        return applied is not False

    async def _point(self, link: CallLink) -> None:
        await self._cql.write(POINT, link.token_hash, link.maker_id, link.link_id, self._idle_s)


def _link(row: Row) -> CallLink:
    return CallLink(*row)
