"""Other processes of calls: how they are asked, and what is brought to their devices."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc
import msgspec
from tidewire.internal.v1 import call_peer_pb2, call_peer_pb2_grpc
from tidewire.v1 import call_pb2

from calls.adapters.memory import LocalPost
from calls.adapters.redis_whereabouts import Whereabouts
from calls.domain.messages import Message, Party, Replaced
from calls.ports.signalling import Stream
from server.kit import grpc_refusals as refusals
from server.kit.edge import bearer_token
from server.kit.refusal import Reason, Refusal, Refused, unavailable

DEADLINE_S = 5.0
DELIVER_S = 1.0
"""What is brought to a process that stands still holds nobody up for longer."""
HELD_S = 1.0
HELD_MAX = 1_000
"""Calls that are asked after at once."""
IDLE_S = 60.0
"""A channel that nobody has used for so long is closed."""
KNOWN_MAX = 10_000
"""Devices elsewhere whose process is remembered, in case Redis cannot say it."""
log = logging.getLogger(__name__)
ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(Message)


class Silent(Refused):
    """UNAVAILABLE: a process did not answer. A plain `Refused` is its answer."""


SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class Peer(NamedTuple):
    """Another process. One that was started anew has another id."""

    process_id: str
    address: str


@dataclass(slots=True)
class _Channel:
    channel: grpc.aio.Channel
    stub: Any
    used_s: float


class Channels:
    """Ways to other processes, by their addresses."""

    def __init__(self, token: str, credentials: grpc.ChannelCredentials | None) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._credentials = credentials
        self._open: dict[str, _Channel] = {}

    async def call(self, address: str, name: str, request: Any, deadline_s: float = DEADLINE_S) -> Any:
        """One call.

        Raises:
            Refused: UNAVAILABLE; `Silent` when nobody answers.
        """
        if address not in self._open:
            given = self._credentials
            channel = grpc.aio.insecure_channel(address) if given is None else grpc.aio.secure_channel(address, given)
            stub = call_peer_pb2_grpc.CallPeerServiceStub(channel)  # type: ignore[no-untyped-call]
            self._open[address] = _Channel(channel, stub, 0.0)
        way = self._open[address]
        way.used_s = asyncio.get_running_loop().time()
        try:
            return await getattr(way.stub, name)(request, metadata=self._metadata, timeout=deadline_s)
        except grpc.aio.AioRpcError as error:
            if error.code() in SILENT:
                raise Silent(unavailable(f"the other process of calls does not answer: {error.details()}")) from error
            log.warning("another process of calls refuses this one", extra={"address": address, "why": error.details()})
            raise Refused(unavailable(f"the other process of calls refuses: {error.details()}")) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # the channel was dropped under the call, which nobody has cancelled
            raise Silent(unavailable("the other process of calls is gone")) from None

    async def held(self, peer: Peer, conversation_ids: Iterable[str]) -> set[str] | None:
        """Which of these calls the process has; None: another process has come to its address.

        Raises:
            Refused: UNAVAILABLE; `Silent` when it does not answer within a second.
        """
        wanted, found = list(conversation_ids), set[str]()
        for start in range(0, len(wanted) or 1, HELD_MAX):
            request = call_peer_pb2.ListHeldRequest(conversation_ids=wanted[start : start + HELD_MAX])
            response = await self.call(peer.address, "ListHeld", request, HELD_S)
            if response.process_id != peer.process_id:
                return None
            found.update(response.conversation_ids)
        return found

    async def answers(self, peer: Peer) -> bool:
        """Whether the process is there, whatever it says. Waits for a second at most."""
        try:
            return await self.held(peer, ()) is not None
        except Silent:
            return False
        except Refused:
            return True  # of another deployment, or another release

    async def drop(self, address: str) -> None:
        """A process is gone."""
        way = self._open.pop(address, None)
        if way is not None:
            await way.channel.close(None)

    async def sweep(self) -> None:
        """Close what is not used."""
        before_s = asyncio.get_running_loop().time() - IDLE_S
        for address in [address for address, way in self._open.items() if way.used_s < before_s]:
            await self.drop(address)

    async def close(self) -> None:
        """End all."""
        for address in list(self._open):
            await self.drop(address)


class PeerPost:
    """`Post` over all processes; `Attendance` of this one."""

    def __init__(self, local: LocalPost, whereabouts: Whereabouts, channels: Channels) -> None:
        self._local = local
        self._whereabouts = whereabouts
        self._channels = channels
        self._known: OrderedDict[Party, Peer] = OrderedDict()

    async def attend(self, stream: Stream) -> None:
        """A stream has opened here; one of the device in another process ends."""
        await self._local.attend(stream)
        self._known.pop(stream.party, None)
        with contextlib.suppress(Refused):  # Redis is away: found here only
            before = await self._whereabouts.take(stream.party, stream.stream_id)
            address = await self._whereabouts.address(before) if before else ""
            if address:
                await self._send(Peer(before, address), stream.party, Replaced(stream.stream_id))

    async def leave(self, stream: Stream) -> None:
        """A stream is over."""
        await self._local.leave(stream)
        with contextlib.suppress(Refused):
            await self._whereabouts.let_go(stream.party, stream.stream_id)

    def learn(self, party: Party, peer: Peer) -> None:
        """A device's stream was in this process just now: it is looked for there when Redis cannot say where it is."""
        self._known[party] = peer
        self._known.move_to_end(party)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    async def deliver(self, party: Party, message: Message) -> None:
        """See `Post.deliver`."""
        if self._local.has(party):
            await self._local.deliver(party, message)
            return
        peer = await self._found(party)
        if peer is None:
            return
        delivered = False
        with contextlib.suppress(Refused):
            delivered = await self._send(peer, party, message)
        if not delivered and self._known.get(party) == peer:
            del self._known[party]

    async def present(self, account_id: str) -> set[str]:
        """See `Post.present`."""
        here = await self._local.present(account_id)
        try:
            return here | set(await self._whereabouts.of_account(account_id))
        except Refused:
            return here | {party.device_id for party in self._known if party.account_id == account_id}

    async def _found(self, party: Party) -> Peer | None:
        try:
            process_id = (await self._whereabouts.of_account(party.account_id)).get(party.device_id)
        except Refused:
            process_id = None
        if process_id is None or process_id == self._whereabouts.process_id:
            return self._known.get(party)
        address = await self._whereabouts.address(process_id)
        return Peer(process_id, address) if address else self._known.get(party)

    async def _send(self, peer: Peer, party: Party, message: Message) -> bool:
        request = call_peer_pb2.DeliverRequest(
            account_id=party.account_id, device_id=party.device_id, message=ENCODER.encode(message)
        )
        return bool((await self._channels.call(peer.address, "Deliver", request, DELIVER_S)).delivered)


class Held(NamedTuple):
    """What a process answers the others of its group calls."""

    process_id: str
    among: Callable[[Iterable[str]], set[str]]
    """Those of the conversations whose calls are here."""
    check: Callable[[str], Awaitable[None]]
    """Whether a call may begin here. Raises Refused: UNAVAILABLE: it is another process's."""


Answer = Callable[[Party, call_pb2.SignalRequest], Any]


class CallPeerServicer(call_peer_pb2_grpc.CallPeerServiceServicer):
    """CallPeerService."""

    def __init__(self, local: LocalPost, post: PeerPost, held: Held, answer: Answer, token: str) -> None:
        """`answer`: does a command here; `token`: what the others show; "": certificates prove them."""
        self._local = local
        self._post = post
        self._held = held
        self._answer = answer
        self._token = token

    async def Deliver(self, request: call_peer_pb2.DeliverRequest, context: Any) -> call_peer_pb2.DeliverResponse:
        """Bring something to a device."""
        self._authorise(context)
        party = Party(request.account_id, request.device_id)
        try:
            message = DECODER.decode(request.message)
        except msgspec.MsgspecError as error:
            raise Refused(Refusal(Reason.INVALID, f"no message of this release: {error}", "message")) from error
        delivered = self._local.has(party)
        await self._local.deliver(party, message)
        return call_peer_pb2.DeliverResponse(delivered=delivered)

    async def DoCommand(self, request: call_peer_pb2.DoCommandRequest, context: Any) -> call_peer_pb2.DoCommandResponse:
        """Do a command."""
        self._authorise(context)
        if request.meant_process_id not in ("", self._held.process_id):
            raise Refused(unavailable("this is another process of calls than was meant"))
        party = Party(request.account_id, request.device_id)
        if request.address:
            self._post.learn(party, Peer(request.process_id, request.address))
        try:
            if request.request.WhichOneof("command") == "join":
                await self._held.check(request.request.join.conversation_id)
            response = await self._answer(party, request.request)
        except Refused as refused:
            response = call_pb2.SignalResponse(ref=request.request.ref, refusal=refusals.message(refused.refusal))
        return call_peer_pb2.DoCommandResponse(response=response)

    async def ListHeld(self, request: call_peer_pb2.ListHeldRequest, context: Any) -> call_peer_pb2.ListHeldResponse:
        """Say which calls are here."""
        self._authorise(context)
        found = self._held.among(request.conversation_ids)
        return call_peer_pb2.ListHeldResponse(process_id=self._held.process_id, conversation_ids=sorted(found))

    def _authorise(self, context: Any) -> None:
        if self._token and not hmac.compare_digest(bearer_token(context, "peer token"), self._token):
            raise Refused(Refusal(Reason.UNAUTHENTICATED, "the peer token is wrong"))
