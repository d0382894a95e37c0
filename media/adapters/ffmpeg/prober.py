"""Asks ffprobe what a file is, and counts its packets: a header may say what it likes."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path

from tidewire.media_rules.limits import MediaLimits
from tidewire.media_rules.probe import SECONDS_MAX, Counted, Probe, from_ffprobe
from tidewire.media_rules.sniff import Format
from tidewire.media_rules.verdict import Reason, Rejected

from media.adapters.ffmpeg.commands import ALLOCATION_BYTES_MAX, guards
from media.adapters.ffmpeg.sandbox import Ended, Outcome, RunLimits, Sandbox

BUFFERED = ("-o", "pipe:1")
"""Makes ffprobe (of ffmpeg 5.1 or newer) fill a buffer. To its own standard output it writes, and wakes us, once for each packet."""
_ASKED = (
    "packet=stream_index,pts_time,dts_time,duration_time"
    ":stream=index,codec_name,codec_type,profile,width,height,pix_fmt,sample_aspect_ratio,avg_frame_rate,duration,channels,sample_rate,level"
    ":stream_disposition=attached_pic:stream_side_data=rotation:format=duration"
)
_SIZE = re.compile(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)", re.ASCII)
_SAID_BYTES_MAX = 131_072
_PACKETS_BEGIN, _PACKETS_END = b'\n    "packets": [\n', b"\n    ],\n"
_TIMES = "".join(rf'(?:, "{name}_time": "(-?[0-9]{{1,30}}\.[0-9]{{1,9}})")?' for name in ("pts", "dts", "duration"))
_PACKET = re.compile(rf'^ +{{ "stream_index": ([0-9]{{1,6}}){_TIMES}'.encode(), re.M)


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
        argv += ["-show_entries", _ASKED, "-of", "json=compact=1", *BUFFERED, job.input]
        outcome = await self._sandbox.run(argv, job, self._run_limits, said.lines)
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
    """Takes ffprobe's JSON, of which packets are added up and the rest is kept."""

    def __init__(self, packets_max: int) -> None:
        self.packets = 0
        """One more than `packets_max` at the most."""
        self._packets_max = packets_max
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._among_packets = False
        self._spans: defaultdict[bytes, _Span] = defaultdict(_Span)

    def lines(self, text: bytes) -> bool:
        """Whole lines. False: enough."""
        while text:
            mark = _PACKETS_END if self._among_packets else _PACKETS_BEGIN
            part, found, text = (b"\n" + text).partition(mark)
            if self._among_packets:
                self._add(part)
            else:
                self._rest.append(part)
                self._rest_bytes += len(part)
            self._among_packets ^= bool(found)
        return self.packets <= self._packets_max and self._rest_bytes <= _SAID_BYTES_MAX

    def _add(self, text: bytes) -> None:
        packets = _PACKET.findall(text)[: self._packets_max + 1 - self.packets]
        self.packets += len(packets)
        for stream in {packet[0] for packet in packets}:
            self._spans[stream].add([packet for packet in packets if packet[0] == stream])

    def text(self) -> str:
        """The JSON without its packets."""
        return b"".join(self._rest).decode("utf-8", "replace")

    def counted(self) -> dict[int, Counted]:
        """Each stream's packets."""
        return {int(stream): span.counted() for stream, span in self._spans.items()}


class _Span:
    """What the packets of one stream span. Packets without a time, before any that has one, lie one behind the other."""

    __slots__ = ("_first_s", "_last_s", "_packets")

    def __init__(self) -> None:
        self._packets = 0
        self._first_s = math.inf
        self._last_s = -math.inf

    def add(self, packets: list[tuple[bytes, bytes, bytes, bytes]]) -> None:
        """More packets: stream, times and duration; b"" for what was not said. What is inside the loop is run for every packet of every file."""
        first_s, last_s = self._first_s, self._last_s
        for _, pts, dts, duration in packets:
            lasts_s = float(duration or 0)
            if not 0 <= lasts_s < SECONDS_MAX:
                lasts_s = 0.0
            time = pts or dts
            if time and abs(at_s := float(time)) < SECONDS_MAX:
                if at_s < first_s:
                    first_s = at_s
                if at_s + lasts_s > last_s:
                    last_s = at_s + lasts_s
            elif first_s == math.inf:
                last_s = max(0.0, last_s) + lasts_s
        self._packets += len(packets)
        self._first_s, self._last_s = first_s, last_s

    def counted(self) -> Counted:
        """All of them."""
        first_s = 0.0 if self._first_s == math.inf else self._first_s
        return Counted(self._packets, round(first_s * 1_000), round(self._last_s * 1_000))
