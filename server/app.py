"""The composition root: everything the node consists of, put together once, from settings to open listeners."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from tidewire.v1 import account_pb2_grpc, contact_pb2_grpc, conversation_pb2_grpc, device_pb2_grpc, group_pb2_grpc, limits_pb2

from server.adapters import tls
from server.adapters.code_senders import ConsoleSender, SmtpSender
from server.adapters.grpc import codec
from server.adapters.grpc.accounts import AccountServicer, ContactServicer, DeviceServicer
from server.adapters.grpc.chat import ChatServicer
from server.adapters.grpc.edge import REQUEST_BYTES_MAX, Bearer, Edge
from server.adapters.grpc.field_limits import FieldLimits
from server.adapters.grpc.groups import ConversationServicer, GroupServicer
from server.adapters.http_ops import serving_http
from server.adapters.metrics import Metrics
from server.adapters.phones import is_phone
from server.adapters.sqlite.accounts import SqliteAccounts, SqliteContacts
from server.adapters.sqlite.database import Database, open_database
from server.adapters.sqlite.devices import SqliteChallenges, SqliteDevices
from server.adapters.sqlite.log import SqliteLog
from server.adapters.sqlite.positions import SqliteMemberships, SqlitePositions
from server.adapters.world import SystemClock, SystemRandom
from server.domain.events import NoticeTold, Positions, PresenceTold
from server.domain.notice import ClosingReason, Notice
from server.domain.presence import PresenceFact
from server.ports.accounts import CodeSender
from server.services.chat import Chat
from server.services.conversations import Conversations, Live
from server.services.groups import GroupChanges
from server.services.history import History
from server.services.people import KnownPeople
from server.services.presence import Presence
from server.services.rates import Rates
from server.services.receipts import Receipts
from server.services.sending import ENABLED_KINDS, Sending
from server.services.signing_in import SigningIn, Tokens
from server.services.streaming import Hub, Needs
from server.services.sweeping import Sweeper
from server.settings import Settings

log = logging.getLogger(__name__)

STORE = "tidewire.db"
"""The embedded store, in the data folder."""

DRAIN_SPREAD_MS = 3_000
"""Devices of a draining node are told to come back within this time, each at another moment."""

SERVER_OPTIONS = [
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # without it a frozen client is noticed after a minute only
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_send_message_length", 1 << 20),
    ("grpc.max_metadata_size", 8_192),
    ("grpc.so_reuseport", 0),
]


class LocalStreams:
    """The port `Streams` on a node that is alone."""

    def __init__(self, hub: Hub, wire: codec.WireEvents) -> None:
        self._hub = hub
        self._wire = wire

    async def close_device(self, account_id: str, device_id: str, reason: ClosingReason) -> None:
        """See `Streams.close_device`."""
        for stream in self._hub.of_account(account_id):
            if stream.identity.device_id == device_id:
                stream.close(reason)

    async def notify(self, account_id: str, notice: Notice, except_device_id: str = "") -> None:
        """See `Streams.notify`."""
        self._hub.tell(account_id, NoticeTold(notice), self._wire, except_device_id)


@dataclass(frozen=True, slots=True)
class App:
    """A running node."""

    chat_port: int
    http_port: int
    fingerprint: str
    """Of the certificate authority with tls = auto; ""."""
    drain: Callable[[], Any]
    """Tell the devices, and wait until they are gone or the grace is over."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[App]:
    """Run a node until the block ends. End-to-end tests use it as `__main__` does.

    Raises:
        StoreError: the store cannot be opened.
        OSError: an address is taken, or the data folder cannot be written.
    """
    database = await open_database(settings.data_dir / STORE)
    try:
        async with asyncio.TaskGroup() as tasks, _node(settings, database, tasks) as app:
            yield app
    finally:
        await database.close()


@asynccontextmanager
async def _node(settings: Settings, database: Database, tasks: asyncio.TaskGroup) -> AsyncIterator[App]:
    limits, clock, chance = settings.limits, SystemClock(), SystemRandom()
    store = SqliteLog(database)
    memberships, positions = SqliteMemberships(database), SqlitePositions(database)
    accounts, contacts, devices = SqliteAccounts(database), SqliteContacts(database), SqliteDevices(database)
    endpoints = limits_pb2.Endpoints(chat=settings.public_chat, media=settings.public_media, calls=settings.public_calls)
    wire = codec.WireEvents(limits, ENABLED_KINDS, endpoints)
    hub, rates = Hub(limits), Rates(limits)
    metrics = Metrics(hub.count)
    people = KnownPeople(accounts, contacts, devices, clock, limits)
    conversations = Conversations(store, memberships, wire, clock, limits, tasks, metrics)
    receipts = Receipts(positions, memberships, people, conversations, limits)
    presence = Presence(people, clock, limits, tasks)
    sending = Sending(conversations, store, people, limits)
    changes = GroupChanges(conversations, store, memberships, positions, people, limits)
    needs = Needs(conversations, receipts, store, positions, wire, clock, limits, tasks, metrics)
    chat = Chat(hub, needs, sending, memberships, store, presence, rates, chance.new_id, devices.touch)
    history = History(conversations, receipts, store, memberships, people, clock, limits)
    sweeper = Sweeper(conversations, store, store, memberships, positions, people, clock, limits)
    tokens = Tokens(devices, clock, chance, limits)
    signing_in = SigningIn(
        accounts,
        devices,
        SqliteChallenges(database),
        tokens,
        _code_sender(settings),
        changes,
        LocalStreams(hub, wire),
        rates,
        clock,
        chance,
        limits,
        _pepper(settings.data_dir),
    )
    _connect(hub, wire, conversations, receipts, presence)

    fields, bearer = FieldLimits(is_phone), Bearer(tokens)
    server = grpc.aio.server(
        interceptors=[Edge(fields, rates, clock, metrics.refused, limits.frame_bytes_max)],
        options=[*SERVER_OPTIONS, ("grpc.max_receive_message_length", REQUEST_BYTES_MAX)],
    )
    servicer = ChatServicer(chat, wire, limits, bearer, fields.violation)
    server.add_generic_rpc_handlers((servicer.handlers(),))
    account_pb2_grpc.add_AccountServiceServicer_to_server(AccountServicer(signing_in, people, bearer, limits), server)
    device_pb2_grpc.add_DeviceServiceServicer_to_server(DeviceServicer(signing_in, devices, bearer, limits), server)
    contact_pb2_grpc.add_ContactServiceServicer_to_server(ContactServicer(people, bearer), server)
    group_pb2_grpc.add_GroupServiceServicer_to_server(GroupServicer(changes, bearer), server)
    conversation_pb2_grpc.add_ConversationServiceServicer_to_server(ConversationServicer(history, bearer), server)
    health = await _add_standard_services(server)
    port, fingerprint = _listen(server, settings)

    async def drain() -> None:
        await health.enter_graceful_shutdown()
        chat.drain(lambda: int(chance.uniform(0, DRAIN_SPREAD_MS)))
        deadline = clock.monotonic_ms() + 1000 * settings.drain_grace_s
        while hub.count() and clock.monotonic_ms() < deadline:
            await asyncio.sleep(0.02)

    try:
        async with (
            serving_http(settings.http_listen, lambda: not chat.draining, metrics.text) as http_port,
            _background(
                tasks,
                receipts=receipts.run(),
                presence=presence.run(),
                sweeper=sweeper.run(),
                comparison=chat.compare(),
                slow_devices=servicer.watch(),
            ),
        ):
            await server.start()
            try:
                yield App(port, http_port, fingerprint, drain)
            finally:
                if not chat.draining:
                    await drain()
                await server.stop(0.5)
    finally:
        await receipts.flush()


def _code_sender(settings: Settings) -> CodeSender:
    if settings.code_sender == "console":
        return ConsoleSender()
    return SmtpSender(settings.smtp_host, settings.smtp_port, settings.smtp_sender)


@asynccontextmanager
async def _background(tasks: asyncio.TaskGroup, **works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What the node does by itself, until the block ends."""
    running = [tasks.create_task(work, name=name) for name, work in works.items()]
    try:
        yield
    finally:
        for task in running:
            task.cancel()


def _connect(hub: Hub, wire: codec.WireEvents, conversations: Conversations, receipts: Receipts, presence: Presence) -> None:
    """The hub is told by those that it does not know."""

    def published(conversation_id: str, live: Live, entries: tuple[Any, ...], since: int) -> None:
        hub.published(conversation_id, live, entries[-1].seq, since)

    def tell_positions(account_id: str, event: Positions) -> None:
        hub.tell_along(account_id, event, wire)

    def tell_presence(watcher_id: str, connection_id: str, account_id: str, fact: PresenceFact) -> None:
        for stream in hub.of_account(watcher_id):
            if stream.connection_id == connection_id:
                stream.tell(PresenceTold(account_id, fact))

    conversations.on_publish(published)
    receipts.on_told(hub.is_connected, tell_positions, hub.wake)
    presence.on_told(tell_presence)


async def _add_standard_services(server: grpc.aio.Server) -> HealthServicer:
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [f"tidewire.v1.{name}Service" for name in ("Chat", "Account", "Device", "Contact", "Group", "Conversation")]
    for name in ("", *names):
        await health.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*names, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
    return health


def _listen(server: grpc.aio.Server, settings: Settings) -> tuple[int, str]:
    fingerprint = ""
    try:
        if settings.tls == "auto":
            own = tls.own_authority(settings.data_dir / "tls", [name.strip() for name in settings.tls_names.split(",")])
            fingerprint = own.fingerprint
            credentials = grpc.ssl_server_credentials([(own.key, own.chain)])
        elif settings.tls == "files":
            key, chain = Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes()
            credentials = grpc.ssl_server_credentials([(key, chain)])
        else:
            return server.add_insecure_port(settings.chat_listen), fingerprint
        return server.add_secure_port(settings.chat_listen, credentials), fingerprint
    except RuntimeError as error:
        raise OSError(f"{settings.chat_listen} cannot be listened on: {error}") from error


def _pepper(folder: Path) -> str:
    """The key of stored code hashes, made at the first run. It lies beside the database, not in it."""
    path = folder / "pepper"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()
