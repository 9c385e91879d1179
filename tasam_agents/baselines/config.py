"""Every setting of a baseline, once. ``None`` means: what stable-baselines3 itself takes, and nothing is passed on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from tasam_agents.config import Scalar, TrainConfig
from tasam_agents.config.checks import (
    Bounds,
    Count,
    CountOrZero,
    Positive,
    PositiveOrZero,
    TrainingSeed,
    at_least,
    check,
    check_fields,
    within,
)
from tasam_agents.config.reading import from_plain

KIND = "stable-baselines3"
"""The field ``kind`` of the config.json of a baseline; runs of our own have none."""


@dataclass(frozen=True)
class OffPolicy:
    """What the algorithms with a replay buffer have in common."""

    action_type: ClassVar[str] = "box"

    replay_capacity: Count = 20_000
    """Steps of a network that are kept. The library's 1,000,000 would need 15 GB with a joint action."""
    warmup_steps: CountOrZero | None = None
    """Steps of each network with random actions before the first update; the library's own are 100 in sum."""
    warmup_share: Annotated[float, within("[0, 1)")] | None = None
    """The same as a share of the budget, in place of ``warmup_steps``."""
    train_every: Count | None = None
    """Steps of each network between two rounds of updates."""
    updates_per_round: Count | None = None
    """Gradient updates in such a round."""
    polyak: Positive | None = None
    """Step of the target networks."""

    def __post_init__(self) -> None:
        check_fields(self)
        allowed = "None with warmup_steps"
        check(self, "warmup_share", allowed, self.warmup_share is None or self.warmup_steps is None)


@dataclass(frozen=True)
class MaximumEntropy(OffPolicy):
    """What SAC and its descendants have in common."""

    initial_entropy_coefficient: Positive | None = None
    """Start of the tuned coefficient; the library's own is 1."""
    is_entropy_fixed: bool = False
    """Whether the coefficient stays what it is initially."""
    target_entropy_per_dim: Annotated[float, Bounds("a finite number <= 0", lambda value: value <= 0)] | None = None
    """Target entropy [nats per action value, on the (0, 1) support, as in our own configuration]. The library counts on
    [-1, 1], ln 2 more; its own target, -1 there, is -1.69 here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        is_given = self.initial_entropy_coefficient is not None
        check(
            self, "is_entropy_fixed", "False without initial_entropy_coefficient", is_given or not self.is_entropy_fixed
        )


@dataclass(frozen=True)
class Sac(MaximumEntropy):
    """Soft actor-critic."""

    algorithm: Literal["sac"] = "sac"
    """Which of the algorithms; each has settings of its own."""


@dataclass(frozen=True)
class Tqc(MaximumEntropy):
    """SAC with truncated quantile critics, of sb3-contrib."""

    algorithm: Literal["tqc"] = "tqc"
    """Which of the algorithms; each has settings of its own."""


@dataclass(frozen=True)
class CrossQ(MaximumEntropy):
    """SAC with batch normalisation in place of target networks, of sb3-contrib."""

    algorithm: Literal["crossq"] = "crossq"
    """Which of the algorithms; each has settings of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, "polyak", "None: there are no target networks", self.polyak is None)


@dataclass(frozen=True)
class Td3(OffPolicy):
    """Twin delayed deep deterministic policy gradient."""

    algorithm: Literal["td3"] = "td3"
    """Which of the algorithms; each has settings of its own."""
    action_noise: Positive | None = None
    """Standard deviation of the exploration noise, on [-1, 1]; the library's own is none at all."""


@dataclass(frozen=True)
class OnPolicy:
    """What the algorithms without one have in common."""

    rollout_steps: Count | None = None
    """Steps of each network between two rounds of updates."""
    epochs: Count | None = None
    """Passes over a rollout."""
    entropy_bonus: PositiveOrZero | None = None
    """Weight of the entropy in the loss."""
    initial_log_std: Annotated[float, within("[-10, 2]")] | None = None
    """Logarithm of the Gaussian's standard deviation at the start; the library's own is 0."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Ppo(OnPolicy):
    """Proximal policy optimisation."""

    algorithm: Literal["ppo"] = "ppo"
    """Which of the algorithms; each has settings of its own."""
    action_type: Literal["box", "multi_binary"] = "box"
    """`box`: a Gaussian on [-1, 1], clipped and scaled to (0, 1). `multi_binary`: one Bernoulli variable per bit."""


@dataclass(frozen=True)
class RecurrentPpo(OnPolicy):
    """PPO with an LSTM as wide as the first hidden layer, of sb3-contrib."""

    action_type: ClassVar[str] = "box"

    algorithm: Literal["recurrent_ppo"] = "recurrent_ppo"
    """Which of the algorithms; each has settings of its own."""


@dataclass(frozen=True)
class BaselineConfig:
    """One training run of a baseline."""

    name: str = "SAC-SB3"
    """Name of the run, as it stands in tables."""
    settings: Sac | Td3 | Ppo | CrossQ | Tqc | RecurrentPpo = Sac()
    """The algorithm, with what is its own."""
    view: Literal["joint", "shared"] = "joint"
    """`joint`: one agent sees and does everything, with the mean reward. `shared`: every DU is a sample of one policy,
    with its own observation, action and reward."""
    env_id: str = "oran/ORAN-v1"
    """A PettingZoo registry id, or `module:function` that makes a ParallelEnv."""
    env_kwargs: dict[str, Scalar] = field(default_factory=lambda: {"scenario": "paper"})
    """Keyword arguments of the environment."""
    seed: TrainingSeed = 0
    """Seed of networks, weights and noise; a run of our own with this seed trains on the same networks."""
    num_envs: Count = 64
    """Radio networks simulated side by side."""
    env_steps: Count = 51_200
    """Budget: environment steps, summed over the networks. PPO finishes the rollout in which it is reached."""
    hidden: tuple[Count, ...] = (300, 400, 400)
    """Widths of the hidden layers of policy and value networks."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of the hidden layers."""
    input_scaling: tuple[tuple[str, float, float], ...] = ()
    """(group, offset, scale) per group of observation columns, as in LearnerConfig."""
    learning_rate: Positive | None = None
    """Of all networks and, in SAC, of the entropy coefficient."""
    final_learning_rate_factor: Annotated[float, within("[0, 1]")] = 1.0
    """Factor on the learning rate at the end of the budget, reached linearly; 1: constant."""
    gamma: Annotated[float, within("[0, 1]")] | None = None
    """Discount γ."""
    batch_size: Annotated[int, at_least(2)] | None = None
    """Rows per mini-batch, at least two: PPO normalises their advantages; with `shared`, a row is one DU."""
    evaluate_every: Count = 250
    """Steps of each network between two evaluations on the validation networks."""
    validation_envs: Count = 16
    """Networks on which the policy is judged during training."""
    threads: Count = 1
    """CPU threads of the matrix products."""

    def __post_init__(self) -> None:
        check_fields(self)
        check(self, "name", "a non-empty name without '/'", bool(self.name) and "/" not in self.name)
        check(self, "hidden", "one or more widths >= 1", len(self.hidden) > 0)
        is_constant = self.final_learning_rate_factor == 1
        allowed = "1 unless learning_rate is given"
        check(self, "final_learning_rate_factor", allowed, is_constant or self.learning_rate is not None)
        if isinstance(self.settings, OffPolicy):
            allowed = f"an integer >= {self.num_envs} (num_envs)"
            check(self.settings, "replay_capacity", allowed, self.settings.replay_capacity >= self.num_envs)

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
        return from_plain(BaselineConfig, fields)

    def like(self, config: TrainConfig) -> BaselineConfig:
        """The same baseline on the environment, number of networks, budget and layer widths of a run of our own.

        What is named here stays: the codec, and settings of the algorithm. Inputs and discount become those of the run
        where this one has any.
        """
        settings = self.settings
        if isinstance(settings, OffPolicy):
            settings = dataclasses.replace(settings, replay_capacity=config.replay_capacity)
        codec = {name: value for name, value in self.env_kwargs.items() if name == "codec"}
        return dataclasses.replace(
            self,
            settings=settings,
            env_id=config.env_id,
            env_kwargs={**config.env_kwargs, **codec},
            num_envs=config.num_envs,
            env_steps=environment_steps(config),
            hidden=config.learner.hidden,
            input_scaling=config.learner.input_scaling if self.input_scaling else (),
            gamma=None if self.gamma is None else config.learner.gamma,
            evaluate_every=config.evaluate_every * config.steps_per_iteration,
            validation_envs=config.validation_envs,
        )


def environment_steps(config: TrainConfig) -> int:
    """Environment steps of a whole run of our own, warm-up included, summed over its networks."""
    return config.num_envs * (config.warmup_steps + config.iterations * config.steps_per_iteration)
