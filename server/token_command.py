"""`python -m server token …`: makes, lists and revokes the tokens of internal services, whether or not a node is running."""

from __future__ import annotations

import argparse
import secrets
import sys
from datetime import UTC, datetime

from server.domain import service_tokens as rules
from server.domain.accounts import Account, Device, Marks, check_devices, token_hash
from server.domain.service_tokens import Scope, ServiceToken
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.system import SystemClock, SystemRandom
from server.ports.accounts import Secrets
from server.services.groups import start_device
from server.settings import Settings
from server.stores import Stores, opened_beside


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The command line of `token`."""
    token = commands.add_parser("token", help="tokens of internal services (docs/internal.md)")
    actions = token.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make one; it is shown this once")
    create.add_argument("--name", required=True, help="1 to 32 of a-z, 0-9 and -")
    create.add_argument("--scope", action="append", default=[], metavar="|".join(s.value for s in Scope), help="may be repeated")
    create.add_argument("--account", default="", metavar="USERNAME", help="the bot that it speaks for; made if there is none")
    actions.add_parser("list", help="all of them, without their secrets")
    revoke = actions.add_parser("revoke", help="void one; a running node notices within seconds")
    revoke.add_argument("name")
    return token


async def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do it. Exit codes: 0 done, 1 refused.

    Raises:
        StoreError, OSError: the store cannot be opened.
    """
    async with opened_beside(settings) as stores:
        try:
            match arguments.action:
                case "create":
                    print(await create(stores, settings, arguments.name, arguments.scope, arguments.account))
                    print("This is the only time that it is shown.", file=sys.stderr)
                case "list":
                    for token in await stores.service_tokens.all():
                        print(await _line(stores, token))
                case _:
                    await revoke(stores, arguments.name)
        except Refused as refused:
            print(refused.refusal.sentence(), file=sys.stderr)
            return 1
    return 0


async def create(stores: Stores, settings: Settings, name: str, scopes: list[str], username: str) -> str:
    """Make a token, and with `username` the bot's account, if there is none, and a device for it. The token, as it is shown.

    Raises:
        Refused: INVALID, ALREADY_TAKEN, NOT_ALLOWED (a person's account), TOO_MANY_DEVICES.
    """
    checked = rules.check(name, scopes, username)
    if isinstance(checked, Refusal):
        raise Refused(checked)
    taken = Refused(Refusal(Reason.ALREADY_TAKEN, f"there is a token {name}: revoke it, or choose another name", "name"))
    if await stores.service_tokens.get(name) is not None:
        raise taken
    account_id = await _bot(stores, username) if username else ""
    device_id = await _device(stores, settings, account_id, name) if account_id else ""
    secret = secrets.token_urlsafe(32)
    token = ServiceToken(name, token_hash(secret), checked, account_id, device_id, SystemClock().now_ms())
    if not await stores.service_tokens.add(token):
        await stores.devices.remove(device_id)
        raise taken
    return rules.written(name, secret)


async def revoke(stores: Stores, name: str) -> None:
    """Void a token, and remove its device so that it holds up no trimming.

    Raises:
        Refused: NOT_FOUND.
    """
    token = await stores.service_tokens.remove(name)
    if token is None:
        raise Refused(Refusal(Reason.NOT_FOUND, f"there is no token {name}", "name"))
    if token.device_id:
        await stores.devices.remove(token.device_id)


async def _bot(stores: Stores, username: str) -> str:
    found = await stores.accounts.find(f"username:{username}")
    if found is None:
        account = Account(
            SystemRandom().new_id(), username, handles={"username": username},
            created_at_ms=SystemClock().now_ms(), marks=Marks(bot=True),
        )  # fmt: skip
        if await stores.accounts.add(account, ""):
            return account.account_id
        found = await stores.accounts.find(f"username:{username}")
    if found is None or not found.marks.bot:
        raise Refused(Refusal(Reason.NOT_ALLOWED, f"{username} is a person's account, not a bot's", "account"))
    return found.account_id


async def _device(stores: Stores, settings: Settings, account_id: str, name: str) -> str:
    """A device that only the token speaks for: its own tokens are of secrets that nobody has. Listed before it gets its start."""
    devices = await stores.devices.of_account(account_id)
    full = check_devices(devices, settings.limits)
    if full is not None:
        raise Refused(full)
    device_id, now_ms = SystemRandom().new_id(), SystemClock().now_ms()
    unknown = Secrets(token_hash(secrets.token_hex()), 0, token_hash(secrets.token_hex()), 0)
    await stores.devices.add(Device(device_id, account_id, f"token {name}", not devices, now_ms, now_ms), unknown)
    await start_device(stores.log, stores.memberships, stores.positions, account_id, device_id)
    return device_id


async def _line(stores: Stores, token: ServiceToken) -> str:
    accounts = await stores.accounts.get([token.account_id] if token.account_id else [])
    names = [account.handles.get("username", account.account_id) for account in accounts]
    made = datetime.fromtimestamp(token.created_at_ms / 1000, UTC).strftime("%Y-%m-%d")
    return f"{token.name:<32}  {made}  {','.join(scope.value for scope in token.scopes):<40}  {' '.join(names)}".rstrip()
