"""The hyper-parameters of the learner and of a training run, once, with the paper's symbol where it has one.

The defaults are what the paper prints, or what we took where it prints nothing: `TrainConfig()` is the configuration
`paper`. The dataclasses are frozen and check themselves: a value that is not allowed raises `ValueError` naming the
field, the value and what is allowed. `TrainConfig.to_dict` and `from_dict` go through plain JSON types.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from tasam_agents.config.anchor import AnchorConfig
from tasam_agents.config.checks import (
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
from tasam_agents.config.networks import RegularisationConfig
from tasam_agents.config.reading import from_plain
from tasam_agents.config.sam import GateConfig, RadiusConfig, SamConfig
from tasam_agents.config.temperature import TemperatureConfig

Scalar = bool | int | float | str


@dataclass(frozen=True)
class LearnerConfig:
    """The multi-agent soft actor-critic with selective SAM of section IV."""

    hidden: tuple[Count, ...] = (300, 400, 400)
    """Widths of the hidden tanh layers, actors and critics alike (section VI-A)."""
    shared_actor: bool = False
    """One actor whose weights all DUs share, trained on the rows of all, in place of one per DU."""
    critic: Literal["mean_field", "joint", "pooled"] = "mean_field"
    """What the global critic sees of the other DUs: their mean, everything concatenated, or nothing."""
    objective: Literal["team", "individual"] = "team"
    """What actor i ascends: the sum of all DUs' values, or its own value."""
    actor_learning_rate: Positive = 1e-4
    """η of the actors (Adam)."""
    critic_learning_rate: Positive = 1e-4
    """η of the critics (Adam)."""
    final_learning_rate_factor: Annotated[float, within("[0, 1]")] = 1.0
    """Factor on η of actors and critics at the end of the run, reached linearly in t/T; 1: constant, as in the paper.
    Towards 0 the noise of the mini-batches averages out of the final policy."""
    gamma: Annotated[float, within("[0, 1)")] = 0.9
    """Discount γ."""
    polyak: Annotated[float, within("(0, 1]")] = 0.005
    """Step of the target critics towards the critics, per update."""
    batch_size: Annotated[int, at_least(2)] = 128
    """κ: joint transitions per mini-batch; a joint transition holds one row of every DU. At least two: the gate
    needs a variance."""
    reward_scale: Positive = 1.0
    """Factor on the rewards the learner sees (the TD errors and λ_TD scale with it)."""
    action_scale: Positive = 2.0
    """The critics see (a − 0.5)·action_scale, by default in (−1, 1)."""
    input_scaling: tuple[tuple[str, float, float], ...] = ()
    """(group, offset, scale) per named group of observation columns: input = (o − offset)·scale; scale 0 drops the
    columns from networks and replay; groups not named stay as they are."""
    temperature: TemperatureConfig = TemperatureConfig()
    sam: SamConfig = SamConfig()
    radius: RadiusConfig = RadiusConfig()
    gate: GateConfig = GateConfig()
    regularisation: RegularisationConfig = RegularisationConfig()
    anchor: AnchorConfig = AnchorConfig()

    def __post_init__(self) -> None:
        check_fields(self)
        check(self, "hidden", "one or more widths >= 1", len(self.hidden) > 0)
        check(self, "hidden", "at most 64 widths <= 65_536", len(self.hidden) <= 64 and max(self.hidden) <= 65_536)
        check(self, "batch_size", "an integer <= 1_048_576", self.batch_size <= 1 << 20)
        groups = [group for group, _, _ in self.input_scaling]
        check(self, "input_scaling", "each group named once", len(groups) == len(set(groups)))


MOST_THREADS = 1024
_MOST = {
    "num_envs": 65_536,
    "validation_envs": 65_536,
    "iterations": 10**9,
    "steps_per_iteration": 10**6,
    "updates_per_iteration": 10**6,
    "warmup_steps": 10**6,
    "replay_capacity": 10**9,
    "evaluate_every": 10**9,
    "log_every": 10**9,
    "threads": MOST_THREADS,
}
"""A configuration may come out of a stranger's file: what no machine can do is no configuration."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run: the environment, Algorithm 1's counts, and the learner."""

    name: str = "TA-SAM-paper"
    """Name of the run, part of its directory."""
    env_id: str = "oran/ORAN-v1"
    """A PettingZoo registry id, or `module:function` that makes a ParallelEnv."""
    env_kwargs: dict[str, Scalar] = field(default_factory=lambda: {"scenario": "paper"})
    """Keyword arguments of the environment."""
    choose: str = ""
    """Keyword argument of the environment that is chosen before the run, as `train` does; "": none."""
    choices: tuple[int, ...] = ()
    """Its values, each tried in a short training and judged on the validation networks."""
    trial_iterations: Count = 15
    """Iterations of these short trainings."""
    seed: TrainingSeed = 0
    """Seed of networks, noise, replay and training episodes: env b trains on the networks of (seed, b)."""
    centralised: bool = False
    """One agent with the joint observation and action and the mean reward, instead of one agent per DU."""
    num_envs: Count = 1
    """Radio networks simulated side by side."""
    train_networks: CountOrZero = 0
    """How many different networks there are to learn from: env b begins every episode with network b mod this, all
    that is drawn in it included. 0: every episode is one of its own."""
    iterations: Count = 1000
    """N_t."""
    steps_per_iteration: Count = 10
    """N_e: environment steps per iteration, in each of the simulated networks."""
    updates_per_iteration: Count = 1
    """U: gradient updates per iteration."""
    warmup_steps: CountOrZero = 100
    """Environment steps with uniformly random actions before the first update."""
    replay_capacity: Count = 50_000
    """Joint transitions kept in B."""
    evaluate_every: Count = 20
    """Iterations between two evaluations on the validation networks."""
    validation_envs: Count = 8
    """Networks on which a checkpoint is judged during training."""
    log_every: Count = 10
    """Iterations between two lines of metrics."""
    checkpoint_every_s: PositiveOrZero = 30.0
    """Least time between two saves of everything that a resume needs, each at the end of an iteration: what a kill
    can cost at most [s]."""
    converged_gradient_norm: PositiveOrZero = 0.0
    """Algorithm 1, line 24: stop when the largest actor gradient norm of a log window is below this; 0: never."""
    threads: Count = 1
    """CPU threads of the matrix products; more than one pays only when the run has the machine for itself."""
    learner: LearnerConfig = LearnerConfig()

    def __post_init__(self) -> None:
        check_fields(self)
        allowed = "a name of letters, digits, '.', '_', '+' and '-', at most 100, that begins with a letter or digit"
        check(self, "name", allowed, bool(re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,99}", self.name, re.ASCII)))
        for name, most in _MOST.items():
            check(self, name, f"an integer <= {most:_}", getattr(self, name) <= most)
        check(self, "env_id", "a registry id or 'module:function'", bool(self.env_id))
        check(self, "choices", "values of `choose`, or none of both", bool(self.choose) == bool(self.choices))
        allowed = f"an integer in [0, num_envs = {self.num_envs}]"
        check(self, "train_networks", allowed, self.train_networks <= self.num_envs)
        allowed = f"an integer >= num_envs = {self.num_envs}"
        check(self, "replay_capacity", allowed, self.replay_capacity >= self.num_envs)

    @property
    def total_updates(self) -> int:
        """T, the number of updates of the whole run."""
        return self.iterations * self.updates_per_iteration

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON types (tuples become lists when written)."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`; fields left out take their defaults, unknown fields raise `ValueError`."""
        return from_plain(TrainConfig, data)
