"""Registering, logging in, and the tokens that follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from server.domain import accounts as rules
from server.domain.accounts import Account, Challenge, Device
from server.domain.feed import AccountChange
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.domain.notice import ClosingReason, DevicesChanged, LoginRequested
from server.kit.refusal import Reason, Refusal, Refused, unavailable
from server.kit.world import Clock, Random
from server.ports.accounts import Accounts, Challenges, CodeSender, Devices, Secrets
from server.ports.people import Groups, Streams
from server.services.rates import Rates

CACHE_MS = 5_000
"""An access token is looked up again after this long; removing a device on this node empties its entry at once."""
CACHE_MAX = 50_000
APPROVAL_RETRY_MS = 2_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device needs to speak for its account."""

    account_id: str
    device_id: str
    access_token: str
    refresh_token: str
    access_expires_in_s: int
    refresh_expires_in_s: int


class Tokens:
    """Opaque tokens: stored as hashes, rotated, revoked with their device."""

    def __init__(self, devices: Devices, accounts: Accounts, clock: Clock, chance: Random, limits: Limits) -> None:
        self._devices = devices
        self._accounts = accounts
        self._clock = clock
        self._chance = chance
        self._limits = limits
        self._cache: dict[str, tuple[Identity, int, int]] = {}
        """By hash: whose it is, until when that is believed, until when the token holds."""
        self._changes = 0
        """What was read before one of them is not kept."""

    async def identify(self, access_token: str) -> Identity:
        """Who speaks.

        Raises:
            Refused: UNAUTHENTICATED, ACCOUNT_SUSPENDED, or UNAVAILABLE.
        """
        return (await self.introspect(access_token))[0]

    async def introspect(self, access_token: str) -> tuple[Identity, int]:
        """Whose token it is, and until when it holds (Unix ms).

        Raises:
            Refused: UNAUTHENTICATED, ACCOUNT_SUSPENDED, or UNAVAILABLE.
        """
        key = rules.token_hash(access_token)
        now_ms = self._clock.now_ms()
        known = self._cache.get(key)
        if known is not None and known[1] > now_ms:
            return known[0], known[2]
        changes = self._changes
        device = await self._devices.by_access(key, now_ms)
        if device is None:
            raise Refused(Refusal(Reason.UNAUTHENTICATED))
        suspended = rules.check_suspended(next(iter(await self._accounts.get([device.account_id])), None))
        if suspended is not None:
            raise Refused(suspended)
        identity, until_ms = Identity(device.account_id, device.device_id), device.access_until_ms
        if len(self._cache) >= CACHE_MAX:
            self._cache.clear()
        if changes == self._changes:
            self._cache[key] = (identity, min(now_ms + CACHE_MS, until_ms), until_ms)
        return identity, until_ms

    def forget(self, device_id: str) -> None:
        """The device's tokens are void now."""
        self._changes += 1
        self._cache = {key: kept for key, kept in self._cache.items() if kept[0].device_id != device_id}

    def outdated(self, account_id: str) -> None:
        """The account has changed on another node: its tokens are looked up again."""
        self._changes += 1
        self._cache = {key: kept for key, kept in self._cache.items() if kept[0].account_id != account_id}

    def doubt(self) -> None:
        """Other nodes may have told of changes in vain: every token is looked up again."""
        self._changes += 1
        self._cache.clear()

    def make(self, account_id: str, device_id: str) -> tuple[Credentials, Secrets]:
        """New tokens for a device, and what is stored of them."""
        return self._with(account_id, device_id, self._chance.token("twa_"), self._chance.token("twr_"))

    def exchanged(self, refresh_token: str, exchange_id: str, pepper: str) -> tuple[Credentials, Secrets]:
        """The tokens that follow a refresh token; those of one exchange are the same however often it is asked for."""
        if not exchange_id:
            return self.make("", "")
        access, refresh = (rules.next_token(pepper, prefix, refresh_token, exchange_id) for prefix in ("twa_", "twr_"))
        return self._with("", "", access, refresh)

    def _with(self, account_id: str, device_id: str, access: str, refresh: str) -> tuple[Credentials, Secrets]:
        limits, now_ms = self._limits, self._clock.now_ms()
        secrets = Secrets(
            rules.token_hash(access),
            now_ms + 1000 * limits.access_token_ttl_s,
            rules.token_hash(refresh),
            now_ms + 1000 * limits.refresh_token_ttl_s,
        )
        credentials = Credentials(account_id, device_id, access, refresh, limits.access_token_ttl_s, limits.refresh_token_ttl_s)
        return credentials, secrets


class SigningIn:
    """AccountService's use cases around becoming, and being, somebody."""

    def __init__(
        self,
        accounts: Accounts,
        devices: Devices,
        challenges: Challenges,
        tokens: Tokens,
        sender: CodeSender,
        groups: Groups,
        streams: Streams,
        rates: Rates,
        clock: Clock,
        chance: Random,
        limits: Limits,
        pepper: str,
        changed: Callable[[str, AccountChange], None],
    ) -> None:
        """`changed`: whom to tell that an account was registered, that a device has come or gone, or its tokens are void."""
        self._accounts = accounts
        self._devices = devices
        self._challenges = challenges
        self._tokens = tokens
        self._sender = sender
        self._groups = groups
        self._streams = streams
        self._rates = rates
        self._clock = clock
        self._chance = chance
        self._limits = limits
        self._pepper = pepper
        self._changed = changed

    async def register_username(
        self, username: str, display_name: str, device_name: str, address: str
    ) -> tuple[Credentials, str] | Refusal:
        """Make an account from a username alone. The second value is the recovery code, never shown again."""
        refusal = await self._rates.registration(address, self._clock.monotonic_ms())
        if refusal is not None:
            return refusal
        code = rules.recovery_code(self._chance.new_id())
        made = await self._register({"username": username}, display_name or username, device_name, code)
        return made if isinstance(made, Refusal) else (made, code)

    async def start_registration(self, handle: str, address: str) -> Challenge | Refusal:
        """Send a code to a "phone:…" or "email:…" that is to become an account. Answers alike when it is taken."""
        taken = await self._accounts.find(handle)
        return await self._start("register", handle, "", "", address, send=taken is None)

    async def confirm_registration(
        self, challenge_id: str, code: str, display_name: str, device_name: str
    ) -> Credentials | Refusal:
        """Make the account from the code."""
        challenge = await self._prove(challenge_id, "register", code)
        if isinstance(challenge, Refusal):
            return challenge
        kind, _, value = challenge.handle.partition(":")
        return await self._register({kind: value}, display_name or "Somebody new", device_name, "")

    async def _register(
        self, handles: dict[str, str], display_name: str, device_name: str, recovery: str
    ) -> Credentials | Refusal:
        account = Account(self._chance.new_id(), display_name, handles=handles, created_at_ms=self._clock.now_ms())
        hashed = recovery and rules.hashed(self._pepper, account.account_id, rules.plain_recovery_code(recovery))
        if not await self._accounts.add(account, hashed):
            return Refusal(Reason.ALREADY_TAKEN, subject=next(iter(handles)))
        self._changed(account.account_id, AccountChange.REGISTERED)
        return await self._add_device(account.account_id, device_name, primary=True)

    async def start_login(self, handle: str, device_name: str, address: str) -> Challenge | Refusal:
        """Begin a login on a further device. Answers alike whether or not there is such an account."""
        account = await self._accounts.find(handle)
        account_id = "" if account is None else account.account_id
        started = await self._start(
            "login", handle, account_id, device_name, address, send=account is not None and not handle.startswith("username:")
        )
        if isinstance(started, Challenge) and account_id:
            await self._streams.notify(account_id, LoginRequested(started.challenge_id, device_name))
        return started

    async def _start(
        self, purpose: str, handle: str, account_id: str, device_name: str, address: str, *, send: bool
    ) -> Challenge | Refusal:
        now_ms = self._clock.monotonic_ms()
        refusal = await self._rates.registration(address, now_ms) or await self._rates.code(handle, now_ms)
        if refusal is not None:
            return refusal
        challenge_id, code = self._chance.new_id(), self._chance.code()
        hashed = rules.hashed(self._pepper, challenge_id, code) if send else ""
        challenge = Challenge(challenge_id, purpose, handle, account_id, hashed, device_name, 0, "", self._clock.now_ms())
        await self._challenges.put(challenge)
        if send:
            await self._sender.send(handle, code)
        return challenge

    async def _prove(self, challenge_id: str, purpose: str, code: str) -> Challenge | Refusal:
        challenge = await self._challenges.get(challenge_id)
        refusal = rules.check_challenge(challenge, purpose, self._clock.now_ms(), self._limits)
        if refusal is not None or challenge is None:
            return refusal or Refusal(Reason.CODE_EXPIRED)
        tries = await self._challenges.count_try(challenge_id)
        if tries > self._limits.code_tries_max or challenge.code_hash != rules.hashed(self._pepper, challenge_id, code):
            return rules.wrong_code(tries, self._limits)
        if not await self._challenges.remove(challenge_id):
            return Refusal(Reason.CODE_EXPIRED)
        return challenge

    async def confirm_login(
        self, challenge_id: str, proof: str, value: str, device_name: str, replace_device_id: str
    ) -> Credentials | Refusal | tuple[Refusal, list[Device]]:
        """Add the device, given a proof ("code", "recovery_code" or "approval"). One too many: the refusal and the list."""
        challenge = await self._challenges.get(challenge_id)
        refusal = rules.check_challenge(challenge, "login", self._clock.now_ms(), self._limits)
        if refusal is not None or challenge is None:
            return refusal or Refusal(Reason.CODE_EXPIRED)
        refusal = await self._check_proof(challenge, proof, value)
        if refusal is not None:
            return refusal
        suspended = await self._suspended(challenge.account_id)
        if suspended is not None:
            return suspended
        devices = await self._devices.of_account(challenge.account_id)
        if any(device.device_id == replace_device_id for device in devices):
            await self.remove_device(challenge.account_id, replace_device_id)
            devices = await self._devices.of_account(challenge.account_id)
        full = rules.check_devices(devices, self._limits)
        if full is not None:
            return full, devices
        if not await self._challenges.remove(challenge_id):
            return Refusal(Reason.CODE_EXPIRED)
        return await self._add_device(challenge.account_id, device_name or challenge.device_name, primary=not devices)

    async def _check_proof(self, challenge: Challenge, proof: str, value: str) -> Refusal | None:
        if proof == "approval":
            if challenge.approval == "denied":
                return Refusal(Reason.APPROVAL_DENIED)
            if challenge.approval != "approved":
                return Refusal(Reason.APPROVAL_PENDING, retry_after_ms=APPROVAL_RETRY_MS)
            return None
        tries = await self._challenges.count_try(challenge.challenge_id)
        if proof == "code":
            expected, given = challenge.code_hash, rules.hashed(self._pepper, challenge.challenge_id, value)
        else:
            expected = await self._accounts.recovery_hash(challenge.account_id) if challenge.account_id else ""
            given = rules.hashed(self._pepper, challenge.account_id, rules.plain_recovery_code(value))
        if tries > self._limits.code_tries_max or not expected or expected != given:
            return rules.wrong_code(tries, self._limits)
        return None

    async def _add_device(self, account_id: str, name: str, *, primary: bool) -> Credentials:
        """A linked device is listed before it gets its start, so that nothing is trimmed that lands in between."""
        device_id, now_ms = self._chance.new_id(), self._clock.now_ms()
        credentials, secrets = self._tokens.make(account_id, device_id)
        await self._devices.add(Device(device_id, account_id, name or "A device", primary, now_ms, now_ms), secrets)
        if not primary:
            try:
                await self._groups.start_device(account_id, device_id)
            except Refused:
                await self._devices.remove(device_id)
                raise
            await self._streams.notify(account_id, DevicesChanged())
            self._changed(account_id, AccountChange.DEVICES)
        return credentials

    async def refresh(self, refresh_token: str, exchange_id: str = "") -> Credentials | Refusal:
        """Exchange a refresh token. A spent one revokes the device's sign-in, since somebody has a copy, unless the very exchange
        that spent it is repeated, since its answer was lost."""
        credentials, secrets = self._tokens.exchanged(refresh_token, exchange_id, self._pepper)
        found = await self._devices.exchange(rules.token_hash(refresh_token), secrets, self._clock.now_ms())
        if found is None:
            return Refusal(Reason.UNAUTHENTICATED, detail="the refresh token is unknown or has expired: log in again")
        if isinstance(found, str):
            await self._revoke(found)
            return Refusal(Reason.TOKEN_REUSED)
        self._tokens.forget(found.device_id)
        suspended = await self._suspended(found.account_id)
        if suspended is not None:
            return suspended  # the same exchange may be repeated when that is over
        return dataclasses.replace(credentials, account_id=found.account_id, device_id=found.device_id)

    async def _suspended(self, account_id: str) -> Refusal | None:
        return rules.check_suspended(next(iter(await self._accounts.get([account_id])), None))

    async def sign_out(self, account_id: str) -> int:
        """Void the tokens of all devices of the account and close their streams; how many devices it has.

        Raises:
            Refused: UNAVAILABLE; do it again.
        """
        devices = await self._devices.of_account(account_id)
        for device in devices:
            await self._revoke(device.device_id)
        return len(devices)

    async def _revoke(self, device_id: str) -> None:
        """Void the device's tokens; the device itself stays listed until its owner removes it."""
        _, secrets = self._tokens.make("", device_id)
        account_id = await self._devices.replace_secrets(device_id, secrets)
        self._tokens.forget(device_id)
        if account_id:
            await self._streams.close_device(account_id, device_id, ClosingReason.SIGNED_OUT)
            self._changed(account_id, AccountChange.DEVICES)

    async def rename_device(self, account_id: str, device_id: str, name: str) -> Device | Refusal:
        """Give a device of the account another name."""
        for device in await self._devices.of_account(account_id):
            if device.device_id == device_id:
                await self._devices.rename(device_id, name)
                await self._streams.notify(account_id, DevicesChanged())
                self._changed(account_id, AccountChange.DEVICES)
                return dataclasses.replace(device, name=name)
        return Refusal(Reason.NOT_FOUND, subject="device_id")

    async def remove_device(self, account_id: str, device_id: str) -> Refusal | None:
        """Remove a device of the account: its tokens are void and its stream closes at once."""
        if not any(device.device_id == device_id for device in await self._devices.of_account(account_id)):
            return Refusal(Reason.NOT_FOUND, subject="device_id")
        await self._devices.remove(device_id)
        self._tokens.forget(device_id)
        await self._streams.close_device(account_id, device_id, ClosingReason.DEVICE_REMOVED)
        await self._streams.notify(account_id, DevicesChanged())
        self._changed(account_id, AccountChange.DEVICES)
        return None

    async def login_requests(self, account_id: str) -> list[Challenge]:
        """Logins that wait for an own device's approval."""
        return await self._challenges.waiting(account_id, self._clock.now_ms() - 1000 * self._limits.code_ttl_s)

    async def answer_login(self, account_id: str, challenge_id: str, approve: bool) -> Refusal | None:
        """Approve or deny a login to one's own account."""
        challenge = await self._challenges.get(challenge_id)
        if challenge is None or challenge.account_id != account_id or challenge.purpose != "login":
            return Refusal(Reason.NOT_FOUND, subject="login_id")
        await self._challenges.put(dataclasses.replace(challenge, approval="approved" if approve else "denied"))
        return None

    async def delete_account(self, account_id: str) -> None:
        """Leave all groups by entries in their logs, then close every stream and free the handles.

        Raises:
            Refused: UNAVAILABLE; do it again, nothing is done twice.
        """
        devices = await self._devices.of_account(account_id)
        try:
            await self._groups.leave_all(account_id)
        except Refused as refused:
            raise Refused(unavailable(f"could not leave every group: {refused}")) from refused
        await self._accounts.delete(account_id)
        for device in devices:
            self._tokens.forget(device.device_id)
            await self._streams.close_device(account_id, device.device_id, ClosingReason.ACCOUNT_DELETED)
