"""Fetches what a Cassandra node consists of, once for all checkouts: `python -m tests.support.cassandra.fetch`."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

VERSION = "5.0.5"
HERE = Path(__file__).parent


def folder() -> Path:
    """Where it lies: $TW_TESTS_CASSANDRA, else the user's cache."""
    chosen = os.environ.get("TW_TESTS_CASSANDRA")
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else cached / "tidewire" / f"cassandra-{VERSION}"


@cache
def java() -> str:
    """A Java 17: newer ones lack what Cassandra 5 needs, older ones are not tested."""
    found = [str(path) for path in sorted(Path("/usr/lib/jvm").glob("*17*/bin/java"))]
    home = os.environ.get("JAVA_HOME")
    for candidate in [*([f"{home}/bin/java"] if home else []), *found, "java"]:
        if shutil.which(candidate) and re.search(r'version "17\.', _output(candidate, "-version")):
            return candidate
    return ""


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


@cache
def jars() -> Path:
    """The folder of jars; fetched, and Java and Maven installed, when they are missing."""
    kept = folder()
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [*([] if java() else ["openjdk-17-jre-headless"]), *([] if shutil.which("setpriv") else ["util-linux"])]
        fetched = (kept / "lib").is_dir()
        if not fetched and not shutil.which("mvn"):
            missing.append("maven")
        if missing:
            subprocess.run(["apt-get", "update", "-q"], check=True)
            subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", *missing], check=True)
            java.cache_clear()
        if not fetched:
            _copy(kept)
    assert java(), "there is no Java 17"
    return kept / "lib"


def _copy(kept: Path) -> None:
    """Under another name first, so that a broken download is never taken for a whole one."""
    with tempfile.TemporaryDirectory(dir=kept) as work:
        target = Path(work) / "lib"
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
        subprocess.run(command, check=True)
        target.rename(kept / "lib")


if __name__ == "__main__":
    print(jars())
