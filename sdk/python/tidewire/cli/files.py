"""Commands about files: send, open, uploads."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import mimetypes
import re
import sys
from dataclasses import asdict
from pathlib import Path

from tidewire.attachments import UploadingMessage
from tidewire.cli import finding, pictures, wording
from tidewire.cli.profile import Profile
from tidewire.cli.progress import Bar
from tidewire.client import Client
from tidewire.errors import MediaRejected, Refused, TidewireError
from tidewire.events import Message, Sent
from tidewire.media import Media, Stage, UploadMoved
from tidewire.media_rules.kinds import Kind
from tidewire.upload_store import StoredUpload

KINDS = {"photo": Kind.IMAGE, "video": Kind.VIDEO, "voice": Kind.VOICE, "audio": Kind.AUDIO, "document": Kind.DOCUMENT}
PAGE = 200


def trimmed(text: str) -> tuple[int, int]:
    """ "5-65" or "1:05-": from when to when, in milliseconds; an end of 0 is the end.

    Raises:
        ValueError: it is no such thing. argparse says so.
    """
    found = re.fullmatch(r"(?:(\d+):)?(\d+(?:\.\d+)?)?-(?:(?:(\d+):)?(\d+(?:\.\d+)?))?", text)
    if found is None or text == "-":
        raise ValueError(text)
    minutes, seconds, end_minutes, end_seconds = (float(value or 0) for value in found.groups())
    start, end = round(60_000 * minutes + 1_000 * seconds), round(60_000 * end_minutes + 1_000 * end_seconds)
    if end and end <= start:
        raise ValueError(text)
    return start, end


async def send(profile: Profile, arguments: argparse.Namespace) -> None:
    """Send a file and wait until the server has its message."""
    path = Path(arguments.file).expanduser()
    async with profile.open() as me:
        conversation_id = await finding.conversation(me, arguments.to)
        with Bar(path.name) as bar:
            try:
                sending = await me.send_file(
                    conversation_id,
                    path,
                    KINDS.get(arguments.kind),
                    caption=arguments.caption or arguments.text or "",
                    view_once=arguments.view_once,
                    fit=arguments.fit,
                    trim_ms=arguments.trim or (0, 0),
                    progress=bar.moved,
                )
            except MediaRejected as error:
                raise TidewireError(wording.refused_file(path.name, error.reason, error.limit, error.actual)) from error
            except Refused as error:
                raise TidewireError(f"not sent: {error}") from error
            except OSError as error:
                raise TidewireError(f"{path} cannot be read: {error.strerror}") from error
            sent = await _awaited(me, sending, bar, arguments.wait, profile.server)
        print(f"sent as {sent.seq} in {sent.conversation_id}")


async def _awaited(me: Client, sending: UploadingMessage, bar: Bar, wait_s: float, server: str) -> Sent:
    """The server's word, unless nothing moves for `wait_s`."""
    try:
        while True:
            moves = bar.moves
            try:
                async with asyncio.timeout(wait_s):
                    sent: Sent = await sending
                    return sent
            except TimeoutError:
                if bar.moves == moves:
                    raise TidewireError(
                        f"{server} does not answer; the file goes out when tidewire next reaches it, if it stays where it is"
                    ) from None
    except MediaRejected as error:
        await me.cancel_upload(sending.envelope_id)
        raise TidewireError(wording.refused_file(bar.name, error.reason, error.limit, error.actual)) from error
    except Refused as error:
        await me.discard(sending.envelope_id)
        raise TidewireError(f"not sent: {wording.reason(error.reason, str(error))}") from error


async def open_file(profile: Profile, arguments: argparse.Namespace) -> None:
    """Download what a message refers to; print where it is, and draw it where the terminal can."""
    async with profile.open() as me:
        await finding.caught_up(me)
        conversation_id = await finding.conversation(me, arguments.to)
        message, media = await _with_media(me, conversation_id, arguments.seq)
        target = await asyncio.to_thread(place_for, media, message.seq, Path(arguments.path or "."))
        if not await asyncio.to_thread(is_there, target, media):
            with Bar(target.name) as bar:
                try:
                    await me.download(conversation_id, media, target, progress=bar.loaded)
                except Refused as error:
                    raise TidewireError(f"{message.seq} cannot be opened: {gone(media, error)}") from error
        print(target, flush=True)
        if sys.stdout.isatty() and media.kind in (Kind.IMAGE, Kind.VIDEO):
            await _draw(me, conversation_id, media, target)


async def _draw(me: Client, conversation_id: str, media: Media, file: Path) -> None:
    """The small picture, as the worker made it; of what may be seen once, the file itself."""
    try:
        picture = file if media.view_once else await me.media_file(conversation_id, media, "thumbnail")
    except TidewireError:
        return  # it has none
    pictures.draw(picture)


def gone(media: Media, error: Refused) -> str:
    """Why a download was refused, for a person."""
    if error.reason != "NOT_FOUND":
        return str(error)
    return "it was to be seen once, and has been, or it is too old" if media.view_once else "it is not there any more"


async def _with_media(me: Client, conversation_id: str, seq: int | None) -> tuple[Message, Media]:
    """The message at `seq`, else the last one with a file."""
    if seq is not None:
        for message in await me.history(conversation_id, after_seq=seq - 1, before_seq=seq + 1):
            if message.media is not None and not message.deleted:
                return message, message.media
        raise TidewireError(f"{seq} has no file to open")
    before = 2**62
    while found := await me.history(conversation_id, before_seq=before, limit=PAGE):
        for message in reversed(found):
            if message.media is not None and not message.deleted and not (message.mine and message.media.view_once):
                return message, message.media
        before = found[0].seq
    raise TidewireError("there is no file in this conversation")


def place_for(media: Media, seq: int, to: Path) -> Path:
    """Where a file goes: `to`, or in the folder `to` under its name. What is there already and is another file stays."""
    to = to.expanduser()
    if not to.is_dir():
        return to
    wanted = to / file_name(media)
    if not wanted.exists() or is_there(wanted, media):
        return wanted
    return wanted.with_name(f"{wanted.stem}-{seq}{wanted.suffix}")


def file_name(media: Media) -> str:
    """The name of a file as the sender gave it, made harmless, with an ending that tells the truth."""
    given = (
        wording.one_line(media.name).replace("/", "_").replace("\\", "_").replace("\N{REPLACEMENT CHARACTER}", "_").lstrip(". ")
    )
    name = Path(given[:120] or media.kind)
    if media.kind == Kind.DOCUMENT or mimetypes.guess_type(name.name)[0] == media.content_type:
        return name.name
    return name.stem + (mimetypes.guess_extension(media.content_type) or name.suffix)


def is_there(path: Path, media: Media) -> bool:
    """The whole file is there already."""
    if media.view_once or not path.is_file() or path.stat().st_size != media.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == media.sha256


async def uploads(profile: Profile, arguments: argparse.Namespace) -> int:
    """List what is on its way or was refused; give one up; or wait for all. Exit code 1: one was refused meanwhile."""
    async with profile.open() as me:
        if arguments.cancel:
            if arguments.cancel not in {upload.envelope_id for upload in await me.uploads()}:
                raise TidewireError(f"there is no upload {arguments.cancel!r}; `tidewire uploads` lists them")
            await me.cancel_upload(arguments.cancel)
        if arguments.finish:
            await _finished(me)
        found = await me.uploads()
        for upload in found:
            if arguments.json:
                print(json.dumps(asdict(upload), default=bytes.hex))
            else:
                print(f"{upload.envelope_id}  {upload.name}  {wording.size(upload.size_bytes)}  {state(upload)}")
        return 1 if arguments.finish and any(upload.reason for upload in found) else 0


def state(upload: StoredUpload) -> str:
    """Where an upload is, for a person."""
    if upload.reason:
        return wording.refused_file(upload.name, upload.reason, upload.reason_limit, upload.actual)
    return "on its way"


async def _finished(me: Client) -> None:
    events = me.listen()
    names = {upload.envelope_id: upload.name for upload in await me.uploads() if not upload.reason}
    left = set(names)
    with Bar("uploads") as bar:
        while left:
            event = await events.get()
            if isinstance(event, UploadMoved) and event.envelope_id in names:
                bar.moved(event, names[event.envelope_id])
                left -= {event.envelope_id} if event.stage in (Stage.READY, Stage.FAILED) else set()
    while await me.waiting():
        await events.get()
