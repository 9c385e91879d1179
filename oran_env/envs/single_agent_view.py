"""Who is the single agent of a Gymnasium environment: all DUs together, or one of them.

A viewpoint turns what the simulator takes and gives, arrays (B, M, …), into what that agent does and sees, arrays
(B, …); the environments with one network and with many share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from oran_env.envs.action_face import ActionFace, ActionType, action_face
from oran_env.envs.spaces import observation_space
from oran_env.numerics.jit import Singles
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import Policy
from oran_env.scenario.fields import Scenario
from oran_env.scenario.near_miss import did_you_mean
from oran_env.simulator.checked import checked, singles
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import without_nan


class Viewpoint(Protocol):
    """What a single agent does and sees. B networks, M DUs, D observed and A action values per DU."""

    observation_space: Space[Any]
    action_space: Space[Any]
    face: ActionFace
    dus: slice  # which DUs it acts for

    def act(self, actions: NDArray[Any], simulator: Simulator) -> NDArray[Any]:
        """Complete the agent's actions (B, values) to those of all DUs (B, M, A)."""

    def see(self, observations: Singles) -> Singles:
        """What the agent sees (B, values) of the observations (B, M, D)."""

    def reward(self, rewards: Singles) -> NDArray[np.float64]:
        """The agent's reward (B,) from those of all DUs (B, M)."""

    def info(self, info: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The agent's part of the info, arrays (B, …) from arrays (B, M, …)."""


class AllDus:
    """All DUs of a network as one agent: actions and observations side by side, reward their mean."""

    def __init__(self, simulator: Simulator, action_type: ActionType = "box") -> None:
        copies = len(simulator.agents)
        self.observation_space: Space[Any] = observation_space(simulator, copies)
        self.face = action_face(simulator, action_type)
        self.action_space = self.face.space(copies)
        self.dus = slice(None)

    def act(self, actions: NDArray[Any], simulator: Simulator) -> NDArray[Any]:
        """Cut (B, …) into the actions of the DUs."""
        return self.face.values(actions.reshape(len(actions), len(simulator.agents), *self.face.shape))

    def see(self, observations: Singles) -> Singles:
        """All DUs side by side (B, M·D)."""
        return observations.reshape(len(observations), -1)

    def reward(self, rewards: Singles) -> NDArray[np.float64]:
        """Mean over the DUs (B,)."""
        mean: Singles = rewards.mean(axis=1)
        return mean.astype(np.float64)

    def info(self, info: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Everything, one row per DU."""
        return without_nan(info)


class OneDu:
    """One DU as the agent; the others follow a policy that sees what they see.

    Raises:
        ValueError: no such DU, no such policy, or actions of the policy that do not fit.
    """

    def __init__(
        self, simulator: Simulator, du: int = 0, others: str | Policy = "static", action_type: ActionType = "box"
    ) -> None:
        count = len(simulator.agents)
        if not isinstance(du, (int, np.integer)) or isinstance(du, bool) or not 0 <= du < count:
            raise ValueError(f"du is {du!r}; allowed: integers from 0 to {count - 1}")
        self.du = int(du)
        self.others = others
        self._policy = policy_of(others, simulator.scenario)
        self._rest = [m for m in range(count) if m != self.du]
        self.observation_space: Space[Any] = observation_space(simulator)
        self.face = action_face(simulator, action_type)
        self.action_space = self.face.space()
        self.dus = slice(self.du, self.du + 1)

    def act(self, actions: NDArray[Any], simulator: Simulator) -> Singles:
        """Ask the policy for the other DUs' actions, and put the agent's (B, …) among them."""
        shape = (len(actions), len(simulator.agents), simulator.action_size)
        joint = np.empty(shape, dtype=np.float32)
        joint[:, self.du] = singles(self.face.values(actions))
        if self._rest:
            theirs = self._policy(simulator, self._rest)
            joint[:, self._rest] = checked("others gives", theirs, (shape[0], len(self._rest), shape[2]))
        return joint

    def see(self, observations: Singles) -> Singles:
        """The DU's own observation (B, D)."""
        return np.ascontiguousarray(observations[:, self.du])

    def reward(self, rewards: Singles) -> NDArray[np.float64]:
        """The DU's own reward (B,)."""
        return rewards[:, self.du].astype(np.float64)

    def info(self, info: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The DU's own row."""
        return {name: array[:, self.du] for name, array in without_nan(info).items()}


def policy_of(others: str | Policy, scenario: Scenario) -> Callable[[Simulator, list[int]], NDArray[Any]]:
    """The policy of the other DUs, from its name or itself; a rule may ask for the observations of all DUs."""
    if others == "random":
        return draw_uniform
    if isinstance(others, str):
        known = reference_policies(scenario)
        if others not in known:
            near = did_you_mean(others, known)
            raise ValueError(f"others is {others!r}; {near}allowed: {', '.join(known)}, or a callable")
        return _Rule(known[others])
    if not callable(others):
        raise ValueError(f"others is {others!r}; allowed: the name of a reference policy, or a callable")
    return _Blind(others)


class _Blind:
    """A policy that sees the others' observations and not the simulator (a class, so that it can be pickled)."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, simulator: Simulator, rest: list[int]) -> NDArray[Any]:
        return self._policy(simulator.observations[:, rest])


class _Rule(_Blind):
    """The same for a rule of the package, which sees all observations."""

    def __call__(self, simulator: Simulator, rest: list[int]) -> NDArray[Any]:
        return self._policy(simulator.observations)[:, rest]


def draw_uniform(simulator: Simulator, rest: list[int]) -> Singles:
    """Uniform actions that depend on nothing but (seed, network, episode, step).

    So an environment repeats itself after ``reset(seed)``, and a network does the same alone and in a batch, neither of
    which the reference policy ``random`` with its running generator would do. Philox4x64 shares the key with the
    simulator's own Philox4x32 and is another function of it.
    """
    shape = (len(rest), simulator.action_size)
    rows = []
    for first, second, episode, step in simulator.state.key.tolist():
        bits = np.random.Philox(key=[first, second], counter=[0, step, episode, 0])
        rows.append(np.random.Generator(bits).random(shape, dtype=np.float32))
    return np.stack(rows)
