"""The way to media and calls: asked of the chat server, connected to when it is needed, asked again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from tidewire import status_details
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.transport import CALL_TIMEOUT_S, Transport, failure
from tidewire.v1 import chat_pb2


class ProcessTransport:
    """One of the processes that a deployment may have besides the chat."""

    def __init__(self, transport: Transport, name: str, stub: Callable[[grpc.aio.Channel], Any]) -> None:
        """`name`: that of its field in `Endpoints`."""
        self._transport = transport
        self._name = name
        self._make = stub
        self._address = ""
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._sure = False
        """It has answered since its address was asked."""
        self._old: list[grpc.aio.Channel] = []
        """To where it was before: calls to it end by themselves."""
        self._asking = asyncio.Lock()

    async def stub(self) -> Any:
        """Its methods.

        Raises:
            Unreachable: the chat server does not say where it is. Refused: the deployment has none.
        """
        if self._sure:
            return self._stub
        async with self._asking:
            response = await self._transport.call(self._transport.chat.GetEndpoints, chat_pb2.GetEndpointsRequest())
            address: str = getattr(response.endpoints, self._name)
            if not address:
                raise Refused("KIND_NOT_ENABLED", f"this deployment has no {self._name}")
            if address.startswith(":"):
                address = self._transport.address.rpartition(":")[0] + address
            if address != self._address:
                if self._channel is not None:
                    self._old.append(self._channel)
                self._address, self._channel = address, self._transport.channel_to(address)
                self._stub = self._make(self._channel)
            self._sure = True
            return self._stub

    @property
    def address(self) -> str:
        """Where it is; "": nobody has asked yet."""
        return self._address

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Who speaks, with the token of now."""
        return self._transport.metadata()

    def lost(self) -> None:
        """It does not answer: its address is asked again before the next call."""
        self._sure = False

    async def call(self, name: str, request: Any) -> Any:
        """One unary call, with the token of now.

        Raises:
            Unreachable, Refused
        """
        method = getattr(await self.stub(), name)
        try:
            return await method(request, metadata=self._transport.metadata(), timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error

    async def stream(self, name: str, request: Any, timeout_s: float | None = None) -> AsyncIterator[Any]:
        """The answers of a streaming call; `request` may be an iterator of requests. Ends the call when it is left.

        Raises:
            Unreachable, Refused
        """
        call = getattr(await self.stub(), name)(request, metadata=self._transport.metadata(), timeout=timeout_s)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from error
        finally:
            call.cancel()

    def _failure(self, error: grpc.aio.AioRpcError) -> TidewireError:
        found = failure(error)
        if isinstance(found, Unreachable):
            self._sure = False  # the channel connects again by itself, unless the process has moved
            return found
        return status_details.refusal(error) or found

    async def close(self) -> None:
        """End all calls."""
        for channel in (*self._old, *([] if self._channel is None else [self._channel])):
            await channel.close(None)
