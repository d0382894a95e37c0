"""What the node's SQLite file holds, read without any of the node's code."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from tests.support.ledger import Entry

TEXT = re.compile(rb"<[a-z0-9.-]+>")
"""What devices write in a ledger, as it lies in a body."""


def read_truth(path: Path) -> dict[str, list[Entry]]:
    """Every conversation's entries, by seq."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        rows = database.execute(
            "SELECT h.conversation_id, e.seq, e.envelope_id, e.sender_id, e.change, e.body"
            " FROM heads h LEFT JOIN entries e ON e.number=h.number ORDER BY h.conversation_id, e.seq"
        ).fetchall()
    finally:
        database.close()
    out: dict[str, list[Entry]] = {}
    for conversation_id, seq, envelope_id, sender_id, change, body in rows:
        entries = out.setdefault(conversation_id, [])
        if seq is None:
            continue
        found = TEXT.search(body or b"")
        members = tuple((account, action) for account, action, _ in json.loads(change)[0]) if change else ()
        text = found[0].decode() if found else ""
        entries.append(Entry(seq, envelope_id, sender_id, text, members, has_content=bool(change or body)))
    return out


def acked(path: Path, device_id: str, conversation_id: str) -> int:
    """How far the node's file says that a device is."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        row = database.execute(
            "SELECT acked FROM positions WHERE device_id=? AND conversation_id=?", (device_id, conversation_id)
        ).fetchone()
    finally:
        database.close()
    return 0 if row is None else int(row[0])


class Texts:
    """The texts that the node's file holds. Reads only what has come since the last time: a log only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[int, int] = {}
        self._texts: set[str] = set()

    def read(self) -> set[str]:
        """All of them so far."""
        database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)
        try:
            for number, head in database.execute("SELECT number, head FROM heads").fetchall():
                after = self._seen.get(number, 0)
                if head > after:
                    query = "SELECT seq, body FROM entries WHERE number=? AND seq>? ORDER BY seq"
                    for seq, body in database.execute(query, (number, after)):
                        self._seen[number] = seq
                        self._texts.update(match.decode() for match in TEXT.findall(body or b""))
        finally:
            database.close()
        return self._texts
