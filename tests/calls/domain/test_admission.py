"""What a trial at the start makes of the costs that admission plans with."""

from __future__ import annotations

from calls.domain.admission import Costs, scaled


def test_what_a_trial_says_of_a_machine_scales_the_costs_within_reason() -> None:
    usual, reference = Costs(), Costs(2e-6, 4e-6)
    assert scaled(reference, reference) == usual
    assert scaled(Costs(3e-6, 6e-6), reference) == Costs(usual.in_cost * 1.5, usual.out_cost * 1.5)
    strange = scaled(Costs(1e-3, 1e-9), reference)
    assert strange == Costs(usual.in_cost * 4, usual.out_cost * 0.5), "something else had the machine"
