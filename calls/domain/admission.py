"""Whether this unit can take more: refuse before it hurts.

The load of a core is `in_cost` for each packet that comes in and `out_cost` for each that goes out, over what participants may send at worst.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from calls.domain.limits import ForwarderLimits

AUDIO_PPS, VIDEO_PPS = 50, 120
AUDIO_BPS, VIDEO_BPS = 40_000, 1_700_000
"""Of one track, at worst; of a simulcast track what one subscriber gets of it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of a core for one packet. The defaults are measured ones (docs/calls-bench.md: 8 and 24 parties); a self-test at start gives
    this machine's."""

    in_cost: float = 94e-6
    out_cost: float = 5.9e-6


SCALE_MIN, SCALE_MAX = 0.5, 4.0
"""A self-test that says more of a machine is not believed: something else had the machine."""


def scaled(tried: Costs, reference: Costs) -> Costs:
    """The costs in use, of a machine on which a trial took as `tried` says, and on the one of the defaults as `reference` says."""
    usual = Costs()
    ratios = (tried.in_cost / reference.in_cost, tried.out_cost / reference.out_cost)
    one, other = (min(SCALE_MAX, max(SCALE_MIN, ratio)) for ratio in ratios)
    return Costs(usual.in_cost * one, usual.out_cost * other)


@dataclass(frozen=True, slots=True)
class Planned:
    """A call: its participants, and how many tracks they send in all. `layers`: of pictures, in all."""

    participants: int
    audio: int
    video: int
    layers: int

    def after(self, audio: int, video: int, layers: int) -> Planned:
        """With one participant more, who sends so much."""
        return Planned(self.participants + 1, self.audio + audio, self.video + video, self.layers + layers)


@dataclass(frozen=True, slots=True)
class Load:
    """Planned share of a core, and planned bit/s out."""

    core: float
    bits_per_s: int


def planned(calls: Iterable[Planned], costs: Costs, limits: ForwarderLimits) -> Load:
    """The worst of what these calls may become, after last-N."""
    core, bits = 0.0, 0
    for call in calls:
        others = max(0, call.participants - 1)
        audio, video = min(call.audio, limits.audio_last_n), min(call.video, limits.video_last_n)
        core += costs.in_cost * (call.audio * AUDIO_PPS + call.layers * VIDEO_PPS)
        core += costs.out_cost * others * (audio * AUDIO_PPS + video * VIDEO_PPS)
        bits += others * (audio * AUDIO_BPS + video * VIDEO_BPS)
    return Load(core, bits)


def admits(load: Load, measured: float, first: bool, video: bool, limits: ForwarderLimits) -> str | None:
    """None: yes. Else why not, for the engineer who reads it.

    Args:
        load: planned, with the newcomer.
        measured: the share of the core that was used in the last seconds.
        first: it begins a call.
        video: it would send pictures.
    """
    most = limits.load_call_max if first else limits.load_join_max
    if load.core > most:
        return f"planned load {load.core:.2f} of a core, of at most {most:.2f}"
    if load.bits_per_s > limits.egress_bps_max:
        return f"planned egress {load.bits_per_s} bit/s, of at most {limits.egress_bps_max}"
    if video and measured > limits.load_video_max:
        return f"measured load {measured:.2f} of a core, of at most {limits.load_video_max:.2f} for more video"
    return None


def sheds(measured: float, age_ms: float, limits: ForwarderLimits) -> bool:
    """The greatest layers are left out, and never audio."""
    return measured > limits.load_shed or age_ms > limits.age_shed_ms
