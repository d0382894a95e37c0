"""Sets of seqs as ascending, disjoint, non-adjacent runs (first, last), both inclusive. Almost always one run, so tuples do."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]

NONE: Ranges = ()


def normal(runs: Iterable[tuple[int, int]]) -> Ranges:
    """`runs` in any order, joined where they touch; empty ones are dropped."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if first > last:
            continue
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def union(one: Ranges, other: Ranges) -> Ranges:
    """What is in either."""
    if not one:
        return other
    if not other:
        return one
    return normal((*one, *other))


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """What is in both."""
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            out.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def difference(one: Ranges, other: Ranges) -> Ranges:
    """What is in `one` and not in `other`."""
    out: list[tuple[int, int]] = []
    for first, last in one:
        at = first
        for low, high in other:
            if high < at:
                continue
            if low > last:
                break
            if low > at:
                out.append((at, low - 1))
            at = max(at, high + 1)
        if at <= last:
            out.append((at, last))
    return tuple(out)


def contains(runs: Ranges, seq: int) -> bool:
    """Whether `seq` is in one of the runs."""
    return any(first <= seq <= last for first, last in runs)


def add(runs: Ranges, seq: int) -> Ranges:
    """`runs` with one more seq."""
    if runs and runs[-1][1] == seq - 1:
        return (*runs[:-1], (runs[-1][0], seq))
    return union(runs, ((seq, seq),))


def up_to(seq: int) -> Ranges:
    """Everything from 1 to `seq`."""
    return ((1, seq),) if seq > 0 else NONE


def to_text(runs: Ranges) -> str:
    """ "1-5,9-9", as it is stored."""
    return ",".join(f"{first}-{last}" for first, last in runs)


def from_text(text: str) -> Ranges:
    """The reverse of `to_text`."""
    return tuple((int(a), int(b)) for a, _, b in (run.partition("-") for run in text.split(",") if run))
