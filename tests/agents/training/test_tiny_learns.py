"""The configuration for first steps ends above equal splits, in seconds."""

from dataclasses import replace
from pathlib import Path

from tasam_agents.config.bases import TINY
from tasam_agents.envs.make import make_batched, reference_arguments, reference_policies
from tasam_agents.envs.seeding import validation_networks
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, learned_policy, load_actors
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train


def test_tiny_ends_above_the_best_fixed_split(tmp_path: Path) -> None:
    config = replace(TINY, iterations=30, evaluate_every=15)  # three fifths of it
    run = RunDirectory.open(train(config, tmp_path / "run", quiet=True))
    names = validation_networks(32)[16:]  # those by which no checkpoint was chosen
    env = make_batched(config.env_id, config.env_kwargs, len(names), names)
    actors = load_actors(checkpoint.load(run.best), run.best, config, env)
    learnt = evaluate(learned_policy(actors, deterministic=True), env, names).returns
    bits = make_batched(config.env_id, reference_arguments(config.env_id, config.env_kwargs), len(names), names)
    static = evaluate(reference_policies(config.env_id, config.env_kwargs)["static"], bits, names).returns
    assert (learnt - static).mean() > 0.1
