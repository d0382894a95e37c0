"""The page of a load: whatever the load showed, it is well-formed, holds every number of the report, and needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from tidewire.load.device import Away
from tidewire.load.figures import NodeSample, Sample, cpu_used
from tidewire.load.latencies import Latencies
from tidewire.load.options import parsed
from tidewire.load.page import html
from tidewire.load.report import Result, as_json, text, together

VOID = {"meta", "br", "link", "img", "input", "hr"}
SERVERS = ("--server", "127.0.0.1:1,127.0.0.1:2", "--metrics", "127.0.0.1:11,127.0.0.1:12")


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.tags: Counter[str] = Counter()
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        self.tags[tag] += 1
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in {tag}"
        for name, value in attrs:
            assert name not in ("src", "href", "xlink:href", "srcset"), "something from elsewhere"
            if name == "id":
                self.ids.append(value or "")
            if name == "aria-labelledby":
                self.referred += (value or "").split()
            if name in ("points", "x1", "x2", "y1", "y2", "x", "y", "cx", "cy"):
                assert all(0 <= float(each) <= 400 for each in re.split("[ ,]", value or "")), f"{tag} leaves the picture"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As SVG has them."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """It closes the last one."""
        assert self._open and self._open.pop() == tag, f"</{tag}> in the wrong place"

    def handle_data(self, data: str) -> None:
        """What a person reads, the style sheet aside."""
        if "style" not in self._open:
            self.words.append(data)


def result(*more: str, **changes: Any) -> Result:
    """A drain under load: the second node is away for a while, and begins its CPU time anew."""
    latencies = Latencies()
    for second in range(8):
        for number in range(5):
            latencies.add(second, 3.0 + number * 7 + (4_000 if second == 4 else 0))
    nodes = [(NodeSample(2.0 + s / 4, 80 * 2**20, 40), NodeSample(3.0 + s / 2, 70 * 2**20, 38)) for s in range(8)]
    samples = [Sample(100.0 + s, (a, None if s in (4, 5) else b)) for s, (a, b) in enumerate(nodes)]
    samples.append(Sample(108.4, (nodes[-1][0], NodeSample(1.25, 60 * 2**20, 3))))
    return replace(
        Result(
            plan=parsed([*SERVERS, "--accounts", "78", "--seconds", "8", "--out", "x", *more]),
            prefix="loadcafe",
            at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC),
            conversations=39,
            sent=41,
            delivered=40,
            latencies=latencies,
            away=[Away(104.0 + n / 50, 104.5 + n / 32, 0.25) for n in range(38)],
            reconnects=44,
            throttled=Counter({"unavailable": 6}),
            before=Sample(90.0, (NodeSample(1.5, 40 * 2**20, 0),) * 2),
            connected=Sample(99.0, (NodeSample(1.9, 43 * 2**20, 39),) * 2),
            begin=100.0,
            samples=samples,
            errors=[],
        ),
        **changes,
    )


def numbers(value: Any) -> Iterator[float]:
    """All in a JSON value."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def missing(page: Page, told: dict[str, Any]) -> set[float]:
    """Numbers of the report that the page does not show."""
    shown = {float(word) for word in re.findall(r"-?\d+(?:\.\d+)?", " ".join(page.words).replace(",", ""))}
    return set(numbers(told)) - shown


SHOWN = [
    pytest.param(result(), id="a drain"),
    pytest.param(result(errors=["LOST: device <b>&x</b> got 1 of 2"]), id="errors with markup"),
    pytest.param(result("--metrics", "", samples=[Sample(100.0, ())]), id="without metrics"),
    pytest.param(
        result("--pattern", "idle", sent=0, delivered=0, latencies=Latencies(), away=[], throttled=Counter(), conversations=0),
        id="idle",
    ),
    pytest.param(result(samples=[Sample(100.0, (None, None))]), id="nodes that never answered"),
    pytest.param(result(away=[Away(104.0, 104.5, None)]), id="one loss"),
]


@pytest.mark.parametrize("shown", SHOWN)
def test_the_page_is_whole_and_needs_nothing_else(shown: Result) -> None:
    made = html(shown)
    page = Page(made)
    assert not missing(page, json.loads(json.dumps(as_json(shown))))
    assert len(page.ids) == len(set(page.ids)) and set(page.referred) <= set(page.ids)
    assert page.tags["figure"] == page.tags["figcaption"] == page.tags["desc"], "each plot has a title and says what it shows"
    assert page.tags["title"] == page.tags["h1"] == 1 and "://" not in made and "url(" not in made
    said = " ".join(page.words)
    assert all(error in said for error in shown.errors)
    assert (shown.verdict().capitalize() in said) is not bool(shown.errors)


def test_a_node_that_was_away_leaves_a_gap_and_its_cpu_time_is_counted_from_its_new_beginning() -> None:
    drained = result()
    assert cpu_used(drained.samples) == pytest.approx([1.75, 3.5 + 1.25])
    assert drained.server()["cpu_s"] == 6.5
    made = html(drained)
    memory = made[made.index("Resident memory of the server<") :]
    assert memory[: memory.index("</figure>")].count('class="c1"') == 1 + 2, "the legend's, and one on either side of the gap"


def test_how_many_came_back_together_is_told_next_to_how_they_were_asked_to() -> None:
    back = result().came_back()
    assert (back["times"], back["told"], back["told_longest"]) == (38, 38, 0.25)
    assert back["lost_over"] == 0.74 and back["until_all"] == 1.66 and back["together_max"] == 4
    assert "at most 4 were caught up again within the same 0.1 s" in text(result())
    assert together([0.0, 0.05, 0.1, 0.15, 0.16]) == 3 and together([1.0] * 7) == 7 and together([]) == 0
