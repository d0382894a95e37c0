"""The bridge from the driver's callbacks to asyncio: prepared statements, bounded requests, and what their errors mean.

What a statement may do when it fails is a property of the statement, so it is said where the statement is:

- A read, or a write that can be repeated without another effect (every value comes with a timestamp of its own, or only ever has
  one value), may be tried on another node, also before the first has failed.
- A conditional statement is sent once. When it is not known whether it was applied, that is `Uncertain`, which its caller must
  settle; it is never an UNAVAILABLE.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, OperationTimedOut, Unavailable
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, NoHostAvailable, Session
from cassandra.connection import ConnectionException
from cassandra.policies import RetryPolicy
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from server.adapters.cql.hosts import AnsweringFirst
from server.kit.refusal import Refused, unavailable

log = logging.getLogger(__name__)

IN_FLIGHT_MAX = 512
"""Requests under way at once. The driver blocks the event loop when it runs out of stream ids, which is far above."""

FAILURES = (DriverException, NoHostAvailable, ConnectionException, ErrorMessage)
"""What the driver raises; they have no ancestor of their own."""

Row = tuple[Any, ...]


class Uncertain(Exception):
    """Nobody knows whether a conditional statement was applied."""


class Kind(Enum):
    """What may be done with a statement."""

    READ = "read"
    SERIAL_READ = "serial read"
    """Sees what a conditional statement may have left half done, and finishes it."""
    WRITE = "write"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement; made once, at import."""

    text: str
    kind: Kind


class Bound(NamedTuple):
    """A statement with its values."""

    statement: Statement
    values: Sequence[Any]


@dataclass(slots=True)
class Usage:
    """What was asked of the database since the start."""

    requests: int = 0
    """Round trips."""
    statements: int = 0
    """Statements, those in batches counted one by one."""
    rows_read: int = 0
    rows_written: int = 0
    """Statements that wrote: each writes one row, or a part of one. Those whose condition did not hold are not counted."""
    conditional: int = 0
    """Requests with a condition: each is a round of Paxos."""
    failures: int = 0


class SentOnce(RetryPolicy):  # type: ignore[misc]
    """For conditional statements: the driver tries nothing twice."""

    def on_read_timeout(self, *_: Any, **__: Any) -> tuple[int, None]:
        """See `RetryPolicy`."""
        return self.RETHROW, None

    on_write_timeout = on_unavailable = on_request_error = on_read_timeout


class Cql:
    """One session. Blocking parts of the driver (connecting, preparing, closing) never run on the event loop."""

    def __init__(self, cluster: Cluster, session: Session, *, everywhere: bool = False, in_flight: int = IN_FLIGHT_MAX) -> None:
        """`everywhere`: quorums and conditions span all data centres, not only the local one."""
        self.usage = Usage()
        self._quorum = ConsistencyLevel.QUORUM if everywhere else ConsistencyLevel.LOCAL_QUORUM
        self._serial = ConsistencyLevel.SERIAL if everywhere else ConsistencyLevel.LOCAL_SERIAL
        self._cluster = cluster
        self._session = session
        self._prepared: dict[Statement, PreparedStatement] = {}
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(in_flight)
        self._once = SentOnce()
        hosts = session.get_execution_profile(EXEC_PROFILE_DEFAULT).load_balancing_policy
        assert isinstance(hosts, AnsweringFirst), "it learns from every request"
        self.hosts = hosts

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """Prepare statements before their first use."""
        for statement in statements:
            prepared = await asyncio.to_thread(self._session.prepare, statement.text)
            prepared.consistency_level = self._quorum
            prepared.is_idempotent = statement.kind is not Kind.CONDITIONAL
            if statement.kind is Kind.CONDITIONAL:
                prepared.retry_policy = self._once
                prepared.serial_consistency_level = self._serial
            elif statement.kind is Kind.SERIAL_READ:
                prepared.consistency_level = self._serial
            self._prepared[statement] = prepared

    async def read(self, statement: Statement, *values: Any) -> list[Row]:
        """The rows, all of them (a read names its limit, or reads a partition that is bounded by design).

        Raises:
            Refused: UNAVAILABLE.
        """
        rows = await self._asked(self._prepared[statement].bind(values), 1, paged=True)
        self.usage.rows_read += len(rows)
        return rows

    async def write(self, statement: Statement, *values: Any) -> None:
        """Write; durable on return.

        Raises:
            Refused: UNAVAILABLE. It may have been written all the same.
        """
        await self._asked(self._prepared[statement].bind(values), 1)
        self.usage.rows_written += 1

    async def write_all(self, items: Sequence[Bound]) -> None:
        """Write several statements of *one partition* in one request.

        Raises:
            Refused: UNAVAILABLE. They may have been written all the same.
        """
        if len(items) == 1:
            await self.write(items[0].statement, *items[0].values)
        elif items:
            await self._asked(self._batch(items, idempotent=True), len(items))
            self.usage.rows_written += len(items)

    async def conditional(self, *items: Bound) -> bool:
        """Apply statements of one partition if the conditions hold; whether they did.

        Raises:
            Refused: UNAVAILABLE; surely nothing was written.
            Uncertain: it may have been written, now or later.
        """
        self.usage.conditional += 1
        if len(items) == 1:
            request: Any = self._prepared[items[0].statement].bind(items[0].values)
        else:
            request = self._batch(items, idempotent=False)
        rows = await self._asked(request, len(items), conditional=True)
        applied = bool(rows[0][0])
        if applied:
            self.usage.rows_written += len(items)
        return applied

    async def settled(self, item: Bound) -> bool | None:
        """`conditional`, asked again a few times while its outcome is unknown.

        None: it did not apply when it was asked again, perhaps because it had applied before; the caller reads which.

        Raises:
            Refused: UNAVAILABLE; its outcome may still be unknown.
        """
        for again in range(3):
            try:
                applied = await self.conditional(item)
            except Uncertain:
                continue
            return applied if applied or not again else None
        raise Refused(unavailable("the database does not answer in time"))

    async def close(self) -> None:
        """Close the connections. The driver's own shutdown can hang on a database that does not answer: it is not waited for long."""
        closing = asyncio.ensure_future(asyncio.to_thread(self._cluster.shutdown))
        await asyncio.wait([closing], timeout=5)

    def _batch(self, items: Sequence[Bound], *, idempotent: bool) -> BatchStatement:
        batch = BatchStatement(
            BatchType.UNLOGGED, consistency_level=self._quorum, retry_policy=None if idempotent else self._once
        )
        if not idempotent:
            batch.serial_consistency_level = self._serial
        batch.is_idempotent = idempotent
        for statement, values in items:
            prepared = self._prepared[statement]
            batch.add(prepared, values)
        return batch

    async def _asked(self, request: Any, statements: int, *, conditional: bool = False, paged: bool = False) -> list[Row]:
        usage = self.usage
        usage.requests += 1
        usage.statements += statements
        async with self._room:
            try:
                try:
                    return await self._rows(request, paged=paged)
                except NoHostAvailable as error:
                    if conditional or not _cut(error):
                        raise
                    return await self._rows(request, paged=paged)
            except FAILURES as error:
                usage.failures += 1
                raise _meaning(error, conditional=conditional) from error

    async def _rows(self, request: Any, *, paged: bool) -> list[Row]:
        future = self._session.execute_async(request)
        rows = await self._answer(future)
        while paged and future.has_more_pages:
            future.start_fetching_next_page()
            rows = [*rows, *await self._answer(future)]
        return rows

    def _answer(self, future: Any) -> asyncio.Future[list[Row]]:
        answer: asyncio.Future[list[Row]] = self._loop.create_future()

        def settle(set_result: Callable[[Any], None], value: Any) -> None:
            if not answer.done():  # its caller was cancelled; the request goes on all the same
                set_result(value)

        def post(set_result: Callable[[Any], None], value: Any) -> None:
            try:
                self._loop.call_soon_threadsafe(settle, set_result, value)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

        def answered(rows: Any) -> None:
            self.hosts.over(future.attempted_hosts, future.coordinator_host)
            post(answer.set_result, rows or [])

        def failed(error: Any) -> None:
            self.hosts.over(future.attempted_hosts, None if isinstance(error, OperationTimedOut) else future.coordinator_host)
            post(answer.set_exception, error)

        future.add_callbacks(answered, failed)
        return answer


def _cut(error: NoHostAvailable) -> bool:
    """Whether a connection ended under a request that could go nowhere else: the driver gives up then, even while another node, asked
    in addition, has yet to answer, or one has only just come back."""
    causes = error.errors.values() if isinstance(error.errors, Mapping) else ()
    return any(isinstance(cause, ConnectionException) for cause in causes)


def _meaning(error: BaseException, *, conditional: bool) -> BaseException:
    """What a failure means for the caller."""
    meant = error
    if isinstance(error, InvalidRequest):  # a bug of ours
        return meant
    log.warning("database refused", extra={"error": str(error)})
    certain = isinstance(error, (Unavailable, NoHostAvailable))  # refused before anything was proposed, or never sent
    if conditional and not certain:
        return Uncertain(str(error))
    return Refused(unavailable(f"the database cannot do it now: {type(error).__name__}"))
