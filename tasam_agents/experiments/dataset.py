"""Episodes of a policy as a Minari dataset, for offline learning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from numpy.typing import NDArray

from oran_env import Scenario, ScenarioError, Simulator, make_scenario, reference_policies
from oran_env.envs.spaces import observation_space
from oran_env.registration import JOINT_ID
from tasam_agents.config.fields import Scalar
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.seeding import MOST_NETWORKS, checked_seed, training_networks
from tasam_agents.errors import UserError, not_among

View = Literal["joint", "du"]
AT_ONCE = 64
"""Networks simulated side by side."""


def require_minari() -> Any:
    """The library that stores; raises ImportError naming the extra if it is not installed."""
    try:
        import h5py  # noqa: F401  # without which it stores nothing
        import minari
    except ImportError as error:
        raise ImportError("datasets need Minari; in the folder of the project: pip install -e '.[minari]'") from error
    return minari


def rule(name: str, kwargs: Mapping[str, Scalar]) -> ObservationPolicy:
    """A reference policy by its name.

    Raises:
        UserError: there is none of that name, or the arguments make no scenario.
    """
    try:
        known: dict[str, ObservationPolicy] = dict(reference_policies(scenario_of(kwargs)))
    except ScenarioError as error:
        raise UserError(str(error)) from error
    if name not in known:
        raise UserError(not_among("policy is", name, known, ", or a run directory"))
    return known[name]


def scenario_of(kwargs: Mapping[str, Any]) -> Scenario:
    """What the arguments of the environment make."""
    return make_scenario(**{"scenario": "paper", **kwargs})


def write_dataset(
    name: str,
    policy: ObservationPolicy,
    kwargs: Mapping[str, Scalar],
    episodes: int,
    seed: int = 0,
    view: View = "joint",
    told: str = "",
) -> Path:
    """Play episodes on training networks and store them where Minari keeps its datasets.

    Args:
        name: of the dataset, such as oran/paper-count_rule-v0.
        policy: observations (B, M, D) of B networks → actions (B, M, A) in [0, 1].
        kwargs: of the environment ``oran/ORAN-v1``.
        episodes: networks, each for one episode; network b is (seed, b), as in a training.
        seed: of these.
        view: ``joint``: an episode is that of a network, all DUs side by side, the reward their mean, and the dataset
            names ``oran/ORAN-joint-v1`` as its environment. ``du``: an episode is that of a DU, with its own
            observation, action and reward; M for each network, du_0 first.
        told: which policy it was, for the reader.

    Returns:
        Its directory.

    Raises:
        ImportError: Minari is not installed.
        UserError: a number or a name that is not allowed, or a dataset of that name is there already.
    """
    minari = require_minari()
    if not 1 <= episodes <= MOST_NETWORKS:
        raise UserError(f"episodes is {episodes}; allowed: 1 to {MOST_NETWORKS:_}")
    try:
        checked_seed(seed)
        scenario = scenario_of(kwargs)
        simulator = Simulator(scenario)
        minari.dataset.minari_dataset.parse_dataset_id(name)  # which leads out of the place of the datasets else
    except ValueError as error:
        raise UserError(str(error)) from error
    path = Path(minari.storage.get_dataset_path(name))
    if path.exists():
        raise UserError(f"dataset {name!r} is there already, in {path}; allowed: another --name")
    copies = len(simulator.agents) if view == "joint" else 1
    spaces = {
        "observation_space": observation_space(simulator, copies),
        "action_space": gymnasium.spaces.Box(0.0, 1.0, (copies * simulator.action_size,), np.float32),
    }
    from minari.data_collector import EpisodeBuffer

    buffers = [EpisodeBuffer(id=number, seed=seed, **columns)
               for number, columns in enumerate(_episodes(policy, scenario, episodes, seed, view))]  # fmt: skip
    arguments: dict[str, Any] = dict(kwargs)
    env = gymnasium.make(JOINT_ID, **arguments) if view == "joint" else None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="minari")  # that author and address are missing
            minari.create_dataset_from_buffers(
                name, buffers, env=env, algorithm_name=told or None,
                description=f"{told} on oran/ORAN-v1, {dict(kwargs)}, seed {seed}, view {view}", **spaces,
            )  # fmt: skip
    except (ValueError, OSError) as error:
        raise UserError(f"dataset {name!r} cannot be stored: {error}") from error
    return path


def _episodes(
    policy: ObservationPolicy, scenario: Scenario, episodes: int, seed: int, view: View
) -> Iterator[dict[str, Any]]:
    """What each episode stores."""
    names = training_networks(seed, episodes)
    for first in range(0, episodes, AT_ONCE):
        part = names[first : first + AT_ONCE]
        observations, actions, rewards = _played(policy, Simulator(scenario, len(part)), part)
        if view == "joint":
            observations, actions = (array.reshape(*array.shape[:2], -1) for array in (observations, actions))
            rewards = rewards.mean(axis=2, dtype=np.float32)
        else:
            observations, actions, rewards = (
                np.moveaxis(array, 2, 1).reshape(-1, array.shape[1], *array.shape[3:])
                for array in (observations, actions, rewards)
            )
        for seen, done, rewarded in zip(observations, actions, rewards, strict=True):
            ends = np.arange(len(done)) == len(done) - 1
            yield {
                "observations": seen,
                "actions": done,
                "rewards": rewarded.astype(np.float64).tolist(),
                "terminations": np.zeros(len(done), np.bool_).tolist(),
                "truncations": ends.tolist(),
            }


def _played(
    policy: ObservationPolicy, simulator: Simulator, names: Any
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """One episode of each network: observations (B, T+1, M, D), actions (B, T, M, A), rewards (B, T, M)."""
    observations, actions, rewards = [simulator.reset(seed=names).copy()], [], []
    for _ in range(simulator.scenario.control.horizon):
        actions.append(np.asarray(policy(observations[-1]), np.float32).copy())
        result = simulator.step(actions[-1])
        observations.append(result.observations.copy())
        rewards.append(result.rewards.copy())
    return np.stack(observations, axis=1), np.stack(actions, axis=1), np.stack(rewards, axis=1)
