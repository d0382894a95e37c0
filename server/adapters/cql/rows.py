"""Entries as rows of the table `log`."""

from __future__ import annotations

import base64
import json
from typing import Any

from cassandra.query import UNSET_VALUE

from server.domain.avatar import Avatar
from server.domain.envelope import DELETED, Change, Entry, Header, MemberAction, MemberChange, Role

BUCKET = 512
"""Seqs of one partition: bucket n holds 512·n … 512·n+511. The domain cuts its batches at the same multiples."""

HEADER = "envelope_id, sender_id, device_id, kind, at_ms, expires_at_ms, target_seq, visible_count, sealed, withheld_from, change"


def bucket_of(seq: int) -> int:
    """The bucket that holds a seq."""
    return seq // BUCKET


def last_of(bucket: int) -> int:
    """The last seq of a bucket."""
    return (bucket + 1) * BUCKET - 1


def header_values(entry: Entry) -> tuple[Any, ...]:
    """The values of the columns `HEADER`. What there is none of stays unset: a null would be a tombstone that every read meets."""
    header = entry.header
    return (*header[:10], UNSET_VALUE if header.change is None else _change_text(header.change))


def entry_of(seq: int, header: tuple[Any, ...], body: bytes | None, deleted: bool | None) -> Entry:
    """An entry from its columns."""
    change = None if header[10] is None else _change(header[10])
    return Entry(seq, Header(*header[:10], change), DELETED if deleted else body)  # type: ignore[call-arg]


def _change_text(change: Change) -> str:
    setting = change.setting and [change.setting[0], base64.b64encode(change.setting[1]).decode()]
    picture = [] if change.avatar is None else [change.avatar[:2]]
    return json.dumps([[[*m] for m in change.members], change.title, change.description, setting, *picture])


def _change(text: str) -> Change:
    members, title, description, setting, *picture = json.loads(text)
    return Change(
        tuple(MemberChange(account, MemberAction(action), Role(role)) for account, action, role in members),
        title,
        description,
        setting and (setting[0], base64.b64decode(setting[1])),
        Avatar(*picture[0]) if picture else None,
    )
