"""Pictures of people and groups: the client's side."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from tidewire.attachments import Attachments, Progress, checked
from tidewire.errors import Unreachable
from tidewire.media import Avatar, Media, avatar_of
from tidewire.media_rules.kinds import Kind
from tidewire.transport import new_envelope_id, refused
from tidewire.v1 import account_pb2, envelope_pb2


class Avatars(Attachments):
    """The pictures' side of a client."""

    async def set_avatar(self, path: str | Path, *, progress: Progress | None = None) -> Avatar:
        """Make a picture the own one: cut to a square, in two sizes. Returns when everybody who may can see it.

        Unlike a message it is not kept: where this is interrupted, call it again; bytes that have arrived are not sent twice.

        Args:
            progress: called with each `UploadMoved`, which also comes as an event.

        Raises:
            MediaRejected: it is over a limit, or no picture. Refused, Unreachable. OSError: it cannot be read.
        """
        avatar = await self._uploaded_avatar(f"p:{self.account_id}", path, progress)
        return await self._update_account(account_pb2.UpdateAccountRequest(avatar=avatar)) or Avatar(avatar.blob_id)

    async def remove_avatar(self) -> None:
        """Have no picture.

        Raises:
            Refused, Unreachable
        """
        await self._update_account(account_pb2.UpdateAccountRequest(avatar=envelope_pb2.Avatar()))

    async def set_group_avatar(self, conversation_id: str, path: str | Path, *, progress: Progress | None = None) -> None:
        """Give a group a picture. Otherwise as `set_avatar`.

        Raises:
            As `set_avatar`.
        """
        avatar = await self._uploaded_avatar(conversation_id, path, progress)
        await self._update(conversation_id, envelope_pb2.GroupProfile(avatar=avatar))

    async def remove_group_avatar(self, conversation_id: str) -> None:
        """Take the group's picture away.

        Raises:
            Refused, Unreachable
        """
        await self._update(conversation_id, envelope_pb2.GroupProfile(avatar=envelope_pb2.Avatar()))

    async def avatar(self, of: str, *, small: bool = False) -> Path | None:
        """The picture of a person or a group, from the cache or loaded into it. None: there is none, or none to be seen.

        Args:
            of: an account's id, or a group's.
            small: the square of 96 pixels a side, instead of 640.

        Raises:
            Refused: it went away at this moment. Unreachable.
        """
        group = of.startswith("g:")
        found = await (self._group_avatar(of) if group else self._person_avatar(of))
        if found is None:
            return None
        picture = Media(found.blob_id, Kind.AVATAR.value, "image/jpeg", 0, b"")
        return await self.media_file(of if group else f"p:{of}", picture, "thumbnail" if small else "main")

    async def _group_avatar(self, conversation_id: str) -> Avatar | None:
        return next((one.avatar for one in await self.conversations() if one.conversation_id == conversation_id), None)

    async def _person_avatar(self, account_id: str) -> Avatar | None:
        try:
            found = await self.profiles(account_id)
        except Unreachable:
            found = await self.people(account_id, ask=False)
        return found[account_id].avatar if account_id in found else None

    async def _uploaded_avatar(self, place: str, path: str | Path, progress: Progress | None) -> envelope_pb2.Avatar:
        limits = await self.media_limits()
        file = await asyncio.to_thread(checked, Path(path).expanduser().absolute(), Kind.AVATAR, limits, False)
        upload = replace(file, envelope_id=new_envelope_id(), conversation_id=place, at_ms=time.time_ns() // 1_000_000)
        if progress is not None:
            self._upload_progress[upload.envelope_id] = progress
        try:
            media = await self._uploading.blob(upload)
        finally:
            self._upload_progress.pop(upload.envelope_id, None)
        return envelope_pb2.Avatar(blob_id=media.blob_id)

    async def _update_account(self, request: account_pb2.UpdateAccountRequest) -> Avatar | None:
        response = await self.call(self._transport.accounts.UpdateAccount, request)
        if response.HasField("refusal"):
            raise refused(response.refusal)
        return avatar_of(response.account)
