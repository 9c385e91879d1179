"""Small environments with known answers, reachable as "support.fakes:…" and without any dependency of their own."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from tasam_agents.envs.interface import ObservationPolicy, Step
from tasam_agents.envs.seeding import Seed, batch_names, integer_of

# What the next environments do, set by a test: at which step of the process a signal arrives or NaN comes back.
signal_at: int | None = None
signal_number = signal.SIGINT
nan_at: int | None = None
steps_taken = 0


class TargetBatch:
    """B envs of M = 2 agents; the reward 1 − |a − o| asks each agent to repeat what it sees.

    The next observation is a function of (seed, episode, step) alone. Episodes end by truncation after
    ``horizon`` steps. ``seeds_seen`` notes the seeds of every reset.
    """

    agents = ("left", "right")
    observation_sizes = (2, 2)
    action_sizes = (2, 2)
    observation_layout: Mapping[str, slice] = {"all": slice(0, 2)}

    def __init__(self, num_envs: int, seed: Sequence[Seed], horizon: int = 7) -> None:
        self.num_envs, self.horizon = num_envs, horizon
        self.seeds_seen: list[list[Seed]] = []
        self._clock = np.zeros((num_envs, 3), np.int64)  # seed, episode, step

    def reset(self, seed: int | Sequence[Seed] | None = None) -> NDArray[np.float32]:
        assert seed is not None
        assert not isinstance(seed, int)
        self.seeds_seen.append(list(seed))
        self._clock[:] = 0
        self._clock[:, 0] = [integer_of(name) for name in batch_names(seed, self.num_envs)]
        return self._observe()

    def reset_done(self) -> NDArray[np.float32]:
        over = self._clock[:, 2] >= self.horizon
        self._clock[over, 1] += 1
        self._clock[over, 2] = 0
        return self._observe()

    def _observe(self) -> NDArray[np.float32]:
        draws = [np.random.default_rng(row).random((2, 2), np.float32) for row in self._clock.tolist()]
        return np.stack(draws)

    def step(self, actions: NDArray[np.float32]) -> Step:
        global steps_taken
        steps_taken += 1
        if steps_taken == signal_at:
            signal.raise_signal(signal_number)
        rewards = 1 - np.abs(actions - self._observe()).mean(axis=2)
        if steps_taken == nan_at:
            rewards[0, 0] = np.nan
        self._clock[:, 2] += 1
        info = {
            "satisfied": np.stack([rewards > 0.5, rewards > 0.7, rewards > 0.9], axis=2),
            "qos_normalised": np.stack([rewards, rewards, np.full_like(rewards, np.nan)], axis=2),
            "step": np.repeat(self._clock[:, 2:], 2, axis=1),
        }
        truncated = self._clock[:, 2] >= self.horizon
        return Step(self._observe(), rewards, np.zeros(rewards.shape, bool), truncated, info)


class ResumableTargetBatch(TargetBatch):
    """A TargetBatch that a checkpoint can hold."""

    def get_state(self) -> dict[str, NDArray[Any]]:
        return {"clock": self._clock.copy()}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._clock[:] = state["clock"]


class TargetEnv:
    """What `make_batched` looks at: an environment that offers its batched form and a policy to compare with."""

    possible_agents = TargetBatch.agents

    def __init__(self, resumable: bool = True, horizon: int = 7) -> None:
        self._kind = ResumableTargetBatch if resumable else TargetBatch
        self._horizon = horizon
        self.unwrapped = self

    def batched(self, num_envs: int, seed: Sequence[Seed]) -> TargetBatch:
        return self._kind(num_envs, seed, self._horizon)

    def action_space(self, agent: str) -> Box:
        return Box(0.0, 1.0, (2,), np.float32)

    def reference_policies(self) -> dict[str, ObservationPolicy]:
        return {"repeat": lambda observations: observations, "half": lambda o: np.full_like(o, 0.5)}


def target_env(**kwargs: Any) -> TargetEnv:
    return TargetEnv(**kwargs)


class ParallelToy:
    """A PettingZoo ParallelEnv in miniature: agents of different sizes, one of which may leave early.

    ``observation`` of agent "a" is (drawn at reset, steps, 0.5); of agent "b" the step count alone. Reward: the
    first number of its action. Agent "b" leaves after ``leaves_after`` steps, by termination or truncation.
    """

    def __init__(
        self,
        horizon: int = 4,
        leaves_after: int | None = None,
        leaves_by: str = "termination",
        action: str = "box",
        seeded: bool = True,
        stranger: bool = False,
        terminates: bool = False,
    ) -> None:
        self.possible_agents = ["a", "b"]
        self.agents: list[str] = []
        self.horizon, self.leaves_after, self.leaves_by = horizon, leaves_after, leaves_by
        self.action, self.seeded, self.stranger, self.terminates = action, seeded, stranger, terminates
        self.seeds_seen: list[int | None] = []
        self.actions_seen: list[dict[str, Any]] = []
        self.unwrapped = self

    def observation_space(self, agent: str) -> Box:
        return Box(-np.inf, np.inf, (3,) if agent == "a" else (1,), np.float32)

    def action_space(self, agent: str) -> Any:
        if self.action == "discrete":
            return Discrete(3)
        if self.action == "unbounded":
            return Box(-np.inf, np.inf, (2,), np.float32)
        return Box(-2.0, 2.0, (2, 2), np.float32) if agent == "a" else Box(0.0, 10.0, (1,), np.float32)

    def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        self.seeds_seen.append(seed)
        self.agents = self.possible_agents[:]
        self.time = 0
        self.luck = np.random.default_rng(seed if self.seeded else None).random()
        return self._observe(), {agent: {} for agent in self.agents}

    def _observe(self) -> dict[str, Any]:
        observed = {"a": np.array([self.luck, self.time, 0.5]), "b": np.array([self.time])}
        return {agent: observed[agent] for agent in self.agents} | ({"c": np.zeros(1)} if self.stranger else {})

    def step(self, actions: Mapping[str, Any]) -> tuple[Any, Any, Any, Any, Any]:
        assert set(actions) == set(self.agents), "only agents that take part may act"
        self.actions_seen.append(dict(actions))
        self.time += 1
        present = self.agents[:]
        observed = self._observe()
        leaves = [agent for agent in present if agent == "b" and self.time == self.leaves_after]
        over = self.time == self.horizon
        terminated = {
            agent: (agent in leaves and self.leaves_by == "termination") or (over and self.terminates)
            for agent in present
        }
        truncated = {
            agent: (agent in leaves and self.leaves_by == "truncation") or (over and not self.terminates)
            for agent in present
        }
        infos = {agent: {"time": self.time, "pair": [1.0, 2.0], "note": "text", "uneven": [0.0] * len(agent)}
                 for agent in present}  # fmt: skip
        infos["a"]["uneven"] = [0.0] * self.time
        rewards = {agent: float(np.ravel(actions[agent])[0]) for agent in present}
        self.agents = [agent for agent in present if not (terminated[agent] or truncated[agent])]
        return observed, rewards, terminated, truncated, infos


def parallel_toy(**kwargs: Any) -> ParallelToy:
    return ParallelToy(**kwargs)
