"""What a sender wants to have made of an upload, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidewire.media_rules.kinds import Kind


class Variant(StrEnum):
    """The files of a blob."""

    MAIN = "main"
    """What is seen, heard or saved."""
    POSTER = "poster"
    """A picture of a video."""
    THUMBNAIL = "thumbnail"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sender wants."""

    kind: Kind
    fit: bool = False
    """A video that is over the limit in bytes is made to fit."""
    trim_start_ms: int = 0
    trim_end_ms: int = 0
    """0: at its end."""
    declared_type: str = ""
    """Content type as the sender believes; decides nothing."""
    view_once: bool = False
    """It is for one envelope, so that bytes which are stored already do not do."""

    @property
    def trims(self) -> bool:
        """Only a part of it is wanted."""
        return bool(self.trim_start_ms or self.trim_end_ms)
