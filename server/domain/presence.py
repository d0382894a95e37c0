"""Who is online, and who is told. Pure: events in, commands out.

Rules that live here and nowhere else (DESIGN §7):
- Online = a connection in the foreground. Offline is told `offline_delay_ms` after the last one ended, so that a reconnect does not blink.
- Last seen is saved when the last foreground connection ends, and every `last_seen_interval_s` while online.
- A connection watches at most `watched_accounts_max` accounts; watching again replaces.
- Who may know: by the audience of the one who is watched, reciprocally, and nobody across a block. Hidden and blocked look the same.
"""

from __future__ import annotations

from collections.abc import Iterable
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


@dataclass(frozen=True, slots=True)
class SaveLastSeen:
    """Store when the account was last seen."""

    account_id: str
    at_ms: int


Command = Tell | SaveLastSeen


@dataclass(slots=True)
class _Account:
    foreground: set[str] = field(default_factory=set)
    """Connections in the foreground."""
    told_online: bool = False
    offline_at_ms: int = 0
    last_seen_ms: int = 0
    saved_ms: int = 0


class PresenceBook:
    """The presence of everybody who is connected to this node."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accounts: dict[str, _Account] = {}
        self._owners: dict[str, str] = {}
        self._watched: dict[str, tuple[str, ...]] = {}
        self._watchers: dict[str, set[str]] = {}

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
            account.told_online = True
            account.saved_ms = now_ms
            return [self._tell(account_id, account), SaveLastSeen(account_id, now_ms)]
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
                    commands.append(SaveLastSeen(account_id, now_ms))
            elif now_ms >= account.offline_at_ms:
                if account.told_online:
                    account.told_online = False
                    commands.append(self._tell(account_id, account))
                del self._accounts[account_id]
        return commands

    def is_online(self, account_id: str) -> bool:
        """Whether the account is told to be online."""
        account = self._accounts.get(account_id)
        return account is not None and account.told_online

    def owner(self, connection_id: str) -> str | None:
        """Whose connection it is."""
        return self._owners.get(connection_id)

    def _tell(self, account_id: str, account: _Account) -> Tell:
        watchers = tuple(sorted(self._watchers.get(account_id, ())))
        return Tell(account_id, watchers, account.told_online, account.last_seen_ms)


def fact(*, may_know: bool, online: bool, last_seen_ms: int) -> PresenceFact:
    """What a watcher is told. Hidden, blocked and never seen look the same."""
    if not may_know:
        return Hidden()
    if online:
        return Online()
    return LastSeen(last_seen_ms) if last_seen_ms else Hidden()
