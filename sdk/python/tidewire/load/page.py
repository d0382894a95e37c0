"""The report as one HTML page that needs nothing else: plots are SVG, and every number is in a table, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from tidewire.load.figures import Sample, cpu_used
from tidewire.load.plots import Line, Plot, Point, figure, number
from tidewire.load.report import MIB, SHARES, TOGETHER_S, Result, as_json, by_second

STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --quiet: #5b6470; --rule: #d8dce1; --good: #1a7048; --bad: #b3261e;
  --c0: #1561a5; --c1: #0f7b55; --c2: #9a5b00; --c3: #a3217a; font: 16px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --text: #e8eaed; --quiet: #a0a8b2; --rule: #3a4047; --good: #58c795;
  --bad: #ff8a80; --c0: #6db3f2; --c1: #5fd0a2; --c2: #f0b354; --c3: #f08fd0; } }
* { box-sizing: border-box; }
body { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; background: var(--page); color: var(--text); }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0 1rem; } .quiet, figcaption small, caption { color: var(--quiet); }
.verdict { border-left: 5px solid var(--good); margin: .5rem 0 1.2rem; padding: .4rem .8rem; font-weight: 600; overflow-wrap: anywhere; }
.verdict.bad { border-color: var(--bad); color: var(--bad); } .verdict ul { margin: 0; padding-left: 1.2rem; }
.facts { columns: 19rem 3; column-gap: 2rem; } .facts table { break-inside: avoid; margin-bottom: .8rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
th, td { padding: .25rem .4rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
th:first-child { text-align: left; padding-left: 0; } th { font-weight: 400; } td { white-space: nowrap; }
.wide { overflow-x: auto; } .wide th, .wide td { white-space: nowrap; font-size: .85rem; } .wide table { width: auto; } thead th { color: var(--quiet); }
code { font: .85rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; } figcaption { font-weight: 600; }
figure ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin: .2rem 0 .3rem; padding: 0; font-size: .9rem; }
figure svg { display: block; width: 100%; height: auto; } figure svg.key { display: inline-block; width: 28px; margin-right: .4rem; }
svg text { font-size: 12px; fill: var(--text); } svg .grid, svg .axis { stroke: var(--rule); } svg polyline { fill: none; stroke-width: 1.8; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
summary { cursor: pointer; padding: .4rem 0; }
"""

Rows = Iterable[tuple[str, str]]


def html(result: Result) -> str:
    """The page."""
    plan, told = result.plan, as_json(result)
    when = result.at.strftime("%Y-%m-%d %H:%M UTC")
    plots = "".join(figure(plot, f"plot{n}") for n, plot in enumerate(_plots(result)))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Tidewire under load: {plan.pattern}, {when}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n<body><main>'
        f'<h1>Tidewire under load: {plan.pattern}</h1><p class="quiet">{when}</p>\n{_verdict(result)}\n'
        f'<section aria-label="Summary"><div class="facts">{_facts(result)}</div></section>\n'
        f"<h2>What was run</h2><p><code>{escape(told['command'])}</code></p>"
        f'<p class="quiet">The accounts were {escape(told["usernames"])}. What was to be sent, and when, was chosen beforehand; latency counts'
        " from the moment at which a message was due until a device had it, so a stall counts for all that it held up.</p>\n"
        f'<h2>Over time</h2><div class="plots">{plots}</div>\n<h2>Second by second</h2>{_by_second(result)}{_server(result)}\n'
        "</main></body></html>\n"
    )


def _verdict(result: Result) -> str:
    if not result.errors:
        return f'<p class="verdict">{escape(result.verdict().capitalize())}.</p>'
    errors = "".join(f"<li>{escape(error)}</li>" for error in result.errors)
    return f'<div class="verdict bad" role="alert"><ul>{errors}</ul></div>'


def _facts(result: Result) -> str:
    plan, back, server = result.plan, result.came_back(), result.server()
    devices: Rows = [
        ("Accounts", number(plan.accounts)),
        ("Devices of each account", number(plan.devices_per_account)),
        ("Conversations", number(result.conversations)),
        ("Members of each, at most", number(plan.group_size)),
        ("Seconds", number(plan.seconds)),
        ("Messages a second, asked for", number(plan.rate)),
        ("Client processes", number(plan.processes)),
        ("Servers", number(len(plan.servers))),
    ]
    messages = [("Sent", number(result.sent)), ("Delivered to devices", number(result.delivered))]
    messages += [(f"Latency {name}", f"{number(ms)} ms") for name, ms in result.latency().items() if ms is not None]
    messages += [(f"Held up by {limit}", f"{number(count)} times") for limit, count in result.throttled.items()]
    names = {
        "cpu_s_per_1000_delivered": "CPU-seconds per 1,000 delivered",
        "cpu_s": "CPU-seconds while messages were sent",
        "rss_max_mib": "Resident memory, at most, MiB",
        "kib_per_device": "Memory per connected device, KiB",
    }
    nodes = [(names[name], number(server[name])) for name in names if name in server]
    tables = [
        ("Messages", messages),
        ("Server, all nodes together", nodes or [("CPU and memory", "unknown without --metrics")]),
        ("Devices that lost their stream", _back(back, result.reconnects)),
        ("Load", devices),
    ]
    return "".join(_table(caption, rows) for caption, rows in tables if rows)


def _back(back: dict[str, float], tries: int) -> list[tuple[str, str]]:
    if not back:  # none was lost, or none has come back
        return [("Tries to come back", number(tries))] if tries else []
    rows = [
        ("Streams lost", number(back["times"])),
        ("Tries to come back", number(tries)),
        ("Lost within", f"{number(back['lost_over'])} s"),
        ("Caught up again, p50", f"{number(back['p50'])} s"),
        ("Caught up again, p99", f"{number(back['p99'])} s"),
        ("Caught up again, the last", f"{number(back['longest'])} s"),
        ("From the first loss until all were", f"{number(back['until_all'])} s"),
        (f"Caught up within the same {TOGETHER_S} s, at most", number(back["together_max"])),
    ]
    if "told" in back:
        rows.append(("Told after how long to come back", number(back["told"])))
        rows.append(("The longest that was told", f"{number(back['told_longest'])} s"))
    return rows


def _table(caption: str, rows: Rows) -> str:
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f"<table><caption>{escape(caption)}</caption><tbody>{body}</tbody></table>"


def _plots(result: Result) -> list[Plot]:
    samples = result.samples if result.plan.metrics else []
    begin, seconds = result.begin, by_second(result)
    end = max([result.plan.seconds, *(each["s"] for each in seconds), *(sample.at - begin for sample in samples)])
    latency = [
        Line(name, [(each["s"], ms) for each in seconds if (ms := each["latency_ms"][name]) is not None]) for name in SHARES
    ]
    delivered = [Line("delivered", [(each["s"], each["delivered"]) for each in seconds])]
    plots = [
        Plot("Latency, by the second in which a message was due", "ms", latency, 0, end, logarithmic=True),
        Plot("Deliveries, by the same seconds", "per second", delivered, 0, end),
    ]
    if result.away:
        lost, back = (
            sorted(times) for times in zip(*((each.lost - begin, each.back - begin) for each in result.away), strict=True)
        )
        lines = [Line("lost their stream", _rising(lost)), Line("caught up again", _rising(back))]
        plots.append(Plot("Devices that lost their stream, and came back", "devices", lines, lost[0], back[-1]))
    names = result.plan.metrics
    plots.append(Plot("CPU of the server", "cores", _by_node(names, _cores(samples, begin)), 0, end))
    rss = [[None if node is None else (s.at - begin, node.rss / MIB) for node in s.nodes] for s in samples]
    plots.append(Plot("Resident memory of the server", "MiB", _by_node(names, rss), 0, end))
    streams = [[None if node is None else (s.at - begin, node.streams) for node in s.nodes] for s in samples]
    plots.append(Plot("Open streams", "streams", _by_node(names, streams), 0, end))
    return plots


def _rising(times: Sequence[float]) -> list[Point]:
    """How many of these moments are over, at each of them."""
    return [(time, count) for count, time in enumerate(times, 1)]


def _cores(samples: Sequence[Sample], begin: float) -> list[list[Point | None]]:
    return [
        [
            None if None in (was, now) else (later.at - begin, used / max(0.1, later.at - earlier.at))
            for used, was, now in zip(cpu_used((earlier, later)), earlier.nodes, later.nodes, strict=True)
        ]
        for earlier, later in pairwise(samples)
    ]


def _by_node(names: Sequence[str], rows: Sequence[Sequence[Point | None]]) -> list[Line]:
    """A line for each node, with gaps where it did not answer."""
    return [Line(name, [row[n] for row in rows]) for n, name in enumerate(names)]


def _by_second(result: Result) -> str:
    head = ["Second", "Delivered", *(f"{name}, ms" for name in SHARES)]
    body = [
        [number(each["s"]), number(each["delivered"]), *(number(ms) for ms in each["latency_ms"].values())]
        for each in by_second(result)
    ]
    return _wide("Latency and deliveries", head, body)


def _server(result: Result) -> str:
    head = ["Second"]
    for name in result.plan.metrics:
        head += [f"{name}: CPU-seconds since its start", f"{name}: MiB", f"{name}: streams"]
    body: list[list[str]] = []
    rows: list[dict[str, Any]] = as_json(result)["server_by_second"]
    for row in rows:
        cells = [number(row["s"])]
        for node in row["nodes"]:
            cells += [number(node[key]) for key in ("cpu_s", "rss_mib", "streams")] if node else ["–"] * 3
        body.append(cells)
    return _wide("Nodes of the server", head, body)


def _wide(title: str, head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    if not body:
        return ""
    columns = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>' for row in body
    )
    table = f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<details><summary>{escape(title)}</summary><div class="wide">{table}</div></details>\n'
