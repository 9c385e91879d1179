"""A one-step task with two contexts, to forget one of them: context 0 asks for one action, context 1 for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from tasam_agents.envs.interface import Step
from tasam_agents.envs.seeding import Seed, batch_names

TARGETS = (0.8, 0.2)


class BanditBatch:
    """B copies; both agents see a common constant, the context's sign and a little noise; reward 1 − |a − target|."""

    agents = ("left", "right")
    observation_sizes = (3, 3)
    observation_layout: Mapping[str, slice] = {"all": slice(0, 3)}

    def __init__(self, num_envs: int, seed: Sequence[Seed], context: int, actions: int = 2) -> None:
        self.num_envs, self.context = num_envs, context
        self.action_sizes = (actions, actions)
        self.seeds_seen: list[list[Seed]] = []
        self._names, self._episode = batch_names(seed, num_envs), 0

    def reset(self, seed: Sequence[Seed] | None = None) -> NDArray[np.float32]:
        assert seed is not None
        self.seeds_seen.append(list(seed))
        self._names, self._episode = batch_names(seed, self.num_envs), 0
        return self._observe()

    def reset_done(self) -> NDArray[np.float32]:
        self._episode += 1
        return self._observe()

    def _observe(self) -> NDArray[np.float32]:
        draws = [np.random.default_rng((*name, self._episode)).normal(0, 0.1, (2, 1)) for name in self._names]
        known = np.broadcast_to([1.0, 0.5 - self.context], (self.num_envs, 2, 2))
        return np.concatenate([known, np.stack(draws)], axis=2).astype(np.float32)

    def step(self, actions: NDArray[np.float32]) -> Step:
        rewards = 1 - np.abs(actions - TARGETS[self.context]).mean(axis=2)
        over = np.ones(self.num_envs, bool)
        return Step(self._observe(), rewards, np.ones(rewards.shape, bool), over, {"reward": rewards})


class BanditEnv:
    """What `make_batched` looks at."""

    possible_agents = BanditBatch.agents

    def __init__(self, context: int, actions: int = 2) -> None:
        self._arguments: dict[str, Any] = {"context": context, "actions": actions}
        self.unwrapped = self

    def batched(self, num_envs: int, seed: Sequence[Seed]) -> BanditBatch:
        return BanditBatch(num_envs, seed, **self._arguments)

    def action_space(self, agent: str) -> Box:
        return Box(0.0, 1.0, (self._arguments["actions"],), np.float32)


def bandit(**kwargs: Any) -> BanditEnv:
    return BanditEnv(**kwargs)
