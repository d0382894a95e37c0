"""The composition root of calls: from settings to open listeners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from tidewire.internal import Services
from tidewire.internal.v1 import call_peer_pb2_grpc
from tidewire.transport import new_envelope_id as new_era
from tidewire.v1 import call_pb2_grpc

from calls.adapters.compiled_fan_out import NotBuilt
from calls.adapters.following import Following
from calls.adapters.forwarding_unit import forwarding
from calls.adapters.frames import Frames
from calls.adapters.group_frames import GroupFrames
from calls.adapters.grpc_calls import CallServicer
from calls.adapters.http_calls import HttpCalls
from calls.adapters.metrics import Metrics
from calls.adapters.node import Node
from calls.adapters.self_test import measured
from calls.adapters.signal_stream import SignalStreams
from calls.adapters.webhook import NoWaker, Webhook
from calls.clustered import Others, others
from calls.domain.turn import Relays
from calls.ports.signalling import Directory, Waker
from calls.services.direct_calls import DirectCalls
from calls.services.forward import Forwarder
from calls.services.group_calls import GroupCalls
from calls.services.group_ringing import GroupRinging
from calls.services.notices import Notices
from calls.services.records import Records
from calls.settings import Settings, listed
from server.kit import mutual_tls, tls
from server.kit.edge import Edge
from server.kit.field_limits import FieldLimits
from server.kit.grpc_server import add_standard_services, listen, new_server
from server.kit.http_ops import operations, serving_http
from server.kit.kept import kept_secret
from server.kit.phones import is_phone
from server.kit.rates import address_limit
from server.kit.refusal import Refused
from server.kit.setting_sources import SettingsError, host_of
from server.kit.system import SystemClock, SystemRandom

log = logging.getLogger(__name__)

SWEEP_S = 0.25
"""How late a call may end that nobody takes."""


@dataclass(frozen=True, slots=True)
class App:
    """Running calls."""

    grpc_port: int
    http_port: int
    fingerprint: str
    """Of the certificate authority with tls = auto; ""."""
    drain: Callable[[], Any]
    """Send all streams away, and take nothing new."""


@dataclass(frozen=True, slots=True)
class _Parts:
    metrics: Metrics
    notices: Notices
    direct: DirectCalls
    groups: GroupCalls
    following: Following
    streams: SignalStreams
    frames: Frames
    other: Others


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[App]:
    """Run calls until the block ends. Tests use it as `__main__` does.

    Raises:
        OSError: an address is taken, or the data folder cannot be written.
        SettingsError: the compiled fan-out is asked for, and is not there.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as opened:
        services = Services(settings.node, settings.the_node_token(), mutual_tls.calling(settings))
        await opened.enter_async_context(services)
        waker: Waker = NoWaker()
        if settings.wake_url:
            session = await opened.enter_async_context(ClientSession())
            waker = Webhook(session, settings.wake_url, settings.wake_secret.encode(), SystemClock())
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        fields = FieldLimits(is_phone)
        groups: list[GroupCalls] = []  # it needs the post, which asks it
        units: list[Forwarder] = []
        load = None if settings.role == "signalling" else lambda: units[0].share if units else 0.0
        node = Node(services)
        records = Records(node, tasks)
        asked = others(
            settings,
            lambda: groups[0].live if groups else [],
            lambda key: groups[0].displaced(key),
            load,
            lambda: groups[0].unrecorded if groups else [],
            records.write,
        )
        other = await opened.enter_async_context(asked)
        made = _parts(settings, other, node, records, waker, fields, tasks)
        groups.append(made.groups)
        if settings.role != "signalling":
            units.append(await opened.enter_async_context(_unit(settings, made.groups)))
            made.groups.forward_by(units[0])
            made.metrics.forwards(lambda: units[0].share, lambda: len(made.groups.live))
        yield await opened.enter_async_context(_running(settings, made, fields, tasks))


@asynccontextmanager
async def _unit(settings: Settings, groups: GroupCalls) -> AsyncIterator[Forwarder]:
    host = host_of(settings.media_listen)
    port = int(settings.media_listen.rpartition(":")[2])
    addresses = listed(settings.media_addresses) or (host,)
    try:
        costs = measured(settings.fan_out)
        log.info("a packet costs", extra={"in_us": round(costs.in_cost * 1e6, 1), "out_us": round(costs.out_cost * 1e6, 2)})
        async with forwarding(groups.happened, host, port, addresses, settings.forwarder, costs, settings.fan_out) as unit:
            yield unit
    except NotBuilt as why:
        raise SettingsError(str(why)) from None


def _parts(
    settings: Settings,
    other: Others,
    directory: Directory,
    records: Records,
    waker: Waker,
    fields: FieldLimits,
    tasks: asyncio.TaskGroup,
) -> _Parts:
    clock, limits, post = SystemClock(), settings.limits, other.post
    metrics = Metrics(lambda: len(other.local))
    relays = Relays(listed(settings.turn_urls), listed(settings.turn_secrets), listed(settings.stun_urls))
    secret = (settings.ticket_secret or kept_secret(settings.data_dir / "ticket_secret")).encode()
    notices = Notices(directory, tasks)
    direct = DirectCalls(
        other.rings, post, directory, notices, waker, lambda: relays, secret, clock, limits, metrics.finished, tasks
    )
    ringing = GroupRinging(post, notices, waker, clock, tasks)
    groups = GroupCalls(post, directory, ringing, records, clock, limits, new_era, SystemRandom().new_id, tasks)
    elsewhere = None if other.cluster is None else other.cluster.places.forwarded
    frames = Frames(direct, GroupFrames(groups, lambda era_id, party: direct.ice(era_id, party, False)), elsewhere)

    async def begun(conversation_ids: set[str]) -> set[str]:
        return conversation_ids.intersection(groups.live)

    following = Following(frames.answer, begun if other.cluster is None else other.cluster.places.begun)
    streams = SignalStreams(frames, post, directory, following, fields.violation, metrics.refused, clock, limits)
    return _Parts(metrics, notices, direct, groups, following, streams, frames, other)


@asynccontextmanager
async def _running(settings: Settings, made: _Parts, fields: FieldLimits, tasks: asyncio.TaskGroup) -> AsyncIterator[App]:
    limits = settings.limits
    limited = address_limit(limits.address_calls_per_s, limits.address_calls_burst, SystemClock())
    edge = Edge(fields, limited, made.metrics.refused, lambda method: limits.frame_bytes_max)
    devices = new_server(edge, bytes_max=2 * limits.frame_bytes_max)
    credentials = tls.listening(settings, settings.data_dir)
    draining = asyncio.Event()
    cluster = made.other.cluster
    sweeps = _sweeping(made.direct.sweep), _sweeping(made.groups.sweep)
    work = [*sweeps, made.groups.run(), made.following.run(), *made.other.run]
    background = [tasks.create_task(one, name="calls") for one in work]
    internal = new_server(edge, bytes_max=2 * limits.frame_bytes_max)
    for_devices = settings.role != "forwarder"
    pages = HttpCalls(made.streams, made.metrics.refused, limits).routes() if for_devices else []
    routes = [*operations(lambda: not draining.is_set(), made.metrics.text), *pages]
    async with serving_http(settings.http_listen, routes, credentials.http) as http_port:
        call_pb2_grpc.add_CallServiceServicer_to_server(CallServicer(made.streams, limits, settings.forwarder), devices)
        health = await add_standard_services(devices, ["tidewire.v1.CallService"])
        if cluster is not None:
            peers = cluster.servicer(made.frames.answer_here)
            call_peer_pb2_grpc.add_CallPeerServiceServicer_to_server(peers, internal)
            await add_standard_services(internal, ["tidewire.internal.v1.CallPeerService"])
            listen(internal, settings.internal_listen, mutual_tls.listening(settings))
            await internal.start()
        grpc_port = listen(devices, settings.grpc_listen, credentials.grpc) if for_devices else 0
        await devices.start()

        async def drain() -> None:
            draining.set()
            await health.enter_graceful_shutdown()
            await made.other.leave()
            await made.groups.move_all()
            made.streams.drain()
            await devices.stop(settings.drain_grace_s)

        try:
            yield App(grpc_port, http_port, credentials.fingerprint, drain)
        finally:
            made.streams.drain()
            await devices.stop(0.5)
            await internal.stop(0.5)
            made.notices.close()
            for task in background:
                task.cancel()
            made.groups.close()
            await made.direct.finish()


async def _sweeping(sweep: Callable[[], Awaitable[None]]) -> None:
    waiting = False
    while True:
        try:
            await sweep()
            waiting = False
        except Refused as refused:
            if not waiting:  # said once until it goes on
                log.warning("calls have to wait", extra={"why": refused.refusal.sentence()})
            waiting = True
        except Exception:  # one call that cannot be swept must not end all the others
            log.exception("calls could not be swept")
        await asyncio.sleep(SWEEP_S)
