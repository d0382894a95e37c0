"""The command line."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

PATTERNS = ("steady", "storm", "huge-group", "idle")
SECONDS_MAX = 3_000
"""Access tokens are valid for an hour, and are not renewed here."""
DEVICES_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What load to put on."""

    servers: tuple[str, ...]
    metrics: tuple[str, ...]
    pin: str
    accounts: int
    devices_per_account: int
    rate: float
    """Messages a second, of all accounts together."""
    group_size: int
    pattern: str
    seconds: int
    processes: int
    settle_s: int
    """How long to wait at the end for what is still under way."""
    out: Path
    keep: bool

    @property
    def devices(self) -> int:
        """All of them."""
        return self.accounts * self.devices_per_account


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidewire-load",
        description="Puts a load on Tidewire servers, counts every delivery, and reports. For servers that nobody else uses.",
        epilog="example: tidewire-load --server 127.0.0.1:7400 --metrics 127.0.0.1:7410 --accounts 100 --rate 50 --seconds 30 --out report",
    )
    add = parser.add_argument
    add("--server", required=True, metavar="ADDR[,ADDR…]", help="chat listeners; devices are spread over them")
    add("--metrics", default="", metavar="ADDR[,ADDR…]", help="HTTP listeners of the same nodes: CPU and memory are read there")
    add("--pin", default="", help="SHA-256 of the server's certificate authority (tls = auto)")
    add("--accounts", type=int, default=100)
    add("--devices-per-account", type=int, default=1)
    add("--rate", type=float, default=20.0, help="messages a second, all accounts together (not of idle)")
    add("--group-size", type=int, default=2, help="2: direct conversations; more: groups of so many accounts")
    add("--pattern", choices=PATTERNS, default="steady", help="storm: half way, all devices are cut and come back at once")
    add("--seconds", type=int, default=30)
    add("--processes", type=int, default=1, help="client processes: one holds about 3,000 devices")
    add("--settle", type=int, default=30, metavar="SECONDS", help="at most, for what is under way at the end")
    add("--out", type=Path, required=True, metavar="DIR", help="where report.txt, report.json and report.html go")
    add("--keep", action="store_true", help="do not delete the accounts that were made")
    return parser


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def nonsense(plan: Plan) -> str | None:
    """Why this cannot be done, in a sentence; None: it can."""
    for address in (*plan.servers, *plan.metrics):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            return f"an address is host:port such as 127.0.0.1:7400, not {address!r}"
    bounds = {
        "--accounts": (plan.accounts, 2, DEVICES_MAX),
        "--devices-per-account": (plan.devices_per_account, 1, 5),
        "--rate": (plan.rate, 0.1, 100_000),
        "--group-size": (plan.group_size, 2, plan.accounts),
        "--seconds": (plan.seconds, 1, SECONDS_MAX),
        "--processes": (plan.processes, 1, 64),
        "--settle": (plan.settle_s, 1, 600),
    }
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            return f"{name} is from {least} to {most}, not {value}"
    if not plan.servers:
        return "--server names at least one address"
    if plan.devices > DEVICES_MAX:
        return f"{plan.devices} devices are more than the {DEVICES_MAX} that this can hold"
    if plan.processes > plan.accounts:
        return f"{plan.processes} processes are more than the {plan.accounts} accounts"
    return None


def parsed(argv: list[str] | None) -> Plan:
    """The plan; what cannot be done ends the program with exit code 2 and a sentence."""
    parser = _parser()
    given = parser.parse_args(argv)
    plan = Plan(
        servers=_addresses(given.server),
        metrics=_addresses(given.metrics),
        pin=given.pin,
        accounts=given.accounts,
        devices_per_account=given.devices_per_account,
        rate=given.rate,
        group_size=given.accounts if given.pattern == "huge-group" else given.group_size,
        pattern=given.pattern,
        seconds=given.seconds,
        processes=given.processes,
        settle_s=given.settle,
        out=given.out,
        keep=given.keep,
    )
    if (why := nonsense(plan)) is not None:
        parser.error(why)
    return plan


def command(plan: Plan) -> str:
    """The command line that asks for this plan. For people to read: the report says what was run."""
    words: dict[str, object] = {
        "--server": ",".join(plan.servers),
        "--metrics": ",".join(plan.metrics),
        "--pin": plan.pin,
        "--accounts": plan.accounts,
        "--devices-per-account": plan.devices_per_account,
        "--rate": f"{plan.rate:g}",
        "--group-size": plan.group_size,
        "--pattern": plan.pattern,
        "--seconds": plan.seconds,
        "--processes": plan.processes,
        "--settle": plan.settle_s,
        "--out": plan.out,
    }
    options = [str(word) for name, value in words.items() if value != "" for word in (name, value)]
    return shlex.join(["tidewire-load", *options, *(["--keep"] if plan.keep else [])])
