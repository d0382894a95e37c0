"""Downloaded files for showing, beside the store: at most so many bytes; the least recently used go first."""

from __future__ import annotations

import os
from pathlib import Path

BYTES_MAX = 1_073_741_824


class MediaCache:
    """A folder of files, by blob and variant."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self.folder = folder
        self.bytes_max = bytes_max

    def place(self, blob_id: str, variant: str) -> Path:
        """Where a file belongs."""
        return self.folder / f"{blob_id}-{variant}"

    def find(self, blob_id: str, variant: str) -> Path | None:
        """A file that is there; it counts as used now."""
        path = self.place(blob_id, variant)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def trim(self) -> None:
        """Remove what is over the limit."""
        files = [(path.stat().st_mtime_ns, path.stat().st_size, path) for path in self.folder.iterdir() if path.is_file()]
        over = sum(size for _, size, _ in files) - self.bytes_max
        for _, size, path in sorted(files):
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= size

    def clear(self) -> None:
        """Remove everything."""
        for path in self.folder.iterdir() if self.folder.exists() else ():
            path.unlink(missing_ok=True)
