"""Every variant gets as many values of its own knob, and each value another configuration."""

from __future__ import annotations

import pytest

from tasam_agents.config.bases import TINY
from tasam_agents.config.knobs import KNOBS, TRIALS, adaptive_radius, constant_radius, trials
from tasam_agents.config.variants import variant


@pytest.mark.parametrize("name", KNOBS)
def test_as_many_trials_for_each_and_none_twice(name: str) -> None:
    configs = [config.to_dict() for config in trials(name, TINY).values()]
    assert len(configs) == TRIALS
    assert all(one not in configs[:number] for number, one in enumerate(configs))


def test_no_radius_is_no_sam_and_others_are_in_units_of_the_weights() -> None:
    assert constant_radius(TINY, 0.0) == variant("no_sam", TINY)
    sam, radius = constant_radius(TINY, 0.03).learner.sam, constant_radius(TINY, 0.03).learner.radius
    assert (sam.relative_radius, sam.critic, sam.actors) == (True, True, "all")
    assert radius.actor.start == radius.critic.start == 0.03
    assert not radius.actor.adaptive
    adaptive = adaptive_radius(TINY).learner
    assert adaptive.radius.peak_after == TINY.total_updates // 10
    assert (adaptive.sam.actors, adaptive.gate.lambda_td) == ("gated", "separated")
