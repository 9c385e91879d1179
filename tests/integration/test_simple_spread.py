"""Learning on somebody else's environment, mpe2's simple_spread, judged on held-out episodes against random play."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.training.trainer import train

SPREAD = VARIANTS["simple_spread"]


def improvement(config: TrainConfig, path: Path) -> float:
    """Lower end of the 95 % interval of the return gained over random play, paired by episode."""
    comparison = evaluate_run(train(config, path, quiet=True), 40)
    random = next(row for row in comparison.rows if row.policy == "random")
    assert random.difference is not None
    return random.difference.low


@pytest.mark.slow  # the other one learns the same, and more
def test_one_agent_learns_to_cover_its_landmark(tmp_path: Path) -> None:
    """Long enough for every seed that was tried: after 30 iterations some are still on their way up."""
    config = replace(SPREAD, env_kwargs=SPREAD.env_kwargs | {"N": 1}, iterations=45, evaluate_every=5, seed=1)
    assert improvement(config, tmp_path / "run") > 0.1


def test_two_agents_learn_to_cover_two_landmarks(tmp_path: Path) -> None:
    assert improvement(SPREAD, tmp_path / "run") > 0.05
