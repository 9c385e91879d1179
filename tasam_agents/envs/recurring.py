"""A batch that begins every episode with the network of its first one: a training set of so many networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.envs.interface import BatchedEnv, BatchStep, EnvironmentRefused, NotReproducible, Resumable, ended
from tasam_agents.envs.seeding import Seed


class Recurring:
    """A BatchedEnv in which env b has network b mod K, again and again: its start and all that is drawn in it.

    Args:
        env: whose episodes all end together.
        num_networks: K, at most as many as there are envs.
        names: of the networks, of which the first K count.
    """

    def __init__(self, env: BatchedEnv, num_networks: int, names: Sequence[Seed]) -> None:
        self._env, self._num_networks = env, num_networks
        self.agents, self.num_envs = env.agents, env.num_envs
        self.observation_sizes, self.action_sizes = env.observation_sizes, env.action_sizes
        self.observation_layout: Mapping[str, slice] = env.observation_layout
        self._names = self._folded(names)
        self._is_over = False

    def _folded(self, names: Sequence[Seed]) -> list[Seed]:
        return [names[b % self._num_networks] for b in range(self.num_envs)]

    def reset(self, seed: Sequence[Seed] | None = None) -> NDArray[np.float32]:
        """Begin the episodes of the first K of these names, or of those given before."""
        if seed is not None:
            self._names = self._folded(seed)
        self._is_over = False
        return self._env.reset(seed=self._names)

    def step(self, actions: NDArray[np.float32]) -> BatchStep:
        """See BatchedEnv.

        Raises:
            EnvironmentRefused: some episodes have ended and others have not.
        """
        step = self._env.step(actions)
        over = ended(step)
        if over.any() and not over.all():
            raise EnvironmentRefused("train_networks > 0; allowed: environments whose episodes all end together")
        self._is_over = bool(over.all())
        return step

    def reset_done(self) -> NDArray[np.float32]:
        """Begin the same episodes anew once they have ended."""
        return self.reset() if self._is_over else self._env.reset_done()

    def get_state(self) -> dict[str, NDArray[Any]]:
        """See Resumable."""
        if not isinstance(self._env, Resumable):
            raise NotReproducible("the environment offers no state to save")
        return self._env.get_state()

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See Resumable."""
        if not isinstance(self._env, Resumable):
            raise NotReproducible("the environment offers no state to save")
        self._env.set_state(state)
