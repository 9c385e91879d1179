"""All three critics learn on the O-RAN environment: better than before training, on networks never trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tasam_agents import load_policy, train
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.learner.learner import Learner
from tasam_agents.stats.intervals import paired_difference
from tasam_agents.training.evaluation import evaluate, learned_policy, task_of

SEEDS = held_out_networks(40)


@pytest.mark.parametrize("critic", ["mean_field", "joint", "pooled"])
def test_every_critic_improves_on_tiny(critic: Literal["mean_field", "joint", "pooled"], tmp_path: Path) -> None:
    tiny = VARIANTS["tiny"]
    config = replace(
        tiny,
        num_envs=16,
        iterations=50,
        steps_per_iteration=5,
        updates_per_iteration=8,
        learner=replace(tiny.learner, critic=critic, gamma=0.3, batch_size=64),
    )
    env = make_batched(config.env_id, config.env_kwargs, len(SEEDS), SEEDS)
    untrained = Learner(task_of(env), config.learner, config.seed, config.total_updates)
    before = evaluate(learned_policy(untrained, deterministic=True), env, SEEDS).returns

    run = train(config, tmp_path / "run", quiet=True)
    after = evaluate(load_policy(run), env, SEEDS).returns

    gain = paired_difference(after, before)
    assert gain is not None
    assert gain.low > 0.05
