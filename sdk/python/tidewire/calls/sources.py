"""Where the media of a call comes from and goes to: files, microphones, speakers of terminals. On aiortc and its ffmpeg."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidewire.calls.call import CallMedia
from tidewire.errors import TidewireError

try:
    from aiortc.contrib.media import MediaBlackhole, MediaPlayer, MediaRecorder, MediaRelay
    from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
except ImportError as error:
    raise TidewireError("calls need aiortc: pip install 'tidewire[calls]'") from error

FULL_SCALE = 32_768
SILENT_DB = -127.0
SPEECH_DB = -50.0
"""Louder than this counts as speech."""


def silence() -> CallMedia:
    """For who only listens."""
    return CallMedia(audio=AudioStreamTrack)


def file(path: Path, *, loop: bool = False) -> CallMedia:
    """A file, in real time, from the moment the call is taken.

    Raises:
        TidewireError: it cannot be read, or has neither sound nor pictures.
    """
    try:
        with contextlib.closing(_Opened(MediaPlayer(str(path)))) as probe:
            has_audio, has_video = probe.player.audio is not None, probe.player.video is not None
    except (OSError, ValueError) as error:
        raise TidewireError(f"{path} cannot be played: {error}") from error
    player: list[Any] = []

    def opened() -> Any:
        if not player:
            player.append(MediaPlayer(str(path), loop=loop))
        return player[0]

    audio: Callable[[], Any] = (lambda: opened().audio) if has_audio else AudioStreamTrack
    return CallMedia(audio=audio, video=(lambda: opened().video) if has_video else None)


def microphone(device: str = "default", *, camera: str = "") -> CallMedia:
    """The machine's microphone (ALSA), and a camera (Video4Linux) where one is named, such as /dev/video0.

    Raises:
        TidewireError: there is none.
    """

    def audio() -> Any:
        return MediaPlayer(device, format="alsa").audio

    def video() -> Any:
        return MediaPlayer(camera, format="v4l2", options={"video_size": "640x480"}).video

    try:
        with contextlib.closing(_Opened(MediaPlayer(device, format="alsa"))):
            pass
    except (OSError, ValueError) as error:
        raise TidewireError(
            f"there is no microphone {device!r} here ({error}); use --file, or --silent to listen only"
        ) from error
    return CallMedia(audio=audio, video=video if camera else None)


class _Opened:
    """A player that is looked at, and not played."""

    def __init__(self, player: Any) -> None:
        self.player = player

    def close(self) -> None:
        for track in (self.player.audio, self.player.video):
            if track is not None:
                track.stop()


class Sink:
    """Takes what the other side sends: records it, or throws it away, and tells how loud it is."""

    def __init__(self, tasks: asyncio.TaskGroup, record: Path | None = None) -> None:
        """
        Raises:
            TidewireError: the file cannot be written, or its ending names no format.
        """
        try:
            self._recorder: Any = MediaBlackhole() if record is None else MediaRecorder(str(record))
        except (OSError, ValueError) as error:
            raise TidewireError(f"{record} cannot be written: {error}") from error
        self.level_db = SILENT_DB
        """Of the newest sound; 0 is the loudest there is."""
        self._relay = MediaRelay()
        self._tasks = tasks
        self._metering: list[asyncio.Task[None]] = []
        self._started = False

    def add(self, track: Any) -> None:
        """A track of the other side."""
        self._recorder.addTrack(self._relay.subscribe(track))
        if track.kind == "audio":
            self._metering.append(self._tasks.create_task(self._meter(self._relay.subscribe(track)), name="tidewire meter"))

    async def start(self) -> None:
        """Begin, once all tracks are there."""
        if not self._started:
            self._started = True
            await self._recorder.start()

    async def stop(self) -> None:
        """End; the file is whole."""
        for task in self._metering:
            task.cancel()
        if self._started:
            await self._recorder.stop()

    @property
    def speaks(self) -> bool:
        """Somebody speaks at this moment."""
        return self.level_db > SPEECH_DB

    async def _meter(self, track: Any) -> None:
        try:
            while True:
                frame = await track.recv()
                samples = memoryview(bytes(frame.planes[0])).cast("h")
                step = max(1, len(samples) // 240)
                some = samples[::step]
                power = sum(sample * sample for sample in some) / max(1, len(some))
                self.level_db = 10 * math.log10(power / FULL_SCALE**2) if power else SILENT_DB
        except MediaStreamError:
            self.level_db = SILENT_DB
