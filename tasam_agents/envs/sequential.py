"""Any PettingZoo ParallelEnv as a BatchedEnv: a loop over envs, with padding, scaling and repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from tasam_agents.envs.interface import EnvironmentRefused, NotReproducible, Step
from tasam_agents.envs.seeding import MAX_LENGTH, Name, Seed, batch_names, integer_of, later_name


def usable_action_space(env: Any, agent: str) -> Any:
    """The action space of an agent: a Box with finite bounds or Discrete, or EnvironmentRefused."""
    space = env.action_space(agent)
    if not isinstance(space, Discrete) and not (isinstance(space, Box) and space.is_bounded("both")):
        raise EnvironmentRefused(
            f"the action space of {agent!r} is {space}; allowed: Discrete, or Box with finite bounds"
        )
    return space


def num_values(space: Any) -> int:
    """How many values in (0, 1) an action is made of: one per number of a Box, one per choice of a Discrete."""
    return int(space.n) if isinstance(space, Discrete) else int(np.prod(space.shape))


def in_space(values: NDArray[np.float32], space: Any) -> Any:
    """An action from its values in (0, 1): mapped affinely onto a Box; of a Discrete the choice whose value is largest.

    A Gaussian per value makes the choice a categorical one, which differs little between two values that do.
    """
    if isinstance(space, Discrete):
        return int(space.start) + int(values.argmax())
    value = space.low + values.reshape(space.shape) * (space.high - space.low)
    return np.clip(value, space.low, space.high).astype(space.dtype)  # rounding may exceed


class SequentialBatch:
    """B PettingZoo ParallelEnvs stepped one after the other, with padding for agents of different sizes.

    The population is fixed: an agent that leaves before the episode is over stays in the arrays with reward 0,
    observation 0 and ``terminated`` True until the last one is done.

    Args:
        envs: B of them, alike.
        seed: an integer, or one seed or name per env, see ``seeding``. An environment that has a method ``batched``
            (under its wrappers, too) is reset with names, any other with integers.

    Raises:
        EnvironmentRefused: agents or spaces that the learner has no use for.
        ValueError: a seed that is none.
    """

    def __init__(self, envs: Sequence[Any], seed: int | Sequence[Seed]) -> None:
        self._envs = list(envs)
        self.num_envs = len(self._envs)
        self.agents: tuple[str, ...] = tuple(self._envs[0].possible_agents)
        self._action_spaces = [usable_action_space(self._envs[0], agent) for agent in self.agents]
        observation_spaces = [self._envs[0].observation_space(agent) for agent in self.agents]
        for agent, space in zip(self.agents, observation_spaces, strict=True):
            if not isinstance(space, Box):
                raise EnvironmentRefused(f"the observation space of {agent!r} is {space}; allowed: Box")
        self.observation_sizes = tuple(int(np.prod(space.shape)) for space in observation_spaces)
        self.action_sizes = tuple(map(num_values, self._action_spaces))
        self.observation_layout: Mapping[str, slice] = {"all": slice(0, max(self.observation_sizes))}
        self._uneven_info: set[str] = set()
        self._knows_names = hasattr(self._envs[0].unwrapped, "batched")
        # Keys of info that an environment declares to mean nothing where a number is zero, which its own key tells.
        self._undefined: Mapping[str, str] = (getattr(self._envs[0], "metadata", None) or {}).get("undefined_infos", {})
        self._begin(batch_names(seed, self.num_envs))

    def _begin(self, names: list[Name]) -> None:
        """Forget all episodes; the next one of each env is its first."""
        self._names = names
        self._episodes = [-1] * self.num_envs
        self._history: list[list[NDArray[np.float32]]] = [[] for _ in names]  # actions of the running episode
        self._over = np.ones(self.num_envs, bool)
        self._gone = np.ones((self.num_envs, len(self.agents)), bool)  # agents that left the running episode
        size = (self.num_envs, len(self.agents), max(self.observation_sizes))
        self._observations = np.zeros(size, np.float32)

    def _next_episode(self, index: int) -> None:
        self._episodes[index] += 1
        self._start(index)

    def _start(self, index: int) -> None:
        name = later_name(self._names[index], self._episodes[index])
        observations, _ = self._envs[index].reset(seed=name if self._knows_names else integer_of(name))
        missing = set(self.agents) - set(observations)
        if missing:
            raise EnvironmentRefused(
                f"{', '.join(sorted(missing))} of possible_agents did not take part after reset; allowed: "
                "environments with a fixed population"
            )
        self._observations[index] = 0.0
        self._observe(index, observations)
        self._history[index] = []
        self._over[index] = False
        self._gone[index] = False

    def _observe(self, index: int, observations: Mapping[str, Any]) -> None:
        for name, value in observations.items():
            if name not in self.agents:
                raise EnvironmentRefused(f"agent {name!r} is not in possible_agents {self.agents}")
            i = self.agents.index(name)
            flat = np.asarray(value, np.float32).reshape(-1)
            if flat.size != self.observation_sizes[i]:
                raise EnvironmentRefused(
                    f"{name!r} observed {flat.size} numbers; its space has {self.observation_sizes[i]}"
                )
            self._observations[index, i, : flat.size] = flat

    def reset(self, seed: int | Sequence[Seed] | None = None) -> NDArray[np.float32]:
        """Begin an episode everywhere; see BatchedEnv."""
        if seed is not None:
            self._begin(batch_names(seed, self.num_envs))
        for index in range(self.num_envs):
            self._next_episode(index)
        return self._observations.copy()

    def reset_done(self) -> NDArray[np.float32]:
        """Begin the next episode where one has ended; see BatchedEnv."""
        for index in np.flatnonzero(self._over):
            self._next_episode(int(index))
        return self._observations.copy()

    def step(self, actions: NDArray[np.float32]) -> Step:
        """Advance every env; see BatchedEnv.

        Raises:
            ValueError: actions of the wrong shape, not in [0, 1] or NaN; or an episode is over and not reset.
        """
        shape = (self.num_envs, len(self.agents), max(self.action_sizes))
        if actions.shape != shape:
            raise ValueError(f"actions have shape {actions.shape}; allowed: {shape}")
        if not ((actions >= 0) & (actions <= 1)).all():
            raise ValueError("actions hold NaN or values outside [0, 1]")
        if self._over.any():
            raise ValueError(f"env {np.flatnonzero(self._over)[0]} has ended; call reset or reset_done first")
        rewards = np.zeros(shape[:2], np.float32)
        terminated = np.ones(shape[:2], bool)
        truncated = np.zeros(shape[0], bool)
        info: dict[str, NDArray[np.float64]] = {}
        for index in range(self.num_envs):
            self._step_one(index, actions[index], rewards, terminated, truncated, info)
        for key, number in self._undefined.items():
            if key in info and number in info:
                info[key][info[number] == 0] = np.nan
        # What a leaving agent observed belongs to this step; afterwards it observes nothing. Otherwise its last
        # observation, with reward 0 and no future, would contradict the bootstrap through its time limit.
        final = self._observations.copy()
        self._observations[self._gone] = 0.0
        return Step(final, rewards, terminated, truncated, info)

    def _step_one(
        self,
        index: int,
        actions: NDArray[np.float32],
        rewards: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        info: dict[str, NDArray[np.float64]],
    ) -> None:
        env = self._envs[index]
        present = [agent for agent in self.agents if agent in env.agents]
        self._history[index].append(actions.copy())
        observed, rewarded, terminations, truncations, infos = env.step(self._scaled(present, actions))
        self._observe(index, observed)
        for agent in present:
            i = self.agents.index(agent)
            rewards[index, i] = rewarded[agent]
            terminated[index, i] = terminations[agent]
            self._gone[index, i] = terminations[agent] or truncations[agent]
            for key, value in infos.get(agent, {}).items():
                self._collect(info, key, value, index, i)
        self._over[index] = self._gone[index].all()
        truncated[index] = self._over[index] and not terminated[index].all()

    def _scaled(self, present: Sequence[str], actions: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """The action of each agent that still takes part, in its own space."""
        spaces = zip(self.agents, self.action_sizes, self._action_spaces, strict=True)
        return {
            agent: in_space(actions[i, :size], space)
            for i, (agent, size, space) in enumerate(spaces)
            if agent in present
        }

    def _collect(self, info: dict[str, NDArray[np.float64]], key: str, value: Any, index: int, agent: int) -> None:
        """Put a numeric info entry into its array; NaN where an agent gave none. Uneven shapes are left out."""
        if key in self._uneven_info or isinstance(value, str | bytes | Mapping):
            return
        number = np.asarray(value)
        if number.dtype.kind not in "biuf" or number.ndim > 1:
            return
        shape = (self.num_envs, len(self.agents), *number.shape)
        array = info.setdefault(key, np.full(shape, np.nan))
        if array.shape != shape:
            self._uneven_info.add(key)
            del info[key]
            return
        array[index, agent] = number

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Names, episode numbers and the actions since each episode began: enough to live it again."""
        names = np.full((self.num_envs, MAX_LENGTH), -1)
        for row, name in zip(names, self._names, strict=True):
            row[: len(name)] = name
        lengths = np.array([len(history) for history in self._history])
        stacked = [action for history in self._history for action in history]
        shape = (0, len(self.agents), max(self.action_sizes))
        return {
            "names": names,
            "episodes": np.array(self._episodes),
            "lengths": lengths,
            "actions": np.stack(stacked) if stacked else np.zeros(shape, np.float32),
            "over": self._over.copy(),
            "observations": self._observations.copy(),
        }

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Repeat the running episodes from their seeds and actions.

        Raises:
            NotReproducible: the same seed and actions led to other observations. New episodes have begun.
        """
        if len(state["names"]) != self.num_envs:
            raise ValueError(f"the state is of {len(state['names'])} envs; allowed: {self.num_envs}")
        self._begin([tuple(row[row >= 0].tolist()) for row in state["names"]])
        self._episodes = [int(episode) for episode in state["episodes"]]
        history = np.split(state["actions"], np.cumsum(state["lengths"])[:-1])
        unused = np.zeros((self.num_envs, len(self.agents)), np.float32)
        for index, actions in enumerate(history):
            self._start(index)
            for action in actions:
                terminated, truncated = np.ones(unused.shape, bool), np.zeros(self.num_envs, bool)
                self._step_one(index, action, unused, terminated, truncated, {})
                self._observations[self._gone] = 0.0
        same = np.array_equal(self._observations, state["observations"])
        if not same or not np.array_equal(self._over, state["over"]):
            self.reset()
            raise NotReproducible("the environment is not a function of its seed and the actions")
