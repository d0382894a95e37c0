"""The wires: a device's call to a node, and frames from node to node with the routes that lead them.

Both are in order and may be cut. A cut loses what is under way; each side notices some time later. Routes, their cache on each node
and the frames between nodes are what a cluster's adapters will be; nothing here decides what a device gets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from tidewire.v1 import chat_pb2

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
    kind: str
    text: str
    content: tuple[Any, ...]


class Routes:
    """Which node has which device, as a cluster's route store keeps it, and the frames between nodes."""

    def __init__(self, world: World, cache_ms: int) -> None:
        self.world = world
        self.cache_ms = cache_ms
        self.table: dict[str, dict[str, tuple[Node, int]]] = {}
        """Account → device → node and call."""
        self.frames: deque[Frame] = deque()
        self.lost = False
        """Something was lost that only the comparison with the log heals."""

    def register(self, account: str, device: str, node: Node, number: int) -> None:
        """A stream has opened. A later one of the same device is not overwritten."""
        routes = self.table.setdefault(account, {})
        if device not in routes or routes[device][1] < number:
            routes[device] = (node, number)

    def release(self, account: str, device: str, number: int) -> None:
        """A stream is over; only its own route goes."""
        routes = self.table.get(account, {})
        if device in routes and routes[device][1] == number:
            del routes[device]

    def nodes_of(self, account: str, asking: Node) -> list[Node]:
        """The other nodes that have devices of the account, as `asking` believes: at most `cache_ms` old."""
        at_ms, known = asking.route_cache.get(account, (0, []))
        if at_ms + self.cache_ms < self.world.now_ms:
            known = list({node.name: node for node, _ in self.table.get(account, {}).values()}.values())
            asking.route_cache[account] = (self.world.now_ms, known)
        return [node for node in known if node is not asking]

    def send(self, asking: Node, accounts: Iterable[str], kind: str, text: str, content: tuple[Any, ...]) -> None:
        """Tell each other node that has a device of the accounts, once."""
        nodes = {node.name: node for account in accounts for node in self.nodes_of(account, asking)}
        for node in nodes.values():
            self.frames.append(Frame(node, node.incarnation, kind, text, content))

    def deliver(self) -> None:
        """The oldest frame arrives, if the node that it was for still runs."""
        frame = self.frames.popleft()
        if frame.to.incarnation == frame.incarnation and frame.to.up:
            self.world.say(frame.to.name, f"hears: {frame.text}")
            frame.to.relayed(frame)

    def lose(self) -> None:
        """A link breaks: frames are gone."""
        self.lost = self.lost or bool(self.frames)
        self.frames.clear()

    def wipe(self) -> None:
        """The route store is empty: nobody is found until it registers again, and nothing makes it."""
        self.lost = True
        self.table.clear()
