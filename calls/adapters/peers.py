"""Other processes of calls: what is brought to their devices, and commands about the group calls that they hold."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import msgspec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tidewire.internal.v1 import call_peer_pb2, call_peer_pb2_grpc
from tidewire.v1 import call_pb2

from calls.adapters.memory import LocalPost
from calls.adapters.redis_whereabouts import RENEW_S, Whereabouts
from calls.domain.messages import Message, Move, Party, Replaced
from calls.ports.signalling import Stream
from server.kit import grpc_refusals as refusals
from server.kit.edge import bearer_token
from server.kit.refusal import Reason, Refusal, Refused, unavailable

log = logging.getLogger(__name__)

DEADLINE_S = 5.0
DELIVER_S = 1.0
"""What is brought to a process that stands still holds nobody up for longer."""
ABSENT_MAX = 60
"""Looks at which a device had no stream here, in a row, after which another process looks after it, or nobody."""
MOVE_MS = 1_000
WATCH_S = 1.0
ALIVE_S = 1.0
SILENT_MAX = 2
"""Looks at which a process did not answer, in a row, after which it counts as gone."""
ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(Message)


class Channels:
    """Ways to other processes, by their addresses."""

    def __init__(self, token: str, credentials: grpc.ChannelCredentials | None) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._credentials = credentials
        self._open: dict[str, tuple[grpc.aio.Channel, Any]] = {}

    async def call(self, address: str, name: str, request: Any, deadline_s: float = DEADLINE_S) -> Any:
        """One call.

        Raises:
            Refused: UNAVAILABLE.
        """
        if address not in self._open:
            given = self._credentials
            channel = grpc.aio.insecure_channel(address) if given is None else grpc.aio.secure_channel(address, given)
            self._open[address] = (channel, call_peer_pb2_grpc.CallPeerServiceStub(channel))  # type: ignore[no-untyped-call]
        try:
            return await getattr(self._open[address][1], name)(request, metadata=self._metadata, timeout=deadline_s)
        except grpc.aio.AioRpcError as error:
            raise Refused(unavailable(f"the other process of calls does not answer: {error.details()}")) from error

    async def alive(self, address: str) -> bool:
        """Whether the process answers within a second."""
        if address not in self._open:
            return True  # nobody has spoken to it yet
        try:
            stub = health_pb2_grpc.HealthStub(self._open[address][0])
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=ALIVE_S)
            return True
        except grpc.aio.AioRpcError:
            return False

    async def close(self) -> None:
        """End all."""
        for channel, _ in self._open.values():
            await channel.close(None)


class PeerPost:
    """`Post` over all processes; `Attendance` of this one."""

    def __init__(self, local: LocalPost, whereabouts: Whereabouts, channels: Channels) -> None:
        self._local = local
        self._whereabouts = whereabouts
        self._channels = channels

    async def attend(self, stream: Stream) -> None:
        """A stream has opened here; one of the device in another process ends."""
        await self._local.attend(stream)
        with contextlib.suppress(Refused):  # Redis is away: found here only
            before = await self._whereabouts.take(stream.party, stream.stream_id)
            if before:
                await self._send(before, stream.party, Replaced(stream.stream_id))

    async def leave(self, stream: Stream) -> None:
        """A stream is over."""
        await self._local.leave(stream)
        with contextlib.suppress(Refused):
            await self._whereabouts.let_go(stream.party, stream.stream_id)

    async def deliver(self, party: Party, message: Message) -> None:
        """See `Post.deliver`."""
        if self._local.has(party):
            await self._local.deliver(party, message)
            return
        with contextlib.suppress(Refused):
            process_id = (await self._whereabouts.of_account(party.account_id)).get(party.device_id)
            if process_id is not None and process_id != self._whereabouts.process_id:
                await self._send(process_id, party, message)

    async def present(self, account_id: str) -> set[str]:
        """See `Post.present`."""
        here = await self._local.present(account_id)
        try:
            return here | set(await self._whereabouts.of_account(account_id))
        except Refused:
            return here

    async def _send(self, process_id: str, party: Party, message: Message) -> None:
        address = await self._whereabouts.address(process_id)
        if address:
            request = call_peer_pb2.DeliverRequest(
                account_id=party.account_id, device_id=party.device_id, message=ENCODER.encode(message)
            )
            await self._channels.call(address, "Deliver", request, DELIVER_S)


class GroupPlaces:
    """Which process has a group's call, and how it is asked."""

    def __init__(
        self,
        whereabouts: Whereabouts,
        channels: Channels,
        local: LocalPost,
        live: Callable[[], list[str]],
        displaced: Callable[[str], Awaitable[None]],
    ) -> None:
        """`live`: the conversations whose calls this process has. `displaced`: another process has one of them now."""
        self._whereabouts = whereabouts
        self._channels = channels
        self._local = local
        self._live = live
        self._elsewhere: dict[tuple[str, Party], str] = {}
        """Devices of this process in calls of others: which process."""
        self._held: set[str] = set()
        self._displaced = displaced
        self._silent: Counter[str] = Counter()
        self._absent: Counter[tuple[str, Party]] = Counter()

    async def forwarded(self, party: Party, which: str, request: call_pb2.SignalRequest) -> call_pb2.SignalResponse | None:
        """The answer of the process that has the call; None: it is this one's to give.

        Raises:
            Refused: UNAVAILABLE.
        """
        conversation_id = getattr(request, which).conversation_id
        if conversation_id in self._live():
            return None
        joins = which == "join"
        holder = await (self._whereabouts.place if joins else self._whereabouts.holder)(conversation_id)
        if not holder or holder == self._whereabouts.process_id:
            return None
        address = await self._whereabouts.address(holder)
        if not address:  # it has stopped, or its lease has lapsed
            if joins:
                await self._whereabouts.take_over(conversation_id, holder)
            return None
        asked = call_peer_pb2.DoCommandRequest(account_id=party.account_id, device_id=party.device_id, request=request)
        try:
            response = (await self._channels.call(address, "DoCommand", asked)).response
        except Refused:
            if await self._channels.alive(address):
                raise
            if joins:
                await self._whereabouts.take_over(conversation_id, holder)
            return None
        if joins and response.WhichOneof("event") == "joined":
            self._elsewhere[conversation_id, party] = holder
        elif which == "leave":
            self._elsewhere.pop((conversation_id, party), None)
            self._absent.pop((conversation_id, party), None)
        return response  # type: ignore[no-any-return]

    async def run(self) -> None:
        """Renew this process's leases, and look after those that its devices depend on, for ever."""
        last_s = 0.0
        while True:
            now_s = asyncio.get_running_loop().time()
            if now_s - last_s >= RENEW_S:
                last_s = now_s
                with contextlib.suppress(Refused):
                    await self._renew()
            with contextlib.suppress(Refused):
                await self._watch()
            await asyncio.sleep(WATCH_S)

    async def _renew(self) -> None:
        await self._whereabouts.renew()
        live = set(self._live())
        for conversation_id in live:
            if await self._whereabouts.place(conversation_id) != self._whereabouts.process_id:
                await self._displaced(conversation_id)
        for conversation_id in self._held - live:
            await self._whereabouts.give_up(conversation_id)
        self._held = live

    async def _watch(self) -> None:
        lost = {process for process in set(self._elsewhere.values()) if await self._gone(process)}
        for (conversation_id, party), process in list(self._elsewhere.items()):
            key = (conversation_id, party)
            self._absent[key] = 0 if self._local.has(party) else self._absent[key] + 1
            if self._absent[key] > ABSENT_MAX:
                del self._elsewhere[key], self._absent[key]
            elif process in lost:
                del self._elsewhere[key], self._absent[key]
                await self._local.deliver(party, Move(conversation_id, MOVE_MS))

    async def _gone(self, process_id: str) -> bool:
        address = await self._whereabouts.address(process_id)
        if address and await self._channels.alive(address):
            self._silent.pop(process_id, None)
            return False
        self._silent[process_id] += 1
        return not address or self._silent[process_id] >= SILENT_MAX


Answer = Callable[[Party, call_pb2.SignalRequest], Any]


class CallPeerServicer(call_peer_pb2_grpc.CallPeerServiceServicer):
    """CallPeerService."""

    def __init__(self, local: LocalPost, answer: Answer, token: str) -> None:
        """`answer`: does a command here; `token`: what the others show; "": certificates prove them."""
        self._local = local
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
        await self._local.deliver(party, message)
        return call_peer_pb2.DeliverResponse(delivered=self._local.has(party))

    async def DoCommand(self, request: call_peer_pb2.DoCommandRequest, context: Any) -> call_peer_pb2.DoCommandResponse:
        """Do a command."""
        self._authorise(context)
        try:
            response = await self._answer(Party(request.account_id, request.device_id), request.request)
        except Refused as refused:
            response = call_pb2.SignalResponse(ref=request.request.ref, refusal=refusals.message(refused.refusal))
        return call_peer_pb2.DoCommandResponse(response=response)

    def _authorise(self, context: Any) -> None:
        if self._token and not hmac.compare_digest(bearer_token(context, "peer token"), self._token):
            raise Refused(Refusal(Reason.UNAUTHENTICATED, "the peer token is wrong"))
