"""What the system says of processes, cores and sockets."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds that all threads of a process have been on a core, exactly; but for threads that have ended."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (OSError, ValueError):
            continue
    return total / 1e9


def ever_cpu_s(pid: int) -> float:
    """The same in steps of 10 ms, with threads that have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * TICK_S


def threads(pid: int) -> int:
    """How many it has."""
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid: int) -> int:
    """How many it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid: int) -> int:
    """Of its memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1_024
    return 0


def busy_s(core: int | None = None) -> float:
    """Seconds that a core, or all of them, were not idle since the start."""
    name = "cpu " if core is None else f"cpu{core} "
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(name):
            user, nice, system, _, _, irq, softirq, steal = (int(word) for word in line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) * TICK_S
    return 0.0


def dropped(pid: int) -> int:
    """Datagrams that the UDP sockets of a process had no room for."""
    inodes = set()
    for name in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(name)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    total = 0
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            total += int(words[12]) if words[9] in inodes else 0
    return total


def calibration_ms() -> float:
    """How long a fixed piece of Python takes here: the best of five. It says how fast the core is now."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        total = 0
        for number in range(100_000):
            total += number & 7
        best = min(best, time.perf_counter() - began)
    return best * 1e3


@dataclass(frozen=True, slots=True)
class Used:
    """Cores used from `began_ns` to `ended_ns` of the system's clock: by the server, by this process, and by everything else on the
    server's core and on all. What is left of a core is by two clocks, and may be a little off either way."""

    began_ns: int
    ended_ns: int
    server: float
    load: float
    other_on_core: float
    other: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.ended_ns - self.began_ns) / 1e9


class Stopwatch:
    """From its making on."""

    def __init__(self, pid: int, core: int) -> None:
        self._pid = pid
        self._core = core
        self._before = self._read()

    def _read(self) -> tuple[int, float, float, float, float]:
        return time.time_ns(), cpu_s(self._pid), cpu_s(os.getpid()), busy_s(self._core), busy_s()

    def used(self) -> Used:
        """Up to now."""
        after = self._read()
        began_ns, ended_ns = self._before[0], after[0]
        took = (ended_ns - began_ns) / 1e9
        server, load, core, everything = ((one - before) / took for before, one in zip(self._before[1:], after[1:], strict=True))
        return Used(began_ns, ended_ns, server, load, core - server, everything - server - load)
