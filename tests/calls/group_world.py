"""Group calls in this process over a real unit, with a clock, and a node that knows what a test says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from calls.adapters.forwarding_unit import forwarding
from calls.adapters.memory import LocalPost
from calls.domain.messages import Message, Outcome, Party
from calls.domain.signalling_limits import SignallingLimits
from calls.domain.tracks import Description, Source
from calls.ports.forwarding import Place
from calls.ports.signalling import Callee, CalleeDevice, Passage, Standing, Stream, Wake
from calls.services.forward import Forwarder
from calls.services.group_calls import GroupCalls
from calls.services.group_ringing import GroupRinging
from calls.services.live_call import Joined, Joining, Waits
from calls.services.notices import Notices
from calls.services.records import Records
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from tests.support.calls_processes import offered
from tests.support.clock import HandClock

ALL = "g:all"


class Town:
    """The port `Directory`: one group, and links into its call. It answers nothing while `awake` is not set."""

    def __init__(self) -> None:
        self.members: dict[str, bool] = {}
        """With whether each is an admin."""
        self.suspended: set[str] = set()
        self.takes_no_records = self.breaks_on_records = False
        self.record_tries = 0
        self.recorded: list[str] = []
        """Lives that have a record."""
        self.silent: set[str] = set()
        """Who wants no sound of strangers."""
        self.links: dict[str, bool] = {}
        """By token: whether approval is asked for."""
        self.awake = asyncio.Event()
        self.awake.set()
        self.asking = 0
        """Questions that wait for an answer."""
        self.asked: list[str] = []
        """The accounts that were asked after."""

    async def _answers(self, account_id: str) -> None:
        self.asked.append(account_id)
        self.asking += 1
        try:
            await self.awake.wait()
        finally:
            self.asking -= 1
        if account_id in self.suspended:
            raise Refused(Refusal(Reason.ACCOUNT_SUSPENDED))

    async def identify(self, token: str) -> Party:
        """See `Directory.identify`."""
        return Party(token, "phone")

    async def standing(self, account_id: str, conversation_id: str) -> Standing:
        """See `Directory.standing`."""
        await self._answers(account_id)
        if account_id not in self.members:
            raise Refused(Refusal(Reason.NOT_A_MEMBER))
        devices = (CalleeDevice("phone", True), CalleeDevice("tablet", False))
        others = tuple(
            Callee(other, False, False, other in self.silent, devices) for other in self.members if other != account_id
        )
        return Standing(others, self.members[account_id])

    async def open_link(self, account_id: str, token: str) -> Passage:
        """See `Directory.open_link`."""
        await self._answers(account_id)
        if token not in self.links:
            raise Refused(Refusal(Reason.NOT_FOUND))
        admin = self.members.get(account_id)
        return Passage(ALL, admin is not None, bool(admin), self.links[token], "ann", account_id.title(), token)

    async def ring(self, account_id: str, *told: Any) -> None:
        """See `Directory.ring`."""
        await self.awake.wait()

    async def stop_ringing(self, account_id: str, call_id: str, outcome: Outcome | None, except_device_id: str) -> None:
        """See `Directory.stop_ringing`."""
        await self.awake.wait()

    async def record(self, account_id: str, *told: Any) -> None:
        """See `Directory.record`."""
        self.record_tries += 1
        if self.breaks_on_records:
            raise RuntimeError("a bug")
        if self.takes_no_records:
            raise Refused(unavailable("the node is away"))
        await self.awake.wait()
        self.recorded.append(str(told[1]))


class Person:
    """A device with a stream, and what it was told."""

    def __init__(self, name: str, device: str = "phone") -> None:
        self.party = Party(name, device)
        self.told: list[Message] = []
        self.stream = Stream(self.party, name, self.told.append)

    def last(self, kind: type[Message]) -> Any:
        """The newest of a kind; None: there was none."""
        return next((one for one in reversed(self.told) if isinstance(one, kind)), None)


class HeldUnit:
    """A unit that takes nobody in and puts nobody out before it is let go."""

    def __init__(self, unit: Forwarder) -> None:
        self._unit = unit
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def join(self, place: Place, offer: Description, sources: Mapping[str, Source]) -> Description:
        """See `Forwarding.join`."""
        await self._held()
        return await self._unit.join(place, offer, sources)

    async def leave(self, place: Place) -> None:
        """See `Forwarding.leave`."""
        await self._held()
        await self._unit.leave(place)

    async def _held(self) -> None:
        self.reached.set()
        await self.go.wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)


class GroupWorld:
    """The calls of one process."""

    def __init__(self, limits: SignallingLimits, tasks: asyncio.TaskGroup) -> None:
        self.town, self.post, self.clock, self.limits = Town(), LocalPost(), HandClock(), limits
        self.unit: Forwarder
        self.woken: list[Wake] = []
        ringing = GroupRinging(self.post, Notices(self.town, tasks), self, self.clock, tasks)
        numbers = itertools.count(1)
        self.calls = GroupCalls(
            self.post,
            self.town,
            ringing,
            Records(self.town, tasks),
            self.clock,
            limits,
            lambda: f"era{next(numbers)}",
            lambda: f"p{next(numbers)}",
            tasks,
        )

    async def person(self, name: str, *, member: bool = True, admin: bool = False) -> Person:
        """Somebody whose stream is open."""
        if member:
            self.town.members[name] = admin
        made = Person(name)
        await self.post.attend(made.stream)
        return made

    async def begun(self, conversation_ids: set[str]) -> set[str]:
        """Those whose calls are here."""
        return conversation_ids.intersection(self.calls.live)

    async def wake(self, wake: Wake) -> None:
        """See `Waker.wake`."""
        self.woken.append(wake)

    async def joins(self, one: Person, token: str = "", *, ring: bool = False) -> Joined | Waits:
        """Join, by a link or as a member."""
        passage = await self.calls.passage(one.party, token) if token else None
        return await self.calls.join(one.party, await self.joining(ring=ring), passage)

    async def joining(self, *, ring: bool = False) -> Joining:
        """What a device says that has a microphone."""
        client = offered()
        await client.setLocalDescription(await client.createOffer())
        sections = {str(client.getTransceivers()[0].mid): Source.MICROPHONE}
        await client.close()
        return Joining(ALL, Description(1, client.localDescription.sdp), sections, ring, False, False)

    async def roster(self, one: Person) -> list[str]:
        """The accounts that are in, as a member sees it."""
        return [seen.account_id for seen in (await self.calls.peek(one.party, ALL, False)).participants]

    def hold_unit(self) -> HeldUnit:
        """From now on."""
        held: Any = HeldUnit(self.unit)
        self.calls.forward_by(held)
        made: HeldUnit = held
        return made


@asynccontextmanager
async def group_world(**limits: Any) -> AsyncIterator[GroupWorld]:
    """Running, but for the sweep, which the test does."""
    async with asyncio.TaskGroup() as tasks:
        made = GroupWorld(SignallingLimits(**limits), tasks)
        async with forwarding(made.calls.happened, "127.0.0.1", 0, ["127.0.0.1"]) as unit:
            made.unit = unit
            made.calls.forward_by(unit)
            running = tasks.create_task(made.calls.run())
            try:
                yield made
            finally:
                made.town.awake.set()
                running.cancel()
