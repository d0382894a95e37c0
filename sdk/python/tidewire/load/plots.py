"""Plots over time as SVG, each with its title, legend and axes named. Small enough in their own units to be read on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 400, 230, 66, 12, 10, 42
DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Lines differ in more than their colour."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    steps: Sequence[Point | None]
    """Second and value, in order. None: a gap."""

    @property
    def points(self) -> list[Point]:
        """Those that are there."""
        return [step for step in self.steps if step is not None]

    def pieces(self) -> list[list[Point]]:
        """What is between gaps."""
        pieces: list[list[Point]] = [[]]
        for step in self.steps:
            if step is not None:
                pieces[-1].append(step)
            elif pieces[-1]:
                pieces.append([])
        return [piece for piece in pieces if piece]


@dataclass(frozen=True, slots=True)
class Plot:
    """What is shown."""

    title: str
    unit: str
    """Of the values, upwards."""
    lines: Sequence[Line]
    since: float
    """Where the time axis begins, in seconds."""
    until: float
    logarithmic: bool = False


def _steps(first: float, last: float) -> list[float]:
    """Round values from `first` or below to `last` or above."""
    span = max(last - first, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / 4)
    low, high = math.floor(first / step), math.ceil(last / step)
    return [round(step * n, 9) for n in range(low, max(high, low + 1) + 1)]


def number(value: float) -> str:
    """As people write it."""
    return f"{value:,.10g}"


class _Scales:
    """Where values are in the picture."""

    def __init__(self, plot: Plot) -> None:
        values = [y for line in plot.lines for _, y in line.points]
        self._since, self._span = plot.since, max(plot.until - plot.since, 1e-9)
        self._logarithmic = plot.logarithmic
        if plot.logarithmic:
            low = math.floor(math.log10(max(min(values), 1e-3)))
            high = max(low + 1, math.ceil(math.log10(max(*values, 1e-3)) - 1e-9))
            self.steps = [10.0**n for n in range(low, high + 1)]
        else:
            self.steps = _steps(0, max(values))
        self._low, self._high = self._on(self.steps[0]), self._on(self.steps[-1])

    def _on(self, value: float) -> float:
        return math.log10(max(value, 1e-3)) if self._logarithmic else value

    def x(self, second: float) -> float:
        """From the left."""
        return LEFT + (second - self._since) * (WIDTH - LEFT - RIGHT) / self._span

    def y(self, value: float) -> float:
        """From the top."""
        return HEIGHT - BOTTOM - (self._on(value) - self._low) * (HEIGHT - TOP - BOTTOM) / (self._high - self._low)


def figure(plot: Plot, name: str) -> str:
    """The plot as a `figure`; "" when there is nothing to show. `name` is the only one of its kind in the page."""
    if not any(line.points for line in plot.lines):
        return ""
    scales = _Scales(plot)
    shown = "".join(_line(line, nth, scales) for nth, line in enumerate(plot.lines))
    return (
        f'<figure><figcaption id="{name}">{escape(plot.title)}</figcaption>{_legend(plot)}'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name} {name}-says">'
        f'<desc id="{name}-says">{escape(_said(plot))}</desc>{_axes(plot, scales)}{shown}</svg></figure>\n'
    )


def _axes(plot: Plot, scales: _Scales) -> str:
    parts = []
    for step in scales.steps:
        y = scales.y(step)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{number(step)}</text>')
    for second in _steps(plot.since, plot.until):
        if plot.since <= second <= plot.until:
            x = scales.x(second)
            parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>')
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{number(second)}</text>')
    middle, unit = (TOP + HEIGHT - BOTTOM) / 2, plot.unit + (", logarithmic" if plot.logarithmic else "")
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">seconds of the load</text>')
    parts.append(f'<text transform="translate(11 {middle}) rotate(-90)" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def _line(line: Line, nth: int, scales: _Scales) -> str:
    return "".join(_piece(piece, nth, scales) for piece in line.pieces())


def _piece(points: Sequence[Point], nth: int, scales: _Scales) -> str:
    if len(points) == 1:
        ((x, y),) = points
        return f'<circle class="c{nth % 4}" cx="{scales.x(x):.1f}" cy="{scales.y(y):.1f}" r="2"/>'
    places = " ".join(f"{scales.x(x):.1f},{scales.y(y):.1f}" for x, y in points)
    return f'<polyline class="c{nth % 4}" stroke-dasharray="{DASHES[nth % 4]}" points="{places}"/>'


def _legend(plot: Plot) -> str:
    items = (
        f'<li><svg class="key" viewBox="0 0 28 8" aria-hidden="true"><polyline class="c{n % 4}" stroke-dasharray="{DASHES[n % 4]}"'
        f' points="0,4 28,4"/></svg>{escape(line.name)}</li>'
        for n, line in enumerate(plot.lines)
    )
    return f"<ul>{''.join(items)}</ul>"


def _said(plot: Plot) -> str:
    """What a person who does not see it is told."""
    told = []
    for line in plot.lines:
        if line.points:
            at, most = max(line.points, key=lambda point: point[1])
            low, last = min(y for _, y in line.points), line.points[-1][1]
            unit = f"{plot.unit}, the most {at:.1f} s after the beginning"
            told.append(f"{line.name}: from {low:.4g} to {most:.4g} {unit}; {last:.4g} at the end.")
    return " ".join(told)
