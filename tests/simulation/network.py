"""The wires: a device's call to a node, and frames from node to node with the routes that lead them.

Both are in order and may be cut. A cut loses what is under way; each side notices some time later. Routes and the frames
between nodes are what a cluster's adapters are; nothing here decides what a device gets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from tidewire.v1 import chat_pb2

from server.domain.relayed import Relayed
from server.ports.cluster import Route
from tests.simulation.loop import Loop
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.device import Device
    from tests.simulation.node import Node


@dataclass
class End:
    """One end of a call: what has arrived, and who waits for more."""

    loop: Loop
    arrived: deque[Any] = field(default_factory=deque)
    waiting: asyncio.Future[None] | None = None
    closed: bool = False
    """This end knows that nothing more will come."""

    def wake(self) -> None:
        """Something has arrived, or nothing more will."""
        if self.waiting is not None and not self.waiting.done() and not self.loop.dead:
            self.waiting.set_result(None)

    async def read(self) -> Any:
        """The next frame, or EOF."""
        while not self.arrived:
            if self.closed:
                return grpc.aio.EOF
            self.waiting = self.loop.create_future()
            await self.waiting
        return self.arrived.popleft()


class Call:
    """One `Connect`, as both sides see it."""

    def __init__(self, world: World, device: Device, device_loop: Loop, node: Node) -> None:
        self.world, self.device, self.node = world, device, node
        self.number = world.number()
        self.up: deque[Any] = deque()
        """Frames on their way to the node."""
        self.down: deque[bytes] = deque()
        self.client, self.server = End(device_loop), End(node.loop)
        self.cut = False
        self.target: dict[str, int] | None = None
        """What existed when Hello arrived, for the oracle."""

    # -- the network ---------------------------------------------------------------------------------------------------

    def deliver_up(self) -> None:
        """A frame reaches the node."""
        frame = self.up.popleft()
        if self.server.loop.dead:
            return
        self.node.heard(self, frame)
        self.server.arrived.append(frame)
        self.server.wake()

    def deliver_down(self) -> None:
        """A frame reaches the device."""
        frame = self.down.popleft()
        if self.client.loop.dead or self.client.closed:
            return
        message = chat_pb2.ConnectResponse.FromString(frame)
        self.device.told(self, message)
        self.client.arrived.append(message)
        self.client.wake()

    def lose(self) -> None:
        """The connection breaks: what is under way is lost."""
        self.cut = True
        self.up.clear()
        self.down.clear()

    def notice(self, end: End) -> None:
        """One side learns that the call is over."""
        end.closed = True
        end.wake()

    # -- the device's side, as grpc.aio has it -------------------------------------------------------------------------

    async def write(self, request: chat_pb2.ConnectRequest) -> None:
        """Send a frame."""
        if self.client.closed:
            raise asyncio.InvalidStateError("the call is over")
        if not self.cut:
            self.up.append(chat_pb2.ConnectRequest.FromString(request.SerializeToString()))

    async def read(self) -> Any:
        """The next frame, or EOF."""
        return await self.client.read()

    async def code(self) -> grpc.StatusCode:
        """How it ended."""
        return grpc.StatusCode.UNAVAILABLE

    def cancel(self) -> None:
        """The device hangs up."""
        self.client.closed = True
        self.cut = True
        self.up.clear()
        self.down.clear()


class Context:
    """The node's side of a call, as grpc.aio's context."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def read(self) -> Any:
        """The next frame, or EOF."""
        return await self._call.server.read()

    async def write(self, frame: bytes) -> None:
        """Send a frame."""
        if not self._call.cut:
            self._call.down.append(frame)


@dataclass
class Frame:
    """Something that one node tells another."""

    to: Node
    incarnation: int
    relayed: Relayed


class Routes:
    """Which node has which device, as a cluster's route store keeps it, and the frames between nodes."""

    def __init__(self, world: World, names: Iterable[str]) -> None:
        self.world = world
        self.names = tuple(names)
        """Of all nodes."""
        self.nodes: dict[str, Node] = {}
        self.table: dict[str, dict[str, Route]] = {}
        """Account → device → route."""
        self.frames: deque[Frame] = deque()
        self.lost = False
        """Something was lost that only the comparison with the log heals."""

    def send(self, asking: Node, node_ids: Iterable[str], relayed: Relayed) -> None:
        """Tell these nodes."""
        for node_id in node_ids:
            node = self.nodes[node_id]
            if node is not asking:
                self.frames.append(Frame(node, node.incarnation, relayed))

    def deliver(self) -> None:
        """The oldest frame arrives, if the node that it was for still runs."""
        frame = self.frames.popleft()
        if frame.to.incarnation == frame.incarnation and frame.to.up:
            self.world.say(frame.to.name, f"hears: {frame.relayed}")
            frame.to.relayed(frame.relayed)

    def lose(self) -> None:
        """A link breaks: frames are gone."""
        self.lost = self.lost or bool(self.frames)
        self.frames.clear()

    def wipe(self) -> None:
        """The route store is empty: nobody is found until it registers again, and nothing makes it."""
        self.lost = True
        self.table.clear()


class RouteStore:
    """The port `Routes`."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def claim(self, account_id: str, device_id: str, node_id: str, connection_id: str) -> tuple[Route, Route | None]:
        """See `Routes.claim`."""
        devices = self._routes.table.setdefault(account_id, {})
        before = devices.get(device_id)
        route = devices[device_id] = Route(device_id, node_id, connection_id, self._routes.world.number())
        return route, before

    async def claim_late(
        self, account_id: str, device_id: str, node_id: str, connection_id: str, age_ms: int
    ) -> tuple[Route | None, Route | None]:
        """See `Routes.claim_late`."""
        raise AssertionError("the store always answers here")

    async def reclaim(self, routes: Sequence[tuple[str, Route]]) -> list[bool]:
        """See `Routes.reclaim`."""
        raise AssertionError("no lease ends here")

    async def release(self, account_id: str, route: Route) -> None:
        """See `Routes.release`."""
        devices = self._routes.table.get(account_id, {})
        if devices.get(route.device_id) == route:
            del devices[route.device_id]

    async def of_accounts(self, account_ids: Sequence[str]) -> Mapping[str, Sequence[Route]]:
        """See `Routes.of_accounts`."""
        return {key: list(self._routes.table[key].values()) for key in account_ids if self._routes.table.get(key)}
