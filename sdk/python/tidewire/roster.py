"""Who is in a conversation, and what people are called, as the store knows it. Runs inside a transaction of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from tidewire.events import Message
from tidewire.media import Avatar


def told(db: sqlite3.Connection, conversation_id: str, members: Iterable[tuple[str, str]], *, first: bool) -> None:
    """The server has told (a part of) the members with their roles; `first`: what was known before is void."""
    if first:
        db.execute("DELETE FROM members WHERE conversation_id=?", (conversation_id,))
    rows = [(conversation_id, account_id, role) for account_id, role in members if role]
    db.executemany("INSERT OR REPLACE INTO members VALUES (?,?,?)", rows)


def changed(db: sqlite3.Connection, message: Message) -> None:
    """An entry of the log has changed members, title, description or picture."""
    for change in message.changes:
        if change.role:
            db.execute("INSERT OR REPLACE INTO members VALUES (?,?,?)", (message.conversation_id, change.account_id, change.role))
        else:
            db.execute(
                "DELETE FROM members WHERE conversation_id=? AND account_id=?", (message.conversation_id, change.account_id)
            )
    if message.profile is not None:
        db.execute(
            "UPDATE conversations SET title=coalesce(?, title), description=coalesce(?, description) WHERE id=?",
            (message.profile.title, message.profile.description, message.conversation_id),
        )
        if message.profile.avatar is not None:
            avatar(db, message.conversation_id, message.profile.avatar)


def avatar(db: sqlite3.Connection, conversation_id: str, picture: Avatar | None) -> None:
    """The picture of a group."""
    told = ("", "") if picture is None else (picture.blob_id, picture.blurhash)
    db.execute("UPDATE conversations SET avatar=?, blurhash=? WHERE id=?", (*told, conversation_id))


def members(db: sqlite3.Connection, conversation_id: str) -> list[tuple[str, str]]:
    """(account id, role): the owner first, then admins, then members. Both sides of a direct conversation."""
    kind, _, rest = conversation_id.partition(":")
    if kind != "g":
        return [(account_id, "member") for account_id in rest.split(":")]
    rows = db.execute("SELECT account_id, role FROM members WHERE conversation_id=?", (conversation_id,)).fetchall()
    return sorted(((row[0], row[1] or "member") for row in rows), key=lambda row: (_RANK.get(row[1], 3), row[0]))


_RANK = {"owner": 0, "admin": 1, "member": 2}


def people(db: sqlite3.Connection, account_ids: Iterable[str]) -> dict[str, tuple[str, str, Avatar | None]]:
    """(display name, username, picture) by account id, of those that are known."""
    found = {}
    for account_id in account_ids:
        query = "SELECT display_name, username, avatar, blurhash FROM people WHERE account_id=?"
        row = db.execute(query, (account_id,)).fetchone()
        if row is not None:
            found[account_id] = (row[0], row[1], Avatar(row[2], row[3]) if row[2] else None)
    return found


def met(db: sqlite3.Connection, rows: Iterable[tuple[str, str, str, Avatar | None]]) -> None:
    """(account id, display name, username, picture) of people, as the server has told."""
    values = [(*names, picture.blob_id if picture else "", picture.blurhash if picture else "") for *names, picture in rows]
    db.executemany("INSERT OR REPLACE INTO people VALUES (?,?,?,?,?)", values)
