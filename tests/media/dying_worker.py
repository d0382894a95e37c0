"""The media worker, killed by itself with SIGKILL at its N-th moment: `TW_TESTS_DIE_AT=N python -m tests.media.dying_worker …`.

A moment is the beginning or the end of anything that it does to disk, catalogue, store or file: what may be half done when a process dies
is half done at one of them. Without the variable it lives.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from media import __main__ as worker
from media.adapters import aes_sealer, disk_spool, folder_store, s3_store
from media.adapters.ffmpeg import workshop
from media.adapters.sqlite import catalogue

STEPS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (disk_spool._Writing, ("_write", "sync")),
    (disk_spool.DiskSpool, ("open", "workplace", "remove")),
    (catalogue.SqliteUploads, ("add", "save")),
    (catalogue.SqliteObjects, ("intend", "removed")),
    (catalogue.SqliteBlobs, ("finish", "remove")),
    (catalogue.SqliteClaims, ("hold", "release")),
    (workshop.FfmpegWorkshop, ("inspect", "make")),
    (aes_sealer.AesSealer, ("seal",)),
    (folder_store.FolderStore, ("put", "remove")),
    (s3_store.S3Store, ("put", "remove")),
)


class Moments:
    """Counts them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, with a moment before and one after it."""
        if inspect.iscoroutinefunction(method):

            @functools.wraps(method)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                self()
                result = await method(*args, **kwargs)
                self()
                return result

            return awaited

        @functools.wraps(method)
        def called(*args: Any, **kwargs: Any) -> Any:
            self()
            result = method(*args, **kwargs)
            self()
            return result

        return called


def main() -> int:
    """As `python -m media`."""
    moments = Moments(int(os.environ.get("TW_TESTS_DIE_AT", "0")))
    for kind, names in STEPS:
        for name in names:
            setattr(kind, name, moments.around(getattr(kind, name)))
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
