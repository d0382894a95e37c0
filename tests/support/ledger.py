"""The judge of a ledger: from the journals of all devices and from what the node's file holds, everything that is wrong.

It shares no code with the product, and knows of it only what its users are told:
- An envelope that got *sent* is in the log at the seq that was told, once, whatever was retried.
- A device shows what the log holds, where its account was a member: all of it, in that order, each once.
- Ticks go from pending over sent and delivered to read, and only when the others really have it, or have read it.
- What was written on a device is sent in the end, or was refused in so many words, which are true.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Line = dict[str, Any]
"""A line of a journal; `tests/ledger/device.py` writes them."""

TICKS = {"pending": 0, "sent": 1, "delivered": 2, "read": 3}
CREATED, ADDED, REMOVED, LEFT = 1, 2, 3, 4
"""Actions of a membership change, as the schema numbers them."""
NEVER = 1 << 62
NOT_A_MEMBER = "NOT_A_MEMBER"


class Entry(NamedTuple):
    """One entry of a log."""

    seq: int
    envelope_id: str
    sender_id: str
    text: str
    """"" where it has none, or none any more."""
    members: tuple[tuple[str, int], ...] = ()
    """(account, action) of a membership change."""
    has_content: bool = True
    """False: every device had it, so that its body was trimmed. A device that comes later does not get it."""


def intervals(conversation_id: str, entries: Iterable[Entry]) -> dict[str, list[tuple[int, int]]]:
    """By account, the first and last seqs of each time that it was a member."""
    out: dict[str, list[tuple[int, int]]] = {}
    if not conversation_id.startswith("g:"):
        return {account: [(1, NEVER)] for account in conversation_id.split(":")[1:]}
    for entry in entries:
        for account, action in entry.members:
            spans = out.setdefault(account, [])
            if action in (CREATED, ADDED):
                spans.append((entry.seq, NEVER))
            elif action in (REMOVED, LEFT):
                spans[-1] = (spans[-1][0], entry.seq)
    return out


class _Log:
    """One conversation's truth."""

    def __init__(self, conversation_id: str, entries: Sequence[Entry]) -> None:
        self.conversation_id = conversation_id
        self.entries = entries
        self.by_seq = {entry.seq: entry for entry in entries}
        self.members = intervals(conversation_id, entries)

    def entitled(self, account: str, seq: int) -> bool:
        """Whether the account belongs to the audience of `seq`."""
        return any(first <= seq <= last for first, last in self.members.get(account, ()))

    def stays(self, account: str, seq: int) -> bool:
        """Whether the account belongs to the audience of `seq`, and was never removed after it."""
        spans = self.members.get(account, ())
        return self.entitled(account, seq) and spans[-1][1] == NEVER and all(last < seq for _, last in spans[:-1])

    def always(self, account: str) -> bool:
        """Whether the account was a member from its first day on, and is."""
        return [last for _, last in self.members.get(account, ())] == [NEVER]

    def others(self, account: str, seq: int) -> list[str]:
        """Who else belongs to the audience of `seq` for good."""
        return [other for other in self.members if other != account and self.stays(other, seq)]


class _Device:
    """What one device's journal adds up to."""

    def __init__(self, name: str, lines: Sequence[Line]) -> None:
        self.name = name
        self.lines = lines
        self.account = next((str(line["account"]) for line in lines if line["is"] == "account"), "")
        self.has: dict[tuple[str, int], int] = {}
        """When a seq was stored at the earliest: CLOCK_MONOTONIC."""
        self.read: dict[str, list[tuple[int, int]]] = {}
        """By conversation: (at, seq) of what a person has seen, both ascending."""
        self._collect()

    def _collect(self) -> None:
        alive = before = 0
        for line in self.lines:
            at, what = line["at"], line["is"]
            if what == "start":
                before, alive = alive or at, at
            elif what == "shown":
                alive = at
                self.has.setdefault((line["c"], line["seq"]), at)
            elif what == "held":
                # at the start: stored in the life before, after the last thing that it still showed
                since = before if line["why"] == "start" else at
                for seq, *_ in line["lines"]:
                    self.has.setdefault((line["c"], seq), since)
            elif what == "reading":
                self.read.setdefault(line["c"], []).append((at, max(line["seq"], self._seen(line["c"], NEVER))))

    def _seen(self, conversation_id: str, at: int) -> int:
        marks = self.read.get(conversation_id, [])
        index = bisect.bisect_left(marks, (at, 0))
        return marks[index - 1][1] if index else 0

    def had(self, conversation_id: str, seq: int, at: int) -> bool:
        """Whether the device may have stored `seq` by then."""
        return self.has.get((conversation_id, seq), NEVER) < at

    def had_read(self, conversation_id: str, seq: int, at: int) -> bool:
        """Whether a person had seen `seq` on the device by then."""
        return self._seen(conversation_id, at) >= seq and self.had(conversation_id, seq, at)

    def final(self) -> dict[str, list[list[Any]]]:
        """What the store holds at the end."""
        return {line["c"]: line["lines"] for line in self.lines if line["is"] == "held"}


class Judge:
    """Judges once. Call `faults`."""

    def __init__(
        self, journals: Mapping[str, Sequence[Line]], truth: Mapping[str, Sequence[Entry]], observers: Iterable[str] = ()
    ) -> None:
        """`observers`: devices that came at the end, and get only what is still stored."""
        self._logs = {conversation_id: _Log(conversation_id, entries) for conversation_id, entries in truth.items()}
        self._devices = [_Device(name, lines) for name, lines in journals.items()]
        self._observers = set(observers)
        self._faults: list[str] = []
        self._places = {(e.sender_id, e.envelope_id): (c, e.seq) for c, entries in truth.items() for e in entries}

    def faults(self) -> list[str]:
        """Everything that is wrong, one sentence each, by device; [] when nothing is."""
        for log in self._logs.values():
            self._log(log)
        for device in self._devices:
            self._sent(device)
            self._outbox(device)
            self._shown(device)
            self._held(device)
            self._final(device)
            self._ticks(device)
        return self._faults

    def _fault(self, text: str) -> None:
        text = re.sub("x{20,}", "…", text)
        if text not in self._faults:
            self._faults.append(text)

    # -- the log -------------------------------------------------------------------------------------------------------

    def _log(self, log: _Log) -> None:
        name, ids, texts = log.conversation_id, set(), set()
        if [entry.seq for entry in log.entries] != list(range(1, len(log.entries) + 1)):
            self._fault(f"the log {name} has a hole")
        for entry in log.entries:
            if (entry.sender_id, entry.envelope_id) in ids or (entry.text and entry.text in texts):
                self._fault(f"the log {name} has {entry.text or entry.envelope_id} twice, the second time at {entry.seq}")
            ids.add((entry.sender_id, entry.envelope_id))
            texts.add(entry.text)

    # -- sending -------------------------------------------------------------------------------------------------------

    def _sent(self, device: _Device) -> None:
        for line in device.lines:
            if line["is"] != "sent":
                continue
            place = self._places.get((device.account, line["id"]))
            told = (line["c"], line["seq"])
            if place is None:
                self._fault(f"{device.name} was told sent {told[0]}/{told[1]}, which is not in the log")
            elif place != told:
                self._fault(f"{device.name} was told sent {told[0]}/{told[1]}, but it is at {place[1]}")

    def _outbox(self, device: _Device) -> None:
        sent: set[str] = set()
        refused: set[str] = set()
        waiting: set[str] = set()
        for line in device.lines:
            if line["is"] == "sent":
                sent.add(line["id"])
            elif line["is"] == "refused":
                refused.add(line["id"])
                log = self._logs.get(line["c"])
                if str(line["reason"]).upper() == NOT_A_MEMBER and log is not None and log.always(device.account):
                    text = next(
                        (each["text"] for each in device.lines if each["is"] == "queued" and each["id"] == line["id"]), ""
                    )
                    self._fault(f"{device.name} was refused {text} as no member, which it is")
            elif line["is"] == "outbox":
                waiting = {item[1] for item in line["items"]}
                for envelope_id in waiting & sent:
                    self._fault(f"{device.name}: the tick of {envelope_id} went from sent back to pending")
        for line in device.lines:
            if line["is"] != "queued":
                continue
            in_log = (device.account, line["id"]) in self._places
            if in_log and line["id"] in waiting:
                self._fault(f"{device.name} does not know that its {line['text']} is in the log")
            elif not in_log and line["id"] not in refused:
                self._fault(f"{device.name} wrote {line['text']}, which was neither sent nor refused")

    # -- showing -------------------------------------------------------------------------------------------------------

    def _place(self, device: _Device, conversation_id: str, seq: int, envelope_id: str, sender: str, text: str) -> None:
        log = self._logs.get(conversation_id)
        entry = log.by_seq.get(seq) if log is not None else None
        if entry is None or log is None:
            self._fault(f"{device.name} shows {conversation_id}/{seq}, which is not in the log")
        elif (entry.envelope_id, entry.sender_id) != (envelope_id, sender) or (entry.text and entry.text != text):
            self._fault(f"{device.name} shows {text or envelope_id} at {conversation_id}/{seq}, where {entry.text} is")
        elif not log.entitled(device.account, seq):
            self._fault(f"{device.name} shows {conversation_id}/{seq}, when its account was not a member")

    def _shown(self, device: _Device) -> None:
        seen: set[tuple[str, int]] = set()
        last: dict[str, int] = {}
        for line in device.lines:
            if line["is"] != "shown":
                continue
            conversation_id, seq = line["c"], line["seq"]
            self._place(device, conversation_id, seq, line["id"], line["sender"], line["text"])
            if (conversation_id, seq) in seen:
                self._fault(f"{device.name} showed {conversation_id}/{seq} twice")
            seen.add((conversation_id, seq))
            if line["sender"] != device.account:  # own ones are shown as soon as they are answered
                if seq < last.get(conversation_id, 0):
                    self._fault(f"{device.name} showed {conversation_id}/{seq} after {last[conversation_id]}")
                last[conversation_id] = max(seq, last.get(conversation_id, 0))

    def _held(self, device: _Device) -> None:
        before: dict[str, set[int]] = {}
        for line in device.lines:
            if line["is"] == "shown":
                before.setdefault(line["c"], set()).add(line["seq"])
            if line["is"] != "held":
                continue
            conversation_id, seqs = line["c"], [row[0] for row in line["lines"]]
            if seqs != sorted(set(seqs)):
                self._fault(f"{device.name} holds {conversation_id} out of order, or a seq twice")
            if len({(row[1], row[2]) for row in line["lines"]}) != len(seqs):
                self._fault(f"{device.name} holds an envelope of {conversation_id} twice")
            for seq in sorted(before.get(conversation_id, set()) - set(seqs)):
                self._fault(f"{device.name} showed {conversation_id}/{seq}, and has it no more")
            before[conversation_id] = set(seqs)
            for row in line["lines"]:
                self._place(device, conversation_id, *row[:4])

    def _final(self, device: _Device) -> None:
        holds = device.final()
        if not any(line["is"] == "start" for line in device.lines):
            return  # a client that keeps nothing
        for conversation_id, log in self._logs.items():
            has = {row[0] for row in holds.get(conversation_id, [])}
            for entry in log.entries:
                if entry.seq in has or not log.entitled(device.account, entry.seq):
                    continue
                if entry.has_content or device.name not in self._observers:
                    self._fault(f"{device.name} lacks {conversation_id}/{entry.seq} {entry.text}".rstrip())

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def _ticks(self, device: _Device) -> None:
        ranks: dict[str, str] = {}
        for line in device.lines:
            if line["is"] == "tick":
                self._tick(device, ranks, line["at"], line["c"], line["seq"], line["id"], line["tick"])
            elif line["is"] == "held":
                for seq, envelope_id, _, _, tick in line["lines"]:
                    if tick:
                        self._tick(device, ranks, line["at"], line["c"], seq, envelope_id, tick)
        for conversation_id, rows in device.final().items():
            log = self._logs.get(conversation_id)
            for seq, _, _, text, tick in rows:
                if log is not None and tick == "sent" and log.others(device.account, seq):
                    self._fault(f"{device.name} never heard that {conversation_id}/{seq} {text} is delivered".replace("  ", " "))

    def _tick(
        self, device: _Device, ranks: dict[str, str], at: int, conversation_id: str, seq: int, envelope_id: str, tick: str
    ) -> None:
        before = ranks.get(envelope_id, "pending")
        ranks[envelope_id] = tick
        place = f"{conversation_id}/{seq}"
        if TICKS[tick] < TICKS[before]:
            self._fault(f"{device.name}: the tick of {place} went from {before} back to {tick}")
        log = self._logs.get(conversation_id)
        if tick not in ("delivered", "read") or tick == before or log is None:
            return
        for account in log.others(device.account, seq):
            theirs = [each for each in self._devices if each.account == account]
            if not any(each.had(conversation_id, seq, at) for each in theirs):
                self._fault(f"{device.name} was told that {place} is {tick}, when no device of {self._of(account)} had it")
            elif tick == "read" and not any(each.had_read(conversation_id, seq, at) for each in theirs):
                self._fault(f"{device.name} was told that {place} is read, when nobody at {self._of(account)} had read it")

    def _of(self, account: str) -> str:
        return next((device.name.partition("-")[0] for device in self._devices if device.account == account), account)
