"""Packets are counted whatever ffprobe's output looks like, and cost the worker little."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tidewire.media_rules import sniff
from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Counted, Probe
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Reason, Rejected

from media.adapters.ffmpeg import opening
from media.adapters.ffmpeg.opening import Tools
from media.adapters.ffmpeg.prober import Prober
from media.adapters.ffmpeg.sandbox import Job, Outcome, RunLimits, Sandbox
from media.ports.workshop import WorkshopUnavailable
from tests.media.corpus import encode

pytestmark = pytest.mark.process


class Cutting(Sandbox):
    """Hands on what programs say in pieces of its own, and knows in how many they came."""

    pieces = 0
    lines_together = 0
    """0: as they came."""

    async def run(
        self, argv: Sequence[str], job: Job, limits: RunLimits, on_lines: Callable[[bytes], bool] | None = None
    ) -> Outcome:
        def cut(said: bytes) -> bool:
            assert on_lines
            self.pieces += 1
            lines = said.splitlines(keepends=True)
            size = self.lines_together or len(lines)
            return all(on_lines(b"".join(lines[at : at + size])) for at in range(0, len(lines), size))

        return await super().run(argv, job, limits, cut)


def prober() -> tuple[Prober, Cutting]:
    """On the system's ffprobe."""
    found = opening.tools()
    box = Cutting([found.ffprobe, found.ffmpeg])
    return Prober(found.ffprobe, box, RunLimits()), box


async def probed(source: Path, format: Format, limits: MediaLimits | None = None) -> Probe | Rejected:
    return await prober()[0].probe(source, format, limits or MediaLimits())


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,001 packets of Opus."""
    made = tmp_path_factory.mktemp("minute") / "minute.ogg"
    encode(made, "-f", "lavfi", "-i", "sine=frequency=440:duration=60", "-c:a", "libopus", "-b:a", "24k")
    return made


async def test_a_minute_of_voice_comes_in_few_pieces_though_ffprobe_flushes_its_standard_output_after_each_packet(
    minute: Path,
) -> None:
    asked, box = prober()
    probe = await asked.probe(minute, sniff.OPUS, MediaLimits())
    assert isinstance(probe, Probe) and probe.audio
    assert probe.audio.counted == Counted(3_001, -6, 60_000)
    assert box.pieces < 40


async def test_the_packet_above_the_limit_ends_the_count(minute: Path) -> None:
    assert isinstance(await probed(minute, sniff.OPUS, MediaLimits(packets_max=3_001)), Probe)
    for most in (3_000, 7):
        refused = await probed(minute, sniff.OPUS, MediaLimits(packets_max=most))
        assert refused == Rejected(Reason.TOO_MANY_FRAMES, most, most + 1, "packets")


async def test_where_the_output_is_cut_changes_nothing(minute: Path) -> None:
    asked, box = prober()
    whole = await asked.probe(minute, sniff.OPUS, MediaLimits())
    for box.lines_together in (1, 2, 7):
        assert await asked.probe(minute, sniff.OPUS, MediaLimits()) == whole


@pytest.mark.parametrize("name", ["h264.mp4", "everything.mkv", "mp3.mkv", "mpeg4.avi", "fragments.mp4", "five_seconds.mp4"])
async def test_each_stream_has_its_own_count_and_span(files: Path, name: str) -> None:
    format = sniff.sniff((files / name).read_bytes()[: sniff.HEAD_BYTES])
    assert format
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts_time,dts_time,duration_time"]
    said = subprocess.run([*command, "-of", "compact", files / name], capture_output=True, check=True, text=True).stdout
    packets = [dict(re.findall(r"(\w+)=(-?[\d.]+)", line)) for line in said.splitlines() if line.startswith("packet|")]
    probe = await asyncio.wait_for(probed(files / name, format), 30)
    assert isinstance(probe, Probe)
    for index, stream in enumerate(probe.streams):
        own = [packet for packet in packets if packet["stream_index"] == str(index)]
        starts = [float(packet.get("pts_time") or packet["dts_time"]) for packet in own]
        ends = [at + float(packet.get("duration_time", 0)) for at, packet in zip(starts, own, strict=True)]
        expected = Counted(len(own), round(1_000 * min(starts)), round(1_000 * max(ends))) if own else Counted()
        assert stream.counted == expected, index
    assert len(packets) == sum(stream.counted.packets for stream in probe.streams) > 0


async def test_packets_without_times_lie_one_behind_the_other(tmp_path: Path) -> None:
    raw = tmp_path / "raw.264"
    encode(raw, "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=2", "-c:v", "libx264", "-f", "h264")
    probe = await probed(raw, Format("raw", "", "h264"))
    assert isinstance(probe, Probe) and probe.video
    assert probe.video.counted == Counted(50, 0, 2_000)


async def test_a_ffprobe_that_is_too_old_to_fill_a_buffer_is_refused_at_the_start(tmp_path: Path) -> None:
    found = opening.tools()
    old = tmp_path / "ffprobe"
    old.write_text(
        f'#!/bin/sh\nfor one; do [ "$one" = -o ] && echo "Unrecognized option \'o\'." >&2 && exit 1; done\nexec {found.ffprobe} "$@"\n'
    )
    old.chmod(0o755)
    with pytest.raises(WorkshopUnavailable, match=r"ffmpeg 5\.1 or newer"):
        await opening.opened(MediaLimits(), found=Tools(found.ffmpeg, str(old)))
