"""The services of the internal listener, put together: part of the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc
from tidewire.internal.v1 import (
    admin_pb2_grpc,
    call_pb2_grpc,
    feed_pb2_grpc,
    member_pb2_grpc,
    notify_pb2_grpc,
    presence_pb2_grpc,
    system_pb2_grpc,
    token_pb2_grpc,
)

from server.adapters.grpc.admin import AdminServicer
from server.adapters.grpc.bots import BotServicer
from server.adapters.grpc.calls import CallDirectoryServicer
from server.adapters.grpc.feeds import FeedServicer
from server.adapters.grpc.services import (
    MemberServicer,
    NotifyServicer,
    PresenceServicer,
    ServiceBearer,
    SystemServicer,
    TokenServicer,
)
from server.kit.field_limits import FieldLimits
from server.parts import Parts, link_service
from server.services.administration import Administration
from server.services.call_directory import CallDirectory
from server.services.sending import Sending
from server.services.service_access import ServiceAccess
from server.services.service_streams import ServiceStreams
from server.services.system_senders import SystemSenders
from server.settings import Settings
from server.stores import Stores


@dataclass(frozen=True, slots=True)
class Internal:
    """What `add_internal_services` has added."""

    names: list[str]
    """Full names, for health and reflection."""
    run: Callable[[], Coroutine[Any, Any, None]]
    """What these services do by themselves, for ever."""


def add_internal_services(
    server: grpc.aio.Server, settings: Settings, stores: Stores, made: Parts, fields: FieldLimits
) -> Internal:
    """Register the services of `tidewire.internal.v1`."""
    limits = settings.limits
    access = ServiceAccess(stores.service_tokens, made.rates, made.clock)
    authorise, open_streams = ServiceBearer(access), ServiceStreams(access)
    sending = Sending(made.conversations, stores.log, made.people, limits, made.media)
    senders = SystemSenders(made.conversations, sending, made.receipts, stores.accounts)
    bots = BotServicer(made.chat, made.wire, limits, fields.violation, stores.accounts, made.streams, open_streams, authorise)
    server.add_generic_rpc_handlers((bots.handlers(),))
    token_pb2_grpc.add_TokenServiceServicer_to_server(TokenServicer(made.tokens, authorise), server)
    system_pb2_grpc.add_SystemServiceServicer_to_server(SystemServicer(senders, authorise), server)
    notify_pb2_grpc.add_NotifyServiceServicer_to_server(NotifyServicer(made.streams, authorise), server)
    presence = PresenceServicer(made.presence, stores.accounts, authorise)
    presence_pb2_grpc.add_PresenceServiceServicer_to_server(presence, server)
    member_pb2_grpc.add_MemberServiceServicer_to_server(
        MemberServicer(made.history, made.people, made.avatars, authorise), server
    )
    feed_pb2_grpc.add_FeedServiceServicer_to_server(FeedServicer(made.feed, open_streams, authorise), server)
    links = link_service(stores, made, limits)
    directory = CallDirectory(made.conversations, made.people, made.streams, links)
    calls = CallDirectoryServicer(directory, links, made.people, senders, authorise)
    call_pb2_grpc.add_CallDirectoryServiceServicer_to_server(calls, server)
    administration = Administration(
        stores.accounts,
        stores.marks,
        stores.devices,
        made.signing_in,
        made.tokens,
        made.people,
        made.streams,
        made.hub.is_connected,
        made.metrics.refusals.lately,
        made.clock,
    )
    admin_pb2_grpc.add_AdminServiceServicer_to_server(AdminServicer(administration, authorise), server)
    names = ["Token", "System", "Notify", "Presence", "Member", "Bot", "Feed", "Admin", "CallDirectory"]

    async def run() -> None:
        await asyncio.gather(bots.watch(), open_streams.run())

    return Internal([f"tidewire.internal.v1.{name}Service" for name in names], run)
