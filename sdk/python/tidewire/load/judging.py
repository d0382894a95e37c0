"""Every message sent, on every device that had to get it, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidewire.load.options import Plan
from tidewire.load.seen import MASK, Tally

ERRORS_MAX = 20
"""Sentences; what is more is counted."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who takes part."""

    conversation_id: str
    members: tuple[str, ...]


def totals(conversations: Iterable[Conversation], own: Iterable[Mapping[str, Sequence[int]]]) -> dict[str, Tally]:
    """What was sent to each conversation, and answered."""
    sums = {conversation.conversation_id: Tally() for conversation in conversations}
    for each in own:
        for key, (count, digests) in each.items():
            tally = sums[key.partition(" ")[2]]
            tally.count += count
            tally.digests = (tally.digests + digests) & MASK
    return sums


def judged(
    plan: Plan,
    conversations: Sequence[Conversation],
    sent: Mapping[str, Tally],
    settled: Sequence[Mapping[str, Any]],
    ended: Sequence[Mapping[str, Any]],
) -> list[str]:
    """What went wrong, a sentence each; []: nothing was lost, nothing came twice."""
    own = {key: pair for each in settled for key, pair in each["own"].items()}
    devices = {device_id: device for each in ended for device_id, device in each["devices"].items()}
    of_account: dict[str, list[str]] = {}
    for device_id, device in devices.items():
        of_account.setdefault(device["account"], []).append(device_id)
    errors: list[str] = []
    for conversation in conversations:
        name = conversation.conversation_id
        for device_id in (device_id for account in conversation.members for device_id in of_account.get(account, ())):
            mine = own.get(f"{device_id} {name}", (0, 0))
            wanted = sent[name].count - mine[0], (sent[name].digests - mine[1]) & MASK
            errors += _of_device(device_id, name, wanted, devices[device_id]["seen"].get(name, (0, 0, 0, 0)))
    if unanswered := sum(each["unanswered"] for each in settled):
        errors.append(f"{unanswered} messages were sent and never answered")
    if missing := plan.devices - sum(each["connected"] for each in ended):
        errors.append(f"{missing} devices are not connected at the end")
    errors += [f"the server ended a stream for good: {why}" for each in ended for why in each["ended"]]
    for why, count in sum((Counter(each["refused"]) for each in ended), Counter()).items():
        errors.append(f"{count} messages were refused: {why}")
    if len(errors) > ERRORS_MAX:
        errors[ERRORS_MAX:] = [f"and {len(errors) - ERRORS_MAX} more of this kind"]
    return errors


def _of_device(device_id: str, conversation_id: str, wanted: tuple[int, int], seen: Sequence[int]) -> Iterable[str]:
    count, digests, twice, lost = seen
    where = f"device {device_id} in {conversation_id}"
    if count < wanted[0]:
        yield f"LOST: {where} got {count} of {wanted[0]} messages"
    elif (count, digests) != wanted:
        yield f"WRONG: {where} got other messages than were sent ({count} of {wanted[0]})"
    if twice:
        yield f"DOUBLE: {where} got {twice} envelopes twice"
    if lost:
        yield f"LOST: {where} was told that {lost} envelopes will not come"
