"""What the workshop makes of good files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tidewire.media_rules.kinds import Kind
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.verdict import Accepted

from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from media.ports.workshop import Made, Variant, Wish


async def make(workshop: FfmpegWorkshop, source: Path, wish: Wish, out: Path) -> tuple[Made, list[int]]:
    accepted = await workshop.inspect(source, wish, MediaLimits())
    assert isinstance(accepted, Accepted), accepted
    told: list[int] = []
    made = await workshop.make(source, accepted, wish, out, told.append)
    assert isinstance(made, Made), made
    assert told == sorted(told) and told[-1] == 100
    assert {file.path for file in made.files} == set(out.iterdir())
    return made, told


@pytest.mark.parametrize(
    ("name", "kind", "content_type", "variants"),
    [
        ("h264.mp4", Kind.VIDEO, "video/mp4", [Variant.MAIN, Variant.POSTER, Variant.THUMBNAIL]),
        ("photo.jpg", Kind.IMAGE, "image/jpeg", [Variant.MAIN, Variant.THUMBNAIL]),
        ("opus.ogg", Kind.VOICE, "audio/ogg", [Variant.MAIN]),
    ],
)
async def test_a_good_file_becomes_what_is_stored(
    workshop: FfmpegWorkshop, files: Path, tmp_path: Path, name: str, kind: Kind, content_type: str, variants: list[Variant]
) -> None:
    made, _ = await make(workshop, files / name, Wish(kind), tmp_path)
    assert made.facts.content_type == content_type and [file.variant for file in made.files] == variants
