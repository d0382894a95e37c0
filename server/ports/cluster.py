"""What nodes know of one another. All of it may be lost at any moment: nothing here is needed for correctness.

A store that is away raises `Refused` with UNAVAILABLE, within a quarter of a second or, when it has been away for a while, at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.domain.relayed import Relayed


class Peer(NamedTuple):
    """A node, as its lease tells it."""

    node_id: str
    incarnation: str
    """Another one after each start."""
    relay: str
    """Host and port of its internal listener."""

    @property
    def place(self) -> str:
        """This very incarnation, as the board names it: what a node left there before it was started again counts for nothing."""
        return f"{self.node_id}/{self.incarnation}"


class Lease(NamedTuple):
    """What came of renewing a lease."""

    held: bool
    """It was still there. False: it was taken anew, since it had lapsed, was never there or had become another incarnation's; others may
    have skipped this node."""
    epoch: str
    """Of the store: another one when it was wiped, restarted or replaced, so that everything has to be registered again."""


class Leases(Protocol):
    """Which nodes are alive."""

    async def renew(self, peer: Peer, ttl_ms: int) -> Lease:
        """Say that `peer` is alive for another `ttl_ms`."""
        ...

    async def release(self, peer: Peer) -> None:
        """The node stops. A later incarnation's lease stays."""
        ...

    async def peers(self) -> Sequence[Peer]:
        """The nodes whose leases are live."""
        ...


class Route(NamedTuple):
    """Where one device's stream is. It counts only while its node's lease is live."""

    device_id: str
    node_id: str
    connection_id: str
    since: int
    """Greater is later; given by the store."""


class Routes(Protocol):
    """Where the devices of each account are. Kept for a day after the account's last claim or reclaim: reclaim more often."""

    async def claim(self, account_id: str, device_id: str, node_id: str, connection_id: str) -> tuple[Route, Route | None]:
        """A stream has opened: it takes the device's route, whoever had it. The new route and the one, of another
        connection, that it took the place of."""
        ...

    async def claim_late(
        self, account_id: str, device_id: str, node_id: str, connection_id: str, age_ms: int
    ) -> tuple[Route | None, Route | None]:
        """`claim` for a stream that opened so many ms ago, when the store did not answer. When another connection has claimed or released
        the route since then, it stays as it is: None, and the route that stands there. When the claim was carried out although it was not
        answered, the second is the connection's own route, and nobody knows any more whose place it took."""
        ...

    async def reclaim(self, routes: Sequence[tuple[str, Route]]) -> list[bool]:
        """Write routes (account, route) again that the store may have lost. False for each in whose place a later one
        stands, or that was released."""
        ...

    async def release(self, account_id: str, route: Route) -> None:
        """A stream is over. Only its own route goes (the fence)."""
        ...

    async def of_accounts(self, account_ids: Sequence[str]) -> Mapping[str, Sequence[Route]]:
        """The routes of accounts; those that have none are left out. Leases are not looked at."""
        ...


class Board(Protocol):
    """Who is in the foreground where, who wants to know, and when people were last seen. An entry of a dead node counts for nothing."""

    async def put(self, account_id: str, place: str, online: bool, ttl_ms: int) -> None:
        """The account has, or has no more, a device in the foreground at this place (`Peer.place`). Forgotten after `ttl_ms` unless put
        again."""
        ...

    async def online(self, account_ids: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The places at which each of the accounts is in the foreground; those that are nowhere are left out. Leases are not looked
        at."""
        ...

    async def watch(self, node_id: str, account_ids: Iterable[str], ttl_ms: int) -> None:
        """Connections of this node want to know of these accounts. Forgotten after `ttl_ms` unless said again."""
        ...

    async def watchers(self, account_id: str) -> frozenset[str]:
        """The nodes that want to know of an account."""
        ...

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """Raise the time (Unix ms) at which the account was last seen."""
        ...

    async def last_seen(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """When accounts were last seen, as far as it is known here."""
        ...


class Buckets(Protocol):
    """Rates that the whole deployment shares. GCRA by the store's clock."""

    async def allow(self, key: str, per_s: float, burst: int) -> int | None:
        """Count one; None when it may be, else the milliseconds after which it may."""
        ...


class Relay(Protocol):
    """Frames to other nodes: best effort, in order for each node."""

    def send(self, node_ids: Iterable[str], relayed: Relayed) -> None:
        """Tell these nodes, but for this one; those that have no link are left out. Never waits: what does not fit is dropped and counted."""
        ...

    async def taken(self, node_ids: Iterable[str]) -> None:
        """Wait until these nodes have taken in what they were told so far, at most `told_wait_ms`. One to which there is no link
        now is not waited for."""
        ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """One adapter's stores."""

    leases: Leases
    routes: Routes
    board: Board
    buckets: Buckets
