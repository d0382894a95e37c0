"""The report as one HTML page that needs nothing else: plots are SVG."""

from __future__ import annotations

import html as markup
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidewire.load.figures import cpu_used
from tidewire.load.latencies import percentile
from tidewire.load.report import SHARES, Result, text

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 240, 64, 16, 28
COLOURS = ("#1b6ca8", "#2a9d6f", "#d98e04", "#b3261e")
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 800px; margin: 2rem auto; padding: 0 1rem; }
pre { white-space: pre-wrap; padding: 1rem; border: 1px solid #8886; border-radius: 6px; }
pre.bad { border-color: #b3261e; border-width: 2px; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
svg .grid { stroke: #8884; } svg .line { fill: none; stroke-width: 1.6; }
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    points: Points


def _steps(top: float) -> list[float]:
    """Round values from 0 to at least `top`."""
    raw = max(top, 1e-9) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [step * n for n in range(math.ceil(top / step) + 1)] if top > 0 else [0.0, 1.0]


def plot(title: str, unit: str, lines: Sequence[Line], seconds: float) -> str:
    """One plot over time."""
    values = [y for line in lines for _, y in line.points]
    if not values:
        return ""
    steps = _steps(max(values))
    across, down = (WIDTH - LEFT - 8) / max(seconds, 1), (HEIGHT - TOP - BOTTOM) / steps[-1]
    parts = [f"<h2>{markup.escape(title)}</h2>", f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    parts.append(f"<title>{markup.escape(title)}, {markup.escape(unit)}</title>")
    for step in steps:
        y = HEIGHT - BOTTOM - step * down
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{step:g}</text>')
    for second in _steps(seconds):
        if second <= seconds:
            parts.append(f'<text x="{LEFT + second * across:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{second:g} s</text>')
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{LEFT + x * across:.1f},{HEIGHT - BOTTOM - y * down:.1f}" for x, y in line.points)
        parts.append(f'<polyline class="line" stroke="{colour}" points="{points}"/>')
        parts.append(f'<text x="{LEFT + 8 + 90 * number}" y="{TOP - 4}" style="fill:{colour}">{markup.escape(line.name)}</text>')
    parts.append(f'<text x="{WIDTH - 8}" y="{TOP - 4}" text-anchor="end">{markup.escape(unit)}</text></svg>')
    return "".join(parts)


def html(result: Result) -> str:
    """The page."""
    seconds = max([result.plan.seconds, *result.latencies.seconds, *(s.at - result.begin for s in result.samples)])
    by_second = sorted(result.latencies.seconds.items())
    latency = [Line(name, [(s, percentile(counts, share) or 0.0) for s, counts in by_second]) for name, share in SHARES.items()]
    rate = [Line("delivered", [(s, float(sum(counts.values()))) for s, counts in by_second])]
    pairs = list(zip(result.samples, result.samples[1:], strict=False))
    cpu = [Line("all nodes", [(b.at - result.begin, cpu_used((a, b)) / max(0.1, b.at - a.at)) for a, b in pairs])]
    memory = [Line("all nodes", [(s.at - result.begin, s.rss / 2**20) for s in result.samples])]
    streams = [Line("open", [(s.at - result.begin, s.streams) for s in result.samples])]
    plots = [
        plot("Latency, by the second in which a message was due", "ms", latency, seconds),
        plot("Deliveries", "per s", rate, seconds),
        plot("CPU of the server", "cores", cpu, seconds),
        plot("Memory of the server", "MiB", memory, seconds),
        plot("Streams", "", streams, seconds),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Tidewire: {result.plan.pattern}</title><style>{STYLE}</style>'
        f'<h1>Tidewire under load</h1><pre class="{"bad" if result.errors else "good"}">{markup.escape(text(result))}</pre>'
        + "".join(plots)
        + "</html>\n"
    )
