"""Command lines of ffmpeg, by ffmpeg-python's compiler alone: it never runs anything here.

What all of them have in common: one input with its demuxer forced and every other protocol and demuxer refused, limits on
pixels, streams and single allocations, two threads, no metadata, no chapters, only the streams that are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ffmpeg
from tidewire.media_rules.limits import MediaLimits

from media.adapters.ffmpeg.sandbox import Job
from media.domain.plan import PicturePlan, SoundPlan, SquarePlan, VideoPlan

THREADS = 2
ALLOCATION_BYTES_MAX = 536_870_912
POSTER_SIDE_PX = 1_280
THUMBNAIL_SIDE_PX = 320
BLURHASH_SIDE_PX = 16
"""More than enough for four waves, and a quarter of the work: the hash is computed in Python."""
WAVE_SAMPLES_PER_S = 4_000
PNG_NAME, JPEG_NAME, MP4_NAME = "main.png", "main.jpg", "main.mp4"
POSTER_NAME, THUMBNAIL_NAME, TINY_NAME, WAVE_NAME = "poster.jpg", "thumbnail.jpg", "tiny.rgb", "wave.ulaw"

_NOTHING_BESIDE = "sidedata=mode=delete,metadata=mode=delete"
_BARE = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}


@dataclass(frozen=True, slots=True)
class Commands:
    """Makes argv lists for the ffmpeg at `program`."""

    program: str
    limits: MediaLimits

    def picture(self, job: Job, demuxer: str, plan: PicturePlan, quality: int) -> list[str]:
        """A still picture, its thumbnail, and the few pixels that its blurhash is made of."""
        source = self._source(job, demuxer)
        name = PNG_NAME if plan.codec == "png" else JPEG_NAME
        main = _still(source, job.output(name), _inside(plan.side_px_max), quality, plan.codec)
        return self._argv(main, *_previews(source, job))

    def squares(self, job: Job, demuxer: str, plan: SquarePlan) -> list[str]:
        """Two square crops from the middle."""
        source = self._source(job, demuxer)
        crops = [f"crop='min(iw,ih)':'min(iw,ih)',scale='min({side},iw)':'min({side},iw)'" for side in plan.sides_px]
        main, small = crops
        return self._argv(
            _still(source, job.output(JPEG_NAME), main, 3),
            _still(source, job.output(THUMBNAIL_NAME), small, 3),
            _tiny(source, job, small),
        )

    def thumbnail(self, job: Job, demuxer: str, side: int, quality: int) -> list[str]:
        """A small JPEG alone."""
        return self._argv(_still(self._source(job, demuxer), job.output(THUMBNAIL_NAME), _inside(side), quality))

    def stills(self, job: Job, at_ms: int) -> list[str]:
        """Poster, thumbnail and blurhash pixels of an MP4 of our own."""
        source = self._source(job, "mov", ss=at_ms / 1_000)
        poster = _still(source, job.output(POSTER_NAME), _inside(POSTER_SIDE_PX), 4)
        return self._argv(poster, *_previews(source, job))

    def video(self, job: Job, demuxer: str, plan: VideoPlan) -> list[str]:
        """An MP4 that plays everywhere: copied where it can be, else encoded."""
        cut = {"ss": plan.start_ms / 1_000, "t": plan.length_ms / 1_000} if plan.is_cut else {}
        source = self._source(job, demuxer, **cut)
        streams = [source["v:0"], *([source["a:0"]] if plan.has_audio else [])]
        options: dict[str, Any] = {**_BARE, "f": "mp4", "movflags": "+faststart", "max_muxing_queue_size": 4096}
        options |= {"c:v": "copy"} if plan.copies_video else _h264(plan)
        if plan.has_audio:
            options |= {"c:a": "copy"} if plan.copies_audio else _aac(plan.audio_bits_per_s, 2)
        return self._argv(ffmpeg.output(*streams, job.output(MP4_NAME), **options))

    def sound(self, job: Job, demuxer: str, plan: SoundPlan, name: str) -> list[str]:
        """Sound alone, and for a waveform its samples beside it."""
        source = self._source(job, demuxer)
        options: dict[str, Any] = {**_BARE, "f": plan.muxer, "c:a": plan.codec}
        if plan.bits_per_s:
            options |= {"b:a": plan.bits_per_s, "ar": 48_000, "flags:a": "+bitexact"}
        if plan.codec == "libopus":
            options["application"] = "voip"
        if plan.channels:
            options["ac"] = plan.channels
        if plan.muxer == "ipod":
            options["movflags"] = "+faststart"
        if plan.muxer == "mp3":
            options["id3v2_version"] = 0
        outputs = [ffmpeg.output(source["a:0"], job.output(name), **options)]
        if plan.has_waveform:
            wave = {"f": "mulaw", "c:a": "pcm_mulaw", "ac": 1, "ar": WAVE_SAMPLES_PER_S, "map_metadata": -1}
            outputs.append(ffmpeg.output(source["a:0"], job.output(WAVE_NAME), **wave))
        return self._argv(*outputs)

    def _source(self, job: Job, demuxer: str, **options: Any) -> Any:
        return ffmpeg.input(job.input, f=demuxer, threads=THREADS, **guards(demuxer, self.limits), **options)

    def _argv(self, *outputs: Any) -> list[str]:
        head = [self.program, "-nostdin", "-hide_banner", "-v", "error", "-max_alloc", str(ALLOCATION_BYTES_MAX)]
        head += ["-progress", "pipe:1", "-stats_period", "0.2", "-filter_threads", "1", "-y"]
        together = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
        argv: Sequence[str] = ffmpeg.compile(together, cmd=head)
        return list(argv)


def guards(demuxer: str, limits: MediaLimits) -> dict[str, Any]:
    """Options of every input: what must not be opened or allocated."""
    return {
        "protocol_whitelist": "file",
        "format_whitelist": demuxer,
        "max_streams": limits.streams_max,
        "max_pixels": max(limits.image_pixels_max, limits.video_pixels_max),
        "probesize": 5_000_000,
        "analyzeduration": 5_000_000,
    }


def _h264(plan: VideoPlan) -> dict[str, Any]:
    return {
        "c:v": "libx264",
        "preset": "veryfast",
        "crf": 23,
        "maxrate": plan.video_bits_per_s,
        "bufsize": plan.video_bits_per_s,
        "profile:v": "high",
        "pix_fmt": "yuv420p",
        "vf": f"{_inside(plan.side_px_max, even=True)},{_NOTHING_BESIDE}",
        "fpsmax": plan.frame_rate_max,
        "flags:v": "+bitexact",
        "threads": THREADS,
    }


def _aac(bits_per_s: int, channels: int) -> dict[str, Any]:
    return {"c:a": "aac", "b:a": bits_per_s, "ac": channels, "ar": 48_000, "flags:a": "+bitexact"}


def _inside(side: int, *, even: bool = False) -> str:
    """Made smaller to fit a square of this side, never larger, and never to nothing; of square pixels."""
    share = f"min(1,{side}/max(iw*sar,ih))"
    width, height = f"iw*sar*{share}", f"ih*{share}"
    if even:
        return f"scale=w='max(2,2*trunc({width}/2))':h='max(2,2*trunc({height}/2))',setsar=1"
    return f"scale=w='max(1,round({width}))':h='max(1,round({height}))',setsar=1"


def _still(source: Any, output: str, shape: str, quality: int, codec: str = "mjpeg") -> Any:
    pixels = {"pix_fmt": "yuvj420p", "q:v": quality} if codec == "mjpeg" else {}
    options = {**_BARE, "f": "image2pipe", "c:v": codec, "frames:v": 1, "flags:v": "+bitexact", **pixels}
    return ffmpeg.output(source["v:0"], output, vf=f"{shape},{_NOTHING_BESIDE}", **options)


def _tiny(source: Any, job: Job, shape: str) -> Any:
    side = BLURHASH_SIDE_PX
    options = {"f": "rawvideo", "c:v": "rawvideo", "pix_fmt": "rgb24", "frames:v": 1}
    return ffmpeg.output(source["v:0"], job.output(TINY_NAME), vf=f"{shape},scale={side}:{side}", **options)


def _previews(source: Any, job: Job) -> tuple[Any, Any]:
    shape = _inside(THUMBNAIL_SIDE_PX)
    return _still(source, job.output(THUMBNAIL_NAME), shape, 5), _tiny(source, job, shape)
