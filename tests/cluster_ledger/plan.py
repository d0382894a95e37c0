"""What happens in a ledger over a cluster, turn by turn, from a seed alone: who says what, and what breaks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

PEOPLE = ("ann", "ben", "cat", "dan")
KINDS = ("phone", "laptop", "tablet")
DEVICES = tuple(f"{person}-{kind}" for kind in KINDS for person in PEOPLE)
OWNER = "ann-phone"
GROUPS = {"crew": PEOPLE, "trio": ("ann", "cat", "dan")}
DIRECT = {"ann+ben": ("ann", "ben"), "cat+dan": ("cat", "dan"), "ben+cat": ("ben", "cat")}
CONVERSATIONS: dict[str, tuple[str, ...]] = GROUPS | DIRECT
STEADY = "trio"
"""Nobody is removed from this group."""
REMOVALS_MAX = 6
"""Of one member, in the whole run: a node keeps the last eight times that somebody was a member."""


class Fault(Enum):
    """What can break. Each comes about as often as the others."""

    KILL_NODE = "kill -9 of a node"
    FREEZE_NODE = "SIGSTOP of a node for longer than its lease, its devices gone elsewhere or frozen with it"
    DRAIN_NODE = "SIGTERM to a node"
    KILL_REDIS = "kill -9 of Redis"
    WIPE_REDIS = "FLUSHALL"
    FREEZE_REDIS = "SIGSTOP of Redis"
    KILL_DATABASE_NODE = "kill -9 of one database node"
    FREEZE_DATABASE_NODE = "SIGSTOP of one database node"
    CUT_LINKS = "the links to a node cut"
    HALF_OPEN_LINKS = "the links to a node half open, for longer than they wait"
    CUT_ALL = "every device's connection cut at once"
    KILL_DEVICE = "kill -9 of a device"
    FREEZE_DEVICE = "SIGSTOP of a device, until many envelopes wait for it"
    LOSE_ANSWERS = "answers that are held back, then cut off"
    REPEAT = "the same envelope again and again, from two devices on two nodes at once"
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

    number: int
    sayings: tuple[Saying, ...]
    fault: Fault
    device: str
    """The one that the fault is about, if it is about one."""
    place: int
    """The node, or database node, that the fault is about: 0, 1 or 2."""


def turns(seed: int) -> Iterator[Turn]:
    """Turns without end. Each run of as many turns as there are faults has each fault once."""
    chance = random.Random(seed)
    removals: dict[str, int] = {}
    number = 0
    while True:
        bag = list(Fault)
        chance.shuffle(bag)
        for fault in bag:
            device, place = chance.choice(DEVICES), chance.randrange(3)
            if fault is Fault.CHANGE_MEMBERS:
                allowed = [
                    each for each in DEVICES if person_of(each) != "ann" and removals.get(person_of(each), 0) < REMOVALS_MAX
                ]
                if allowed:
                    device = chance.choice(allowed)
                    removals[person_of(device)] = removals.get(person_of(device), 0) + 1
                else:
                    fault = Fault.CUT_ALL
            sayings = tuple(saying(chance, f"{number}.{index}") for index in range(chance.randint(3, 6)))
            yield Turn(number, sayings, fault, device, place)
            number += 1


def saying(chance: random.Random, mark: str) -> Saying:
    """Somebody's next words; `mark` makes them unlike all others."""
    conversation = chance.choice(list(CONVERSATIONS))
    device = chance.choice([name for name in DEVICES if person_of(name) in CONVERSATIONS[conversation]])
    long = "." + "x" * chance.choice((0, 0, 0, 40, 400, 4_000))
    return Saying(device, conversation, tuple(f"<{device}.{mark}.{i}{long}>" for i in range(chance.choice((1, 1, 2, 5)))))


def person_of(device: str) -> str:
    """Whose it is."""
    return device.partition("-")[0]


def direct_of(device: str) -> str:
    """A conversation in which the device's person always is."""
    return next(name for name, people in DIRECT.items() if person_of(device) in people)
