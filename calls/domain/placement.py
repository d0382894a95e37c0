"""Where a group's call is placed that is in no process: in the less loaded of two.

One of the two is the process that was asked, where that takes calls: nothing has to be passed on then. The others come by chance: of all the
least loaded one would be told to all who ask at once, and take every call until it has said how loaded it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


def chosen(loads: Mapping[str, float], here: str, sample: Callable[[Sequence[str], int], Sequence[str]]) -> str:
    """A process; "": there is none. Of two that are equal `here` takes it.

    Args:
        loads: of each process that takes calls, the share of a core that is used or planned.
        here: the process that was asked.
        sample: so many of some, by chance.
    """
    others = sorted(one for one in loads if one != here)
    mine = [here] if here in loads else []
    two = [*mine, *sample(others, min(2 - len(mine), len(others)))]
    return min(two, key=lambda process_id: loads[process_id], default="")
