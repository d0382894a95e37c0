"""What the database holds, read without any of the node's code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy

from tests.ledger.truth import TEXT
from tests.support.ledger import Entry

PARTITIONS = "SELECT DISTINCT conversation_id, bucket FROM log"
ROWS = "SELECT seq, head, envelope_id, sender_id, change, body FROM log WHERE conversation_id = ? AND bucket = ?"
POSITIONS = "SELECT acked FROM positions WHERE conversation_id = ? AND account_id = ? AND device_id = ?"


class Truth:
    """A reader of one keyspace, over whichever of the database's nodes lives."""

    def __init__(self, contact_points: Sequence[str], port: int, keyspace: str) -> None:
        profile = ExecutionProfile(RoundRobinPolicy(), consistency_level=ConsistencyLevel.QUORUM, request_timeout=20)
        self._cluster = Cluster(
            list(contact_points), port, protocol_version=4, execution_profiles={EXEC_PROFILE_DEFAULT: profile}
        )
        self._session = self._cluster.connect(keyspace)
        self._rows = self._session.prepare(ROWS)
        self._rows.consistency_level = ConsistencyLevel.SERIAL
        """Sees, and finishes, what an append that nobody got an answer to has left half done."""

    def read(self) -> dict[str, list[Entry]]:
        """Every conversation's entries, by seq.

        Raises:
            AssertionError: a head cell says another seq than its partition's last row.
        """
        places = sorted((row[0], row[1]) for row in self._session.execute(PARTITIONS))
        asked = [(place, self._session.execute_async(self._rows, place)) for place in places]
        out: dict[str, list[Entry]] = {}
        for (conversation_id, bucket), future in asked:
            rows = [row for row in future.result() if row[0] is not None]
            if not rows:
                continue
            heads, last = {row[1] for row in rows}, rows[-1][0]
            assert heads == {last}, f"the head of {conversation_id}, bucket {bucket} is {heads}, its last entry {last}"
            out.setdefault(conversation_id, []).extend(_entry(*row) for row in rows)
        return out

    def close(self) -> None:
        """Close the session."""
        self._cluster.shutdown()


def _entry(seq: int, head: int, envelope_id: str, sender_id: str, change: str | None, body: bytes | None) -> Entry:
    found = TEXT.search(body or b"")
    members: Any = json.loads(change)[0] if change else ()
    text = found[0].decode() if found else ""
    pairs = tuple((account, action) for account, action, _ in members)
    return Entry(seq, envelope_id, sender_id, text, pairs, has_content=bool(change or body))
