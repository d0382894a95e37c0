"""The commands and their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

from tidewire.cli import calling, commands, completion, doctor, door, files, groups, joining, people, plain
from tidewire.cli.profile import DEFAULT_SERVER, Profile

Run = Callable[[Profile, argparse.Namespace], Awaitable[int | None]]
Commands = Any
"""What `ArgumentParser.add_subparsers` returns."""
NAME = "a username, +phone, e-mail address, or a conversation's id or title"


def add(parsers: Commands, name: str, text: str, run: Run, example: str) -> argparse.ArgumentParser:
    """A command."""
    form = argparse.RawDescriptionHelpFormatter
    epilog = f"example:\n  tidewire {example}"
    command: argparse.ArgumentParser = parsers.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, formatter_class=form
    )
    command.set_defaults(run=run)
    return command


def as_json(command: argparse.ArgumentParser) -> None:
    """For programs."""
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def parser() -> argparse.ArgumentParser:
    """All of it."""
    root = argparse.ArgumentParser(
        prog="tidewire",
        description="Chat through a Tidewire server.",
        epilog="example:\n  tidewire --profile ann register ann\n  tidewire --profile ann chat ben",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--profile", default="default", help="whose device this is; two people fit on one machine")
    root.add_argument("--server", help=f"host:port; remembered once it has answered (default {DEFAULT_SERVER})")
    root.add_argument("--pin", help="the fingerprint that a server with tls = auto printed; remembered likewise")
    parsers = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _account(parsers)
    _chat(parsers)
    _groups(parsers)
    _people(parsers)
    _calls(parsers)
    _checks(parsers)
    return root


def _account(parsers: Commands) -> None:
    register = add(parsers, "register", "make an account", people.register, "register ann --display-name 'Ann Lee'")
    register.add_argument("name", help="a username; or a +phone number or e-mail address, which gets a code")
    register.add_argument("--display-name", default="", help="how others see you (default: the name)")
    login = add(parsers, "login", "log in on this device", people.login, "--profile laptop login ann --approve")
    login.add_argument("name", help="your username, +phone or e-mail address")
    login.add_argument("--recovery-code", default="", help="the code that register showed")
    login.add_argument("--approve", action="store_true", help="wait for the approval of another device of yours")
    login.add_argument("--replace", default="", metavar="DEVICE", help="the device to remove when there are too many")
    devices = add(parsers, "devices", "list, remove, rename and approve devices", people.devices, "devices rename ID kitchen")
    devices.add_argument("action", nargs="?", choices=["list", "remove", "rename", "approve"], default="list")
    devices.add_argument("values", nargs="*", metavar="ID [NAME]", help="of remove and rename")
    as_json(devices)


def _chat(parsers: Commands) -> None:
    chat = add(parsers, "chat", "chat: full-screen on a terminal, line by line in a pipe", plain.chat, "chat ben")
    chat.add_argument("to", nargs="?", default="", metavar="NAME", help=NAME)
    chat.add_argument("--plain", action="store_true", help="line by line on a terminal too")
    _send(parsers)
    listen = add(parsers, "listen", "print what comes, for ever", commands.listen, "listen --json")
    as_json(listen)
    listen.add_argument("--count", type=int, default=0, metavar="N", help="stop after N messages")
    conversations = add(
        parsers, "conversations", "list conversations with their unread counts", commands.conversations, "conversations"
    )
    as_json(conversations)
    history = add(parsers, "history", "print a conversation", commands.history, "history ben --limit 20")
    history.add_argument("to", metavar="NAME", help=NAME)
    history.add_argument("--limit", type=int, default=50, metavar="N", help="the last N messages (default 50)")
    as_json(history)
    search = add(parsers, "search", "look for words in what this device has", commands.search, "search umbrella")
    search.add_argument("words", nargs="+")
    as_json(search)


def _send(parsers: Commands) -> None:
    example = "send ben 'see you at six'\n  tidewire send ben --file photo.jpg --caption 'the sea'"
    send = add(parsers, "send", "send a text or a file and wait until the server has it", commands.send, example)
    send.add_argument("to", metavar="NAME", help=NAME)
    send.add_argument("text", nargs="?", default="", help="the text; - reads standard input; with --file: the caption")
    send.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="give up when nothing moves for S seconds (default 30)"
    )
    send.add_argument("--preview", action="store_true", help="with what the linked page says of itself")
    send.add_argument("--file", default="", metavar="PATH", help="send a file")
    send.add_argument("--as", dest="kind", choices=sorted(files.KINDS), help="what to send it as (default: what it looks like)")
    send.add_argument("--caption", default="", metavar="TEXT", help="below the file")
    send.add_argument("--view-once", action="store_true", help="each recipient opens it once, on one device")
    send.add_argument("--fit", action="store_true", help="make a video that is too large fit")
    send.add_argument("--trim", type=files.trimmed, metavar="FROM-TO", help="of a video only this part: 5-65, 1:05-2:00, 90-")
    opening = add(parsers, "open", "download a file, and draw pictures", files.open_file, "open ben 12 --to ~/Pictures")
    opening.add_argument("to", metavar="NAME", help=NAME)
    opening.add_argument(
        "seq", nargs="?", type=int, metavar="SEQ", help="the message's number (default: the last one with a file)"
    )
    opening.add_argument(
        "--to", dest="path", default="", metavar="PATH", help="the file, or its folder (default: the current one)"
    )
    uploads = add(parsers, "uploads", "files on their way, and those that were refused", files.uploads, "uploads --finish")
    uploads.add_argument("--cancel", default="", metavar="ID", help="give one up, or take one that was refused off the list")
    uploads.add_argument("--finish", action="store_true", help="wait until all are sent or refused")
    as_json(uploads)


def _groups(parsers: Commands) -> None:
    group = parsers.add_parser("groups", help="make and change groups", description="Make and change groups.")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = add(actions, "create", "make a group; prints its id", groups.create, "groups create Lunch ben cat")
    create.add_argument("title")
    create.add_argument("names", nargs="*", metavar="NAME")
    create.add_argument("--description", default="")

    def about(name: str, text: str, run: Run, example: str, *positional: str) -> argparse.ArgumentParser:
        command = add(actions, name, text, run, f"groups {example}")
        command.add_argument("group", help="the group's id or title")
        for argument in positional:
            command.add_argument(argument.rstrip("+"), nargs="+" if argument.endswith("+") else None)
        return command

    about("add", "add people", groups.add, "add Lunch dan eve", "names+")
    about("remove", "remove people", groups.remove, "remove Lunch dan", "names+")
    about("leave", "leave a group", groups.leave, "leave Lunch")
    role = about("role", "give somebody a role", groups.role, "role Lunch cat owner", "name")
    role.add_argument("role", choices=["owner", "admin", "member"])
    about("promote", "make somebody an admin", groups.promote, "promote Lunch cat", "name")
    about("demote", "make an admin a member", groups.demote, "demote Lunch cat", "name")
    avatar = about("avatar", "show a group's picture, or give it another one", groups.avatar, "avatar Lunch table.jpg")
    avatar.add_argument("file", nargs="?", default="", metavar="FILE", help="the new picture; it is cut to a square")
    avatar.add_argument("--remove", action="store_true", help="take the picture away")
    about("title", "give a group another title", groups.title, "title Lunch Dinner", "title")
    about("description", "give a group another description", groups.description, "description Lunch 'at noon'", "description")
    as_json(about("members", "list members with their roles", groups.members, "members Lunch"))


def _people(parsers: Commands) -> None:
    person = add(
        parsers, "profile", "show somebody, or yourself, and change your picture", people.person, "profile --avatar me.jpg"
    )
    person.add_argument("name", nargs="?", default="", metavar="NAME", help="a username, +phone or e-mail address (default: you)")
    person.add_argument("--avatar", default="", metavar="FILE", help="your new picture; it is cut to a square")
    person.add_argument("--no-avatar", action="store_true", help="have no picture")
    as_json(person)
    known = add(
        parsers, "contacts", "list, add and remove people whom you know", people.contacts, "contacts add ben 'Ben from work'"
    )
    known.add_argument("action", nargs="?", choices=["list", "add", "remove"], default="list")
    known.add_argument("values", nargs="*", metavar="NAME", help="of add and remove; add also takes how you call them")
    as_json(known)
    block = add(parsers, "block", "block somebody, who is not told", people.block, "block mallory")
    block.add_argument("name")
    unblock = add(parsers, "unblock", "take a block back; without NAME: list the blocked", people.unblock, "unblock mallory")
    unblock.add_argument("name", nargs="?", default="")
    privacy = add(parsers, "privacy", "show or change who may see what", people.privacy, "privacy --last-seen contacts")
    audiences = ["everyone", "contacts", "nobody"]
    privacy.add_argument("--last-seen", choices=audiences, help="who sees whether you are online, and when you were")
    privacy.add_argument("--add-to-groups", choices=audiences, help="who may add you to groups")
    privacy.add_argument("--read-receipts", choices=["on", "off"], help="in direct conversations, both ways")
    privacy.add_argument("--findable", choices=["on", "off"], help="by phone number and e-mail address")
    privacy.add_argument("--silence-strangers", choices=["on", "off"], help="calls of people who are not contacts make no sound")
    privacy.add_argument("--avatar", choices=audiences, help="who sees your picture")
    as_json(privacy)


def _calls(parsers: Commands) -> None:
    example = "call ben --file hello.wav\n  tidewire call --record heard.wav"
    call = add(parsers, "call", "call somebody; without NAME: wait for a call and take it", calling.call, example)
    call.add_argument("name", nargs="?", default="", metavar="NAME", help=NAME)
    _media(call)
    join = add(
        parsers, "join", "join the call of a group, or begin it; or come by a link", joining.join, "join Lunch --ring --silent"
    )
    join.add_argument("group", metavar="GROUP", help="the group's id or title, or a link")
    join.add_argument("--ring", action="store_true", help="when it begins with this: ring the other members")
    join.add_argument("--muted", action="store_true", help="join with the microphone muted")
    _media(join)
    links = add(parsers, "link", "make, list, change and revoke links into calls", door.link, "link create Lunch --approval on")
    links.add_argument("action", nargs="?", choices=["list", "create", "change", "revoke"], default="list")
    links.add_argument("values", nargs="*", metavar="GROUP|ID", help="of create: a group (default: a room of its own)")
    links.add_argument("--approval", choices=["on", "off"], help="who comes waits until an admin lets them in (default: off)")
    as_json(links)
    page = add(
        parsers, "page", "print the address of the page for calls in a browser, signed in as this device", joining.page, "page"
    )
    page.add_argument(
        "--address", default="", metavar="HOST:PORT", help="of the calls process's HTTP (default: the usual port there)"
    )


def _media(call: argparse.ArgumentParser) -> None:
    call.add_argument("--file", default="", metavar="PATH", help="send this file's sound and pictures instead of the microphone")
    call.add_argument("--loop", action="store_true", help="the file again and again")
    call.add_argument("--silent", action="store_true", help="send nothing, only listen")
    call.add_argument("--microphone", default="default", metavar="NAME", help="an ALSA device (default: default)")
    call.add_argument("--camera", default="", metavar="PATH", help="send pictures, too, such as those of /dev/video0")
    call.add_argument("--record", default="", metavar="PATH", help="keep what the other side sends: .wav, .mp4, .mkv, .mp3")
    call.add_argument("--relay-only", action="store_true", help="through relays alone: nobody learns this device's address")
    call.add_argument("--seconds", type=float, default=0, metavar="N", help="hang up after N seconds of talk")


def _checks(parsers: Commands) -> None:
    as_json(add(parsers, "doctor", "say what is wrong, and what to do", doctor.doctor, "doctor"))
    shells = add(
        parsers, "completion", "print the completion script of a shell", completion.run, "completion bash > ~/.tidewire/bash"
    )
    shells.add_argument("shell", choices=["bash", "zsh", "fish"])
