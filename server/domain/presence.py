"""Who is online, and who is told. Pure: events in, commands out.

Rules that live here and nowhere else (DESIGN §7):
- Online = a connection in the foreground. Offline is told `offline_delay_ms` after the last one ended, so that a reconnect does not blink.
- Last seen is saved when the last foreground connection ends, and every `last_seen_interval_s` while online.
- A connection watches at most `watched_accounts_max` accounts; watching again replaces.
- Several nodes: an account is online when it is so on any live node, delay included: a node tells the others when its own part changes, and
  again every `last_seen_interval_s`. What other nodes say is kept for accounts that are watched here.
- Other nodes go by their place (node and incarnation). A place that is no longer live counts for another `offline_delay_ms`.
- Who may know: by the audience of the one who is watched, reciprocally, and nobody across a block. Hidden and blocked look the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from server.domain.identity import Identity
from server.domain.limits import Limits


@dataclass(frozen=True, slots=True)
class Online:
    """Is there now."""


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Was there at this Unix ms."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """Nothing may be known."""


PresenceFact = Online | LastSeen | Hidden


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the connections that watch the account, each what it may know."""

    account_id: str
    watchers: tuple[str, ...]
    online: bool
    last_seen_ms: int
    """Unix ms; 0: look it up."""


@dataclass(frozen=True, slots=True)
class SaveLastSeen:
    """Store when the account was last seen."""

    account_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Share:
    """Tell the other nodes whether the account is online on this one."""

    account_id: str
    online: bool
    last_seen_ms: int


Command = Tell | SaveLastSeen | Share


@dataclass(slots=True)
class _Account:
    foreground: set[str] = field(default_factory=set)
    """Connections in the foreground."""
    told_online: bool = False
    offline_at_ms: int = 0
    last_seen_ms: int = 0
    saved_ms: int = 0


@dataclass(slots=True)
class _Elsewhere:
    online: bool
    turn: int
    """When that was learned; greater is later."""


class PresenceBook:
    """The presence of everybody who is connected to this node, or watched on it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accounts: dict[str, _Account] = {}
        self._owners: dict[str, str] = {}
        self._watched: dict[str, tuple[str, ...]] = {}
        self._watchers: dict[str, set[str]] = {}
        self._elsewhere: dict[str, dict[str, _Elsewhere]] = {}
        """What is known of watched accounts on other nodes, by place."""
        self._leaving: dict[tuple[str, str], int] = {}
        """(account, place) and when it stops to count."""
        self._live: frozenset[str] = frozenset()
        self._turn = 0

    def connected(self, identity: Identity, connection_id: str, foreground: bool, now_ms: int) -> list[Command]:
        """A connection has opened."""
        self._owners[connection_id] = identity.account_id
        return self.foreground(connection_id, foreground, now_ms)

    def foreground(self, connection_id: str, foreground: bool, now_ms: int) -> list[Command]:
        """The app came to the foreground, or left it."""
        account_id = self._owners.get(connection_id)
        if account_id is None:
            return []
        account = self._accounts.setdefault(account_id, _Account())
        if foreground:
            account.foreground.add(connection_id)
            if account.told_online:
                return []
            tell = [] if self.is_online(account_id) else [self._tell(account_id, True, account.last_seen_ms)]
            account.told_online = True
            account.saved_ms = now_ms
            return [*tell, SaveLastSeen(account_id, now_ms), Share(account_id, True, now_ms)]
        if connection_id not in account.foreground:
            return []
        account.foreground.discard(connection_id)
        if account.foreground:
            return []
        account.last_seen_ms = now_ms
        account.offline_at_ms = now_ms + self._limits.offline_delay_ms
        return [SaveLastSeen(account_id, now_ms)]

    def disconnected(self, connection_id: str, now_ms: int) -> list[Command]:
        """A connection is over."""
        commands = self.foreground(connection_id, False, now_ms)
        self.watch(connection_id, ())
        self._owners.pop(connection_id, None)
        return commands

    def watch(self, connection_id: str, account_ids: Iterable[str]) -> None:
        """A connection wants to know of these accounts, and of no others."""
        for account_id in self._watched.pop(connection_id, ()):
            watchers = self._watchers[account_id]
            watchers.discard(connection_id)
            if not watchers:
                del self._watchers[account_id]
                self._elsewhere.pop(account_id, None)
        wanted = tuple(dict.fromkeys(account_ids))[: self._limits.watched_accounts_max]
        if wanted:
            self._watched[connection_id] = wanted
            for account_id in wanted:
                self._watchers.setdefault(account_id, set()).add(connection_id)

    def tick(self, now_ms: int) -> list[Command]:
        """Time has passed."""
        commands: list[Command] = []
        for account_id, account in list(self._accounts.items()):
            if account.foreground:
                if now_ms - account.saved_ms >= 1000 * self._limits.last_seen_interval_s:
                    account.saved_ms = now_ms
                    commands += [SaveLastSeen(account_id, now_ms), Share(account_id, True, now_ms)]
            elif now_ms >= account.offline_at_ms:
                del self._accounts[account_id]
                if account.told_online:
                    commands.append(Share(account_id, False, account.last_seen_ms))
                    commands += self._tell_offline(account_id, account.last_seen_ms)
        return commands + self._let_go(now_ms)

    def _let_go(self, now_ms: int) -> list[Command]:
        """Places that are no longer live stop to count."""
        commands: list[Command] = []
        for account_id, place in [key for key, due_ms in self._leaving.items() if now_ms >= due_ms]:
            del self._leaving[account_id, place]
            if self._elsewhere.get(account_id, {}).pop(place, None) is not None:
                commands += self._tell_offline(account_id, 0)
        return commands

    # -- other nodes ---------------------------------------------------------------------------------------------------

    def nodes(self, live: Set[str], now_ms: int) -> None:
        """The places of the other nodes that are live."""
        if live == self._live:
            return
        self._live = frozenset(live)
        for account_id, places in self._elsewhere.items():
            for place in [place for place, there in places.items() if not there.online and place not in live]:
                del places[place]
            for place, there in places.items():
                self._count(account_id, place, there.online, now_ms)

    def learned(self, account_id: str, place: str, online: bool, last_seen_ms: int, now_ms: int) -> list[Command]:
        """Another node says that the account is, or is no more, online there."""
        if account_id not in self._watchers:
            return []
        return self._put(account_id, {place: online}, last_seen_ms, now_ms)

    def turn(self) -> int:
        """A mark, taken before others are asked who is online: what is learned meanwhile is newer than their answer."""
        return self._turn

    def looked_up(self, found: Mapping[str, Set[str]], turn: int, now_ms: int) -> list[Command]:
        """Where these accounts are online elsewhere, as it was known at `turn`. Places that are not live count for nothing."""
        commands: list[Command] = []
        for account_id in found.keys() & self._watchers.keys():
            known = self._elsewhere.get(account_id, {})
            places = {
                place: place in found[account_id]
                for place in (known.keys() | found[account_id]) & self._live
                if place not in known or known[place].turn <= turn
            }
            commands += self._put(account_id, places, 0, now_ms)
        return commands

    def _put(self, account_id: str, places: Mapping[str, bool], last_seen_ms: int, now_ms: int) -> list[Command]:
        before = self.is_online(account_id)
        for place, online in places.items():
            self._turn += 1
            self._elsewhere.setdefault(account_id, {})[place] = _Elsewhere(online, self._turn)
            self._count(account_id, place, online, now_ms)
        if not before:
            return [self._tell(account_id, True, 0)] if self.is_online(account_id) else []
        return self._tell_offline(account_id, last_seen_ms)

    def _count(self, account_id: str, place: str, online: bool, now_ms: int) -> None:
        if online and place not in self._live:
            self._leaving.setdefault((account_id, place), now_ms + self._limits.offline_delay_ms)
        else:
            self._leaving.pop((account_id, place), None)

    # -- questions -----------------------------------------------------------------------------------------------------

    @property
    def live(self) -> frozenset[str]:
        """The places of the other nodes that are live, as last told."""
        return self._live

    def watched(self) -> list[str]:
        """The accounts that are watched here."""
        return list(self._watchers)

    def own(self, now_ms: int) -> list[Command]:
        """This node's part, to be told from the beginning."""
        return [
            Share(account_id, True, now_ms if account.foreground else account.last_seen_ms)
            for account_id, account in self._accounts.items()
            if account.told_online
        ]

    def is_online(self, account_id: str) -> bool:
        """Whether the account is told to be online."""
        account = self._accounts.get(account_id)
        if account is not None and account.told_online:
            return True
        return any(there.online for there in self._elsewhere.get(account_id, {}).values())

    def owner(self, connection_id: str) -> str | None:
        """Whose connection it is."""
        return self._owners.get(connection_id)

    def _tell_offline(self, account_id: str, last_seen_ms: int) -> list[Command]:
        return [] if self.is_online(account_id) else [self._tell(account_id, False, last_seen_ms)]

    def _tell(self, account_id: str, online: bool, last_seen_ms: int) -> Tell:
        return Tell(account_id, tuple(sorted(self._watchers.get(account_id, ()))), online, last_seen_ms)


def fact(*, may_know: bool, online: bool, last_seen_ms: int) -> PresenceFact:
    """What a watcher is told. Hidden, blocked and never seen look the same."""
    if not may_know:
        return Hidden()
    if online:
        return Online()
    return LastSeen(last_seen_ms) if last_seen_ms else Hidden()
