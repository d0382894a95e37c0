"""The services of a node, put together over its stores: part of the composition root."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from tidewire.v1 import limits_pb2

from server.adapters.code_senders import ConsoleSender, SmtpSender
from server.adapters.grpc import codec
from server.adapters.grpc.media import MediaWorker
from server.adapters.metrics import Metrics
from server.adapters.redis.opening import RedisCluster
from server.clustered import Clustered, clustered
from server.domain.envelope import Entry
from server.domain.events import NoticeTold, PresenceTold
from server.domain.limits import Limits
from server.domain.notice import ClosingReason, Notice
from server.domain.presence import PresenceFact
from server.kit.kept import kept_secret
from server.kit.refusal import Refusal
from server.kit.system import SystemClock, SystemRandom
from server.measured import cluster_readings
from server.ports.accounts import CodeSender
from server.ports.people import Streams
from server.services.avatars import Avatars, HeldAvatars
from server.services.call_links import LinkService
from server.services.chat import Chat
from server.services.conversations import Conversations, Live
from server.services.elsewhere import Nowhere
from server.services.feed import NodeFeed
from server.services.groups import GroupChanges
from server.services.history import History
from server.services.hub import Hub
from server.services.media_claims import MediaClaims
from server.services.people import KnownPeople
from server.services.presence import Presence
from server.services.rates import Rates
from server.services.receipts import Receipts
from server.services.sending import Sending, enabled_kinds
from server.services.signing_in import SigningIn, Tokens
from server.services.streaming import Needs
from server.services.sweeping import Sweeper
from server.settings import Settings
from server.stores import Stores


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

    async def connected_devices(self, account_id: str) -> set[str]:
        """See `Streams.connected_devices`."""
        return {stream.identity.device_id for stream in self._hub.of_account(account_id)}

    async def notify(self, account_id: str, notice: Notice, except_device_id: str = "", only_device_id: str = "") -> None:
        """See `Streams.notify`."""
        self._hub.tell(account_id, NoticeTold(notice), self._wire, except_device_id, only_device_id)


@dataclass(frozen=True, slots=True)
class Parts:
    """What listeners and background work need."""

    clock: SystemClock
    chance: SystemRandom
    metrics: Metrics
    wire: codec.WireEvents
    hub: Hub
    rates: Rates
    tokens: Tokens
    people: KnownPeople
    avatars: Avatars
    conversations: Conversations
    receipts: Receipts
    presence: Presence
    changes: GroupChanges
    chat: Chat
    history: History
    sweeper: Sweeper
    signing_in: SigningIn
    streams: Streams
    feed: NodeFeed
    cluster: Clustered | None
    """None: the node is alone."""
    media: MediaClaims | None
    """None: the deployment has no media."""

    def address_limited(self, address: str) -> Refusal | None:
        """Count a call from an address."""
        return self.rates.address(address, self.clock.monotonic_ms())

    def outdated(self, account_id: str) -> None:
        """The account has changed on another node."""
        self.people.outdated(account_id)
        self.tokens.outdated(account_id)

    def doubt(self) -> None:
        """What other nodes told may not have come here."""
        self.people.doubt()
        self.tokens.doubt()


def parts(
    settings: Settings, stores: Stores, redis: RedisCluster | None, worker: MediaWorker | None, tasks: asyncio.TaskGroup
) -> Parts:
    """The services of one node. `worker`: None: the deployment has no media."""
    limits, clock, chance = settings.limits, SystemClock(), SystemRandom()
    log, memberships, positions = stores.log, stores.memberships, stores.positions
    wire = _wire(settings, worker is not None)
    hub, rates = Hub(limits), Rates(limits, redis.cluster.buckets if redis is not None else None)
    metrics = Metrics(hub.count, clock.now_ms)
    metrics.read(stores.readings)
    people = KnownPeople(stores.accounts, stores.contacts, stores.devices, clock, limits)
    conversations = Conversations(log, memberships, wire, clock, limits, tasks, metrics, shared=settings.store == "cql")
    receipts = Receipts(positions, memberships, people, conversations, limits)
    media = MediaClaims(worker, log, clock, limits, tasks) if worker is not None else None
    sending = Sending(conversations, log, people, limits, media)
    held = HeldAvatars(worker, tasks)
    changes = GroupChanges(conversations, log, memberships, positions, people, held, limits)
    needs = Needs(conversations, receipts, log, positions, wire, clock, limits, tasks, metrics)
    tokens, feed = Tokens(stores.devices, stores.accounts, clock, chance, limits), NodeFeed(limits)
    cluster = clustered(settings, redis, hub, conversations, receipts, wire, tasks) if redis is not None else None
    presence = Presence(people, clock, limits, tasks, cluster.sharing if cluster is not None else None)
    elsewhere = cluster.elsewhere if cluster is not None else Nowhere()
    streams = cluster.relaying if cluster is not None else LocalStreams(hub, wire)
    made = Parts(
        clock=clock,
        chance=chance,
        metrics=metrics,
        wire=wire,
        hub=hub,
        rates=rates,
        tokens=tokens,
        people=people,
        avatars=Avatars(held, stores.accounts, people, conversations, chance),
        conversations=conversations,
        receipts=receipts,
        presence=presence,
        changes=changes,
        cluster=cluster,
        media=media,
        chat=Chat(
            hub, needs, sending, memberships, stores.retention, presence, rates, chance.new_id, stores.devices.touch, elsewhere
        ),
        history=History(conversations, receipts, log, memberships, people, clock, limits),
        sweeper=Sweeper(conversations, log, stores.retention, memberships, positions, people, clock, limits),
        signing_in=_signing_in(settings, stores, tokens, changes, streams, rates, feed),
        streams=streams,
        feed=feed,
    )
    _connect(made)
    return made


def link_service(stores: Stores, made: Parts, limits: Limits) -> LinkService:
    """Links into calls: for devices and for the calls process."""
    return LinkService(stores.call_links, made.conversations, made.people, made.clock, made.chance, limits)


def _wire(settings: Settings, with_media: bool) -> codec.WireEvents:
    endpoints = limits_pb2.Endpoints(chat=settings.public_chat, media=settings.public_media, calls=settings.public_calls)
    return codec.WireEvents(settings.limits, enabled_kinds(with_media), endpoints)


def _signing_in(
    settings: Settings, stores: Stores, tokens: Tokens, changes: GroupChanges, streams: Streams, rates: Rates, feed: NodeFeed
) -> SigningIn:
    return SigningIn(
        stores.accounts,
        stores.devices,
        stores.challenges,
        tokens,
        _code_sender(settings),
        changes,
        streams,
        rates,
        SystemClock(),
        SystemRandom(),
        settings.limits,
        settings.pepper or kept_secret(settings.data_dir / "pepper"),
        feed.account_changed,
    )


def _connect(made: Parts) -> None:
    """The hub is told by those that it does not know."""
    hub, wire = made.hub, made.wire

    def tell_presence(watcher_id: str, connection_id: str, account_id: str, fact: PresenceFact) -> None:
        for stream in hub.of_account(watcher_id):
            if stream.connection_id == connection_id:
                stream.tell(PresenceTold(account_id, fact))

    cluster = made.cluster

    def published(conversation_id: str, live: Live, entries: tuple[Entry, ...], since: int, own: bool) -> None:
        hub.published(conversation_id, live, entries[-1].seq, since)
        if own and cluster is not None:
            cluster.relaying.grown(conversation_id, live, entries, since)

    made.conversations.on_publish(published)
    made.conversations.on_appended(made.feed.appended)
    if made.media is not None:
        made.conversations.on_appended(made.media.appended)
        made.conversations.on_refused(made.media.refused)
    made.receipts.on_moved(made.feed.moved)
    made.people.on_changed(made.feed.account_changed)
    made.people.on_changed(made.avatars.held.account_changed)
    if cluster is None:
        made.receipts.on_told(hub.is_connected, lambda account_id, event: hub.tell_along(account_id, event, wire), hub.wake)
    else:
        relaying = cluster.relaying
        made.receipts.on_told(hub.is_connected, relaying.tell_positions, hub.wake)
        made.receipts.on_moved(relaying.moved)
        made.receipts.on_stored(relaying.moved)
        made.people.on_changed(lambda account_id, change: relaying.account_changed(account_id))
        made.people.on_heard(relaying.heard)
        relaying.on_learned(made.outdated, made.presence.learned)
        made.metrics.read(partial(cluster_readings, cluster))
    made.presence.on_told(tell_presence)


def _code_sender(settings: Settings) -> CodeSender:
    if settings.code_sender == "console":
        return ConsoleSender()
    return SmtpSender(settings.smtp_host, settings.smtp_port, settings.smtp_sender)
