"""What makes a node one of many: part of the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from tidewire.internal.v1 import relay_pb2_grpc

from server.adapters.grpc import codec
from server.adapters.grpc.links import Links, RelayServicer
from server.adapters.redis.opening import RedisCluster, open_redis
from server.kit import mutual_tls
from server.kit.setting_sources import SettingsError
from server.kit.system import SystemClock, SystemRandom
from server.ports.cluster import Peer
from server.services.attendance import Attendance
from server.services.chat import Chat
from server.services.conversations import Conversations
from server.services.elsewhere import OtherNodes
from server.services.hub import Hub
from server.services.presence import Presence
from server.services.presence_sharing import Sharing
from server.services.receipts import Receipts
from server.services.relaying import Relaying
from server.services.routing import Late, Routing
from server.settings import Settings


@asynccontextmanager
async def found(settings: Settings) -> AsyncIterator[RedisCluster | None]:
    """Where nodes find one another; None: this one is alone.

    Raises:
        SettingsError: the address of Redis, or its certificate authority, cannot be used.
    """
    if settings.routes == "memory":
        yield None
        return
    try:
        redis = await open_redis(
            settings.redis_url, settings.redis_password, settings.redis_ca, settings.redis_prefix, SystemClock()
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    try:
        yield redis
    finally:
        await redis.close()


@dataclass(frozen=True, slots=True)
class Clustered:
    """A node's part of its cluster."""

    redis: RedisCluster
    routing: Routing
    links: Links
    relaying: Relaying
    elsewhere: OtherNodes
    sharing: Sharing

    def serve(self, server: grpc.aio.Server, settings: Settings, chat: Chat) -> str:
        """Add the relay to the internal listener; its full name."""
        servicer = RelayServicer(self.links, settings.cluster_token, chat.forwarded)
        relay_pb2_grpc.add_RelayServiceServicer_to_server(servicer, server)
        return "tidewire.internal.v1.RelayService"

    def attend(
        self, settings: Settings, internal_port: int, chat: Chat, presence: Presence, doubt: Callable[[], None]
    ) -> Attendance:
        """The keeping of this node's lease, once its internal listener has a port. `doubt`: what to do where others may have told this
        node something in vain, besides the comparison with the log."""

        async def compare(spread_ms: int) -> None:
            doubt()
            await chat.compare_all(spread_ms)

        relay = settings.internal_public or f"{settings.internal_listen.rpartition(':')[0]}:{internal_port}"
        attendance = Attendance(
            Peer(self.links.node_id, self.links.incarnation, relay),
            self.redis.cluster.leases,
            self.routing,
            SystemClock(),
            settings.limits,
            self.links.follow,
            chat.replaced,
            lambda late: self._settle(late, chat),
            compare,
        )
        self.routing.on_strangers(attendance.look)
        attendance.on_nodes(presence.nodes, presence.register)
        self.links.on_told(self.relaying.take, self.relaying.undelivered, attendance.linked)
        return attendance

    def _settle(self, late: Late, chat: Chat) -> None:
        for account_id, route in late.displaced:
            self.relaying.replaced(account_id, route.device_id, route.node_id, route.connection_id)
        for identity in late.unheard:
            self.relaying.doubted(identity)
        for connection_id in late.outrun:
            chat.outrun(connection_id)


def clustered(
    settings: Settings,
    redis: RedisCluster,
    hub: Hub,
    conversations: Conversations,
    receipts: Receipts,
    wire: codec.WireEvents,
    tasks: asyncio.TaskGroup,
) -> Clustered:
    """The services and links of a node among others."""
    limits, clock, chance = settings.limits, SystemClock(), SystemRandom()
    incarnation = chance.new_id()
    node_id = settings.node_id or f"n-{incarnation[:8]}"
    routing = Routing(node_id, redis.cluster.routes, clock, limits, tasks)
    links = Links(node_id, incarnation, settings.cluster_token, mutual_tls.calling(settings), limits, tasks, chance.uniform)
    relaying = Relaying(hub, conversations, receipts, routing, links, wire, limits, tasks)
    sharing = Sharing(Peer(node_id, incarnation, ""), redis.cluster, links, limits, tasks)
    return Clustered(redis, routing, links, relaying, OtherNodes(routing, relaying, links.forward), sharing)
