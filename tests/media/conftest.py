"""One workshop and one corpus for all tests of media."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tidewire.media_rules.limits import MediaLimits

from media.adapters.ffmpeg.opening import opened
from media.adapters.ffmpeg.workshop import FfmpegWorkshop
from tests.media import corpus


@pytest.fixture(scope="session")
def files() -> Path:
    """The folder with the corpus, made by the real ffmpeg, kept between runs."""
    return corpus.made()


@pytest.fixture(scope="session")
def workshop() -> FfmpegWorkshop:
    """On the system's ffmpeg, in the best sandbox that works here."""
    return asyncio.run(opened(MediaLimits()))
