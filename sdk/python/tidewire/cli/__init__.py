"""The command line `tidewire`. Exit codes: 0 done, 1 refused or unreachable, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from tidewire.cli import chatting
from tidewire.client import Client
from tidewire.errors import Refused, TidewireError
from tidewire.events import Connected, Disconnected, Message

DEFAULT_SERVER = "127.0.0.1:7400"
Do = Callable[[Client, argparse.Namespace], Awaitable[None]]


def main(argv: list[str] | None = None) -> int:
    """Run one command."""
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_run(arguments))
    except KeyboardInterrupt:
        return 130
    except TidewireError as error:
        print(f"tidewire: {error}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        if not isinstance(inner, TidewireError):
            raise
        print(f"tidewire: {inner}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tidewire", description="Chat through a Tidewire server.")
    parser.add_argument("--profile", default="default", help="whose device this is; two people fit on one machine")
    parser.add_argument("--server", help=f"host:port; remembered in the profile (default {DEFAULT_SERVER})")
    parser.add_argument("--pin", help="the server's authority fingerprint, with tls = auto; remembered")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, do: Do, *positional: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        for argument in positional:
            command.add_argument(argument.rstrip("*?"), nargs={"*": "*", "?": "?"}.get(argument[-1]))
        command.set_defaults(do=do)
        return command

    add("register", "make an account: a username, a phone number or an e-mail address", _register, "name")
    login = add("login", "log in on this device", _login, "name")
    login.add_argument("--recovery-code", default="")
    login.add_argument("--approve", action="store_true", help="wait for the approval of another device of yours")
    add("devices", "list devices; remove ID, rename ID NAME, approve", _devices, "action?", "values*")
    add("send", "send a text to a person or a conversation id; - reads standard input", _send, "to", "text")
    listen = add("listen", "print what comes", _listen)
    listen.add_argument("--json", action="store_true")
    listen.add_argument("--count", type=int, default=0, help="stop after so many messages")
    add("chat", "chat with a person or in a conversation", chatting.chat, "to")
    add("conversations", "list conversations with unread counts", _conversations)
    add("history", "print a conversation", _history, "to")
    add(
        "groups",
        "create TITLE NAME…, add ID NAME…, remove ID NAME…, leave ID, role ID NAME ROLE, title ID TITLE",
        _groups,
        "action",
        "values*",
    )
    add("search", "search what this device has stored", _search, "words*")
    add("doctor", "say what is wrong", _doctor)
    return parser


async def _run(arguments: argparse.Namespace) -> None:
    folder = Path(os.environ.get("TIDEWIRE_HOME", Path.home() / ".tidewire"))
    profile = folder / f"{arguments.profile}.json"
    kept = json.loads(profile.read_text()) if profile.exists() else {}
    kept["server"] = arguments.server or kept.get("server") or DEFAULT_SERVER
    kept["pin"] = arguments.pin or kept.get("pin") or ""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    profile.write_text(json.dumps(kept))
    async with Client.open(kept["server"], folder / f"{arguments.profile}.db", pin=kept["pin"]) as me:
        await arguments.do(me, arguments)


async def conversation(me: Client, name: str) -> str:
    """A conversation by its id, or by the person's name."""
    return name if ":" in name else await me.direct(name)


async def _register(me: Client, arguments: argparse.Namespace) -> None:
    name = arguments.name
    if name.startswith("+") or "@" in name:
        challenge = await me.start_registration(name)
        code = await asyncio.to_thread(input, "the code that was sent: ")
        await me.confirm_registration(challenge, code.strip(), name)
    else:
        recovery = await me.register_username(name, device_name=os.uname().nodename)
        print(f"Recovery code, shown this once: {recovery}")
    print(f"{name} is {me.account_id}")


async def _login(me: Client, arguments: argparse.Namespace) -> None:
    name = arguments.name
    challenge = await me.start_login(name, os.uname().nodename)
    if arguments.approve:
        print("Approve it on another device: tidewire devices approve")
        while True:
            try:
                await me.confirm_login(challenge)
                break
            except Refused as error:
                if error.reason != "APPROVAL_PENDING":
                    raise
                await asyncio.sleep(error.retry_after_s or 2)
    elif arguments.recovery_code:
        await me.confirm_login(challenge, recovery_code=arguments.recovery_code)
    else:
        code = await asyncio.to_thread(input, "the code that was sent: ")
        await me.confirm_login(challenge, code=code.strip())
    print(f"logged in as {me.account_id}")


async def _devices(me: Client, arguments: argparse.Namespace) -> None:
    match [arguments.action or "list", *arguments.values]:
        case ["list"]:
            for device in await me.devices():
                marks = " ".join(word for word, is_so in (("primary", device.primary), ("this one", device.current)) if is_so)
                print(f"{device.device_id}  {device.name}  {marks}".rstrip())
        case ["remove", device_id]:
            await me.remove_device(device_id)
        case ["rename", device_id, name]:
            await me.rename_device(device_id, name)
        case ["approve"]:
            for login_id, name in await me.login_requests():
                answer = await asyncio.to_thread(input, f"let {name or 'a device'} log in? [y/N] ")
                await me.answer_login(login_id, answer.strip().lower() == "y")
        case _:
            raise TidewireError("devices takes: list, remove ID, rename ID NAME, approve")


async def _send(me: Client, arguments: argparse.Namespace) -> None:
    text = await asyncio.to_thread(sys.stdin.read) if arguments.text == "-" else arguments.text
    sending = await me.send(await conversation(me, arguments.to), text.rstrip("\n"))
    sent = await sending
    print(f"sent as {sent.seq} in {sent.conversation_id}")


async def _listen(me: Client, arguments: argparse.Namespace) -> None:
    queue = me.listen()
    shown = 0
    while not arguments.count or shown < arguments.count:
        event = await queue.get()
        if arguments.json:
            print(json.dumps({"event": type(event).__name__, **asdict(event)}), flush=True)
        elif isinstance(event, Message) and event.text and not event.mine:
            print(f"{event.conversation_id} {event.seq} {event.sender_id}: {event.text}", flush=True)
        elif isinstance(event, Disconnected):
            print(f"({event.reason})", file=sys.stderr, flush=True)
        if isinstance(event, Message):
            shown += 1


async def _conversations(me: Client, arguments: argparse.Namespace) -> None:
    await caught_up(me)
    for conversation_id, title, unread in await me.conversations():
        print(f"{conversation_id}  {title}  {f'({unread} unread)' if unread else ''}".rstrip())


async def _history(me: Client, arguments: argparse.Namespace) -> None:
    await caught_up(me)
    for message in await me.history(await conversation(me, arguments.to)):
        print(chatting.line(message, {}))


async def _groups(me: Client, arguments: argparse.Namespace) -> None:
    match [arguments.action, *arguments.values]:
        case ["create", title, *names]:
            print(await me.create_group(title, names))
        case ["add", group, *names]:
            for account_id, reason in (await me.add_members(group, names)).items():
                print(f"{account_id}: {reason}")
        case ["remove", group, *names]:
            await me.remove_members(group, names)
        case ["leave", group]:
            await me.leave_group(group)
        case ["role", group, name, role]:
            await me.set_role(group, name, role)
        case ["title", group, title]:
            await me.set_title(group, title)
        case _:
            raise TidewireError(
                "groups takes: create TITLE NAME…, add ID NAME…, remove ID NAME…, leave ID, role ID NAME ROLE, title ID TITLE"
            )


async def _search(me: Client, arguments: argparse.Namespace) -> None:
    for message in await me.search(" ".join(arguments.words)):
        print(f"{message.conversation_id} {chatting.line(message, {})}")


async def caught_up(me: Client, timeout_s: float = 10.0) -> None:
    """Wait until the store has everything; go on without it when the server is away."""
    try:
        async with asyncio.timeout(timeout_s):
            await me.caught_up()
    except TimeoutError:
        print("(the server does not answer; this is what the device knows)", file=sys.stderr)


async def _doctor(me: Client, arguments: argparse.Namespace) -> None:
    check = "SELECT count(*) FROM envelopes"
    stored = (await me._store.run(lambda: me._store.db.execute(check).fetchone()))[0]
    print(f"store    ok: {stored} envelopes, {len(await me.waiting())} in the outbox")
    if not me.account_id:
        print("account  nobody is signed in: tidewire register NAME, or tidewire login NAME")
        return
    print(f"account  {me.account_id}, device {me.device_id}")
    queue = me.listen()
    try:
        async with asyncio.timeout(10):
            while True:
                event = await queue.get()
                if isinstance(event, Connected):
                    break
                if isinstance(event, Disconnected):
                    print(f"server   {event.reason}")
                    if event.retry_in_s is None:
                        return
    except TimeoutError:
        print("server   does not answer: is it running, and is --server right?")
        return
    print("server   ok, token ok")
