"""From rows of runs to one figure for each shape and server: medians, of runs that nothing else disturbed where there are any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS, COMPILED, THEIRS = "tidewire", "tidewire-compiled", "janus"
FIGURES = {
    "cpu_us_per_packet": "CPU per forwarded packet, µs",
    "core": "share of a core",
    "packets_out_per_s": "packets forwarded a second",
    "audio_p99_ms": "delay of sound, p99, ms",
    "video_p99_ms": "delay of pictures, p99, ms",
    "lost": "packets lost",
    "join_cpu_ms": "CPU per join, ms",
    "joins_per_cpu_s": "joins per second of a core",
    "resident_mb": "resident memory, MB",
    "resident_kb_per_party": "resident memory per party, kB",
    "threads": "threads",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """So many rooms of so many parties, of one server.

    Attributes:
        runs: that the figures are of; `undisturbed`: no other work was in any of them.
        clean: runs without loss, by all conditions.
        other: cores that other work used on the server's core: the least and the most.
    """

    rooms: int
    parties: int
    server: str
    figures: dict[str, float]
    runs: int
    clean: int
    undisturbed: bool
    other: tuple[float, float]


def shapes(rows: Iterable[dict[str, Any]]) -> list[Shape]:
    """The smallest first."""
    groups: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["rooms"], row["parties"], row["server"]), []).append(row)
    return [_shape(*key, found) for key, found in sorted(groups.items(), key=lambda one: one[0][:2])]


def _shape(rooms: int, parties: int, server: str, rows: list[dict[str, Any]]) -> Shape:
    calm = [row for row in rows if not row["disturbed"]]
    taken = calm or rows
    for row in taken:
        row["audio_p99_ms"], row["video_p99_ms"] = row["audio_ms"][1], row["video_ms"][1]
        row["joins_per_cpu_s"] = round(1e3 / row["join_cpu_ms"], 1) if row["join_cpu_ms"] else 0.0
    figures = {name: round(float(median(row[name] for row in taken)), 2) for name in FIGURES}
    others = [row["other_on_core"] for row in taken]
    return Shape(
        rooms,
        parties,
        server,
        figures,
        len(taken),
        sum(not row["faults"] for row in taken),
        bool(calm),
        (min(others), max(others)),
    )


def beside(found: list[Shape]) -> list[tuple[Shape, Shape | None, Shape | None]]:
    """Ours, ours with the fan-out in C, and Janus in the same shape."""
    others = {(one.rooms, one.parties, one.server): one for one in found}
    shapes = [(one, one.rooms, one.parties) for one in found if one.server == OURS]
    return [(one, others.get((*size, COMPILED)), others.get((*size, THEIRS))) for one, *size in shapes]


def lines(found: list[Shape]) -> list[dict[str, Any]]:
    """One for each figure and shape, to print."""
    said = []
    for ours, compiled, theirs in beside(found):
        for name, what in FIGURES.items():
            line: dict[str, Any] = {"figure": what, "rooms": ours.rooms, "parties": ours.parties, OURS: ours.figures[name]}
            if compiled is not None:
                line[COMPILED] = compiled.figures[name]
            if theirs is not None:
                line[THEIRS] = theirs.figures[name]
                line["ratio"] = round(ours.figures[name] / theirs.figures[name], 2) if theirs.figures[name] else None
            said.append(line)
    return said
