"""What a chat asks of the nodes where its device is not: nothing, when there is only one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Protocol

from server.domain.events import Command, RefusalTold, Told
from server.domain.identity import Identity
from server.kit.refusal import Reason, Refusal
from server.services.relaying import Relaying
from server.services.routing import Routing

Forward = Callable[[str, Identity, Command], Awaitable[RefusalTold | None]]
"""Have a command done by another node. Raises Refused: UNAVAILABLE."""

NO_STREAM = Refusal(Reason.OUT_OF_PLACE, detail="needs the device's open stream")


class Elsewhere(Protocol):
    """The rest of the cluster, as a chat needs it."""

    async def came(self, identity: Identity, connection_id: str) -> None:
        """A stream has opened here: it can be found from now on, and one that the device has elsewhere ends."""
        ...

    def went(self, connection_id: str) -> None:
        """A stream is over."""
        ...

    async def connected(self, account_ids: Iterable[str]) -> list[str]:
        """Those of the accounts that have devices on other nodes."""
        ...

    async def away(self, devices: Sequence[Identity]) -> Collection[Identity]:
        """Those of devices whose streams here have ended that have not opened one elsewhere yet. None, where that cannot be known."""
        ...

    def tell(self, account_ids: Iterable[str], event: Told) -> None:
        """Tell the accounts' devices on other nodes."""
        ...

    async def submit(self, identity: Identity, command: Command) -> RefusalTold | None:
        """Have a command done where the device's stream is.

        Raises:
            Refused: UNAVAILABLE.
        """
        ...


class Nowhere:
    """There is one node only."""

    async def came(self, identity: Identity, connection_id: str) -> None:
        """See `Elsewhere.came`."""

    def went(self, connection_id: str) -> None:
        """See `Elsewhere.went`."""

    async def connected(self, account_ids: Iterable[str]) -> list[str]:
        """See `Elsewhere.connected`."""
        return []

    async def away(self, devices: Sequence[Identity]) -> Collection[Identity]:
        """See `Elsewhere.away`."""
        return ()

    def tell(self, account_ids: Iterable[str], event: Told) -> None:
        """See `Elsewhere.tell`."""

    async def submit(self, identity: Identity, command: Command) -> RefusalTold | None:
        """See `Elsewhere.submit`."""
        return RefusalTold(command.ref, NO_STREAM)


class OtherNodes:
    """There may be others."""

    def __init__(self, routing: Routing, relaying: Relaying, forward: Forward) -> None:
        self._routing = routing
        self._relaying = relaying
        self._forward = forward

    async def came(self, identity: Identity, connection_id: str) -> None:
        """See `Elsewhere.came`."""
        before = await self._routing.claim(identity, connection_id)
        if before is not None:
            self._relaying.replaced(identity.account_id, before.device_id, before.node_id, before.connection_id)

    def went(self, connection_id: str) -> None:
        """See `Elsewhere.went`."""
        self._routing.release(connection_id)

    async def connected(self, account_ids: Iterable[str]) -> list[str]:
        """See `Elsewhere.connected`."""
        there = await self._routing.others(account_ids)
        return list(dict.fromkeys(account_id for accounts in there.values() for account_id in accounts))

    async def away(self, devices: Sequence[Identity]) -> Collection[Identity]:
        """See `Elsewhere.away`."""
        return await self._routing.away(devices)

    def tell(self, account_ids: Iterable[str], event: Told) -> None:
        """See `Elsewhere.tell`."""
        self._relaying.tell_elsewhere(account_ids, event)

    async def submit(self, identity: Identity, command: Command) -> RefusalTold | None:
        """See `Elsewhere.submit`."""
        node_id = await self._routing.node_of(identity)
        if not node_id:
            return RefusalTold(command.ref, NO_STREAM)
        return await self._forward(node_id, identity, command)
