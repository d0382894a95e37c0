"""The composition root: everything the node consists of, put together once, from settings to open listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import grpc
from tidewire.v1 import (
    account_pb2_grpc,
    call_link_pb2_grpc,
    contact_pb2_grpc,
    conversation_pb2_grpc,
    device_pb2_grpc,
    group_pb2_grpc,
)

from server.adapters.grpc.accounts import AccountServicer, ContactServicer, DeviceServicer
from server.adapters.grpc.bearer import Bearer
from server.adapters.grpc.call_links import CallLinkServicer
from server.adapters.grpc.chat import ChatServicer
from server.adapters.grpc.groups import ConversationServicer, GroupServicer
from server.adapters.grpc.media import MediaWorker
from server.adapters.redis.opening import RedisCluster
from server.clustered import found
from server.domain.draining import Drain
from server.domain.identity import Identity
from server.internal import add_internal_services
from server.kit.edge import Edge
from server.kit.field_limits import FieldLimits
from server.kit.grpc_server import add_standard_services, new_server
from server.kit.http_ops import operations, serving_http
from server.kit.phones import is_phone
from server.listening import check_certificates, listen_to_devices, listen_to_services, media_worker
from server.parts import Parts, link_service, parts
from server.services.attendance import Attendance
from server.settings import Settings
from server.stores import Stores, opened

DRAIN_SPREAD_MS = 3_000
"""Devices of a node that is alone are told to come back within this time, each at another moment."""
DRAIN_JITTER_MS = 300
"""The same where there are other nodes, since there the streams themselves end one after the other."""

DEVICE_SERVICES = [
    f"tidewire.v1.{name}Service" for name in ("Chat", "Account", "Device", "Contact", "Group", "Conversation", "CallLink")
]


@dataclass(frozen=True, slots=True)
class App:
    """A running node."""

    chat_port: int
    http_port: int
    internal_port: int
    fingerprint: str
    """Of the certificate authority with tls = auto; ""."""
    drain: Callable[[], Any]
    """Tell the devices, and wait until they are gone or the grace is over."""
    links: Callable[[], int]
    """How many other nodes there is a link to."""


@asynccontextmanager
async def serving(settings: Settings, stores: Stores | None = None) -> AsyncIterator[App]:
    """Run a node until the block ends, over other stores than the settings' if given. Tests use it as `__main__` does.

    Raises:
        SettingsError: a certificate cannot be used, or Redis's address.
        StoreError: the store cannot be opened.
        OSError: an address is taken, or the data folder cannot be written.
    """
    check_certificates(settings)
    async with (
        nullcontext(stores) if stores is not None else opened(settings) as kept,
        found(settings) as redis,
        media_worker(settings) as worker,
        asyncio.TaskGroup() as tasks,
        _node(settings, kept, redis, worker, tasks) as app,
    ):
        yield app


@asynccontextmanager
async def _node(
    settings: Settings, stores: Stores, redis: RedisCluster | None, worker: MediaWorker | None, tasks: asyncio.TaskGroup
) -> AsyncIterator[App]:
    made = parts(settings, stores, redis, worker, tasks)
    fields = FieldLimits(is_phone)
    edge = Edge(fields, made.address_limited, made.metrics.refused, settings.request_bytes_max)
    devices, internal = new_server(edge, reuse_port=settings.workers > 1), new_server(edge)
    servicer = _add_device_services(devices, settings, stores, made, fields)
    health = await add_standard_services(devices, DEVICE_SERVICES)
    chat, cluster = made.chat, made.cluster
    services = add_internal_services(internal, settings, stores, made, fields)
    relay = [cluster.serve(internal, settings, chat)] if cluster is not None else []
    await add_standard_services(internal, [*services.names, *relay])
    port, fingerprint = listen_to_devices(devices, settings)
    internal_port = listen_to_services(internal, settings)
    attendance = cluster.attend(settings, internal_port, chat, made.presence, made.doubt) if cluster is not None else None

    async def drain() -> None:
        await health.enter_graceful_shutdown()
        # from now on callers go elsewhere, while open streams stay
        tasks.create_task(devices.stop(settings.drain_grace_s), name="stop")
        await _drain(settings, made)
        made.feed.drain()

    async with (
        serving_http(settings.http_listen, operations(lambda: not chat.draining, made.metrics.text), None) as http_port,
        _background(
            tasks,
            receipts=made.receipts.run(),
            presence=made.presence.run(),
            sweeper=made.sweeper.run(),
            comparison=chat.compare(),
            slow_devices=servicer.watch(),
            services=services.run(),
            **({"lease": attendance.run(), "positions": cluster.relaying.run()} if attendance and cluster else {}),
        ),
    ):
        await internal.start()
        if attendance is not None:
            await attendance.turn()  # before any device comes: others look for the node of its route
        await devices.start()
        try:
            links = cluster.links.up if cluster is not None else lambda: 0
            yield App(port, http_port, internal_port, fingerprint, drain, links)
        finally:
            if not chat.draining:
                await drain()
            await devices.stop(0.5)
            await _leave(made, attendance, internal)


async def _leave(made: Parts, attendance: Attendance | None, internal: grpc.aio.Server) -> None:
    """Write what is in memory, and take leave of the other nodes."""
    try:
        await made.receipts.flush()
    finally:
        if attendance is not None and made.cluster is not None:
            await made.cluster.relaying.tell_moved()
            await attendance.leave()
            made.cluster.links.close()
        await internal.stop(0.5)


async def _drain(settings: Settings, made: Parts) -> None:
    """Tell the devices, and wait until they are gone or the grace is over."""

    def begin(devices: Sequence[Identity]) -> Drain:
        others = len(made.cluster.routing.nodes) if made.cluster is not None else 0
        now_ms, grace_s = made.clock.monotonic_ms(), settings.drain_grace_s
        return Drain(devices, others=others, workers=settings.workers, grace_s=grace_s, limits=settings.limits, now_ms=now_ms)

    def retry_after_ms(drain: Drain) -> int:
        return int(made.chance.uniform(0, DRAIN_SPREAD_MS if drain.alone else DRAIN_JITTER_MS))

    await made.chat.drain(begin, retry_after_ms)
    deadline = made.clock.monotonic_ms() + 1000 * settings.drain_grace_s
    while made.hub.count() and made.clock.monotonic_ms() < deadline:
        await asyncio.sleep(0.02)


def _add_device_services(
    server: grpc.aio.Server, settings: Settings, stores: Stores, made: Parts, fields: FieldLimits
) -> ChatServicer:
    limits, bearer, signing_in = settings.limits, Bearer(made.tokens), made.signing_in
    servicer = ChatServicer(made.chat, made.wire, limits, bearer, fields.violation)
    server.add_generic_rpc_handlers((servicer.handlers(),))
    account_pb2_grpc.add_AccountServiceServicer_to_server(
        AccountServicer(signing_in, made.people, made.avatars, bearer, limits), server
    )
    device_pb2_grpc.add_DeviceServiceServicer_to_server(DeviceServicer(signing_in, stores.devices, bearer, limits), server)
    contact_pb2_grpc.add_ContactServiceServicer_to_server(ContactServicer(made.people, bearer), server)
    group_pb2_grpc.add_GroupServiceServicer_to_server(GroupServicer(made.changes, bearer), server)
    conversation_pb2_grpc.add_ConversationServiceServicer_to_server(ConversationServicer(made.history, bearer), server)
    call_link_pb2_grpc.add_CallLinkServiceServicer_to_server(CallLinkServicer(link_service(stores, made, limits), bearer), server)
    return servicer


@asynccontextmanager
async def _background(tasks: asyncio.TaskGroup, **works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What the node does by itself, until the block ends."""
    running = [tasks.create_task(work, name=name) for name, work in works.items()]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
