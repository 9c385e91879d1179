"""One agent in place of M: it sees what all of them see, does what all of them do, and is rewarded with their mean.

``JointView`` holds the two maps between the separate and the joint arrays, ``Centralised`` is a BatchedEnv seen through
it, and ``separate`` turns a joint policy back into one for separate agents, so that both kinds are evaluated by the
same code on the same environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasam_agents.envs.interface import BatchedEnv, ObservationPolicy, Resumable, Step
from tasam_agents.envs.seeding import Seed

JOINT = "joint"
"""Name of the one agent."""

UNUSED = np.float32(0.5)
"""What goes into the padding of an agent with fewer action values than the largest one."""


class JointView:
    """Side by side: the observations (B, M, D) of all agents as (B, 1, d), and (B, 1, a) actions as (B, M, A).

    d and a are the sums of the agents' sizes; padding has no place in them. Columns go group by group, and agent by
    agent within a group, so that each named group of observations stays one slice. Columns of no group come last.
    """

    def __init__(self, env: BatchedEnv) -> None:
        sizes, layout = env.observation_sizes, env.observation_layout
        grouped = {column for group in layout.values() for column in range(max(sizes))[group]}
        rest = [column for column in range(max(sizes)) if column not in grouped]
        pairs: list[tuple[int, int]] = []  # (agent, column) of every joint column
        self.observation_layout: dict[str, slice] = {}
        for name, columns in [*((name, range(max(sizes))[group]) for name, group in layout.items()), ("", rest)]:
            start = len(pairs)
            pairs += [(agent, column) for agent, size in enumerate(sizes) for column in columns if column < size]
            if name:
                self.observation_layout[name] = slice(start, len(pairs))
        self._agents, self._columns = np.array(pairs, dtype=np.intp).T
        self.observation_size = len(pairs)
        self._is_used = np.arange(max(env.action_sizes)) < np.array(env.action_sizes)[:, None]  # (M, A)
        self.action_size = int(self._is_used.sum())

    def join(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, M, D) → (B, 1, d)."""
        joint: NDArray[np.float32] = observations[:, self._agents, self._columns][:, None]
        return joint

    def split(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 1, a) → (B, M, A).

        Raises:
            ValueError: actions of another shape.
        """
        if actions.ndim != 3 or actions.shape[1:] != (1, self.action_size):
            raise ValueError(f"joint actions have shape {actions.shape}; allowed: (B, 1, {self.action_size})")
        separate_actions = np.full((len(actions), *self._is_used.shape), UNUSED, np.float32)
        separate_actions[:, self._is_used] = actions[:, 0]
        return separate_actions


class Centralised:
    """A BatchedEnv with one agent in place of the M of another. It can be resumed exactly when that one can.

    The reward is the mean over the agents, the agent has terminated when all have. ``info`` keeps one row per separate
    agent, (B, M) or (B, M, n): what is averaged over agents stays the same number.
    """

    agents: tuple[str, ...] = (JOINT,)

    def __init__(self, env: BatchedEnv) -> None:
        self._env, self._view = env, JointView(env)
        self.num_envs = env.num_envs
        self.observation_sizes = (self._view.observation_size,)
        self.action_sizes = (self._view.action_size,)
        self.observation_layout: Mapping[str, slice] = self._view.observation_layout
        if isinstance(env, Resumable):
            self.get_state, self.set_state = env.get_state, env.set_state

    def reset(self, seed: Sequence[Seed] | None = None) -> NDArray[np.float32]:
        """Begin an episode in every env; see BatchedEnv."""
        return self._view.join(self._env.reset(seed=seed))

    def reset_done(self) -> NDArray[np.float32]:
        """Begin the next episode where one has ended; see BatchedEnv."""
        return self._view.join(self._env.reset_done())

    def step(self, actions: NDArray[np.float32]) -> Step:
        """Advance every env; see BatchedEnv. actions: (B, 1, a)."""
        step = self._env.step(self._view.split(actions))
        return Step(
            observations=self._view.join(step.observations),
            rewards=step.rewards.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32),
            terminated=np.all(step.terminated, axis=1)[:, None],
            truncated=step.truncated,
            info=step.info,
        )


def separate(policy: ObservationPolicy, env: BatchedEnv) -> ObservationPolicy:
    """A joint policy, (B, 1, d) → (B, 1, a), as one for the separate agents of ``env``, (B, M, D) → (B, M, A)."""
    view = JointView(env)
    return lambda observations: view.split(policy(view.join(observations)))
