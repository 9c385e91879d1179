"""The configuration and the best policy of a run, whoever was trained: an agent of our own or a baseline."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tasam_agents.baselines import BaselineConfig
from tasam_agents.baselines import training as baseline
from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import load_actors, run_policy
from tasam_agents.training.run_directory import RunDirectory, RunError


def config_of(path: Path, trusted: Collection[str] = ()) -> TrainConfig | BaselineConfig:
    """The configuration of a run.

    Raises:
        UserError: not a run, or it names an environment with a module that is not among ``trusted``.
    """
    return (
        baseline.load_config(path, trusted) if baseline.is_baseline(path) else RunDirectory.open(path).config(trusted)
    )


def policy_of(path: Path, deterministic: bool = True, trusted: Collection[str] = ()) -> ObservationPolicy:
    """The best policy of a run: observations (B, M, D) of B networks and M agents → actions (B, M, A) in [0, 1].

    Raises:
        UserError: not a run, nothing saved yet, damaged. ImportError: the library of a baseline is not installed.
    """
    if baseline.is_baseline(path):
        return baseline.load_policy(path, deterministic, trusted)
    run = RunDirectory.open(path)
    config = run.config(trusted)
    if not checkpoint.exists(run.best):
        raise RunError(f"{path} has no policy yet: there is no {run.best}")
    env = make_batched(config.env_id, config.env_kwargs, 1, 0)
    learner = load_actors(checkpoint.load(run.best), run.best, config, env)
    return run_policy(learner, config, env, deterministic)
