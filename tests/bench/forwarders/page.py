"""Writes the figures of docs/calls-bench.md and its picture: `python -m tests.bench.forwarders.page ROWS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from tests.bench.forwarders.medians import COMPILED, OURS, THEIRS, Shape, beside, shapes

DOCS = Path(__file__).parents[3] / "docs"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
NAMES = {OURS: "Tidewire", COMPILED: "with the fan-out in C", THEIRS: "Janus 1.1.2"}
COLOURS = {OURS: "#0b7285", COMPILED: "#66b3c1", THEIRS: "#b08900"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 340, 60, 50, 60


def load_of(shape: Shape) -> str:
    """As a reader says it."""
    return f"{shape.rooms} calls of {shape.parties}" if shape.rooms > 1 else f"a call of {shape.parties}"


def table(found: list[Shape]) -> str:
    """Two of them, as Markdown: Tidewire, with its fan-out in C, Janus."""
    media = ["| | packets/s out | CPU per packet, µs | of Janus | p99 of sound, ms | of pictures, ms | lost |"]
    media.append("|---|---|---|---|---|---|---|")
    joins = ["| | CPU per join, ms | resident, MB | per party, kB | threads |", "|---|---|---|---|---|"]
    for trio in beside(found):
        ours, _, theirs = trio
        row = [one for one in trio if one is not None]
        mark = "" if all(one.undisturbed for one in row) else " *"

        def said(name: str, digits: int, row: list[Shape] = row) -> str:
            return " / ".join(f"{one.figures[name]:.{digits}f}" for one in row)

        ratio = "–"
        if theirs is not None:
            costs = [one.figures["cpu_us_per_packet"] / theirs.figures["cpu_us_per_packet"] for one in row[:-1]]
            ratio = " / ".join(f"**{cost:.2f}**" for cost in costs)
        media.append(
            f"| {load_of(ours)}{mark} | {ours.figures['packets_out_per_s']:,.0f} | {said('cpu_us_per_packet', 1)} | {ratio}"
            f" | {said('audio_p99_ms', 1)} | {said('video_p99_ms', 1)} | {said('lost', 0)} |"
        )
        joins.append(
            f"| {load_of(ours)}{mark} | {said('join_cpu_ms', 1)} | {said('resident_mb', 0)} | {said('resident_kb_per_party', 0)}"
            f" | {said('threads', 0)} |"
        )
    return "\n".join(media) + "\n\n" + "\n".join(joins) + "\n"


def picture(found: list[Shape]) -> str:
    """Bars: CPU per forwarded packet."""
    trios = [[one for one in trio if one is not None] for trio in beside(found)]
    most = max(one.figures["cpu_us_per_packet"] for trio in trios for one in trio)
    step = next(one for one in (1, 2, 5, 10, 20, 50) if most / one <= 8)
    high, wide = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - 20) / max(1, len(trios))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">CPU per forwarded packet, µs (less is better)</text>',
    ]
    there = {one.server for trio in trios for one in trio}
    for x, name in [pair for pair in zip((WIDTH - 370, WIDTH - 280, WIDTH - 120), NAMES, strict=True) if pair[1] in there]:
        parts.append(f'<rect x="{x}" y="13" width="12" height="12" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 18}" y="24">{escape(NAMES[name])}</text>')
    for mark in range(0, int(most) + step, step):
        y = HEIGHT - BOTTOM - high * mark / (most * 1.08)
        if y >= TOP:
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>')
    for place, trio in enumerate(trios):
        middle = LEFT + wide * (place + 0.5)
        for number, one in enumerate(trio):
            value = one.figures["cpu_us_per_packet"]
            bar, x = high * value / (most * 1.08), middle - 16 * len(trio) + 32 * number
            y = HEIGHT - BOTTOM - bar
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="29" height="{bar:.1f}" fill="{COLOURS[one.server]}"/>')
            parts.append(f'<text x="{x + 14:.1f}" y="{y - 5:.1f}" font-size="11" text-anchor="middle">{value:.1f}</text>')
        parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{load_of(trio[0])}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def conditions(found: list[Shape]) -> str:
    """What was left out, and what else ran."""
    low = min(one.other[0] for one in found)
    high = max(one.other[1] for one in found)
    few, many = min(one.runs for one in found), max(one.runs for one in found)
    runs = f"{few}" if few == many else f"{few} to {many}"
    said = f"Medians of {runs} runs; other work used {max(0.0, low):.2f} to "
    said += f"{high:.2f} of the server's core meanwhile."
    if not all(one.undisturbed for one in found):
        said += " Rows with * are of runs that other work disturbed: there were no others."
    return said + "\n"


def main(file: Path) -> None:
    """Rewrite what is between the marks."""
    found = shapes(json.loads(line) for line in file.read_text().splitlines())
    page = DOCS / "calls-bench.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(before + BEGIN + "\n" + table(found) + "\n" + conditions(found) + "\n" + END + after)
    (DOCS / "calls-bench.svg").write_text(picture(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
