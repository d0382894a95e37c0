"""The way to the media worker: asked of the chat server, connected to when it is needed, asked again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from tidewire import status_details
from tidewire.errors import Refused, TidewireError, Unreachable
from tidewire.transport import CALL_TIMEOUT_S, Transport, failure
from tidewire.v1 import chat_pb2, media_pb2_grpc


class MediaTransport:
    """The media worker of the deployment."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._address = ""
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._sure = False
        """The worker has answered since its address was asked."""
        self._old: list[grpc.aio.Channel] = []
        """To where it was before: calls to it end by themselves."""
        self._asking = asyncio.Lock()

    async def stub(self) -> Any:
        """The worker's methods.

        Raises:
            Unreachable: the chat server does not say where it is. Refused: the deployment has none.
        """
        if self._sure:
            return self._stub
        async with self._asking:
            response = await self._transport.call(self._transport.chat.GetEndpoints, chat_pb2.GetEndpointsRequest())
            address = response.endpoints.media
            if not address:
                raise Refused("KIND_NOT_ENABLED", "this deployment has no media worker")
            if address.startswith(":"):
                address = self._transport.address.rpartition(":")[0] + address
            if address != self._address:
                if self._channel is not None:
                    self._old.append(self._channel)
                self._address, self._channel = address, self._transport.channel_to(address)
                self._stub = media_pb2_grpc.MediaServiceStub(self._channel)  # type: ignore[no-untyped-call]
            self._sure = True
            return self._stub

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
            self._sure = False  # the channel connects again by itself, unless the worker has moved
            return found
        return status_details.refusal(error) or found

    async def close(self) -> None:
        """End all calls."""
        for channel in (*self._old, *([] if self._channel is None else [self._channel])):
            await channel.close(None)
