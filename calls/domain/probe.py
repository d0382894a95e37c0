"""Whether a downlink bears more than its receiver's estimate says.

Browsers bound their estimate (REMB) by about one and a half times what they receive. So a subscriber that gets little seems to have room for
little, for ever. What the estimate alone holds back is therefore sent on trial, one layer of one picture at a time: the estimate follows, or
the trial ends at once and the next one waits twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WAIT_NS = 5_000_000_000
"""Without congestion, before a trial begins."""
GRACE_NS = 3_000_000_000
"""Until an estimate can have followed what is sent."""
TRIAL_NS = 20_000_000_000
"""Until it must have. Estimates rise by 8 % a second."""
BACKOFF_NS, BACKOFF_MAX_NS = 10_000_000_000, 160_000_000_000
LOSS_MAX = 0.1
FALLEN = 0.95
"""Of the greatest estimate of the trial: below it, the receiver has seen queues grow."""


@dataclass(frozen=True, slots=True)
class Step:
    """The layer that comes next, and how many bit/s it takes more."""

    layer: int
    more: int


@dataclass(slots=True)
class _Trial:
    track_id: str
    layer: int
    since_ns: int
    sent_before: int
    peak: int


class Probe:
    """The trials of one subscriber."""

    def __init__(self) -> None:
        self._trial: _Trial | None = None
        self._calm_since: int | None = None
        self._backoff_ns = BACKOFF_NS
        self._not_before = 0

    def look(
        self, steps: Mapping[str, Step], sent: int, estimate: int | None, loss: float, now_ns: int
    ) -> tuple[str, int] | None:
        """The track to send in this layer, whatever the estimate says; None: none.

        Args:
            steps: of each track that is held back, the most wanted first.
            sent: bit/s of what is chosen without the trial.
            estimate: bit/s that the receiver believes to have room for; None: it does not say, and nothing is held back.
            loss: of what it gets, 0 … 1.
        """
        trial = self._trial
        if trial is not None and estimate is not None:
            step = steps.get(trial.track_id)
            if step is not None and step.layer <= trial.layer:
                return self._judge(trial, step, sent, estimate, loss, now_ns)
            # The estimate bears it now, or nobody wants it any more.
            self._backoff_ns = BACKOFF_NS
        self._trial = None
        if estimate is None or not steps or estimate < sent or loss > LOSS_MAX:
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = now_ns
        if now_ns - self._calm_since < WAIT_NS or now_ns < self._not_before:
            return None
        track_id, step = next(iter(steps.items()))
        self._calm_since = None
        self._trial = _Trial(track_id, step.layer, now_ns, sent, estimate)
        return track_id, step.layer

    def _judge(self, trial: _Trial, step: Step, sent: int, estimate: int, loss: float, now_ns: int) -> tuple[str, int] | None:
        """Does the trial go on?"""
        trial.peak = max(trial.peak, estimate)
        lasted = now_ns - trial.since_ns
        ended = loss > LOSS_MAX or estimate < trial.sent_before or step.layer < trial.layer
        if lasted >= GRACE_NS and estimate < sent + step.more:
            ended |= estimate < trial.peak * FALLEN or lasted >= TRIAL_NS
        if not ended:
            return trial.track_id, trial.layer
        self._trial = None
        self._not_before = now_ns + self._backoff_ns
        self._backoff_ns = min(BACKOFF_MAX_NS, 2 * self._backoff_ns)
        return None
