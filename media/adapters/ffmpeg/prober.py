"""Asks ffprobe what a file is, and counts its packets: a header may say what it likes."""

from __future__ import annotations

import re
from pathlib import Path

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import Counted, Probe, from_ffprobe, seconds
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Reason, Rejected

from media.adapters.ffmpeg.commands import ALLOCATION_BYTES_MAX, guards
from media.adapters.ffmpeg.sandbox import Ended, Outcome, RunLimits, Sandbox

_ASKED = (
    "packet=stream_index,pts_time,dts_time,duration_time"
    ":stream=index,codec_name,codec_type,profile,width,height,pix_fmt,sample_aspect_ratio,avg_frame_rate,duration,channels,sample_rate,level"
    ":stream_disposition=attached_pic:stream_side_data=rotation:format=duration"
)
_SIZE = re.compile(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)", re.ASCII)
_SAID_BYTES_MAX = 131_072
_PACKETS_BEGIN, _PACKETS_END = b'    "packets": [', b"    ],"
_TIMES = "".join(rf'(?:, "{name}_time": "(-?[0-9.]{{1,32}})")?' for name in ("pts", "dts", "duration"))
_PACKET = re.compile(rf' +{{ "stream_index": (\d{{1,6}}){_TIMES}'.encode())


class Prober:
    """ffprobe at `program`, in a sandbox."""

    def __init__(self, program: str, sandbox: Sandbox, run_limits: RunLimits) -> None:
        self._program = program
        self._sandbox = sandbox
        self._run_limits = run_limits

    async def probe(self, source: Path, format: Format, limits: MediaLimits) -> Probe | Rejected:
        """What `source` holds, by the demuxer of `format`. Rejected: it could not be asked within its limits."""
        job = self._sandbox.job(source)
        said = _Said(limits.packets_max)
        argv = [self._program, "-v", "error", "-max_alloc", str(ALLOCATION_BYTES_MAX), "-f", format.demuxer]
        for name, value in guards(format.demuxer, limits).items():
            argv += [f"-{name}", str(value)]
        argv += ["-show_entries", _ASKED, "-of", "json=compact=1", job.input]
        outcome = await self._sandbox.run(argv, job, self._run_limits, said.line)
        if outcome.ended is Ended.STOPPED and said.packets > limits.packets_max:
            return Rejected(Reason.TOO_MANY_FRAMES, limits.packets_max, said.packets, "packets")
        size = source.stat().st_size
        if outcome.ended is Ended.WELL and not _SIZE.search(outcome.stderr):
            return from_ffprobe(said.text(), said.counted(), size)
        return refused(outcome, self._run_limits, limits)


def refused(outcome: Outcome, run_limits: RunLimits, limits: MediaLimits) -> Rejected:
    """The reason behind a run that did not end well."""
    errors = outcome.stderr
    detail = printable(errors)
    if outcome.ended is Ended.TIMEOUT:
        return Rejected(Reason.TIMEOUT, run_limits.wall_ms, run_limits.wall_ms, detail)
    if "max_streams" in errors:
        return Rejected(Reason.TOO_MANY_STREAMS, limits.streams_max, limits.streams_max + 1, detail)
    if found := _SIZE.search(errors):
        width, height = (int(side[:9]) for side in found.groups())
        if width * height > limits.image_pixels_max:
            return Rejected(Reason.TOO_MANY_PIXELS, limits.image_pixels_max, width * height, detail)
    if outcome.ended in (Ended.OVER_LIMIT, Ended.STOPPED):
        return Rejected(Reason.TOO_COMPLEX, detail=detail)
    return Rejected(Reason.CORRUPT, detail=detail or outcome.ended.value)


def printable(text: str) -> str:
    """The end of what a program said, for a log: one line, no control characters."""
    return "".join(c if c.isprintable() else " " for c in text[-200:]).strip()


class _Said:
    """Takes ffprobe's JSON line by line: packets are added up, one a line, and the rest is kept."""

    def __init__(self, packets_max: int) -> None:
        self.packets = 0
        self._packets_max = packets_max
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._among_packets = False
        self._spans: dict[int, tuple[int, float | None, float]] = {}

    def line(self, line: bytes) -> bool:
        """False: enough."""
        if self._among_packets and (found := _PACKET.match(line)):
            return self._packet(int(found[1]), found[2] or found[3], found[4])
        if self._among_packets or line == _PACKETS_BEGIN:
            self._among_packets = line != _PACKETS_END  # side data of a packet stands on lines of its own
            return True
        self._rest.append(line)
        self._rest_bytes += len(line)
        return self._rest_bytes <= _SAID_BYTES_MAX

    def _packet(self, stream: int, time: bytes | None, duration: bytes | None) -> bool:
        self.packets += 1
        number, first, last = self._spans.get(stream, (0, None, 0.0))
        at = seconds(time.decode()) if time else None
        lasts = max(0.0, (seconds(duration.decode()) if duration else None) or 0.0)
        if at is not None:
            first = at if first is None else min(first, at)
            last = at + lasts if number == 0 else max(last, at + lasts)
        elif first is None:
            last += lasts
        self._spans[stream] = (number + 1, first, last)
        return self.packets <= self._packets_max

    def text(self) -> str:
        """The JSON without its packets."""
        return b"\n".join(self._rest).decode("utf-8", "replace")

    def counted(self) -> dict[int, Counted]:
        """Each stream's packets."""
        return {
            stream: Counted(number, round((first or 0.0) * 1_000), round(last * 1_000))
            for stream, (number, first, last) in self._spans.items()
        }
