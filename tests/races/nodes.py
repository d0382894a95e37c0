"""The append paths of several nodes over one database, each with a session, a fold and a ring of its own, and no link between them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tidewire.v1 import limits_pb2

from server.adapters.cql.connecting import CqlSettings
from server.adapters.cql.opening import CqlStores, open_cql
from server.adapters.grpc.codec import WireEvents
from server.domain import groups
from server.domain.append import Outcome, Sent
from server.domain.envelope import Kind, Role
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.rules import Proposal
from server.kit.system import SystemClock
from server.services.conversations import Conversations
from tests.races.history import Operation, Record
from tests.support.cassandra.keyspaces import Keyspace

RETENTION_S = 86_400
UNAVAILABLE = "UNAVAILABLE"


class Uncounted:
    """Counts nothing."""

    def appended(self, entries: int, latency_ms: float) -> None:
        """See `Counts`."""


class AppendPath:
    """What appends on one node."""

    def __init__(self, stores: CqlStores, limits: Limits, tasks: asyncio.TaskGroup) -> None:
        self.stores = stores
        wire = WireEvents(limits, [], limits_pb2.Endpoints())
        self.conversations = Conversations(
            stores.log, stores.memberships, wire, SystemClock(), limits, tasks, Uncounted(), shared=True
        )

    async def do(self, conversation_id: str, operation: Operation) -> None:
        """Have it done, and write down when and what was answered."""
        outcome = await self.conversations.append(conversation_id, proposal(operation))
        operation.answered = time.monotonic_ns()
        _note(operation, outcome)


def _note(operation: Operation, outcome: Outcome) -> None:
    if isinstance(outcome, Sent):
        operation.seq = outcome.seq
    elif outcome.reason.name == UNAVAILABLE:  # it may have landed
        operation.answered = 1 << 62
    else:
        operation.refused = outcome.reason.name


def proposal(operation: Operation) -> Proposal:
    """What a node is handed for an operation."""
    ask, sender = operation.ask, Identity(operation.sender, f"{operation.sender}-phone")
    if ask.what == "text":
        return Proposal(sender, operation.envelope_id, 0, int(Kind.TEXT), b"hi")
    commands: dict[str, groups.Command] = {
        "add": groups.Add((ask.whom,)),
        "remove": groups.Remove((ask.whom,)),
        "role": groups.SetRole(ask.whom, Role(ask.role)),
    }
    return Proposal(sender, operation.envelope_id, 0, int(Kind.MEMBERSHIP), command=commands[ask.what])


@asynccontextmanager
async def append_paths(settings: CqlSettings, count: int, limits: Limits) -> AsyncIterator[list[AppendPath]]:
    """So many nodes' append paths, until the block ends."""
    stores = await asyncio.gather(*(open_cql(settings, SystemClock(), retention_s=RETENTION_S) for _ in range(count)))
    try:
        async with asyncio.TaskGroup() as tasks:
            yield [AppendPath(each, limits, tasks) for each in stores]
    finally:
        for each in stores:
            await each.close()


def log_of(keyspace: Keyspace, conversation_id: str) -> dict[int, Record]:
    """What the database holds, read without any of the node's code."""
    query = "SELECT seq, sender_id, envelope_id, change FROM log WHERE conversation_id = %s AND bucket = 0"
    rows = [row for row in keyspace.session.execute(query, (conversation_id,)) if row[0] is not None]
    return {seq: Record(sender, envelope_id, _changes(change)) for seq, sender, envelope_id, change in rows}


def _changes(text: str | None) -> tuple[tuple[str, int], ...]:
    return tuple((account, role) for account, _, role in json.loads(text)[0]) if text else ()
