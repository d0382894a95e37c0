"""`python -m tests.bench.forwarders.loss`: what people see and hear of one another on bad networks, ours and Janus in turns.

Between each transport of a party and the server is a proxy that loses packets, each by itself, or holds each for up to so long; in both
directions. So what a person gets of another one has passed two of them, and jitter is named by what both make. One JSON line for each server and network.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiortc.sdp import MediaDescription

from tests.bench.forwarders.__main__ import own_address
from tests.bench.forwarders.janus import Janus
from tests.bench.forwarders.legs import stay_on
from tests.bench.forwarders.listener import Listener
from tests.bench.forwarders.ours import Ours
from tests.bench.forwarders.party import Party, Through
from tests.bench.forwarders.playout import freezes, gaps
from tests.bench.forwarders.servers import Server
from tests.support.udp_proxy import Impairment, UdpProxy

NETWORKS = {
    "good": Impairment(),
    "1 % loss": Impairment(loss=0.01),
    "5 % loss": Impairment(loss=0.05),
    "10 % loss": Impairment(loss=0.10),
    "200 ms jitter": Impairment(jitter_s=0.1),
}
SETTLE_S = 3.0
LATE_MAX_MS = 100
"""A run in which this process was kept waiting for longer is made again, `--tries` times at most."""


class Networks:
    """All proxies of one run."""

    def __init__(self, address: str, seed: int) -> None:
        self._address = address
        self._seed = seed
        self.proxies: list[UdpProxy] = []

    def through(self, described: MediaDescription) -> MediaDescription:
        """Puts a proxy before the server's first UDP candidate, and makes it the only one."""
        candidate = next(one for one in described.ice_candidates if one.protocol.lower() == "udp" and "." in one.ip)
        proxy = UdpProxy(self._address, (candidate.ip, candidate.port), self._seed + len(self.proxies))
        self.proxies.append(proxy)
        host, port = proxy.address
        described.ice_candidates = [replace(candidate, ip=host, port=port)]
        return described

    def impair(self, impairment: Impairment) -> None:
        """From now on."""
        for proxy in self.proxies:
            proxy.impairment = impairment

    def close(self) -> None:
        """All of them."""
        for proxy in self.proxies:
            proxy.close()


def repairs(party: Party) -> dict[int, int]:
    """From the SSRC of each repair stream to that of its media."""
    found = {}
    for line in party.described.splitlines():
        if line.startswith("a=ssrc-group:FID "):
            media, repair = (int(word) for word in line.split()[1:3])
            found[repair] = media
    return found


async def lateness(worst_ms: list[float]) -> None:
    """The worst by which this process was kept waiting: then figures are its own, not the network's."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.02
        await asyncio.sleep(0.02)
        worst_ms[0] = max(worst_ms[0], (loop.time() - due) * 1e3)


async def heard(server: Server, parties: int, seconds: float, impairment: Impairment, networks: Networks) -> dict[str, Any]:
    """One network: how often pictures stand still and sound has gaps, per minute and flow."""
    through: list[Through | None] = [networks.through] * parties
    seats = await server.seats(parties, 0, through)
    listeners: list[Listener] = []
    try:
        for seat in seats:
            await seat.join()
        await asyncio.gather(*(seat.complete((parties - 1) * 2) for seat in seats))
        listeners = [Listener(seat.party, repairs(seat.party)) for seat in seats]
        await asyncio.sleep(SETTLE_S)
        networks.impair(impairment)
        loop, screens = asyncio.get_running_loop(), [flow for one in listeners for flow in one.flows.values() if flow.video]
        sounds = [flow for one in listeners for flow in one.flows.values() if not flow.video]
        began_ms = loop.time() * 1e3
        first = {id(flow): flow.highest + 1 for flow in sounds}
        worst_ms = [0.0]
        watching = asyncio.ensure_future(lateness(worst_ms))
        await asyncio.sleep(seconds)
        watching.cancel()
        ended_ms, last = loop.time() * 1e3, {id(flow): flow.highest for flow in sounds}
        networks.impair(Impairment())
        await asyncio.sleep(1)  # what is under way comes
    finally:
        for listener in listeners:
            await listener.close()
        for seat in seats:
            await seat.leave()
    stood = [freezes([one for one in flow.screen.shown if began_ms <= one[1] < ended_ms], began_ms, ended_ms) for flow in screens]
    silent = [gaps({n: at for n, at in f.heard.items() if n >= first[id(f)]}, first[id(f)], last[id(f)]) for f in sounds]
    minutes = seconds / 60
    return {
        "pictures": len(screens),
        "sounds": len(sounds),
        "freezes_per_min": round(sum(count for count, _ in stood) / max(1, len(stood)) / minutes, 2),
        "frozen_share": round(sum(ms for _, ms in stood) / max(1, len(stood)) / (seconds * 1e3), 4),
        "gaps_per_min": round(sum(count for count, _ in silent) / max(1, len(silent)) / minutes, 2),
        "concealed_share": round(sum(n for _, n in silent) / max(1, sum(last[id(f)] - first[id(f)] + 1 for f in sounds)), 4),
        "keyframes_per_min": round(sum(one.party.pictures.keyframes for one in listeners) / parties / minutes, 1),
        "lost": sum(one.lost for one in networks.proxies),
        "passed": sum(one.passed for one in networks.proxies),
        "load_late_ms": round(worst_ms[0]),
    }


async def run(options: argparse.Namespace) -> None:
    """All networks, in turns."""
    cores, address = sorted(os.sched_getaffinity(0)), options.address or own_address()
    os.sched_setaffinity(0, set(cores[1:] or cores))
    stay_on(address)
    with tempfile.TemporaryDirectory() as name:
        servers: list[Ours | Janus] = [
            kind(Path(name), address) for kind in (Ours, Janus) if kind.name in options.servers.split(",")
        ]
        try:
            for named in options.networks.split(",") if options.networks else NETWORKS:
                for server in servers:
                    for _ in range(options.tries):
                        networks = Networks(address, options.seed)
                        await server.start(cores[0])
                        try:
                            row = await heard(server, options.parties, options.seconds, NETWORKS[named], networks)
                        finally:
                            networks.close()
                            await server.close()
                        print(json.dumps({"server": server.name, "network": named, "parties": options.parties} | row), flush=True)
                        if row["load_late_ms"] < LATE_MAX_MS:
                            break
        finally:
            for server in servers:
                await server.end()


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forwarders.loss")
    parser.add_argument("--servers", default="tidewire,janus")
    parser.add_argument("--networks", default="", help=f"of: {', '.join(NETWORKS)}")
    parser.add_argument("--parties", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tries", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--address", default="", help="for media; default: this machine's own, not of loopback")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(run(parsed(sys.argv[1:])))
