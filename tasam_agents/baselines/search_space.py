"""What is tuned of each algorithm: the settings, where they are searched, and what each is with the library's defaults.

Discount, inputs, widths and budget are no part of it: they are those of our own agents. These are tuned as well, by as
many settings as SAC; their defaults are those that they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple, TypeVar

from tasam_agents.baselines.config import (
    BaselineConfig,
    CrossQ,
    Ppo,
    RecurrentPpo,
    Sac,
    Td3,
    Tqc,
    environment_steps,
)
from tasam_agents.config import TrainConfig
from tasam_agents.config.fields import Scalar

Config = TypeVar("Config", BaselineConfig, TrainConfig)


class Choice(NamedTuple):
    """One of several values."""

    values: tuple[Scalar, ...]
    default: Scalar


class Range(NamedTuple):
    """A number between two, drawn on a logarithmic scale or not."""

    low: float
    high: float
    default: float
    is_log: bool = True
    is_integer: bool = False


Space = Mapping[str, Choice | Range]
"""By the path of the field: `settings.epochs` is the field `epochs` of the field `settings`."""

_COMMON: Space = {
    "learning_rate": Range(1e-4, 1e-2, 3e-4),
    "final_learning_rate_factor": Choice((1.0, 0.02), 1.0),
}
_OFF_POLICY: Space = {
    **_COMMON,
    "batch_size": Choice((256, 1024), 256),
    "activation": Choice(("relu", "tanh"), "relu"),
    "settings.updates_per_round": Choice((1, 2, 4, 8), 1),
    "settings.warmup_share": Choice((0.0, 0.05, 0.1, 0.25), 0.0),
}
_SAC: Space = {
    **_OFF_POLICY,
    "settings.initial_entropy_coefficient": Range(1e-4, 1.0, 1.0),
    "settings.is_entropy_fixed": Choice((False, True), False),
    "settings.target_entropy_per_dim": Range(-4.0, 0.0, -1.69, is_log=False),
}
_TD3: Space = {**_OFF_POLICY, "settings.action_noise": Range(0.05, 0.8, 0.1)}
_PPO: Space = {
    **_COMMON,
    "batch_size": Choice((384, 1536), 384),
    "activation": Choice(("tanh", "relu"), "tanh"),
    "settings.rollout_steps": Choice((8, 16, 32), 32),
    "settings.epochs": Choice((5, 10), 10),
    "settings.entropy_bonus": Choice((0.0, 0.0001, 0.001, 0.01), 0.0),
    "settings.initial_log_std": Range(-2.0, 0.0, 0.0, is_log=False),
}
_BITS: Space = {"settings.action_type": Choice(("box", "multi_binary"), "box")}

_OWN: Space = {
    "learner.shared_actor": Choice((False, True), True),
    "learner.actor_learning_rate": Range(1e-4, 1e-2, 1e-2),
    "learner.critic_learning_rate": Range(1e-4, 1e-2, 1e-2),
    "learner.final_learning_rate_factor": Choice((1.0, 0.02), 0.02),
    "learner.batch_size": Choice((43, 128), 128),  # joint transitions of six rows: 43 make the 256 rows of the rivals
    "updates_per_iteration": Choice((20, 40, 60), 60),  # more of them, with SAM, take more time than a rival
    "warmup_steps": Choice((40, 80, 200, 400), 80),
    "learner.temperature.initial": Range(1e-4, 1.0, 0.0245),
    "learner.temperature.learning_rate": Choice((0.0, 3e-3), 0.0),
}

SPACES: dict[type, Space] = {Sac: _SAC, Td3: _TD3, Ppo: _PPO}
"""By the class of ``BaselineConfig.settings``."""

TAKES_FROM: dict[type, type] = {CrossQ: Sac, Tqc: Sac, RecurrentPpo: Ppo}
"""Algorithms that are not tuned themselves, and whose settings they take, as far as they have them."""

CODECS_OF_BITS = ("two_bit",)
"""Codecs whose values are read as bits, so that a policy may draw bits."""


def space_of(config: BaselineConfig | TrainConfig) -> Space:
    """What is tuned of a baseline, or of an agent of our own.

    Raises:
        ValueError: an algorithm that is not tuned.
    """
    if isinstance(config, TrainConfig):
        return _OWN
    kind = type(config.settings)
    if kind not in SPACES:
        raise ValueError(f"algorithm is {config.settings.algorithm!r}; allowed: those that are tuned, "
                         f"{', '.join(own().algorithm for own in SPACES)}")  # fmt: skip
    has_bits = isinstance(config.settings, Ppo) and config.env_kwargs.get("codec") in CODECS_OF_BITS
    return {**SPACES[kind], **(_BITS if has_bits else {})}


def with_settings(config: Config, found: Mapping[str, Any]) -> Config:
    """The same with other values of fields, given by their paths. An agent of our own keeps its budget of environment
    steps: what its warm-up no longer takes goes to its iterations, unless these are given.

    Raises:
        ValueError: no such field, or a value that it does not allow.
    """
    document = config.to_dict()
    for path, value in found.items():
        *inner, name = path.split(".")
        reduce(getitem, inner, document)[name] = value
    if isinstance(config, BaselineConfig):
        return BaselineConfig.from_dict(document)
    changed = TrainConfig.from_dict(document)
    if "iterations" in found:
        return changed
    steps = environment_steps(config) // changed.num_envs - changed.warmup_steps
    return replace(changed, iterations=max(steps // changed.steps_per_iteration, 1))


def shortened(config: Config, share: float, seed: int, parts: int) -> Config:
    """A trial: a share of the budget, validated after each of `parts` equal parts of it."""
    if isinstance(config, BaselineConfig):
        env_steps = max(round(config.env_steps * share), config.num_envs)
        short = replace(config, seed=seed, env_steps=env_steps)
        return replace(short, evaluate_every=-(-short.iterations // parts))
    iterations = max(round(config.iterations * share), 1)
    warmup_steps = round(config.warmup_steps * share)
    return replace(
        config, seed=seed, iterations=iterations, warmup_steps=warmup_steps, evaluate_every=-(-iterations // parts)
    )
