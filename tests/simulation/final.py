"""What must be true when everything has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.domain.fold import Fold
from tests.simulation.oracle import Oracle, Witness, _still_in

if TYPE_CHECKING:
    from tests.simulation.device import Device
    from tests.simulation.node import Node
    from tests.simulation.store import Store


def check(oracle: Oracle, store: Store, devices: list[Device], nodes: list[Node]) -> None:
    """Every promise about the end.

    Raises:
        Violation: one is broken.
    """
    for conversation_id in store.logs:
        rebuilt(oracle, store, conversation_id)
    for node in nodes:
        for conversation_id in store.logs:
            live = node.conversations.peek(conversation_id)
            if live is not None:
                compare(oracle, live.fold, f"of {node.name}")
    for device in devices:
        if device.linked:
            outbox(oracle, device)
            for conversation_id in oracle.members:
                everything(oracle, store, device, conversation_id)
                marks(oracle, store, device, conversation_id)
                ticks(oracle, devices, device.witness, conversation_id)


def rebuilt(oracle: Oracle, store: Store, conversation_id: str) -> None:
    """Any node can rebuild the fold."""
    log = store.logs[conversation_id]
    fold = Fold(conversation_id) if log.snapshot is None else Fold.load(conversation_id, log.snapshot.fold)
    for seq in range(fold.seq + 1, log.head + 1):
        if seq not in log.rows:
            oracle.violated("FOLD LOST", f"{conversation_id}/{seq} is gone, the snapshot is of {fold.seq}")
        fold.apply(log.rows[seq])
    compare(oracle, fold, "rebuilt")


def compare(oracle: Oracle, fold: Fold, whose: str) -> None:
    """A fold says who was in when."""
    members = {account: member.intervals for account, member in fold.members.items()}
    truth = oracle.members[fold.conversation_id].get(fold.seq)
    if members != truth:
        oracle.violated("FOLD LOST", f"{fold.conversation_id} at {fold.seq}, {whose}: {members}, in truth {truth}")


def outbox(oracle: Oracle, device: Device) -> None:
    """Nothing waits, and nothing that landed is shown as failed."""
    for conversation_id, envelope_id, state in device.disk.execute("SELECT conversation_id, envelope_id, state FROM outbox"):
        if state in ("pending", "flying"):
            oracle.violated("OUTBOX STUCK", f"{envelope_id[-4:]} on {device.name}")
        if state == "failed" and (conversation_id, device.account_id, envelope_id) in oracle.places:
            oracle.violated("FAILED BUT LANDED", f"{envelope_id[-4:]} on {device.name}")


def everything(oracle: Oracle, store: Store, device: Device, conversation_id: str) -> None:
    """The device has all that is for it."""
    witness = device.witness
    for seq in oracle.ever[conversation_id]:
        if seq not in witness.held[conversation_id] and not oracle.may_miss(witness, conversation_id, seq):
            where = f"position {witness.position.get(conversation_id, 0)}, head {oracle.head(conversation_id)}"
            oracle.violated("NOT SHOWN", f"{conversation_id}/{seq} on {device.name}, {where}")
    last = oracle.last_entitled(conversation_id, device.account_id)
    if witness.position.get(conversation_id, 0) < last and last > witness.start.get(conversation_id, 0):
        oracle.violated("NOT SHOWN", f"{device.name} stands at {witness.position.get(conversation_id, 0)} of {last}")


def marks(oracle: Oracle, store: Store, device: Device, conversation_id: str) -> None:
    """What was read on one device is read on all of the account."""
    truth = oracle.truth(conversation_id).get(device.account_id, ())
    if not truth or truth[-1][1]:
        return
    _, hint = store.hints.get(device.account_id, {}).get(conversation_id, (0, None))
    joined = truth[-1][0]  # what was read before one left is forgotten with the hint
    kept = max(joined, hint.read_seq if hint is not None else 0)
    if device.witness.marked.get(conversation_id, 0) > kept:
        what = f"{conversation_id} on {device.name}: {device.witness.marked[conversation_id]}, kept {kept}"
        oracle.violated("READ MARK LOST", what)
    row = device.disk.execute("SELECT read_seq FROM conversations WHERE id=?", (conversation_id,)).fetchone()
    if max(joined, row[0] if row else 0) != kept:
        oracle.violated("READ STATE DIFFERS", f"{conversation_id} on {device.name}: {row and row[0]}, kept {kept}")


def ticks(oracle: Oracle, devices: list[Device], witness: Witness, conversation_id: str) -> None:
    """Every tick that is due has come to its author."""
    truth = oracle.truth(conversation_id)
    mine = truth.get(witness.account, ())
    if not mine or mine[-1][1]:
        return
    there = {device.name for device in devices if device.linked}
    for seq, entry in oracle.ever[conversation_id].items():
        if entry.header.sender_id != witness.account or seq not in witness.held[conversation_id]:
            continue
        for name, told in (("delivered", witness.delivered), ("read", witness.read)):
            rest = [account for account, runs in truth.items() if account != witness.account and _still_in(runs, seq)]
            due = bool(rest) and all(_has(oracle, there, account, conversation_id, seq, read=name == "read") for account in rest)
            if due and seq not in told[conversation_id]:
                oracle.violated("TICK MISSING", f"{conversation_id}/{seq} is {name} to {rest}, {witness.name} does not know")


def _has(oracle: Oracle, there: set[str], account: str, conversation_id: str, seq: int, *, read: bool) -> bool:
    """Whether a device that is still there has it, and has said so; for `read`: a person saw it on that device."""
    for witness in oracle.devices.values():
        if witness.account == account and witness.name in there and seq in witness.held[conversation_id]:
            if seq > witness.position.get(conversation_id, 0) or seq in witness.stale[conversation_id]:
                continue
            if not read or witness.marked.get(conversation_id, 0) >= seq:
                return True
    return False
