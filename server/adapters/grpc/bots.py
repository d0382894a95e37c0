"""BotService: the stream of a device, opened with a service token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from tidewire.v1 import chat_pb2

from server.adapters.grpc.chat import ChatServicer, Check
from server.adapters.grpc.codec import WireEvents
from server.adapters.grpc.services import Authorise
from server.domain import accounts as rules
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason
from server.domain.service_tokens import Scope
from server.kit.refusal import Reason, Refusal, Refused
from server.ports.accounts import Accounts
from server.ports.people import Streams
from server.services.chat import Chat
from server.services.service_streams import ServiceStreams

NAME = "tidewire.internal.v1.BotService"


class BotServicer:
    """The bot's door. Its frames are laid out as those of ChatService, whose servicer does the work."""

    def __init__(
        self,
        chat: Chat,
        wire: WireEvents,
        limits: Limits,
        check: Check,
        accounts: Accounts,
        streams: Streams,
        open_streams: ServiceStreams,
        authorise: Authorise,
    ) -> None:
        self._servicer = ChatServicer(chat, wire, limits, self._identify, check)
        self._accounts = accounts
        self._streams = streams
        self._open_streams = open_streams
        self._authorise = authorise
        self.watch = self._servicer.watch

    def handlers(self) -> grpc.GenericRpcHandler:
        """What the server registers."""
        connect = grpc.stream_stream_rpc_method_handler(self.connect, chat_pb2.ConnectRequest.FromString, bytes)
        return grpc.method_handlers_generic_handler(NAME, {"Connect": connect})

    async def _identify(self, context: Any) -> Identity:
        token = await self._authorise(context, Scope.BOT)
        found = await self._accounts.get([token.account_id])
        if not found:
            raise Refused(Refusal(Reason.UNAUTHENTICATED, "the bot's account was deleted"))
        suspended = rules.check_suspended(found[0])
        if suspended is not None:
            raise Refused(suspended)
        return Identity(token.account_id, token.device_id)

    async def connect(self, requests: AsyncIterator[chat_pb2.ConnectRequest], context: Any) -> None:
        """BotService.Connect."""
        token = await self._authorise(context, Scope.BOT)

        async def close() -> None:
            await self._streams.close_device(token.account_id, token.device_id, ClosingReason.DEVICE_REMOVED)

        with self._open_streams.opened(token, close):
            await self._servicer.connect(requests, context)
