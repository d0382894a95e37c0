"""The judge: knows what was sent, what the server said, and what each device shows. Shares no code with the product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Shown(NamedTuple):
    """One line of a device's store."""

    seq: int
    envelope_id: str
    text: str


TICKS = {"": 0, "pending": 0, "sent": 1, "delivered": 2, "read": 3}


class Ledger:
    """Collects, then judges."""

    def __init__(self) -> None:
        self.accepted: dict[str, dict[str, int]] = {}
        """Conversation → envelope id → the seq that the server answered."""
        self._shown: dict[str, dict[str, list[Shown]]] = {}
        self._ticks: dict[tuple[str, str], str] = {}
        self.faults: list[str] = []

    def sent(self, conversation_id: str, envelope_id: str, seq: int) -> None:
        """The server said: sent."""
        known = self.accepted.setdefault(conversation_id, {}).setdefault(envelope_id, seq)
        if known != seq:
            self.faults.append(f"{envelope_id} was answered with {known} and with {seq}")

    def shows(self, device: str, conversation_id: str, lines: Iterable[Shown]) -> None:
        """What a device's store holds at the end."""
        self._shown.setdefault(conversation_id, {})[device] = list(lines)

    def tick(self, device: str, envelope_id: str, tick: str) -> None:
        """A tick that a person saw."""
        before = self._ticks.get((device, envelope_id), "")
        if TICKS[tick] < TICKS[before]:
            self.faults.append(f"{device}: the tick of {envelope_id} went from {before} back to {tick}")
        self._ticks[device, envelope_id] = tick

    def judge(self) -> list[str]:
        """Everything that is wrong; [] when nothing is."""
        faults = list(self.faults)
        for conversation_id, devices in self._shown.items():
            truth: dict[int, str] = {}
            for device, lines in devices.items():
                seqs = [line.seq for line in lines]
                ids = [line.envelope_id for line in lines]
                if seqs != sorted(set(seqs)):
                    faults.append(f"{device} shows {conversation_id} out of order, or a seq twice")
                if len(ids) != len(set(ids)):
                    faults.append(f"{device} shows an envelope of {conversation_id} twice")
                if seqs and seqs != list(range(seqs[0], seqs[-1] + 1)):
                    faults.append(f"{device} has a hole in {conversation_id}")
                for line in lines:
                    if truth.setdefault(line.seq, line.envelope_id) != line.envelope_id:
                        faults.append(f"{device} shows another envelope at {conversation_id}/{line.seq} than others")
            for envelope_id, seq in self.accepted.get(conversation_id, {}).items():
                for device, lines in devices.items():
                    if not any(line.seq == seq and line.envelope_id == envelope_id for line in lines):
                        faults.append(f"{device} does not show {conversation_id}/{seq}, which was sent")
        return faults
