"""The accounts of one client process: made, linked, gathered into groups, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc

from tidewire.load.device import Device, Told
from tidewire.load.servers import Servers
from tidewire.transport import CALL_TIMEOUT_S, new_envelope_id, refused
from tidewire.v1 import account_pb2, account_pb2_grpc, group_pb2, group_pb2_grpc

AT_ONCE = 16
"""Unary calls under way."""
RAISE = {
    "registrations_per_address_hour": "raise it on a server for tests with --set registrations_per_address_hour=1000000",
    "address_commands_per_s": "raise address_commands_per_s and address_commands_burst on a server for tests",
    "codes_per_handle_day": "raise it on a server for tests",
}


class NotPut(Exception):
    """The load cannot be put on; the message is one sentence."""


class Crowd:
    """Some accounts, each with its devices."""

    def __init__(self, plan: dict[str, Any], told: Told, made: Callable[[int], None]) -> None:
        """`plan`: servers, pin, first (the number of the first account), accounts, devices_per_account, prefix."""
        self._plan = plan
        self._names = [f"{plan['prefix']}.{number}" for number in range(plan["first"], plan["first"] + plan["accounts"])]
        self._per_account: int = plan["devices_per_account"]
        self._told = told
        self._made = made
        self._by_account: dict[str, list[Device]] = {}
        self._calls: grpc.aio.Channel | None = None

    @property
    def devices(self) -> list[Device]:
        """All of them."""
        return [device for devices in self._by_account.values() for device in devices]

    @property
    def account_ids(self) -> list[str]:
        """All of them."""
        return list(self._by_account)

    def first_devices(self) -> dict[str, Device]:
        """Of each account, the one that speaks."""
        return {account_id: devices[0] for account_id, devices in self._by_account.items()}

    async def make(self) -> None:
        """Register every account and link its devices.

        Raises:
            NotPut: the server refuses.
        """
        servers = await asyncio.to_thread(Servers, self._plan["servers"], self._plan["pin"])
        self._calls = servers.channel(servers.first)
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, name: str) -> None:
            async with room:
                await self._person(servers, number, name)

        async with asyncio.TaskGroup() as tasks:
            for number, name in enumerate(self._names):
                tasks.create_task(one(number, name))

    async def _person(self, servers: Servers, number: int, name: str) -> None:
        accounts: Any = account_pb2_grpc.AccountServiceStub(self._calls)
        request = account_pb2.RegisterUsernameRequest(username=name, device_name="load")
        answer = await self._asked(accounts.RegisterUsername, request)
        devices = self._by_account.setdefault(answer.credentials.account_id, [])
        devices.append(self._device(servers.of(number), answer.credentials))
        for _ in range(1, self._per_account):
            handle = account_pb2.Handle(username=name)
            login = await self._asked(accounts.StartLogin, account_pb2.StartLoginRequest(handle=handle))
            proof = account_pb2.ConfirmLoginRequest(challenge_id=login.challenge.challenge_id, recovery_code=answer.recovery_code)
            linked = await self._asked(accounts.ConfirmLogin, proof)
            devices.append(self._device(servers.of(number), linked.credentials))
        self._made(len(devices))

    def _device(self, channels: Iterator[grpc.aio.Channel], credentials: account_pb2.Credentials) -> Device:
        return Device(channels, credentials.account_id, credentials.device_id, credentials.access_token, self._told)

    async def _asked(self, method: Any, request: Any, metadata: Any = ()) -> Any:
        """One unary call."""
        try:
            answer = await method(request, metadata=metadata, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            detail = error.details() or error.code().name
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise NotPut(f"the server {self._plan['servers'][0]} does not answer: {detail}") from error
            raise NotPut(f"the server's limits throttle this: {detail}; raise them on a server for tests") from error
        if answer.DESCRIPTOR.fields_by_name.get("refusal") is not None and answer.HasField("refusal"):
            refusal = answer.refusal
            raise NotPut(
                f"the server's {refusal.subject} throttles this: {RAISE[refusal.subject]}"
                if refusal.subject in RAISE
                else f"the server refuses: {refused(refusal)}"
            )
        return answer

    async def group(self, members: Sequence[str]) -> str:
        """Have the first of these accounts make a group of all of them; its id.

        Raises:
            NotPut: the server refuses.
        """
        owner = self._by_account[members[0]][0]
        request = group_pb2.CreateGroupRequest(
            change=group_pb2.ChangeId(envelope_id=new_envelope_id()), title="load", account_ids=members[1:]
        )
        stub: Any = group_pb2_grpc.GroupServiceStub(owner.channel)
        answer = await self._asked(stub.CreateGroup, request, owner.metadata)
        if not answer.conversation_id:
            raise NotPut(f"the server makes no group of {len(members)}: {' '.join(str(answer).split())}")
        return str(answer.conversation_id)

    async def clean(self, *, delete: bool) -> int:
        """Close everything; how many accounts could not be deleted."""
        room, left = asyncio.Semaphore(AT_ONCE), 0

        async def gone(account_id: str, device: Device) -> bool:
            stub: Any = account_pb2_grpc.AccountServiceStub(self._calls)
            request = account_pb2.DeleteAccountRequest(account_id=account_id)
            async with room:
                try:
                    await self._asked(stub.DeleteAccount, request, device.metadata)
                except NotPut:
                    return False
            return True

        if delete and self._by_account:
            results = await asyncio.gather(*(gone(account_id, devices[0]) for account_id, devices in self._by_account.items()))
            left = results.count(False)
        await asyncio.gather(*(device.channel.close(None) for device in self.devices))
        if self._calls is not None:
            await self._calls.close(None)
        return left
