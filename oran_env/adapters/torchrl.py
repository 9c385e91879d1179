"""TorchRL: the PettingZoo environment as an EnvBase, all DUs in one group ``du``.

    env = make_env("paper", seed=0)
    env.rollout(100)["next", "du", "reward"]  # (100, M, 1)

An episode ends by truncation: ``("next", "truncated")`` and ``("next", "du", "truncated")`` are set, and
``terminated`` never is, so value estimators go on bootstrapping.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pettingzoo.utils import BaseParallelWrapper

from oran_env.envs.parallel_env import Observations, OranParallelEnv, parallel_env
from oran_env.extras import how_to_install
from oran_env.model.outcome import INFO, empty_outcome
from oran_env.numerics.seeding import checked_seed
from oran_env.scenario.fields import Scenario

try:
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper
except ImportError as error:
    raise ImportError(f"oran_env.adapters.torchrl needs TorchRL: {how_to_install('torchrl')}") from error

Infos = dict[str, dict[str, Any]]


class _SteadyInfo(BaseParallelWrapper):  # type: ignore[misc]
    """The same info keys after a reset (then zero) as after a step: TorchRL fixes them at the first reset."""

    def __init__(self, env: OranParallelEnv, keys: Sequence[str]) -> None:
        super().__init__(env)
        for key in keys:
            if key not in INFO:
                raise ValueError(f"info_keys name {key!r}; allowed: {', '.join(INFO)}")
        outcome = empty_outcome(env.scenario, 1)
        self.state_space = env.state_space
        self._blank = {key: np.zeros_like(getattr(outcome, key)[0, 0]) for key in keys}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, Infos]:
        observations, _ = self.env.reset(seed=seed, options=options)
        return observations, {agent: dict(self._blank) for agent in observations}

    def step(self, actions: Mapping[str, NDArray[Any]]) -> tuple[Any, ...]:
        *results, infos = self.env.step(actions)
        return (*results, {agent: {key: info[key] for key in self._blank} for agent, info in infos.items()})


def make_env(
    scenario: str | Scenario = "paper",
    seed: int | None = None,
    info_keys: Sequence[str] = (),
    return_state: bool = False,
    **arguments: Any,
) -> PettingZooWrapper:
    """The environment for TorchRL.

    Args:
        scenario: preset name or ``Scenario``.
        seed: of the sequence of networks, that of network 0 in a batch with this seed; the wrapper uses up its first
            network in its own first reset.
        info_keys: keys of ``simulator.Outcome`` to have under ``("du", "info", key)``; zero after a reset.
        return_state: also give ``state``, all observations side by side (M·D,), for a centralised critic.
        arguments: further arguments of ``parallel_env``.

    Raises:
        ScenarioError, ValueError: as ``parallel_env``; an unknown info key.
    """
    seed = None if seed is None else checked_seed(seed)
    env = _SteadyInfo(parallel_env(scenario, **arguments), info_keys)
    with warnings.catch_warnings():
        # It warns of every PettingZoo but 1.24.3; the test of this adapter runs it with ours.
        warnings.filterwarnings("ignore", message="PettingZoo in TorchRL is tested")
        return PettingZooWrapper(env, group_map={"du": list(env.possible_agents)}, return_state=return_state, seed=seed)
