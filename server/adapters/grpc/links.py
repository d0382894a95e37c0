"""The streams between nodes: `RelayService`, its callers, and the port `Relay` over them."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

import grpc
from tidewire.internal.v1 import relay_pb2, relay_pb2_grpc

from server.adapters.grpc import codec, relay_codec
from server.domain import events
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.link import LinkQueue, Parcel
from server.domain.relayed import Relayed
from server.kit import grpc_refusals as refusals
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.ports.cluster import Peer

log = logging.getLogger(__name__)

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
SCHEME = "Cluster "
RETRY_MIN_S, RETRY_MAX_S = 0.1, 2.0
FORWARD_TIMEOUT_S = 5.0
CHANNEL_OPTIONS = [
    ("grpc.keepalive_time_ms", 20_000),  # the listener takes one each 10 s
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 1 << 20),
]


TO_MEND = {
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not of this node's authority, or has expired: see cluster_ca",
    "Hostname Verification": "its certificate is for another address: see internal_public there",
    "WRONG_VERSION_NUMBER": "it does not speak TLS: set cluster_ca, cluster_cert and cluster_key there",
}
"""By what is said of a handshake that failed."""
CLOSED = "it closes the connection: does it take this node's certificate (cluster_cert here, cluster_ca there)?"


def why_not(error: Exception) -> tuple[str, bool]:
    """Why a call of another node failed, in one sentence; and whether somebody has to mend it."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return "the call was over before it began", False
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return "it has another cluster_token", True
    details = (error.details() or error.code().name).rpartition("last error: ")[2]
    for sign, sentence in TO_MEND.items():
        if sign in details:
            return sentence, True
    return CLOSED if details.endswith("Socket closed") else details, False


class Wire(Protocol):
    """One side of an open stream."""

    async def read(self) -> Any:
        """The next frame, or grpc.aio.EOF."""
        ...

    async def write(self, frame: Any) -> None:
        """Send a frame."""
        ...


class Link:
    """What is between this node and one other, for as long as that one's lease lives."""

    def __init__(self, peer: Peer, limits: Limits, take: Callable[[Relayed], None]) -> None:
        self.peer = peer
        self.queue = LinkQueue(limits)
        self.up = False
        self.times = 0
        """How often it was made."""
        self._limits = limits
        self._take = take
        self.down_at = asyncio.get_running_loop().time()
        """Since when it is not up, where it is not."""
        self.failure = "it has not called this node"
        """Why it is not up."""
        self.told = False
        """Whether the log says that it is not up."""
        self._asleep: asyncio.Future[None] | None = None
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        """Who waits until so much of the queue is taken in."""
        self._to_ack = 0
        self._heard_at = 0.0

    def put(self, parcel: Parcel) -> None:
        """Queue something for the other node."""
        if self.queue.put(parcel):
            self._wake()

    async def taken(self) -> None:
        """Wait until the other node has taken in what is queued now; not when there is no link, or it breaks."""
        if self.up and self.queue.taken < self.queue.placed:
            taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append((self.queue.placed, taken))
            await taken

    async def talk(self, wire: Wire, frame: type[Any]) -> None:
        """Send and take in until the stream ends. `frame`: the type of what this side sends. Both have said hello."""
        self.up, self._to_ack = True, 0
        self.times += 1
        if self.told:
            self.told = False
            log.info("the link to a node is up", extra={"node": self.peer.node_id})
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        reader = asyncio.ensure_future(self._read(wire))
        writer = asyncio.ensure_future(self._write(wire, frame))
        watch = asyncio.ensure_future(self._watch())
        tasks = (reader, writer, watch)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.up, self.down_at = False, loop.time()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.queue.broken()
            self._release(self.queue.placed)

    async def _read(self, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        while (frame := await wire.read()) is not EOF:
            self._heard_at = loop.time()
            which = frame.WhichOneof("content")
            if which == "ack":
                self.queue.acked(frame.ack.number)
                self._release(self.queue.taken)
                self._wake()
            elif which == "batch":
                for data in frame.batch.relayed:
                    told = relay_codec.told(relay_pb2.Relayed.FromString(data))
                    if told is not None:
                        self._take(told)
                self._to_ack = frame.batch.number
                self._wake()

    async def _write(self, wire: Wire, frame: type[Any]) -> None:
        while True:
            if number := self._to_ack:
                self._to_ack = 0
                await wire.write(frame(ack=relay_pb2.BatchAck(number=number)))
            elif (batch := self.queue.batch()) is not None:
                number, parcels = batch
                if self.queue.flying() == 1:
                    self._heard_at = asyncio.get_running_loop().time()
                await wire.write(frame(batch=relay_pb2.Batch(number=number, relayed=[parcel.data for parcel in parcels])))
            else:
                self._asleep = asyncio.get_running_loop().create_future()
                await self._asleep

    async def _watch(self) -> None:
        """Ends when the other side has not answered a batch for too long: half open, or frozen."""
        limit_s = self._limits.link_timeout_ms / 1000
        loop = asyncio.get_running_loop()
        while not self.queue.flying() or loop.time() - self._heard_at < limit_s:
            await asyncio.sleep(limit_s / 4)
        log.warning("a node does not answer: the link to it is made anew", extra={"node": self.peer.node_id})

    def missing(self) -> None:
        """Say once, until it is up, that there is no link."""
        if not self.told:
            self.told = True
            log.warning(
                "there is no link to a node: what this one tells it waits until it compares with the log",
                extra={"node": self.peer.node_id, "address": self.peer.relay, "error": self.failure},
            )

    def _release(self, taken: int) -> None:
        for placed, waiting in self._awaited:
            if placed <= taken and not waiting.done():
                waiting.set_result(None)
        self._awaited = [each for each in self._awaited if not each[1].done()]

    def _wake(self) -> None:
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)


class Links:
    """All links of a node, and the port `Relay`."""

    def __init__(
        self,
        node_id: str,
        incarnation: str,
        token: str,
        credentials: grpc.ChannelCredentials | None,
        limits: Limits,
        tasks: asyncio.TaskGroup,
        uniform: Callable[[float, float], float],
    ) -> None:
        self.node_id = node_id
        self.incarnation = incarnation
        self.dropped = 0
        """What did not fit, of links that are gone."""
        self._closed = False
        self._metadata = (("authorization", SCHEME + token),)
        self._credentials = credentials
        self._limits = limits
        self._tasks = tasks
        self._uniform = uniform
        self._links: dict[str, Link] = {}
        self._calling: dict[str, asyncio.Task[None]] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._take: Callable[[Relayed], None] = lambda told: None
        self._undelivered: Callable[[Sequence[Relayed]], None] = lambda rest: None
        self._linked: Callable[[bool], None] = lambda first: None

    def on_told(
        self,
        take: Callable[[Relayed], None],
        undelivered: Callable[[Sequence[Relayed]], None],
        linked: Callable[[bool], None],
    ) -> None:
        """What to do with what is told, with what could not be told, and when a link was made (for the first time?)."""
        self._take, self._undelivered, self._linked = take, undelivered, linked

    def send(self, node_ids: Iterable[str], relayed: Relayed) -> None:
        """See `Relay.send`."""
        parcel: Parcel | None = None
        for node_id in node_ids:
            link = self._links.get(node_id)
            if link is not None:
                parcel = parcel or Parcel(relayed, relay_codec.message(relayed).SerializeToString())
                link.put(parcel)

    async def taken(self, node_ids: Iterable[str]) -> None:
        """See `Relay.taken`."""
        links = [self._links[node_id] for node_id in node_ids if node_id in self._links]
        try:
            async with asyncio.timeout(self._limits.told_wait_ms / 1000):
                await asyncio.gather(*(link.taken() for link in links))
        except TimeoutError:
            log.warning("other nodes are slow to hear of a change", extra={"waited_ms": self._limits.told_wait_ms})

    def up(self) -> int:
        """How many links are up."""
        return sum(link.up for link in self._links.values())

    def lost(self) -> int:
        """How much did not fit so far."""
        return self.dropped + sum(link.queue.dropped for link in self._links.values())

    def follow(self, peers: Sequence[Peer]) -> None:
        """These nodes are alive."""
        if self._closed:
            return
        alive = {peer.node_id: peer for peer in peers if peer.node_id != self.node_id}
        for node_id, link in list(self._links.items()):
            if alive.get(node_id) != link.peer:
                self._end(node_id)
        now = asyncio.get_running_loop().time()
        for link in self._links.values():
            if not link.up and now - link.down_at > self._limits.lease_ms / 1000:
                link.missing()
        for node_id, peer in alive.items():
            if node_id not in self._links:
                self._links[node_id] = Link(peer, self._limits, lambda told: self._take(told))
                self._channels[node_id] = self._channel(peer)
                if self.node_id < node_id:
                    self._calling[node_id] = self._tasks.create_task(self._call(self._links[node_id]), name=f"link {node_id}")

    def _end(self, node_id: str) -> None:
        link = self._links.pop(node_id)
        if (calling := self._calling.pop(node_id, None)) is not None:
            calling.cancel()
        self._tasks.create_task(self._channels.pop(node_id).close(None), name="close link")
        self.dropped += link.queue.dropped
        self._undelivered(list(link.queue.empty()))

    def close(self) -> None:
        """The node stops: it has no links from now on."""
        self._closed = True
        for node_id in list(self._links):
            self._end(node_id)

    def _channel(self, peer: Peer) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(peer.relay, CHANNEL_OPTIONS)
        return grpc.aio.secure_channel(peer.relay, self._credentials, CHANNEL_OPTIONS)

    async def _call(self, link: Link) -> None:
        """Keep the link to a node with a greater id, as long as it lives."""
        stub: Any = relay_pb2_grpc.RelayServiceStub(self._channels[link.peer.node_id])
        pause_s = RETRY_MIN_S
        hello = relay_pb2.LinkHello(node_id=self.node_id, incarnation=self.incarnation)
        while True:
            call = stub.Link(metadata=self._metadata)
            try:
                await call.write(relay_pb2.LinkRequest(hello=hello))
                answer = await call.read()
                if answer is not EOF:
                    pause_s = RETRY_MIN_S
                    self._linked(link.times == 0)
                    await link.talk(call, relay_pb2.LinkRequest)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                link.failure, to_mend = why_not(error)
                if to_mend:
                    link.missing()
            finally:
                call.cancel()
            await asyncio.sleep(self._uniform(0.5, 1.0) * pause_s)
            pause_s = min(RETRY_MAX_S, 2 * pause_s)

    async def answer(self, wire: Wire) -> None:
        """The other side's call.

        Raises:
            Refused: UNAVAILABLE: its lease has not been seen yet; INVALID: it does not begin with hello.
        """
        first = await wire.read()
        if not isinstance(first, relay_pb2.LinkRequest) or first.WhichOneof("content") != "hello":
            raise Refused(Refusal(Reason.INVALID, detail="the first frame is hello", subject="hello"))
        link = self._links.get(first.hello.node_id)
        if link is None or link.peer.incarnation != first.hello.incarnation:
            raise Refused(unavailable("this node has not seen the lease yet", retry_after_ms=200))
        await wire.write(relay_pb2.LinkResponse(hello=relay_pb2.LinkHello(node_id=self.node_id, incarnation=self.incarnation)))
        self._linked(link.times == 0)
        await link.talk(wire, relay_pb2.LinkResponse)

    async def forward(self, node_id: str, identity: Identity, command: events.Command) -> events.RefusalTold | None:
        """Have a command done by the node that has the device's stream; its refusal, if it is refused.

        Raises:
            Refused: UNAVAILABLE.
        """
        channel = self._channels.get(node_id)
        if channel is None:
            raise Refused(unavailable("the node of the device's stream is not there", retry_after_ms=500))
        stub: Any = relay_pb2_grpc.RelayServiceStub(channel)
        request = relay_pb2.ForwardRequest(
            account_id=identity.account_id, device_id=identity.device_id, commands=[relay_codec.command_message(command)]
        )
        try:
            response = await stub.Forward(request, metadata=self._metadata, timeout=FORWARD_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise Refused(unavailable("the node of the device's stream did not answer", retry_after_ms=500)) from error
        for event in response.events:
            return events.RefusalTold(command.ref, refusals.refusal(event.refusal))
        return None


class RelayServicer(relay_pb2_grpc.RelayServiceServicer):
    """The node's door for other nodes."""

    def __init__(
        self, links: Links, token: str, submit: Callable[[Identity, list[events.Command]], Awaitable[list[events.Told]]]
    ) -> None:
        self._links = links
        self._token = token
        self._submit = submit

    def _check(self, context: Any) -> None:
        """A certificate alone is not enough: internal services have one, and a node speaks for every device."""
        said = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not self._token or not hmac.compare_digest(str(said).encode(), (SCHEME + self._token).encode()):
            raise Refused(Refusal(Reason.UNAUTHENTICATED, detail="metadata `authorization: Cluster <cluster_token>` is missing"))

    async def Link(self, requests: Any, context: Any) -> None:
        """See the contract."""
        self._check(context)
        await self._links.answer(context)

    async def Forward(self, request: relay_pb2.ForwardRequest, context: Any) -> relay_pb2.ForwardResponse:
        """See the contract."""
        self._check(context)
        identity = Identity(request.account_id, request.device_id)
        commands = [codec.command(identity, message, lambda message: None) for message in request.commands]
        response = relay_pb2.ForwardResponse()
        for told in await self._submit(identity, commands):
            response.events.extend(codec.event(told))
        return response
