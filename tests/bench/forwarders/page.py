"""Writes the figures of docs/calls-bench.md and its picture: `python -m tests.bench.forwarders.page ROWS`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from tests.bench.forwarders.medians import OURS, THEIRS, Shape, pairs, shapes

DOCS = Path(__file__).parents[3] / "docs"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
NAMES = {OURS: "Tidewire", THEIRS: "Janus 1.1.2"}
COLOURS = {OURS: "#0b7285", THEIRS: "#b08900"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 340, 60, 50, 60


def load_of(shape: Shape) -> str:
    """As a reader says it."""
    return f"{shape.rooms} calls of {shape.parties}" if shape.rooms > 1 else f"a call of {shape.parties}"


def table(found: list[Shape]) -> str:
    """Two of them, as Markdown."""
    media = ["| | packets/s out | CPU per packet, µs: Tidewire | Janus | ratio | p99 of sound, ms | of pictures, ms | lost |"]
    media.append("|---|---|---|---|---|---|---|---|")
    joins = [
        "| | CPU per join, ms: Tidewire | Janus | resident, MB: Tidewire | Janus | per party, kB: Tidewire | Janus | threads |"
    ]
    joins.append("|---|---|---|---|---|---|---|---|")
    for ours, theirs in pairs(found):
        if theirs is None:
            continue
        a, b = ours.figures, theirs.figures
        mark = "" if ours.undisturbed and theirs.undisturbed else " *"
        media.append(
            f"| {load_of(ours)}{mark} | {a['packets_out_per_s']:,.0f} | {a['cpu_us_per_packet']:.1f} | {b['cpu_us_per_packet']:.1f}"
            f" | **{a['cpu_us_per_packet'] / b['cpu_us_per_packet']:.2f}** | {a['audio_p99_ms']:.1f} / {b['audio_p99_ms']:.1f}"
            f" | {a['video_p99_ms']:.1f} / {b['video_p99_ms']:.1f} | {a['lost']:.0f} / {b['lost']:.0f} |"
        )
        joins.append(
            f"| {load_of(ours)}{mark} | {a['join_cpu_ms']:.1f} | {b['join_cpu_ms']:.1f} | {a['resident_mb']:.0f} | {b['resident_mb']:.0f}"
            f" | {a['resident_kb_per_party']:.0f} | {b['resident_kb_per_party']:.0f} | {a['threads']:.0f} / {b['threads']:.0f} |"
        )
    return "\n".join(media) + "\n\n" + "\n".join(joins) + "\n"


def picture(found: list[Shape]) -> str:
    """Bars: CPU per forwarded packet."""
    both = [(ours, theirs) for ours, theirs in pairs(found) if theirs is not None]
    most = max(one.figures["cpu_us_per_packet"] for pair in both for one in pair)
    step = next(one for one in (1, 2, 5, 10, 20, 50) if most / one <= 8)
    high, wide = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - 20) / max(1, len(both))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">CPU per forwarded packet, µs (less is better)</text>',
    ]
    for number, name in enumerate((OURS, THEIRS)):
        parts.append(f'<rect x="{WIDTH - 250 + 120 * number}" y="13" width="12" height="12" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{WIDTH - 232 + 120 * number}" y="24">{escape(NAMES[name])}</text>')
    for mark in range(0, int(most) + step, step):
        y = HEIGHT - BOTTOM - high * mark / (most * 1.08)
        if y >= TOP:
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>')
    for place, pair in enumerate(both):
        middle = LEFT + wide * (place + 0.5)
        for number, one in enumerate(pair):
            value = one.figures["cpu_us_per_packet"]
            bar, x = high * value / (most * 1.08), middle - 38 + 40 * number
            y = HEIGHT - BOTTOM - bar
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="36" height="{bar:.1f}" fill="{COLOURS[one.server]}"/>')
            parts.append(f'<text x="{x + 18:.1f}" y="{y - 5:.1f}" text-anchor="middle">{value:.1f}</text>')
        parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{load_of(pair[0])}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def conditions(found: list[Shape]) -> str:
    """What was left out, and what else ran."""
    low = min(one.other[0] for one in found)
    high = max(one.other[1] for one in found)
    said = f"Medians of {min(one.runs for one in found)} to {max(one.runs for one in found)} runs; other work used {max(0.0, low):.2f} to "
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
