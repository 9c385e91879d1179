"""A batch of multi-agent environments as stable-baselines3 wants to see it: a VecEnv of single-agent environments.

Its environment b·M + m is agent m of copy b; a centralised environment has M = 1. The trajectories are those of
``oran_env.adapters.sb3.SharedPolicyVecEnv`` and ``OranJointVectorEnv`` (order of columns apart);
this one takes any BatchedEnv, the inputs that our own agents see, and the networks of our own training seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, MultiBinary, Space
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.envs.interface import BatchedEnv, EnvironmentRefused, ended
from tasam_agents.envs.seeding import Name, training_networks
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.input_scaling import InputScaling
from tasam_agents.training.metric_window import MetricWindow


def inputs_of(env: BatchedEnv, config: BaselineConfig) -> InputScaling:
    """What the policy sees of an observation.

    Raises:
        EnvironmentRefused: agents that cannot share a policy, or a group of columns that there is not.
    """
    if len({*env.observation_sizes}) > 1 or len({*env.action_sizes}) > 1:
        raise EnvironmentRefused(
            f"view is 'shared' and the agents have {env.observation_sizes} observed and {env.action_sizes} action "
            "values; allowed: agents that are alike, or view = 'joint'"
        )
    try:
        return InputScaling(env.observation_layout, env.observation_sizes, config.input_scaling)
    except ValueError as error:
        raise EnvironmentRefused(f"environment {config.env_id!r}: {error}") from error


ACTION_SPACES: dict[str, Callable[[int], Space[Any]]] = {
    "box": lambda size: Box(-1.0, 1.0, (size,)),  # as the library advises: a Gaussian starts around its middle
    "multi_binary": MultiBinary,
}
"""The space of so many action values, by ``action_type``."""


def to_unit(actions: Any, config: BaselineConfig) -> NDArray[np.float32]:
    """The library's actions as values in [0, 1]."""
    values: NDArray[np.float32] = np.asarray(actions, np.float32)
    return values if config.settings.action_type == "multi_binary" else np.float32(0.5) * (values + np.float32(1))


def spaces_of(env: BatchedEnv, config: BaselineConfig) -> tuple[Box, Space[Any]]:
    """Observation and action space of an agent."""
    action_space = ACTION_SPACES[config.settings.action_type](env.action_sizes[0])
    return Box(-np.inf, np.inf, (inputs_of(env, config).size,), np.float32), action_space


class BatchedVecEnv(VecEnv):  # type: ignore[misc]
    """All agents of a BatchedEnv, each as an environment of its own; num_envs = copies × agents.

    When an episode ends the next one begins in the same step; its info then holds the last input as
    ``terminal_observation``, and ``TimeLimit.truncated`` unless the agent had terminated, so that the algorithms go on
    bootstrapping through a time limit. ``window`` collects the rewards for the log.
    """

    def __init__(self, env: BatchedEnv, config: BaselineConfig) -> None:
        self._env, self._config = env, config
        self._inputs = inputs_of(env, config)
        self.num_agents = len(env.agents)
        self.window = MetricWindow()
        self.steps = 0
        self._next_networks: list[Name] | None = None
        super().__init__(env.num_envs * self.num_agents, *spaces_of(env, config))

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """At the next reset, begin with the training networks of this seed, those of our own runs with it."""
        if seed is None:
            self._next_networks = None
            return [None] * self.num_envs
        self._next_networks = training_networks(seed, self._env.num_envs)
        return [seed] * self.num_envs

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every network; inputs (num_envs, d)."""
        observations = self._env.reset(seed=self._next_networks)
        self._next_networks = None
        return self._flat(self._inputs(observations))

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions (num_envs, A) of the coming step.

        Raises:
            DivergedError: one is not finite.
        """
        if not np.isfinite(actions).all():
            raise DivergedError("the policy gave actions that are not finite")
        shape = (self._env.num_envs, self.num_agents, -1)
        self._actions = to_unit(actions, self._config).reshape(shape)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.bool_], list[dict[str, Any]]]:
        """Advance all networks: inputs (num_envs, d), rewards, dones (num_envs,), infos.

        Raises:
            DivergedError: the environment gave numbers that are not finite.
        """
        step = self._env.step(self._actions)
        for name in ("rewards", "observations"):
            if not np.isfinite(getattr(step, name)).all():
                raise DivergedError(f"the environment gave {name} that are not finite")
        self.steps += 1
        self.window.add("return", step.rewards, axes=2)
        dones = np.repeat(ended(step), self.num_agents)
        cut = dones & ~self._flat(step.terminated)
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": bool(is_cut)} for is_cut in cut]
        inputs = self._flat(self._inputs(step.observations))
        if dones.any():
            for i in np.flatnonzero(dones):
                infos[i]["terminal_observation"] = inputs[i]
            inputs = self._flat(self._inputs(self._env.reset_done()))
        return inputs, self._flat(step.rewards).copy(), dones, infos

    def _flat(self, array: NDArray[Any]) -> NDArray[Any]:
        """(B, M, …) → (B·M, …)."""
        return array.reshape(self.num_envs, *array.shape[2:])

    def close(self) -> None:
        """Nothing to free."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The agents have one attribute, that they are not drawn."""
        if attr_name == "render_mode":
            return [None for _ in self._get_indices(indices)]
        raise AttributeError(f"an agent has no attribute {attr_name!r}")

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the agents have no attributes."""
        raise AttributeError(f"an agent has no attribute {attr_name!r}")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused: the agents have no methods."""
        raise AttributeError(f"an agent has no method {method_name!r}")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """None is wrapped."""
        return [False for _ in self._get_indices(indices)]
