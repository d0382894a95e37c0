"""The stores that the nodes share: log, memberships, positions, people; and each node's ports to them.

The effect of an operation is a plain function here; when it happens is the scheduler's business. The guarantees are those that the
ports promise, written down once more: an append moves the head or nothing, a late hint of an older seq changes nothing, positions
only grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.domain.envelope import DELETED, Entry
from server.ports.log import Appended, AppendOutcome, Behind, Head, Hint, PositionRow, Reload, Snapshot, Unknown
from server.ports.people import Standing
from tests.simulation.loop import Loop
from tests.simulation.oracle import Oracle
from tests.simulation.world import World


@dataclass
class Log:
    """One conversation as it is stored."""

    rows: dict[int, Entry] = field(default_factory=dict)
    head: int = 0
    floor: int = 0
    trimmed: int = 0
    changed_at_ms: int = 0
    snapshot: Snapshot | None = None


class Store:
    """Everything durable on the side of the nodes."""

    def __init__(self, world: World, oracle: Oracle) -> None:
        self.world = world
        self.oracle = oracle
        self.logs: dict[str, Log] = {}
        self.hints: dict[str, dict[str, tuple[int, Hint]]] = {}
        self.positions: dict[tuple[str, str], PositionRow] = {}
        self.devices: dict[str, dict[str, int]] = {}
        """Account → device → when it was last active."""
        self.blocks: set[tuple[str, str]] = set()
        self.head_fenced = True

    # -- the log -------------------------------------------------------------------------------------------------------

    def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        """See `server.ports.log.Log.append`."""
        log = self.logs.setdefault(conversation_id, Log())
        if log.head != expected_head:
            if expected_head < log.floor or expected_head > log.head:
                return Reload()
            return Behind(tuple(log.rows[seq] for seq in range(expected_head + 1, log.head + 1)))
        for entry in entries:
            self.oracle.appended(conversation_id, entry)
            log.rows[entry.seq] = entry
        log.head = max(log.head, entries[-1].seq)
        log.changed_at_ms = self.world.now_ms
        return Appended(expected_head + 1)

    def heads(self, conversation_ids: Sequence[str]) -> dict[str, Head]:
        """See `Log.heads`."""
        logs = self.logs
        found = ((key, logs[key]) for key in conversation_ids if key in logs and logs[key].head)
        return {key: Head(log.head, log.floor, log.trimmed, log.changed_at_ms) for key, log in found}

    def entries(self, conversation_id: str, after_seq: int, limit: int) -> list[Entry]:
        """See `Log.entries`."""
        log = self.logs.get(conversation_id) or Log()
        seqs = range(max(after_seq, log.floor) + 1, log.head + 1)
        return [log.rows[seq] for seq in seqs[:limit] if seq in log.rows]

    def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        """See `Log.save_snapshot`."""
        log = self.logs[conversation_id]
        if log.snapshot is None or snapshot.as_of_seq > log.snapshot.as_of_seq:
            log.snapshot = snapshot

    def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        """See `Log.empty_bodies`."""
        log = self.logs[conversation_id]
        for seq in range(log.trimmed + 1, min(up_to_seq, log.head) + 1):
            entry = log.rows.get(seq)
            if entry is not None and entry.body is not None and entry.body != DELETED:
                log.rows[seq] = entry._replace(body=None)
                self.oracle.forgotten(conversation_id, seq)
        log.trimmed = max(log.trimmed, min(up_to_seq, log.head))

    def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        """See `LogRetention.drop_headers`."""
        log = self.logs[conversation_id]
        for seq in range(log.floor + 1, min(up_to_seq, log.head) + 1):
            del log.rows[seq]
            self.oracle.forgotten(conversation_id, seq)
        log.floor = max(log.floor, min(up_to_seq, log.head))
        log.trimmed = max(log.trimmed, log.floor)

    def delete_body(self, conversation_id: str, seq: int) -> None:
        """See `Log.delete_body`."""
        rows = self.logs[conversation_id].rows
        if seq in rows:
            rows[seq] = rows[seq]._replace(body=DELETED)

    # -- memberships and positions -------------------------------------------------------------------------------------

    def hint(self, account_ids: Sequence[str], conversation_id: str, stamp: int, left_seq: int) -> None:
        """See `Memberships.join` and `leave`."""
        for account_id in account_ids:
            hints = self.hints.setdefault(account_id, {})
            old = hints.get(conversation_id)
            if old is None or stamp > old[0]:
                hints[conversation_id] = (stamp, Hint(conversation_id, left_seq, old[1].read_seq if old else 0))

    def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        """See `Memberships.read`."""
        hints = self.hints.get(account_id, {})
        for conversation_id, seq in reads.items():
            if conversation_id in hints:
                stamp, hint = hints[conversation_id]
                hints[conversation_id] = (stamp, hint._replace(read_seq=max(seq, hint.read_seq)))

    def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        """See `Memberships.forget`."""
        _, hint = self.hints.get(account_id, {}).get(conversation_id, (0, None))
        if hint is not None and left_seq and hint.left_seq == left_seq:
            del self.hints[account_id][conversation_id]

    def raise_to(self, rows: Sequence[PositionRow], node: str) -> None:
        """See `Positions.raise_to`."""
        for row in rows:
            self.oracle.skipped(row, node)
            key = (row.conversation_id, row.device_id)
            old = self.positions.get(key, row)
            skipped = tuple(sorted({*old.skipped, *row.skipped}))
            now = row._replace(acked=max(old.acked, row.acked), read=max(old.read, row.read), skipped=_joined(skipped))
            self.positions[key] = now
            self.oracle.position(now)

    def touch(self, device_id: str, at_ms: int) -> None:
        """See `Devices.touch`."""
        for devices in self.devices.values():
            if device_id in devices:
                devices[device_id] = max(devices[device_id], at_ms)
                self.oracle.active(self.oracle.devices[device_id], at_ms)


def _joined(runs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    seqs = sorted({seq for first, last in runs for seq in range(first, last + 1)})
    out: list[tuple[int, int]] = []
    for seq in seqs:
        if out and out[-1][1] == seq - 1:
            out[-1] = (out[-1][0], seq)
        else:
            out.append((seq, seq))
    return tuple(out)


class Ports:
    """`Log`, `LogRetention`, `Memberships`, `Positions` and `People` of one process of a node."""

    def __init__(self, world: World, store: Store, name: str, loop: Loop, own: set[tuple[str, int]]) -> None:
        """`own` collects what this process has appended."""
        self._world, self._store, self._name, self._loop, self._own = world, store, name, loop, own

    async def _ask(self, text: str, effect: Any, **how: Any) -> Any:
        return await self._world.ask(self._name, self._loop, text, effect, **how)

    # -- Log and LogRetention

    async def append(self, conversation_id: str, expected_head: int, entries: Sequence[Entry]) -> AppendOutcome:
        ids = " ".join(entry.header.envelope_id[-4:] for entry in entries)
        outcome: AppendOutcome = await self._ask(
            f"append {conversation_id}/{expected_head + 1}: {ids}",
            lambda: self._store.append(conversation_id, expected_head, entries),
            gave_up=Unknown(),
        )
        if isinstance(outcome, Appended):
            self._own.update((conversation_id, entry.seq) for entry in entries)
        return outcome

    async def heads(self, conversation_ids: Sequence[str]) -> Mapping[str, Head]:
        heads: dict[str, Head] = await self._ask(
            f"heads of {', '.join(conversation_ids)}", lambda: self._store.heads(conversation_ids)
        )
        return heads

    async def entries(self, conversation_id: str, after_seq: int, limit: int) -> Sequence[Entry]:
        found: list[Entry] = await self._ask(
            f"entries of {conversation_id} after {after_seq}", lambda: self._store.entries(conversation_id, after_seq, limit)
        )
        return found

    async def snapshot(self, conversation_id: str) -> Snapshot | None:
        found: Snapshot | None = await self._ask(
            f"snapshot of {conversation_id}", lambda: (self._store.logs.get(conversation_id) or Log()).snapshot
        )
        return found

    async def save_snapshot(self, conversation_id: str, snapshot: Snapshot) -> None:
        text = f"save snapshot of {conversation_id} at {snapshot.as_of_seq}"
        await self._ask(text, lambda: self._store.save_snapshot(conversation_id, snapshot))

    async def empty_bodies(self, conversation_id: str, up_to_seq: int) -> None:
        text = f"empty bodies of {conversation_id} up to {up_to_seq}"
        await self._ask(text, lambda: self._store.empty_bodies(conversation_id, up_to_seq))

    async def delete_body(self, conversation_id: str, seq: int) -> None:
        await self._ask(f"delete body {conversation_id}/{seq}", lambda: self._store.delete_body(conversation_id, seq))

    async def drop_headers(self, conversation_id: str, up_to_seq: int) -> None:
        text = f"drop headers of {conversation_id} up to {up_to_seq}"
        await self._ask(text, lambda: self._store.drop_headers(conversation_id, up_to_seq))

    async def conversations(self, after_id: str, limit: int) -> Sequence[str]:
        found: list[str] = await self._ask("list conversations", lambda: [k for k in sorted(self._store.logs) if k > after_id])
        return found[:limit]

    async def epoch(self) -> str:
        return "one"

    # -- Memberships

    async def join(self, account_ids: Sequence[str], conversation_id: str, expected_head: int) -> None:
        text = f"hint: {', '.join(account_ids)} in {conversation_id} after {expected_head}"
        await self._ask(text, lambda: self._store.hint(account_ids, conversation_id, 2 * (expected_head + 1), 0))

    async def leave(self, account_ids: Sequence[str], conversation_id: str, left_seq: int) -> None:
        text = f"hint: {', '.join(account_ids)} left {conversation_id} at {left_seq}"
        await self._ask(text, lambda: self._store.hint(account_ids, conversation_id, 2 * left_seq + 1, left_seq))

    async def of_account(self, account_id: str) -> Sequence[Hint]:
        effect = lambda: [hint for _, hint in self._store.hints.get(account_id, {}).values()]  # noqa: E731
        found: list[Hint] = await self._ask(f"hints of {account_id}", effect)
        return found

    async def read(self, account_id: str, reads: Mapping[str, int]) -> None:
        await self._ask(f"read marks of {account_id}: {dict(reads)}", lambda: self._store.read(account_id, reads))

    async def forget(self, account_id: str, conversation_id: str, left_seq: int) -> None:
        text = f"forget hint of {account_id} in {conversation_id}, left at {left_seq}"
        await self._ask(text, lambda: self._store.forget(account_id, conversation_id, left_seq))

    # -- Positions

    async def raise_to(self, rows: Sequence[PositionRow]) -> None:
        what = " ".join(f"{r.device_id}@{r.conversation_id}={r.acked}/{r.read}{list(r.skipped) or ''}" for r in rows)
        await self._ask(f"positions {what}", lambda: self._store.raise_to(rows, self._name))

    async def of_conversation(self, conversation_id: str) -> Sequence[PositionRow]:
        effect = lambda: [row for row in self._store.positions.values() if row.conversation_id == conversation_id]  # noqa: E731
        found: list[PositionRow] = await self._ask(f"positions of {conversation_id}", effect)
        return found

    async def of_device(self, device_id: str) -> Sequence[PositionRow]:
        effect = lambda: [row for row in self._store.positions.values() if row.device_id == device_id]  # noqa: E731
        found: list[PositionRow] = await self._ask(f"positions of {device_id}", effect)
        return found

    # -- People and Audience

    async def existing(self, account_ids: list[str]) -> set[str]:
        return set(account_ids)

    async def blocks(self, account_id: str, other_id: str) -> bool:
        return (account_id, other_id) in self._store.blocks

    def at_once(self, account_id: str, other_id: str) -> Standing | None:
        return Standing(True, (account_id, other_id) in self._store.blocks) if self._world.chance.random() < 0.7 else None

    async def standing(self, account_id: str, other_id: str) -> Standing:
        found: Standing = await self._ask(
            f"how {account_id} stands to {other_id}", lambda: Standing(True, (account_id, other_id) in self._store.blocks)
        )
        return found

    async def may_add(self, adder_id: str, account_id: str) -> bool:
        return True

    async def read_receipts(self, account_id: str) -> bool:
        return True

    async def devices(self, account_id: str) -> dict[str, int]:
        effect = lambda: dict(self._store.devices.get(account_id, {}))  # noqa: E731
        found: dict[str, int] = await self._ask(f"devices of {account_id}", effect)
        return found

    async def touch(self, device_id: str, at_ms: int) -> None:
        """A device was active."""
        self._store.touch(device_id, at_ms)

    async def may_see(self, watcher_id: str, account_id: str) -> bool:
        return False

    async def last_seen(self, account_id: str) -> int:
        return 0

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        return None
