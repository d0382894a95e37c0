"""Faults at exactly the point where one kind of bug loses, doubles or lies. With a healthy product the judge finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.ledger.crew import Crew, Device, Devices, until
from tests.ledger.raw import Raw
from tests.ledger.truth import acked
from tests.support.ledger import Judge
from tests.support.proxy import Way

Scenario = Callable[[Crew, str], Awaitable[None]]
"""Gets a crew and the direct conversation of ann and ben."""

SETTLE_MAX_S = 180.0
WINDOW = 4
"""Envelopes that a node of a scenario sends ahead of the acks."""


async def pair(crew: Crew) -> str:
    """ann with a phone and a laptop, ben with a phone. Returns their conversation, which is still empty."""
    await crew.node.start()
    await crew.add("ann-phone")
    await asyncio.gather(crew.add("ann-laptop"), crew.add("ben-phone"))
    await asyncio.gather(*(device.until(device.online, "to be online") for device in crew.devices.values()))
    return str(await crew.devices["ann-phone"].ask("direct", name="ben"))


async def killed_when_it_said_sent(crew: Crew, c: str) -> None:
    """The node is killed at the very moment at which a sender was told that his envelope is durable."""
    ann = crew.devices["ann-phone"]
    ann.tell("send", c=c, texts=["<at-the-last-moment>"])
    await ann.until(lambda: ann.count("sent") > 0, "to hear sent")
    await crew.node.kill()
    await crew.node.start()


async def answer_ahead_of_the_rest(crew: Crew, c: str) -> None:
    """A device that lacks many envelopes is told where its own one is, long before the others have come; then it is cut."""
    ann, ben = crew.devices["ann-phone"], crew.devices["ben-phone"]
    ben.line.refusing = True
    ben.line.cut()
    texts = [f"<while-away.{number}>" for number in range(8 * WINDOW)]
    ann.tell("send", c=c, texts=texts)
    await crew.stored(*texts)
    ben.tell("send", c=c, texts=["<ahead>"])
    await ben.until(lambda: ben.wrote("<ahead>"), "to write")
    ben.line.refusing = False
    await ben.until(lambda: ben.count("sent") > 0, "to hear sent")
    ben.line.cut()


async def the_same_again(crew: Crew, c: str) -> None:
    """Answers that are lost so that the SDK retries, over the end of the node; and a client that repeats itself on purpose."""
    ann = crew.devices["ann-phone"]
    ann.line.hold(Way.DOWN)
    ann.tell("send", c=c, texts=["<nobody-answers>"])
    await crew.stored("<nobody-answers>")
    await crew.node.kill()
    await crew.node.start()
    ann.line.cut()
    ann.line.release()
    await ann.until(lambda: ann.count("sent") > 0, "to hear sent")
    raw = Raw(crew.node.address, "ann", crew.codes["ann"])
    await raw.link()
    await raw.repeat(c, "<again-and-again>")
    crew.raw = raw


async def killed_before_it_stored(crew: Crew, c: str) -> None:
    """A device is killed once the node's file says that it has the first envelope of a conversation."""
    ann, ben = crew.devices["ann-phone"], crew.devices["ben-phone"]
    ann.tell("send", c=c, texts=["<first>"])
    device_id = _device_id(ben)
    await until(lambda: acked(crew.node.database, device_id, c) == 1, "the node to hear that ben has it")
    await ben.kill()
    await ben.start()


async def nobody_is_there(crew: Crew, c: str) -> None:
    """ann writes while ben's only device is dead, and her own laptop acks."""
    ann, laptop, ben = crew.devices["ann-phone"], crew.devices["ann-laptop"], crew.devices["ben-phone"]
    await ben.kill()
    ann.tell("send", c=c, texts=["<anybody>"])
    device_id = _device_id(laptop)
    await until(lambda: acked(crew.node.database, device_id, c) == 1, "the node to hear that the laptop has it")
    await ben.start()


async def ticks_one_by_one(crew: Crew, c: str) -> None:
    """Each envelope is delivered before the next is written, so that the ticks are told one by one."""
    ann = crew.devices["ann-phone"]
    for number in range(1, 4):
        ann.tell("send", c=c, texts=[f"<one-by-one.{number}>"])
        await ann.until(lambda seq=number: _ticked(ann, seq), f"to hear that {number} is delivered")  # type: ignore[misc]


def _ticked(device: Device, seq: int) -> bool:
    return any(line["is"] == "tick" and line["seq"] == seq and line["tick"] != "sent" for line in device.read())


def _device_id(device: Device) -> str:
    return str(next(line for line in device.read() if line["is"] == "account")["device"])


@dataclass(frozen=True)
class Planted:
    """A bug, the scenario that it cannot survive, and what the judge says then."""

    bug: str
    scenario: Scenario
    says: str
    in_server: bool = True


PLANTED = (
    Planted("ack_before_commit", killed_when_it_said_sent, r"ann-phone was told sent d:\S+/1, which is not in the log"),
    Planted("gap_accepted", answer_ahead_of_the_rest, r"ben-phone lacks d:\S+/\d+ <while-away\.\d+>", in_server=False),
    Planted("no_duplicate_search", the_same_again, r"the log d:\S+ has <again-and-again> twice"),
    Planted("ack_before_store", killed_before_it_stored, r"ben-phone lacks d:\S+/1 <first>", in_server=False),
    Planted("ticks_that_lie", nobody_is_there, r"told that d:\S+/1 is delivered, when no device of ben had it"),
    Planted("ticks_forgotten", ticks_one_by_one, r"ann-phone: the tick of d:\S+/1 went from \w+ back to sent", in_server=False),
)


async def judged(crew: Devices, patience_s: float, observers: Sequence[str] = ()) -> list[str]:
    """What the judge says once the devices agree with the log, or once nothing has happened for `patience_s`."""
    loop = asyncio.get_running_loop()
    size, quiet_since, until_s = -1, 0.0, loop.time() + SETTLE_MAX_S
    while True:
        await asyncio.gather(*(device.ask("dump") for device in crew.devices.values()))
        faults = Judge(crew.journals(), crew.truth(), observers).faults()
        events = sum(device.counts[what] for device in crew.devices.values() for what in ("shown", "sent", "refused", "tick"))
        if events != size or not all(device.online() for device in crew.devices.values()):
            size, quiet_since = events, loop.time()
        if not faults or loop.time() - quiet_since > patience_s or loop.time() > until_s:
            return faults
        await asyncio.sleep(min(0.3, patience_s))
