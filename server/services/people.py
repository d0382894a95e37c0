"""Profiles, contacts, blocks and privacy; and what the chat asks about people, from memory where it can."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from server.domain import accounts as rules
from server.domain.accounts import Account, Privacy
from server.domain.feed import AccountChange
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal
from server.kit.world import Clock
from server.ports.accounts import Accounts, Contacts, Devices
from server.ports.people import Acquaintance, Standing

CACHE_MAX = 50_000


@dataclass(frozen=True, slots=True)
class _Facts:
    account: Account | None
    contacts: frozenset[str]
    blocked: frozenset[str]
    until_ms: int


def _standing(facts: _Facts, other_id: str) -> Standing:
    account = facts.account
    return Standing(account is not None, other_id in facts.blocked, rules.check_suspended(account) is not None)


class KnownPeople:
    """The ports `People` and `Audience`, and ContactService's use cases. Facts are at most `outside_rules_ttl_ms` stale."""

    def __init__(self, accounts: Accounts, contacts: Contacts, devices: Devices, clock: Clock, limits: Limits) -> None:
        self._accounts = accounts
        self._contacts = contacts
        self._devices = devices
        self._clock = clock
        self._limits = limits
        self._facts: dict[str, _Facts] = {}
        self._changes = 0
        """What was read before one of them is not kept."""
        self._changed: list[Callable[[str, AccountChange], None]] = []
        self._heard: Callable[[], Awaitable[None]] | None = None

    async def _of(self, account_id: str) -> _Facts:
        facts = self._facts.get(account_id)
        now_ms = self._clock.monotonic_ms()
        if facts is not None and facts.until_ms > now_ms:
            return facts
        changes = self._changes
        found = await self._accounts.get([account_id])
        facts = _Facts(
            found[0] if found else None,
            frozenset(await self._contacts.of_account(account_id)),
            frozenset(await self._contacts.blocked(account_id)),
            now_ms + self._limits.outside_rules_ttl_ms,
        )
        if len(self._facts) >= CACHE_MAX:
            self._facts.clear()
        if changes == self._changes and facts.account is not None:
            self._facts[account_id] = facts
        return facts

    def on_changed(self, changed: Callable[[str, AccountChange], None]) -> None:
        """Whom else to tell that an account has changed here."""
        self._changed.append(changed)

    def on_heard(self, heard: Callable[[], Awaitable[None]]) -> None:
        """What returns when other nodes have heard of it."""
        self._heard = heard

    async def changed(self, account_id: str, change: AccountChange = AccountChange.PROFILE) -> None:
        """The account has changed on this node. Returns when those nodes that can be reached know, too: what is confirmed then holds
        everywhere."""
        self.outdated(account_id)
        for changed in self._changed:
            changed(account_id, change)
        if self._heard is not None:
            await self._heard()

    def outdated(self, account_id: str) -> None:
        """The account has changed somewhere: what is kept of it is old."""
        self._changes += 1
        self._facts.pop(account_id, None)

    def doubt(self) -> None:
        """Other nodes may have told of changes in vain: nothing that was read so far is kept."""
        self._changes += 1
        self._facts.clear()

    # -- the port `People` ---------------------------------------------------------------------------------------------

    async def existing(self, account_ids: list[str]) -> set[str]:
        """See `People.existing`."""
        return {account_id for account_id in account_ids if (await self._of(account_id)).account is not None}

    def at_once(self, account_id: str, other_id: str) -> Standing | None:
        """See `People.at_once`."""
        facts = self._facts.get(account_id)
        if facts is None or facts.until_ms <= self._clock.monotonic_ms():
            return None
        return _standing(facts, other_id)

    async def standing(self, account_id: str, other_id: str) -> Standing:
        """See `People.standing`."""
        facts = await self._of(account_id)
        return _standing(facts, other_id)

    async def blocks(self, account_id: str, other_id: str) -> bool:
        """See `People.blocks`."""
        return other_id in (await self._of(account_id)).blocked

    async def may_add(self, adder_id: str, account_id: str) -> bool:
        """See `People.may_add`."""
        facts = await self._of(account_id)
        if facts.account is None or adder_id in facts.blocked:
            return False
        privacy = facts.account.privacy
        return rules.in_audience(
            privacy.add_to_groups, privacy.add_to_groups_except, adder_id, is_contact=adder_id in facts.contacts
        )

    async def acquaintance(self, account_id: str, caller_id: str) -> Acquaintance:
        """See `People.acquaintance`."""
        facts = await self._of(account_id)
        standing, stranger = _standing(facts, caller_id), caller_id not in facts.contacts
        silent = stranger and facts.account is not None and facts.account.privacy.silence_strangers
        return Acquaintance(not standing.exists or standing.blocks or standing.suspended, stranger, silent)

    async def read_receipts(self, account_id: str) -> bool:
        """See `People.read_receipts`."""
        account = (await self._of(account_id)).account
        return account is not None and account.privacy.read_receipts

    async def devices(self, account_id: str) -> dict[str, int]:
        """See `People.devices`."""
        return {device.device_id: device.active_at_ms for device in await self._devices.of_account(account_id)}

    # -- the port `Audience` -------------------------------------------------------------------------------------------

    async def may_see(self, watcher_id: str, account_id: str) -> bool:
        """See `Audience.may_see`: both must show it to the other, and neither may block the other."""
        for owner_id, viewer_id in ((account_id, watcher_id), (watcher_id, account_id)):
            facts = await self._of(owner_id)
            if facts.account is None or viewer_id in facts.blocked:
                return False
            privacy = facts.account.privacy
            contact = viewer_id in facts.contacts
            if not rules.in_audience(privacy.last_seen, privacy.last_seen_except, viewer_id, is_contact=contact):
                return False
        return True

    async def last_seen(self, account_id: str) -> int:
        """See `Audience.last_seen`."""
        found = await self._accounts.get([account_id])
        return found[0].last_seen_ms if found else 0

    async def save_last_seen(self, account_id: str, at_ms: int) -> None:
        """See `Audience.save_last_seen`."""
        await self._accounts.save_last_seen(account_id, at_ms)

    async def shown_name(self, account_id: str) -> str:
        """How an account is shown to people who need not know it; "": it has no name, or is gone."""
        account = (await self._of(account_id)).account
        return "" if account is None else account.display_name or account.handles.get("username", "")

    async def shows_avatar(self, account_id: str, viewer_id: str) -> bool:
        """Whether an account lets somebody see its picture. Who is in none of its contacts is a stranger."""
        facts = await self._of(account_id)
        if facts.account is None or viewer_id in facts.blocked:
            return False
        if viewer_id == account_id:
            return True
        privacy, contact = facts.account.privacy, viewer_id in facts.contacts
        return rules.in_audience(privacy.avatar, privacy.avatar_except, viewer_id, is_contact=contact)

    # -- use cases -----------------------------------------------------------------------------------------------------

    async def find(self, viewer_id: str, handle: str) -> Account | None:
        """The account with this handle, if it can be found by it."""
        account = await self._accounts.find(handle)
        if account is None or (not account.privacy.findable and not handle.startswith("username:")):
            return None
        return None if await self.blocks(account.account_id, viewer_id) else account

    async def profiles(self, account_ids: Sequence[str]) -> list[Account]:
        """Those that exist."""
        return await self._accounts.get(account_ids)

    async def shown(self, viewer_id: str, accounts: Sequence[Account]) -> list[Account]:
        """The accounts, without the pictures that they do not show to the viewer."""
        found = []
        for account in accounts:
            hidden = account.avatar is not None and not await self.shows_avatar(account.account_id, viewer_id)
            found.append(dataclasses.replace(account, avatar=None) if hidden else account)
        return found

    async def update(self, account_id: str, display_name: str | None, bio: str | None, username: str | None) -> Account | Refusal:
        """Change the profile; None: unchanged."""
        (account,) = await self._accounts.get([account_id])
        handles = dict(account.handles)
        if username:
            handles["username"] = username
        changed = dataclasses.replace(
            account,
            display_name=account.display_name if display_name is None else display_name,
            bio=account.bio if bio is None else bio,
            handles=handles,
        )
        if not await self._accounts.update(changed):
            return Refusal(Reason.ALREADY_TAKEN, subject="username")
        await self.changed(account_id)
        return changed

    async def set_privacy(self, account_id: str, privacy: Privacy) -> Privacy:
        """Replace the privacy."""
        (account,) = await self._accounts.get([account_id])
        await self._accounts.update(dataclasses.replace(account, privacy=privacy))
        await self.changed(account_id)
        return privacy

    async def put_contact(self, account_id: str, other_id: str, name: str) -> Refusal | None:
        """Add or rename a contact."""
        if not await self.existing([other_id]):
            return Refusal(Reason.NOT_FOUND, subject="account_id")
        await self._contacts.put(account_id, other_id, name)
        await self.changed(account_id)
        return None

    async def remove_contact(self, account_id: str, other_id: str) -> None:
        """Remove a contact."""
        await self._contacts.remove(account_id, other_id)
        await self.changed(account_id)

    async def contacts(self, account_id: str) -> dict[str, str]:
        """The contacts: account id → name."""
        return await self._contacts.of_account(account_id)

    async def block(self, account_id: str, other_id: str, blocked: bool) -> Refusal | None:
        """Block an account, or take the block back."""
        if account_id == other_id:
            return Refusal(Reason.INVALID, detail="that is yourself", subject="account_id")
        await self._contacts.block(account_id, other_id, blocked)
        await self.changed(account_id)
        return None

    async def blocked(self, account_id: str) -> list[str]:
        """Whom the account blocks."""
        return await self._contacts.blocked(account_id)
