"""What policies live through: joint transitions of B envs.

The same rollout collects in the trainer, in a collector on another machine and where losses are measured, so all of
them give the same transitions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.envs.interface import BatchedEnv, BatchStep, InputPolicy, ended
from tasam_agents.learner.diverged import DivergedError


@dataclass(frozen=True)
class Transition:
    """One step of B envs, as the replay buffer stores it."""

    inputs: NDArray[np.float32]  # (B, M, d) scaled observations s
    actions: NDArray[np.float32]  # (B, M, A) relaxed actions a in (0, 1)
    rewards: NDArray[np.float32]  # (B, M)
    next_inputs: NDArray[np.float32]  # (B, M, d) scaled observations s' before any reset
    terminated: NDArray[np.bool_]  # (B, M) nothing follows; a time limit is not in here
    ended: NDArray[np.bool_]  # (B,) the episode is over, by termination of all agents or by a time limit
    info: Mapping[str, NDArray[Any]]  # named numbers, each (B, M) or (B, M, n)


def rollout(
    env: BatchedEnv,
    inputs_of: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    observations: NDArray[np.float32],
    steps: int,
    policy: InputPolicy,
    env_id: str,
) -> Generator[Transition, None, NDArray[np.float32]]:
    """Let every env take some steps; the generator returns what is observed after the last one.

    A transition is to be used before the next one is asked for: the environment may write into the same arrays.

    Args:
        env: B envs, their episodes begun.
        inputs_of: selection and scaling of columns, (B, M, D) → (B, M, d).
        observations: what the envs show now, (B, M, D).
        steps: of every env.
        policy: inputs → actions.
        env_id: for messages.

    Raises:
        DivergedError: the policy or the environment gave NaN or infinity.
    """
    for _ in range(steps):
        inputs = inputs_of(observations)
        actions = policy(inputs)
        if not np.isfinite(actions).all():
            raise DivergedError("the policy gave actions that are not finite")
        step = env.step(actions)
        _check_finite(step, env_id)
        # A time limit is not in `terminated`: the value of what would have come after it counts.
        next_inputs = inputs_of(step.observations)
        yield Transition(inputs, actions, step.rewards, next_inputs, step.terminated, ended(step), step.info)
        observations = env.reset_done()
    return observations


def uniform_policy(seed: int, num_envs: int, action_size: int, share: slice = slice(None)) -> InputPolicy:
    """Uniformly random actions (b, M, A) for a share of the envs: the rows that a rollout of all B would give them.

    Args:
        seed: of the run.
        num_envs: B.
        action_size: A.
        share: which of the B envs the policy acts in.
    """
    generator = np.random.default_rng([seed, 1])

    def policy(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return generator.random((num_envs, inputs.shape[1], action_size), np.float32)[share]

    return policy


def _check_finite(step: BatchStep, env_id: str) -> None:
    for name in ("rewards", "observations"):
        if not np.isfinite(getattr(step, name)).all():
            raise DivergedError(f"environment {env_id!r} gave {name} that are not finite")
