"""AccountService, DeviceService and ContactService: decode, call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.v1 import account_pb2, account_pb2_grpc, contact_pb2, contact_pb2_grpc, device_pb2, device_pb2_grpc

from server.adapters.grpc import codec
from server.domain import accounts as rules
from server.domain.accounts import Audience, Challenge, Privacy
from server.domain.feed import AccountChange
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.kit import grpc_refusals as refusals
from server.kit.edge import address
from server.kit.refusal import Reason, Refusal, Refused
from server.ports.accounts import Devices
from server.services.avatars import Avatars
from server.services.people import KnownPeople
from server.services.signing_in import Credentials, SigningIn

Authenticate = Callable[[Any], Awaitable[Identity]]


def handle_text(handle: account_pb2.Handle) -> str:
    """A handle as it is stored: "kind:value".

    Raises:
        Refused: INVALID; it names none.
    """
    kind = handle.WhichOneof("handle")
    if kind is None:
        raise Refused(Refusal(Reason.INVALID, detail="handle names no username, phone or e-mail address", subject="handle"))
    value = getattr(handle, kind)
    return f"{kind}:{value.lower()}"


def _credentials(made: Credentials) -> account_pb2.Credentials:
    return account_pb2.Credentials(**{name: getattr(made, name) for name in Credentials.__slots__})


def _outcome(response: type, made: Credentials | Refusal, **more: Any) -> Any:
    if isinstance(made, Refusal):
        return response(refusal=refusals.message(made), **more)
    return response(credentials=_credentials(made), **more)


def account_message(account: rules.Account) -> account_pb2.Account:
    """An account, as its owner sees it."""
    return account_pb2.Account(
        account_id=account.account_id,
        display_name=account.display_name,
        bio=account.bio,
        privacy=_privacy(account.privacy),
        created_at_ms=account.created_at_ms,
        avatar=codec.avatar_message(account.avatar),
        **account.handles,
    )


def _privacy(privacy: Privacy) -> account_pb2.Privacy:
    return account_pb2.Privacy(**{name: getattr(privacy, name) for name in Privacy.__slots__})


def device_message(device: rules.Device, current: str = "") -> device_pb2.Device:
    """A device; `current`: the one that asks."""
    return device_pb2.Device(
        device_id=device.device_id,
        name=device.name,
        primary=device.primary,
        created_at_ms=device.created_at_ms,
        active_at_ms=device.active_at_ms,
        current=device.device_id == current,
    )


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Refused(refusal)


class AccountServicer(account_pb2_grpc.AccountServiceServicer):
    """AccountService."""

    def __init__(
        self, signing_in: SigningIn, people: KnownPeople, avatars: Avatars, authenticate: Authenticate, limits: Limits
    ) -> None:
        self._signing_in = signing_in
        self._people = people
        self._avatars = avatars
        self._authenticate = authenticate
        self._limits = limits

    def _started(self, response: type, made: Challenge | Refusal) -> Any:
        if isinstance(made, Refusal):
            return response(refusal=refusals.message(made))
        limits = self._limits
        challenge = account_pb2.Challenge(
            challenge_id=made.challenge_id,
            expires_in_s=limits.code_ttl_s,
            resend_after_s=limits.code_resend_s,
            tries_max=limits.code_tries_max,
        )
        return response(challenge=challenge)

    async def StartRegistration(self, request: account_pb2.StartRegistrationRequest, context: Any) -> Any:
        """Send a code."""
        handle = handle_text(request.handle)
        if handle.startswith("username:"):
            refusal = Refusal(Reason.INVALID, detail="a username needs no code: call RegisterUsername", subject="handle")
            return account_pb2.StartRegistrationResponse(refusal=refusals.message(refusal))
        made = await self._signing_in.start_registration(handle, address(context))
        return self._started(account_pb2.StartRegistrationResponse, made)

    async def ConfirmRegistration(self, request: account_pb2.ConfirmRegistrationRequest, context: Any) -> Any:
        """Make the account from the code."""
        made = await self._signing_in.confirm_registration(
            request.challenge_id, request.code, request.display_name, request.device_name
        )
        return _outcome(account_pb2.ConfirmRegistrationResponse, made)

    async def RegisterUsername(self, request: account_pb2.RegisterUsernameRequest, context: Any) -> Any:
        """Make an account from a username alone."""
        made = await self._signing_in.register_username(
            request.username, request.display_name, request.device_name, address(context)
        )
        if isinstance(made, Refusal):
            return account_pb2.RegisterUsernameResponse(refusal=refusals.message(made))
        return _outcome(account_pb2.RegisterUsernameResponse, made[0], recovery_code=made[1])

    async def StartLogin(self, request: account_pb2.StartLoginRequest, context: Any) -> Any:
        """Begin a login."""
        made = await self._signing_in.start_login(handle_text(request.handle), request.device_name, address(context))
        return self._started(account_pb2.StartLoginResponse, made)

    async def ConfirmLogin(self, request: account_pb2.ConfirmLoginRequest, context: Any) -> Any:
        """Add the device."""
        proof = request.WhichOneof("proof")
        if proof is None:
            _raise(Refusal(Reason.INVALID, detail="proof is missing", subject="proof"))
        value = "" if proof == "approval" else getattr(request, proof)
        made = await self._signing_in.confirm_login(
            request.challenge_id, proof, value, request.device_name, request.replace_device_id
        )
        if isinstance(made, tuple):
            return _outcome(account_pb2.ConfirmLoginResponse, made[0], devices=[device_message(device) for device in made[1]])
        return _outcome(account_pb2.ConfirmLoginResponse, made)

    async def RefreshToken(self, request: account_pb2.RefreshTokenRequest, context: Any) -> Any:
        """Exchange a refresh token."""
        return _outcome(
            account_pb2.RefreshTokenResponse, await self._signing_in.refresh(request.refresh_token, request.exchange_id)
        )

    async def GetAccount(self, request: account_pb2.GetAccountRequest, context: Any) -> Any:
        """The caller's account."""
        identity = await self._authenticate(context)
        (account,) = await self._people.profiles([identity.account_id])
        return account_pb2.GetAccountResponse(account=account_message(account))

    async def UpdateAccount(self, request: account_pb2.UpdateAccountRequest, context: Any) -> Any:
        """Change the profile."""
        identity = await self._authenticate(context)
        changed = await self._avatars.update(
            identity.account_id,
            request.display_name if request.HasField("display_name") else None,
            request.bio if request.HasField("bio") else None,
            request.username if request.HasField("username") else None,
            codec.avatar(request.avatar) if request.HasField("avatar") else None,
        )
        if isinstance(changed, Refusal):
            return account_pb2.UpdateAccountResponse(refusal=refusals.message(changed))
        return account_pb2.UpdateAccountResponse(account=account_message(changed))

    async def UpdatePrivacy(self, request: account_pb2.UpdatePrivacyRequest, context: Any) -> Any:
        """Change who may see what; what is not named stays."""
        identity = await self._authenticate(context)
        (account,) = await self._people.profiles([identity.account_id])
        old, new = account.privacy, request.privacy
        privacy = Privacy(
            Audience(new.last_seen) if new.last_seen else old.last_seen,
            tuple(new.last_seen_except) if new.last_seen else old.last_seen_except,
            new.read_receipts if new.HasField("read_receipts") else old.read_receipts,
            Audience(new.add_to_groups) if new.add_to_groups else old.add_to_groups,
            tuple(new.add_to_groups_except) if new.add_to_groups else old.add_to_groups_except,
            new.findable if new.HasField("findable") else old.findable,
            new.silence_strangers if new.HasField("silence_strangers") else old.silence_strangers,
            Audience(new.avatar) if new.avatar else old.avatar,
            tuple(new.avatar_except) if new.avatar else old.avatar_except,
        )
        await self._people.set_privacy(identity.account_id, privacy)
        return account_pb2.UpdatePrivacyResponse(privacy=_privacy(privacy))

    async def DeleteAccount(self, request: account_pb2.DeleteAccountRequest, context: Any) -> Any:
        """Delete the caller's account."""
        identity = await self._authenticate(context)
        if request.account_id != identity.account_id:
            _raise(Refusal(Reason.NOT_ALLOWED, detail="account_id is not your own", subject="account_id"))
        await self._signing_in.delete_account(identity.account_id)
        await self._people.changed(identity.account_id, AccountChange.DELETED)
        return account_pb2.DeleteAccountResponse()


class DeviceServicer(device_pb2_grpc.DeviceServiceServicer):
    """DeviceService."""

    def __init__(self, signing_in: SigningIn, devices: Devices, authenticate: Authenticate, limits: Limits) -> None:
        self._signing_in = signing_in
        self._devices = devices
        self._authenticate = authenticate
        self._limits = limits

    async def ListDevices(self, request: device_pb2.ListDevicesRequest, context: Any) -> Any:
        """The account's devices."""
        identity = await self._authenticate(context)
        devices = await self._devices.of_account(identity.account_id)
        return device_pb2.ListDevicesResponse(
            devices=[device_message(device, identity.device_id) for device in devices], devices_max=self._limits.devices_max
        )

    async def RenameDevice(self, request: device_pb2.RenameDeviceRequest, context: Any) -> Any:
        """Give a device another name."""
        identity = await self._authenticate(context)
        renamed = await self._signing_in.rename_device(identity.account_id, request.device_id, request.name)
        if isinstance(renamed, Refusal):
            raise Refused(renamed)
        return device_pb2.RenameDeviceResponse(device=device_message(renamed, identity.device_id))

    async def RemoveDevice(self, request: device_pb2.RemoveDeviceRequest, context: Any) -> Any:
        """Remove a device."""
        identity = await self._authenticate(context)
        _raise(await self._signing_in.remove_device(identity.account_id, request.device_id))
        return device_pb2.RemoveDeviceResponse()

    async def ListLoginRequests(self, request: device_pb2.ListLoginRequestsRequest, context: Any) -> Any:
        """Logins that wait."""
        identity = await self._authenticate(context)
        waiting = await self._signing_in.login_requests(identity.account_id)
        return device_pb2.ListLoginRequestsResponse(
            requests=[
                device_pb2.LoginRequest(
                    login_id=item.challenge_id, device_name=item.device_name, requested_at_ms=item.created_at_ms
                )
                for item in waiting
            ]
        )

    async def AnswerLogin(self, request: device_pb2.AnswerLoginRequest, context: Any) -> Any:
        """Approve or deny a login."""
        identity = await self._authenticate(context)
        _raise(await self._signing_in.answer_login(identity.account_id, request.login_id, request.approve))
        return device_pb2.AnswerLoginResponse()


def _profile(account: rules.Account) -> contact_pb2.Profile:
    return contact_pb2.Profile(
        account_id=account.account_id,
        display_name=account.display_name,
        bio=account.bio,
        username=account.handles.get("username", ""),
        avatar=codec.avatar_message(account.avatar),
    )


class ContactServicer(contact_pb2_grpc.ContactServiceServicer):
    """ContactService."""

    def __init__(self, people: KnownPeople, authenticate: Authenticate) -> None:
        self._people = people
        self._authenticate = authenticate

    async def FindAccount(self, request: contact_pb2.FindAccountRequest, context: Any) -> Any:
        """Find by handle."""
        identity = await self._authenticate(context)
        account = await self._people.find(identity.account_id, handle_text(request.handle))
        if account is None:
            return contact_pb2.FindAccountResponse()
        (shown,) = await self._people.shown(identity.account_id, [account])
        return contact_pb2.FindAccountResponse(profile=_profile(shown))

    async def GetProfiles(self, request: contact_pb2.GetProfilesRequest, context: Any) -> Any:
        """Profiles by id."""
        viewer_id = (await self._authenticate(context)).account_id
        accounts = await self._people.shown(viewer_id, await self._people.profiles(list(request.account_ids)))
        return contact_pb2.GetProfilesResponse(profiles=[_profile(account) for account in accounts])

    async def PutContact(self, request: contact_pb2.PutContactRequest, context: Any) -> Any:
        """Add or rename a contact."""
        identity = await self._authenticate(context)
        contact = request.contact
        _raise(await self._people.put_contact(identity.account_id, contact.account_id, contact.name))
        return contact_pb2.PutContactResponse()

    async def RemoveContact(self, request: contact_pb2.RemoveContactRequest, context: Any) -> Any:
        """Remove a contact."""
        identity = await self._authenticate(context)
        await self._people.remove_contact(identity.account_id, request.account_id)
        return contact_pb2.RemoveContactResponse()

    async def ListContacts(self, request: contact_pb2.ListContactsRequest, context: Any) -> Any:
        """The contacts."""
        identity = await self._authenticate(context)
        contacts = await self._people.contacts(identity.account_id)
        return contact_pb2.ListContactsResponse(
            contacts=[contact_pb2.Contact(account_id=key, name=name) for key, name in contacts.items()]
        )

    async def Block(self, request: contact_pb2.BlockRequest, context: Any) -> Any:
        """Block an account."""
        identity = await self._authenticate(context)
        _raise(await self._people.block(identity.account_id, request.account_id, True))
        return contact_pb2.BlockResponse()

    async def Unblock(self, request: contact_pb2.UnblockRequest, context: Any) -> Any:
        """Take a block back."""
        identity = await self._authenticate(context)
        _raise(await self._people.block(identity.account_id, request.account_id, False))
        return contact_pb2.UnblockResponse()

    async def ListBlocked(self, request: contact_pb2.ListBlockedRequest, context: Any) -> Any:
        """Whom the caller blocks."""
        identity = await self._authenticate(context)
        return contact_pb2.ListBlockedResponse(account_ids=await self._people.blocked(identity.account_id))
