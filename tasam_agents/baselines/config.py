"""Every setting of a baseline, once. ``None`` means: what stable-baselines3 itself takes, and nothing is passed on."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tasam_agents.config.fields import Scalar, TrainConfig

KIND = "stable-baselines3"
"""The field ``kind`` of the config.json of a baseline; runs of our own have none."""

OFF_POLICY, SAC_ONLY, TD3_ONLY, PPO_ONLY = ("sac", "td3"), ("sac",), ("td3",), ("ppo",)


@dataclass(frozen=True)
class BaselineConfig:
    """One training run of a baseline."""

    name: str = "SAC-SB3"
    """Name of the run, as it stands in tables."""
    algorithm: Literal["sac", "td3", "ppo"] = "sac"
    """Which of the library's algorithms."""
    view: Literal["joint", "shared"] = "joint"
    """`joint`: one agent sees and does everything, with the mean reward. `shared`: every DU is a sample of one policy,
    with its own observation, action and reward."""
    env_id: str = "oran/ORAN-v0"
    """A PettingZoo registry id, or `module:function` that makes a ParallelEnv."""
    env_kwargs: dict[str, Scalar] = field(default_factory=lambda: {"scenario": "paper"})
    """Keyword arguments of the environment."""
    seed: int = 0
    """Seed of networks, weights and noise; a run of our own with this seed trains on the same networks."""
    num_envs: int = 64
    """Radio networks simulated side by side."""
    env_steps: int = 96_000
    """Budget: environment steps, summed over the networks. PPO finishes the rollout in which it is reached."""
    hidden: tuple[int, ...] = (300, 400, 400)
    """Widths of the hidden layers of policy and value networks."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of the hidden layers."""
    action_type: Literal["box", "multi_binary"] = "box"
    """`box`: values in (0, 1), thresholded by the environment. `multi_binary` (PPO): one Bernoulli variable per bit."""
    input_scaling: tuple[tuple[str, float, float], ...] = ()
    """(group, offset, scale) per group of observation columns, as in LearnerConfig."""
    learning_rate: float | None = None
    """Of all networks and, in SAC, of the entropy coefficient."""
    final_learning_rate_factor: float = 1.0
    """Factor on the learning rate at the end of the budget, reached linearly; 1: constant."""
    gamma: float | None = None
    """Discount γ."""
    batch_size: int | None = None
    """Rows per mini-batch; with `shared`, a row is one DU."""
    replay_capacity: int = 20_000
    """SAC, TD3: steps of a network that are kept. The library's 1,000,000 would need 15 GB with a joint action."""
    warmup_steps: int | None = None
    """SAC, TD3: steps of each network with random actions before the first update; the library's own are 100 in sum."""
    train_every: int | None = None
    """SAC, TD3: steps of each network between two rounds of updates."""
    updates_per_round: int | None = None
    """SAC, TD3: gradient updates in such a round."""
    polyak: float | None = None
    """SAC, TD3: step of the target networks."""
    initial_entropy_coefficient: float | None = None
    """SAC: start of the tuned coefficient; the library's own is 1."""
    target_entropy_per_dim: float | None = None
    """SAC: target entropy [nats per action value, on the (0, 1) support, as in our own configuration]. The library
    counts on [-1, 1], ln 2 more; its own target, -1 there, is -1.69 here."""
    action_noise: float | None = None
    """TD3: standard deviation of the exploration noise, on [-1, 1]; the library's own is none at all."""
    rollout_steps: int | None = None
    """PPO: steps of each network between two rounds of updates."""
    epochs: int | None = None
    """PPO: passes over a rollout."""
    entropy_bonus: float | None = None
    """PPO: weight of the entropy in the loss."""
    evaluate_every: int = 250
    """Steps of each network between two evaluations on the validation networks."""
    validation_envs: int = 16
    """Networks on which the policy is judged during training."""
    threads: int = 1
    """CPU threads of the matrix products."""

    def __post_init__(self) -> None:
        for name, choices in _choices().items():
            self._check(name, f"one of {', '.join(map(repr, choices))}", getattr(self, name) in choices)
        self._check("name", "a non-empty name without '/'", bool(self.name) and "/" not in self.name)
        self._check("seed", "an integer in [0, 1_000_000)", _is_int(self.seed) and 0 <= self.seed < 1_000_000)
        self._check("hidden", "one or more widths >= 1", len(self.hidden) > 0 and min(self.hidden) >= 1)
        for name in ("num_envs", "env_steps", "evaluate_every", "validation_envs", "threads"):
            self._check(name, "an integer >= 1", _is_int(getattr(self, name)) and getattr(self, name) >= 1)
        self._check("replay_capacity", f"an integer >= {self.num_envs} (num_envs)",
                    _is_int(self.replay_capacity) and self.replay_capacity >= self.num_envs)  # fmt: skip
        for name in ("train_every", "updates_per_round", "rollout_steps", "epochs"):
            value = getattr(self, name)
            self._check(name, "None or an integer >= 1", value is None or (_is_int(value) and value >= 1))
        # PPO normalises the advantages of a mini-batch, which needs two.
        size = self.batch_size
        self._check("batch_size", "None or an integer >= 2", size is None or (_is_int(size) and size >= 2))
        steps = self.warmup_steps
        self._check("warmup_steps", "None or an integer >= 0", steps is None or (_is_int(steps) and steps >= 0))
        for name in ("learning_rate", "polyak", "initial_entropy_coefficient", "action_noise"):
            value = getattr(self, name)
            self._check(name, "None or a finite number > 0", value is None or (math.isfinite(value) and value > 0))
        self._check("gamma", "None or a number in [0, 1]", self.gamma is None or 0 <= self.gamma <= 1)
        factor = self.final_learning_rate_factor
        self._check("final_learning_rate_factor", "a number in [0, 1]", 0 <= factor <= 1)
        is_set = factor != 1 and self.learning_rate is None
        self._check("final_learning_rate_factor", "1 unless learning_rate is given", not is_set)
        target = self.target_entropy_per_dim
        self._check("target_entropy_per_dim", "None or a number <= 0", target is None or -math.inf < target <= 0)
        bonus = self.entropy_bonus
        self._check("entropy_bonus", "None or a number >= 0", bonus is None or 0 <= bonus < math.inf)
        self._check("action_type", "'box' unless algorithm is 'ppo'", self.action_type == "box" or self._is(PPO_ONLY))
        for name, algorithms in _BELONGS_TO.items():
            allowed = f"None with algorithm = {self.algorithm!r}, it belongs to {' and '.join(algorithms)}"
            self._check(name, allowed, getattr(self, name) is None or self._is(algorithms))

    def _is(self, algorithms: tuple[str, ...]) -> bool:
        return self.algorithm in algorithms

    def _check(self, name: str, allowed: str, is_allowed: bool) -> None:
        if not is_allowed:
            raise ValueError(f"BaselineConfig.{name} = {getattr(self, name)!r}, allowed: {allowed}")

    @property
    def iterations(self) -> int:
        """Steps of each network in the whole budget, which is how its log counts."""
        return -(-self.env_steps // self.num_envs)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON types, with the field ``kind`` that tells it from a TrainConfig."""
        return {"kind": KIND, **dataclasses.asdict(self)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> BaselineConfig:
        """The inverse of ``to_dict``.

        Raises:
            ValueError: another kind, or an unknown field.
        """
        fields = dict(data)
        kind = fields.pop("kind", None)
        if kind != KIND:
            raise ValueError(f"kind = {kind!r}, allowed: {KIND!r}")
        unknown = fields.keys() - {field.name for field in dataclasses.fields(BaselineConfig)}
        if unknown:
            raise ValueError(f"BaselineConfig has no field {sorted(unknown)}")
        fields["hidden"] = tuple(fields.get("hidden", BaselineConfig.hidden))
        fields["input_scaling"] = tuple((str(n), o, s) for n, o, s in fields.get("input_scaling", ()))
        return BaselineConfig(**fields)

    def like(self, config: TrainConfig) -> BaselineConfig:
        """The same baseline on the environment, number of networks, budget and layer widths of a run of our own.

        Of inputs, warm-up and updates per step it takes those that are set here, as in the tuned baselines.
        """
        scaling = config.learner.input_scaling if self.input_scaling else ()
        is_paced = self.train_every is not None
        return dataclasses.replace(
            self,
            env_id=config.env_id,
            env_kwargs=config.env_kwargs,
            num_envs=config.num_envs,
            env_steps=environment_steps(config),
            hidden=config.learner.hidden,
            input_scaling=scaling,
            replay_capacity=config.replay_capacity,
            warmup_steps=None if self.warmup_steps is None else config.warmup_steps,
            train_every=config.steps_per_iteration if is_paced else None,
            updates_per_round=config.updates_per_iteration if is_paced else self.updates_per_round,
            evaluate_every=config.evaluate_every * config.steps_per_iteration,
            validation_envs=config.validation_envs,
        )


def environment_steps(config: TrainConfig) -> int:
    """Environment steps of a whole run of our own, warm-up included, summed over its networks."""
    return config.num_envs * (config.warmup_steps + config.iterations * config.steps_per_iteration)


_BELONGS_TO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("warmup_steps", "train_every", "updates_per_round", "polyak"), OFF_POLICY),
    **dict.fromkeys(("initial_entropy_coefficient", "target_entropy_per_dim"), SAC_ONLY),
    **dict.fromkeys(("action_noise",), TD3_ONLY),
    **dict.fromkeys(("rollout_steps", "epochs", "entropy_bonus"), PPO_ONLY),
}


def _choices() -> dict[str, tuple[str, ...]]:
    hints = typing.get_type_hints(BaselineConfig)
    return {name: typing.get_args(kind) for name, kind in hints.items() if typing.get_origin(kind) is Literal}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
