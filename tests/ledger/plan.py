"""What happens in a ledger, turn by turn, from a seed alone: who says what, and what breaks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

PEOPLE = ("ann", "ben", "cat", "dan")
CLOCKS = {"ben-laptop": "+1d", "cat-phone": "-1d"}
"""Devices whose system clock is wrong by a day."""
DEVICES = tuple(f"{person}-{kind}" for person in PEOPLE for kind in ("phone", "laptop")) + ("dan-tablet",)
OWNER = "ann-phone"
GROUPS = {"crew": PEOPLE, "trio": ("ann", "cat", "dan")}
DIRECT = {"ann+ben": ("ann", "ben"), "cat+dan": ("cat", "dan"), "ben+cat": ("ben", "cat")}
CONVERSATIONS: dict[str, tuple[str, ...]] = GROUPS | DIRECT
STEADY = "trio"
"""Nobody is removed from this group."""
REMOVALS_MAX = 6
"""Of one member, in the whole run: a node keeps the last eight times that somebody was a member."""
TURN_CUTS = 5
"""Cuts of one turn."""


class Fault(Enum):
    """What can break. Each comes about as often as the others."""

    KILL_NODE = "kill -9 of the node"
    KILL_NODE_BEFORE_ANSWERS = "kill -9 of the node when it has stored, and nobody has heard of it"
    DRAIN_NODE = "SIGTERM to the node"
    FREEZE_NODE = "SIGSTOP of the node"
    KILL_DEVICE = "kill -9 of a device, at any moment"
    DEVICE_DIES_BEFORE_ACK = "kill -9 of a device that has shown and not acked"
    DEVICE_DIES_BEFORE_SHOWING = "kill -9 of a device that has stored and not shown"
    FREEZE_DEVICE = "SIGSTOP of a device, until its window is more than full"
    SLOW_DEVICE = "a device at a few bytes a second"
    STALL_DEVICE = "a connection on which nothing moves, then a cut"
    LOSE_ANSWERS = "answers that are cut off when the node has stored"
    CUT_ALL = "every connection cut at once"
    REPEAT = "the same envelope again and again, from two devices at once"
    CHANGE_MEMBERS = "a member is removed while it writes, and added again"


@dataclass(frozen=True)
class Saying:
    """Somebody writes."""

    device: str
    conversation: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """What happens at once."""

    sayings: tuple[Saying, ...]
    fault: Fault
    device: str
    """The one that the fault is about, if it is about one."""
    number: int


def plan(seed: int, cuts: int) -> list[Turn]:
    """Turns for this many cuts."""
    chance = random.Random(seed)
    turns: list[Turn] = []
    bag: list[Fault] = []
    removals: dict[str, int] = {}
    for number in range(max(len(Fault), cuts // TURN_CUTS)):
        if not bag:
            bag = list(Fault)
            chance.shuffle(bag)
        fault = bag.pop()
        device = chance.choice(DEVICES)
        if fault is Fault.CHANGE_MEMBERS:
            allowed = [name for name in DEVICES if not name.startswith("ann") and removals.get(_person(name), 0) < REMOVALS_MAX]
            if not allowed:
                fault = Fault.CUT_ALL
            else:
                device = chance.choice(allowed)
                removals[_person(device)] = removals.get(_person(device), 0) + 1
        sayings = tuple(_saying(chance, f"{number}.{index}") for index in range(chance.randint(3, 6)))
        turns.append(Turn(sayings, fault, device, number))
    return turns


def _saying(chance: random.Random, mark: str) -> Saying:
    conversation = chance.choice(list(CONVERSATIONS))
    device = chance.choice([name for name in DEVICES if _person(name) in CONVERSATIONS[conversation]])
    long = "." + "x" * chance.choice((0, 0, 0, 40, 400, 4_000))
    return Saying(device, conversation, tuple(f"<{device}.{mark}.{i}{long}>" for i in range(chance.choice((1, 1, 2, 5)))))


def _person(device: str) -> str:
    return device.partition("-")[0]
