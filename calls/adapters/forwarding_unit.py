"""The forwarding unit, put together: the socket, DTLS, the clock, and ticks."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from calls.adapters.aiortc_dtls import dtls_handshakes
from calls.adapters.means import means
from calls.adapters.udp import opened
from calls.domain.admission import Costs
from calls.domain.limits import ForwarderLimits
from calls.ports.forwarding import ForwardingEvent
from calls.services.forward import TICK_NS, Forwarder


class MonotonicClock:
    """The system's."""

    def now_ns(self) -> int:
        """Since some time ago."""
        return time.monotonic_ns()

    def core_ns(self) -> int:
        """Of all threads of the process."""
        return time.process_time_ns()


@asynccontextmanager
async def forwarding(
    emit: Callable[[ForwardingEvent], None],
    host: str,
    port: int,
    advertised: Sequence[str],
    limits: ForwarderLimits | None = None,
    costs: Costs | None = None,
    fan_out: str = "python",
    batched: bool = True,
) -> AsyncIterator[Forwarder]:
    """A unit that works until the context is left; then all its transports are closed.

    Args:
        emit: is told what happens, on this event loop; has to return at once.
        host, port: of the UDP socket; port 0: any.
        advertised: IP addresses by which clients reach it.
        fan_out: python; or compiled, which has to be built.
        batched: many datagrams for one system call, where the system can.

    Raises:
        OSError: the socket cannot be opened.
        NotBuilt: the compiled fan-out cannot be used.
    """
    limits = limits or ForwarderLimits()
    udp = opened(host, port, limits.receive_buffer_bytes, limits.send_buffer_bytes)
    loop = asyncio.get_running_loop()
    try:
        datagrams, copies = means(udp, fan_out, batched)
        clock = MonotonicClock()
        async with dtls_handshakes(clock, limits.certificate_s) as handshakes:
            unit = Forwarder(
                datagrams, copies, handshakes, clock, secrets.token_bytes, emit, advertised, limits, costs or Costs()
            )
            loop.add_reader(udp, unit.mux.readable)
            async with asyncio.TaskGroup() as tasks:
                ticking = tasks.create_task(_tick(unit), name="forwarder ticks")
                try:
                    yield unit
                finally:
                    ticking.cancel()
                    loop.remove_reader(udp)
                    unit.close()
    finally:
        udp.close()


async def _tick(unit: Forwarder) -> None:
    while True:
        await asyncio.sleep(TICK_NS / 1e9)
        if unit.busy:
            unit.tick()
