"""Signing in, devices, people: the unary half of the client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tidewire import roster
from tidewire.errors import NotSignedIn, Refused, TidewireError
from tidewire.media import Avatar, avatar_of
from tidewire.store import Store
from tidewire.transport import Transport, new_envelope_id, refused
from tidewire.v1 import account_pb2, chat_pb2, contact_pb2, conversation_pb2, device_pb2


@dataclass(frozen=True, slots=True)
class Device:
    """A device of one's own account."""

    device_id: str
    name: str
    primary: bool
    current: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What others see of an account."""

    account_id: str
    display_name: str
    username: str
    avatar: Avatar | None = None
    """None: no picture, or none that may be seen."""

    @property
    def name(self) -> str:
        """How to call the person."""
        return self.display_name or self.username or self.account_id


@dataclass(frozen=True, slots=True)
class Privacy:
    """Who may see what: audiences are everyone, contacts, contacts_except and nobody. Who hides does not see either, but for pictures."""

    last_seen: str
    read_receipts: bool
    add_to_groups: str
    findable: bool
    silence_strangers: bool
    """Calls of people who are not in the contacts are shown without a sound."""
    avatar: str


PROFILES = 256
"""Profiles in one question."""


def _privacy(told: account_pb2.Privacy) -> Privacy:
    def name(number: int) -> str:
        return account_pb2.Audience.Name(number).removeprefix("AUDIENCE_").lower()  # type: ignore[arg-type]

    return Privacy(
        name(told.last_seen),
        told.read_receipts,
        name(told.add_to_groups),
        told.findable,
        told.silence_strangers,
        name(told.avatar),
    )


def _profile(told: contact_pb2.Profile) -> Profile:
    return Profile(told.account_id, told.display_name, told.username, avatar_of(told))


def _audience(name: str | None) -> account_pb2.Audience:
    if name is None:
        return account_pb2.AUDIENCE_UNSPECIFIED
    known = account_pb2.Audience.keys()
    if f"AUDIENCE_{name.upper()}" not in known[1:]:
        raise TidewireError(f"there is no audience {name!r}: everyone, contacts, contacts_except or nobody")
    return account_pb2.Audience.Value(f"AUDIENCE_{name.upper()}")  # type: ignore[return-value]


def handle(text: str) -> account_pb2.Handle:
    """ "+358…" is a phone, "a@b" an e-mail address, anything else a username."""
    if text.startswith("+"):
        return account_pb2.Handle(phone=text)
    return account_pb2.Handle(email=text) if "@" in text else account_pb2.Handle(username=text)


class Account:
    """The account's side of a client."""

    def __init__(self, store: Store, transport: Transport, meta: dict[str, str]) -> None:
        self._store = store
        self._transport = transport
        self._meta = meta
        self._refreshing = asyncio.Lock()
        transport.token = meta.get("access_token", "")

    @property
    def account_id(self) -> str:
        """The own account; "": nobody is signed in."""
        return self._meta.get("account_id", "")

    @property
    def device_id(self) -> str:
        """This device."""
        return self._meta.get("device_id", "")

    async def _begin(self) -> None:
        raise AssertionError("Client begins")

    # -- tokens --------------------------------------------------------------------------------------------------------

    async def _signed_in(self, credentials: account_pb2.Credentials) -> None:
        await self._keep(credentials)
        await self._begin()

    async def _keep(self, credentials: account_pb2.Credentials) -> None:
        values = {
            "account_id": credentials.account_id,
            "device_id": credentials.device_id,
            "access_token": credentials.access_token,
            "refresh_token": credentials.refresh_token,
            "exchange_id": "",
        }
        await self._store.run(lambda: self._store.set_meta(**values))
        self._meta.update(values)
        self._transport.token = credentials.access_token

    async def refresh(self, stale: str) -> None:
        """Exchange the refresh token, unless somebody has meanwhile.

        Raises:
            NotSignedIn: the sign-in was revoked.
        """
        async with self._refreshing:
            if self._transport.token != stale:
                return
            if not self._meta.get("exchange_id"):  # kept until an answer has come, so that a lost one can be asked for again
                exchange_id = new_envelope_id()
                await self._store.run(lambda: self._store.set_meta(exchange_id=exchange_id))
                self._meta["exchange_id"] = exchange_id
            request = account_pb2.RefreshTokenRequest(
                refresh_token=self._meta.get("refresh_token", ""), exchange_id=self._meta["exchange_id"]
            )
            response = await self._transport.call(self._transport.accounts.RefreshToken, request)
            if response.HasField("refusal"):
                raise NotSignedIn(response.refusal.detail)
            await self._keep(response.credentials)

    async def call(self, method: Any, request: Any) -> Any:
        """A unary call with the token, which is refreshed when it has expired.

        Raises:
            Refused, Unreachable, NotSignedIn
        """
        stale = self._transport.token
        try:
            return await self._transport.call(method, request)
        except Refused as error:
            if error.reason != "UNAUTHENTICATED" or not stale:
                raise
        await self.refresh(stale)
        return await self._transport.call(method, request)

    def _must_be_nobody(self) -> None:
        """A store belongs to one device for ever: what it holds is that account's."""
        if self.account_id:
            raise TidewireError(f"this device is {self.account_id} already; use another store, or another --profile")

    # -- signing in ----------------------------------------------------------------------------------------------------

    async def register_username(self, username: str, display_name: str = "", device_name: str = "") -> str:
        """Make an account from a username alone. Returns the recovery code: show it, it never comes again."""
        self._must_be_nobody()
        request = account_pb2.RegisterUsernameRequest(username=username, display_name=display_name, device_name=device_name)
        response = await self._transport.call(self._transport.accounts.RegisterUsername, request)
        if response.HasField("refusal"):
            raise refused(response.refusal)
        await self._signed_in(response.credentials)
        return str(response.recovery_code)

    async def start_registration(self, phone_or_email: str) -> str:
        """Have a code sent. Returns the challenge for `confirm_registration`."""
        self._must_be_nobody()
        request = account_pb2.StartRegistrationRequest(handle=handle(phone_or_email))
        return self._challenge(await self._transport.call(self._transport.accounts.StartRegistration, request))

    async def confirm_registration(self, challenge_id: str, code: str, display_name: str, device_name: str = "") -> None:
        """Make the account from the code."""
        request = account_pb2.ConfirmRegistrationRequest(
            challenge_id=challenge_id, code=code, display_name=display_name, device_name=device_name
        )
        response = await self._transport.call(self._transport.accounts.ConfirmRegistration, request)
        if response.HasField("refusal"):
            raise refused(response.refusal)
        await self._signed_in(response.credentials)

    async def start_login(self, name: str, device_name: str = "") -> str:
        """Begin a login on this device. Returns the challenge for `confirm_login`."""
        self._must_be_nobody()
        request = account_pb2.StartLoginRequest(handle=handle(name), device_name=device_name)
        return self._challenge(await self._transport.call(self._transport.accounts.StartLogin, request))

    async def confirm_login(
        self, challenge_id: str, *, code: str = "", recovery_code: str = "", replace_device_id: str = ""
    ) -> None:
        """Log in with a code, a recovery code, or, with neither, the approval of an own device.

        Raises:
            Refused: APPROVAL_PENDING with `retry_after_s`: ask again; TOO_MANY_DEVICES: name one to replace.
        """
        request = account_pb2.ConfirmLoginRequest(challenge_id=challenge_id, replace_device_id=replace_device_id)
        if code:
            request.code = code
        elif recovery_code:
            request.recovery_code = recovery_code
        else:
            request.approval.SetInParent()
        response = await self._transport.call(self._transport.accounts.ConfirmLogin, request)
        if response.HasField("refusal"):
            error = refused(response.refusal)
            if response.devices:
                listed = ", ".join(f"{device.device_id} ({device.name})" for device in response.devices)
                error = Refused(error.reason, f"{error}; the devices: {listed}", limit=error.limit, actual=error.actual)
            raise error
        await self._signed_in(response.credentials)

    @staticmethod
    def _challenge(response: Any) -> str:
        if response.HasField("refusal"):
            raise refused(response.refusal)
        return str(response.challenge.challenge_id)

    async def delete_account(self) -> None:
        """Delete the account, for ever."""
        await self.call(self._transport.accounts.DeleteAccount, account_pb2.DeleteAccountRequest(account_id=self.account_id))

    # -- devices -------------------------------------------------------------------------------------------------------

    async def devices(self) -> list[Device]:
        """The account's devices."""
        response = await self.call(self._transport.devices.ListDevices, device_pb2.ListDevicesRequest())
        return [Device(d.device_id, d.name, d.primary, d.current) for d in response.devices]

    async def rename_device(self, device_id: str, name: str) -> None:
        """Give a device another name."""
        await self.call(self._transport.devices.RenameDevice, device_pb2.RenameDeviceRequest(device_id=device_id, name=name))

    async def remove_device(self, device_id: str) -> None:
        """Remove a device; its stream closes at once."""
        await self.call(self._transport.devices.RemoveDevice, device_pb2.RemoveDeviceRequest(device_id=device_id))

    async def login_requests(self) -> list[tuple[str, str]]:
        """(login id, device name) of logins that wait for approval."""
        response = await self.call(self._transport.devices.ListLoginRequests, device_pb2.ListLoginRequestsRequest())
        return [(request.login_id, request.device_name) for request in response.requests]

    async def answer_login(self, login_id: str, approve: bool) -> None:
        """Approve or deny a login."""
        request = device_pb2.AnswerLoginRequest(login_id=login_id, approve=approve)
        await self.call(self._transport.devices.AnswerLogin, request)

    # -- people --------------------------------------------------------------------------------------------------------

    async def find(self, name: str) -> Profile:
        """Find somebody by username, phone or e-mail address.

        Raises:
            Refused: NOT_FOUND.
        """
        request = contact_pb2.FindAccountRequest(handle=handle(name))
        response = await self.call(self._transport.contacts.FindAccount, request)
        if not response.HasField("profile"):
            raise Refused("NOT_FOUND", f"nobody is called {name}")
        return _profile(response.profile)

    async def profiles(self, *account_ids: str) -> dict[str, Profile]:
        """Profiles by id."""
        response = await self.call(self._transport.contacts.GetProfiles, contact_pb2.GetProfilesRequest(account_ids=account_ids))
        found = {profile.account_id: _profile(profile) for profile in response.profiles}
        await self._met(*found.values())
        return found

    async def people(self, *account_ids: str, ask: bool = True) -> dict[str, Profile]:
        """Profiles by id from the store; those that it does not have are asked for. Without the server: what is known.

        Args:
            ask: False: only what the store has, at once.
        """
        known = await self._store.run(lambda: roster.people(self._store.db, account_ids))
        found = {account_id: Profile(account_id, *names) for account_id, names in known.items()}
        missing = [account_id for account_id in account_ids if account_id not in found] if ask else []
        try:
            for at in range(0, len(missing), PROFILES):
                found.update(await self.profiles(*missing[at : at + PROFILES]))
        except TidewireError as error:
            if not error.retryable:
                raise
        return found

    async def _met(self, *profiles: Profile) -> None:
        rows = [(profile.account_id, profile.display_name, profile.username, profile.avatar) for profile in profiles]
        await self._store.run(lambda: roster.met(self._store.db, rows))

    async def direct(self, name: str) -> str:
        """The id of the direct conversation with somebody."""
        found = await self.find(name)
        await self._met(found)
        request = conversation_pb2.GetDirectRequest(account_id=found.account_id)
        return str((await self.call(self._transport.conversations.GetDirect, request)).conversation_id)

    async def privacy(self) -> Privacy:
        """Who may see what."""
        response = await self.call(self._transport.accounts.GetAccount, account_pb2.GetAccountRequest())
        return _privacy(response.account.privacy)

    async def set_privacy(
        self,
        *,
        last_seen: str | None = None,
        read_receipts: bool | None = None,
        add_to_groups: str | None = None,
        findable: bool | None = None,
        silence_strangers: bool | None = None,
        avatar: str | None = None,
    ) -> Privacy:
        """Change who may see what; None: as it is. Returns what holds from now on.

        Raises:
            TidewireError: no such audience.
        """
        changed = account_pb2.Privacy(
            last_seen=_audience(last_seen), add_to_groups=_audience(add_to_groups), avatar=_audience(avatar)
        )
        if read_receipts is not None:
            changed.read_receipts = read_receipts
        if findable is not None:
            changed.findable = findable
        if silence_strangers is not None:
            changed.silence_strangers = silence_strangers
        request = account_pb2.UpdatePrivacyRequest(privacy=changed)
        return _privacy((await self.call(self._transport.accounts.UpdatePrivacy, request)).privacy)

    async def limits(self) -> dict[str, int]:
        """The limits of the server, by name; also for whom nobody is signed in.

        Raises:
            Unreachable: no answer.
        """
        response = await self._transport.call(self._transport.chat.GetLimits, chat_pb2.GetLimitsRequest())
        return {field.name: getattr(response.limits, field.name) for field in response.limits.DESCRIPTOR.fields}

    async def receipts(self, conversation_id: str, seq: int) -> dict[str, tuple[bool, bool]]:
        """(delivered, read) of each member, by account id."""
        request = conversation_pb2.GetReceiptsRequest(conversation_id=conversation_id, seq=seq)
        response = await self.call(self._transport.conversations.GetReceipts, request)
        return {r.account_id: (r.delivered, r.read) for r in response.receipts}
