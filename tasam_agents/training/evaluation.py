"""One policy on given envs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.centralised import Centralised, separate
from tasam_agents.envs.interface import BatchedEnv, BatchStep, EnvironmentRefused, ObservationPolicy, ended
from tasam_agents.envs.seeding import Seed
from tasam_agents.learner.learner import Learner, TaskSpec
from tasam_agents.training import checkpoint


@dataclass(frozen=True)
class Episodes:
    """What one policy did in one episode of each of B envs."""

    names: tuple[Seed, ...]
    returns: NDArray[np.float64]  # (B,) mean reward per agent and step
    info: Mapping[str, NDArray[np.float64]]  # (B,) or (B, n), mean over agents and steps; NaN where undefined


def task_of(env: BatchedEnv) -> TaskSpec:
    """What the learner needs to know of an environment."""
    return TaskSpec(env.agents, env.observation_sizes, env.action_sizes, env.observation_layout)


def learned_policy(learner: Learner, deterministic: bool, seed: int = 0) -> ObservationPolicy:
    """The actors as a policy. Sampled actions draw from a generator of their own, so training does not notice."""
    generator = torch.Generator().manual_seed(seed)

    def policy(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return learner.act(learner.inputs(observations), deterministic, generator)

    return policy


class Recorder(Protocol):
    """Who watches episodes step by step."""

    def before_step(self) -> None:
        """The actions are about to be taken."""

    def after_step(self, step: BatchStep) -> None:
        """They have been; ended episodes still stand at their end."""


def evaluate(
    policy: ObservationPolicy,
    env: BatchedEnv,
    names: Sequence[Seed],
    max_steps: int = 100_000,
    recorder: Recorder | None = None,
) -> Episodes:
    """Run one episode in each env and average over agents and steps, each env over its own length.

    Args:
        policy: what acts.
        env: B envs.
        names: of their episodes, one each, see ``envs/seeding.py``.
        max_steps: of an episode.
        recorder: sees every step until the last episode has ended.

    Raises:
        EnvironmentRefused: an episode is longer than ``max_steps``.
    """
    observations = env.reset(seed=list(names))
    running = np.ones(env.num_envs, bool)
    lengths = np.zeros(env.num_envs)
    rewards = np.zeros(env.num_envs)
    sums: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, NDArray[np.float64]] = {}
    while running.any():
        if lengths.max() >= max_steps:
            raise EnvironmentRefused(f"an episode has not ended after {max_steps} steps")
        actions = policy(observations)
        if recorder is not None:
            recorder.before_step()
        step = env.step(actions)
        if recorder is not None:
            recorder.after_step(step)
        lengths += running
        rewards += np.where(running, step.rewards.mean(axis=1, dtype=np.float64), 0.0)
        for name, value in step.info.items():
            finite = np.isfinite(value)
            taken = finite & running.reshape(-1, *(1,) * (value.ndim - 1))
            sums[name] = sums.get(name, 0.0) + np.where(taken, value, 0).sum(axis=1, dtype=np.float64)
            counts[name] = counts.get(name, 0.0) + taken.sum(axis=1)
        running &= ~ended(step)
        observations = env.reset_done()  # envs with shorter episodes go on and no longer count
    info = {name: np.where(counts[name] > 0, total / np.maximum(counts[name], 1), np.nan)
            for name, total in sums.items()}  # fmt: skip
    return Episodes(tuple(names), rewards / lengths, info)


def run_policy(
    learner: Learner, config: TrainConfig, env: BatchedEnv, deterministic: bool, seed: int = 0
) -> ObservationPolicy:
    """The actors of a run as a policy for the separate agents of ``env``, also where one agent acts for all."""
    policy = learned_policy(learner, deterministic, seed)
    return separate(policy, env) if config.centralised else policy


def load_actors(saved: checkpoint.Checkpoint, directory: Path, config: TrainConfig, env: BatchedEnv) -> Learner:
    """A learner with the actors of a checkpoint; raises CheckpointError when they are not of this task.

    Args:
        saved, directory: the checkpoint, and where it stands.
        config: of the run.
        env: with separate agents, also where one agent acts for all.
    """
    task = task_of(Centralised(env) if config.centralised else env)
    learner = Learner(task, config.learner, config.seed, config.total_updates)
    actors = saved.tensors.get("actors", {})
    checkpoint.check_fits(actors, learner.policy_tensors(), str(directory))
    learner.load_policy_tensors(actors)
    return learner
