"""A node in a process of its own, calls in this process, and devices that speak by the wire alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from tidewire.transport import new_envelope_id
from tidewire.v1 import (
    account_pb2,
    account_pb2_grpc,
    call_link_pb2,
    call_link_pb2_grpc,
    call_pb2,
    call_pb2_grpc,
    contact_pb2,
    contact_pb2_grpc,
    conversation_pb2,
    conversation_pb2_grpc,
    envelope_pb2,
    group_pb2,
    group_pb2_grpc,
)

from calls.app import App, serving
from calls.domain.signalling_limits import SignallingLimits
from calls.settings import Settings
from tests.support.node import Node

SCOPES = ("introspect", "notify", "calls")
ANY_PORT = "127.0.0.1:0"
PATIENCE_S = 45
"""How long what must come is waited for: on a machine that stands still for a moment, too."""
_names = iter(range(1_000_000))


class World:
    """The node, and people on it."""

    def __init__(self, node: Node, token: str, folder: Path) -> None:
        self.node = node
        self.token = token
        self.folder = folder

    def settings(self, *, limits: SignallingLimits | None = None, **more: Any) -> Settings:
        """Of a calls process beside the node."""
        return Settings(
            grpc_listen=ANY_PORT,
            http_listen=ANY_PORT,
            internal_listen=ANY_PORT,
            media_listen=ANY_PORT,
            data_dir=self.folder / f"calls{next(_names)}",
            node=f"127.0.0.1:{self.node.internal_port}",
            node_token=self.token,
            limits=limits or SignallingLimits(calls_burst=1_000),
            **more,
        )

    @asynccontextmanager
    async def calls(self, settings: Settings | None = None) -> AsyncIterator[Calls]:
        """Running calls."""
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(serving(settings or self.settings()))
            yield Calls(self, app, stack)


class Calls:
    """Running calls, and devices that come and go."""

    def __init__(self, world: World, app: App, stack: AsyncExitStack) -> None:
        self.world = world
        self.app = app
        self.stack = stack

    @property
    def address(self) -> str:
        """Where devices reach it."""
        return f"127.0.0.1:{self.app.grpc_port}"

    async def person(self, devices: int = 1) -> list[Device]:
        """Somebody new, with so many devices, each with a stream."""
        found = await people(self.world.node, devices)
        made = []
        for token, account_id, device_id in found:
            device = Device(self.world.node.address, self.address, token, account_id, device_id)
            self.stack.push_async_callback(device.close)
            made.append(device)
            await device.connect()
        return made


async def people(node: Node, devices: int) -> list[tuple[str, str, str]]:
    """Access token, account and device of each device of somebody new."""
    name = f"caller{next(_names)}"
    async with grpc.aio.insecure_channel(node.address) as channel:
        accounts: Any = account_pb2_grpc.AccountServiceStub(channel)  # type: ignore[no-untyped-call]
        first = await accounts.RegisterUsername(account_pb2.RegisterUsernameRequest(username=name))
        found = [first.credentials]
        for _ in range(devices - 1):
            begun = await accounts.StartLogin(account_pb2.StartLoginRequest(handle=account_pb2.Handle(username=name)))
            challenge_id = begun.challenge.challenge_id
            request = account_pb2.ConfirmLoginRequest(challenge_id=challenge_id, recovery_code=first.recovery_code)
            found.append((await accounts.ConfirmLogin(request)).credentials)
    return [(one.access_token, one.account_id, one.device_id) for one in found]


class Device:
    """A device: its signalling stream, and what it is told."""

    def __init__(self, node: str, calls: str, token: str, account_id: str, device_id: str) -> None:
        self.account_id = account_id
        self.device_id = device_id
        self.token = token
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.told: list[call_pb2.SignalResponse] = []
        self._node = grpc.aio.insecure_channel(node, options=[("grpc.use_local_subchannel_pool", 1)])
        self._calls = grpc.aio.insecure_channel(calls, options=[("grpc.use_local_subchannel_pool", 1)])
        self.stub: Any = call_pb2_grpc.CallServiceStub(self._calls)  # type: ignore[no-untyped-call]
        self._stream: Any = None
        self._reading: asyncio.Future[None] | None = None
        self._came = asyncio.Condition()
        self._writing = asyncio.Lock()
        """gRPC takes one write at a time."""
        self._ref = 0

    async def connect(self) -> call_pb2.CallWelcome:
        """Open the stream."""
        self._stream = self.stub.Signal(metadata=self.metadata)
        await self._stream.write(call_pb2.SignalRequest(ref=1 << 40, hello=call_pb2.CallHello()))
        first = await self._stream.read()
        assert first.WhichOneof("event") == "welcome", first
        self._reading = asyncio.ensure_future(self._read(self._stream))
        return first.welcome  # type: ignore[no-any-return]

    async def _read(self, stream: Any) -> None:
        while isinstance(response := await stream.read(), call_pb2.SignalResponse):
            async with self._came:
                self.told.append(response)
                self._came.notify_all()

    async def hears(self, kind: str, matches: Callable[[Any], bool] = lambda event: True) -> Any:
        """The next event of this kind that matches; those before it are forgotten."""
        async with asyncio.timeout(PATIENCE_S), self._came:
            while True:
                for at, response in enumerate(self.told):
                    event = getattr(response, kind)
                    if response.WhichOneof("event") == kind and not response.ref and matches(event):
                        del self.told[: at + 1]
                        return event
                await self._came.wait()

    async def say(self, **command: Any) -> call_pb2.SignalResponse:
        """One command; its answer."""
        self._ref += 1
        ref = self._ref
        async with self._writing:
            await self._stream.write(call_pb2.SignalRequest(ref=ref, **command))
        async with asyncio.timeout(PATIENCE_S), self._came:
            while True:
                for response in self.told:
                    if response.ref == ref:
                        self.told.remove(response)
                        return response
                await self._came.wait()

    async def direct(self, other: Device) -> str:
        """The direct conversation with somebody."""
        stub: Any = conversation_pb2_grpc.ConversationServiceStub(self._node)  # type: ignore[no-untyped-call]
        request = conversation_pb2.GetDirectRequest(account_id=other.account_id)
        return str((await stub.GetDirect(request, metadata=self.metadata)).conversation_id)

    async def place(
        self, other: Device, *, call_id: str = "", offer: str = "offer", video: bool = False
    ) -> call_pb2.SignalResponse:
        """Call somebody; the answer."""
        command = call_pb2.PlaceCall(
            call_id=call_id or new_envelope_id(),
            conversation_id=await self.direct(other),
            video=video,
            offer=call_pb2.CallDescription(revision=1, sdp=offer) if offer else None,
        )
        return await self.say(place=command)

    async def accept(self, call_id: str, answer: str = "answer") -> call_pb2.SignalResponse:
        """Take a call; the answer."""
        description = call_pb2.CallDescription(revision=1, sdp=answer)
        return await self.say(accept=call_pb2.AcceptCall(call_id=call_id, answer=description))

    async def block(self, other: Device) -> None:
        """Want nothing more of somebody."""
        stub: Any = contact_pb2_grpc.ContactServiceStub(self._node)  # type: ignore[no-untyped-call]
        await stub.Block(contact_pb2.BlockRequest(account_id=other.account_id), metadata=self.metadata)

    async def knows(self, other: Device) -> None:
        """Have somebody in the contacts."""
        stub: Any = contact_pb2_grpc.ContactServiceStub(self._node)  # type: ignore[no-untyped-call]
        await stub.PutContact(
            contact_pb2.PutContactRequest(contact=contact_pb2.Contact(account_id=other.account_id, name="known")),
            metadata=self.metadata,
        )

    async def silence_strangers(self) -> None:
        """Want no sound when strangers call."""
        stub: Any = account_pb2_grpc.AccountServiceStub(self._node)  # type: ignore[no-untyped-call]
        request = account_pb2.UpdatePrivacyRequest(privacy=account_pb2.Privacy(silence_strangers=True))
        await stub.UpdatePrivacy(request, metadata=self.metadata)

    async def group(self, *others: Device) -> str:
        """A new group with these people."""
        stub: Any = group_pb2_grpc.GroupServiceStub(self._node)  # type: ignore[no-untyped-call]
        request = group_pb2.CreateGroupRequest(
            change=group_pb2.ChangeId(envelope_id=new_envelope_id()),
            title="all",
            account_ids=[other.account_id for other in others],
        )
        return str((await stub.CreateGroup(request, metadata=self.metadata)).conversation_id)

    async def leave_group(self, group: str) -> None:
        """Be a member no more."""
        stub: Any = group_pb2_grpc.GroupServiceStub(self._node)  # type: ignore[no-untyped-call]
        change = group_pb2.ChangeId(envelope_id=new_envelope_id())
        await stub.LeaveGroup(group_pb2.LeaveGroupRequest(conversation_id=group, change=change), metadata=self.metadata)

    async def rank(self, group: str, other: Device, role: envelope_pb2.Role) -> None:
        """Give somebody another role."""
        stub: Any = group_pb2_grpc.GroupServiceStub(self._node)  # type: ignore[no-untyped-call]
        change = group_pb2.ChangeId(envelope_id=new_envelope_id())
        request = group_pb2.SetRoleRequest(conversation_id=group, change=change, account_id=other.account_id, role=role)
        await stub.SetRole(request, metadata=self.metadata)

    async def link(self, group: str = "", approval: bool = False) -> call_link_pb2.CreateCallLinkResponse:
        """A new link."""
        request = call_link_pb2.CreateCallLinkRequest(conversation_id=group, approval=approval)
        made: call_link_pb2.CreateCallLinkResponse = await self.links.CreateCallLink(request, metadata=self.metadata)
        return made

    async def revoke(self, link_id: str) -> None:
        """Nobody comes by this link any more."""
        await self.links.RevokeCallLink(call_link_pb2.RevokeCallLinkRequest(link_id=link_id), metadata=self.metadata)

    @property
    def links(self) -> Any:
        """CallLinkService."""
        return call_link_pb2_grpc.CallLinkServiceStub(self._node)  # type: ignore[no-untyped-call]

    async def records(self, other: Device) -> list[tuple[str, str, int]]:
        """Outcome, sender and talked ms of each record in the conversation with somebody."""
        return [(how, sender_id, ms) for _, how, sender_id, ms in await self.records_in(await self.direct(other))]

    async def records_in(self, conversation_id: str) -> list[tuple[str, str, str, int]]:
        """Call or era, outcome, sender and talked ms of each record."""
        stub: Any = conversation_pb2_grpc.ConversationServiceStub(self._node)  # type: ignore[no-untyped-call]
        request = conversation_pb2.ListEnvelopesRequest(conversation_id=conversation_id)
        try:
            response = await stub.ListEnvelopes(request, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED, error
            return []
        found = [envelope for envelope in response.envelopes if envelope.body.WhichOneof("content") == "call_record"]
        records = [(one.body.call_record, one.header.sender_account_id) for one in found]
        return [(told.call_id, outcome(told.outcome), sender_id, told.duration_ms) for told, sender_id in records]

    async def close_stream(self) -> None:
        """As when the network is lost."""
        if self._stream is not None:
            self._stream.cancel()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def close(self) -> None:
        """End it."""
        await self.close_stream()
        await self._calls.close(None)
        await self._node.close(None)


async def record(caller: Device, other: Device) -> tuple[str, str, int]:
    """The one record of their calls, once it is there."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await caller.records(other)):
            await asyncio.sleep(0.02)
    (one,) = found
    return one


def outcome(number: int) -> str:
    """The name of an outcome."""
    return envelope_pb2.CallOutcome.Name(number).removeprefix("CALL_OUTCOME_")  # type: ignore[arg-type]
