"""The distribution of an actor's action, one class for each, and its entropy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tasam_agents.config.checks import Bounds, Positive, PositiveOrZero, check_fields, within

LN_2 = math.log(2.0)
"""Greatest entropy of a bit [nats]."""


@dataclass(frozen=True)
class RelaxedPolicy:
    """Values in (0, 1): the sigmoid of a Gaussian per dimension (section IV-A)."""

    max_entropy_per_dim: ClassVar[float] = 0.0
    """Greatest entropy of a dimension [nats]: that of the uniform density."""

    kind: Literal["relaxed"] = "relaxed"
    """Which policy; `bernoulli` has fields of its own."""
    shared_noise: PositiveOrZero = 0.0
    """s: the columns of one kind (same place in every resource) share a noise term s·σ·g, so that exploration varies
    how many resources a slice gets and not only which."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class BernoulliPolicy:
    """Bits, independent given the state, with exact entropy."""

    max_entropy_per_dim: ClassVar[float] = LN_2
    """Greatest entropy of a bit [nats]."""

    kind: Literal["bernoulli"] = "bernoulli"
    """Which policy; `relaxed` has fields of its own."""
    gradient: Literal["straight_through", "gumbel_sigmoid"] = "straight_through"
    """What stands in for the slope of a bit b in its logit ℓ, p = sigmoid(ℓ): `straight_through`: p(1 − p), exact where
    the value is linear in the bit; `gumbel_sigmoid`: that of sigmoid((ℓ + logistic noise)/`softness`)."""
    softness: Positive = 1.0
    """Temperature of `gumbel_sigmoid`."""
    reserved_share: Annotated[float, within("[0, 1]")] = 0.0
    """Share of the resources that begin as reserved, the same number for each agent: in a fresh policy another agent
    claims them with probability `reserved_claim` per bit. What pays is kept, the rest is shared again."""
    reserved_claim: Annotated[float, within("(0, 1)")] = 0.02
    """Probability of a bit on a resource that begins as reserved for another agent."""
    final_sharpness: Annotated[float, within("[1, inf)")] = 1.0
    """Factor on the logits at the end of the run. Large: the bits that are sampled become those that are executed, and
    the critic sees the others as they will be."""
    sharpen_from: Annotated[float, within("[0, 1)")] = 0.0
    """t/T until which the factor is 1; from there it rises linearly."""

    def __post_init__(self) -> None:
        check_fields(self)

    def sharpness_at(self, progress: float) -> float:
        """Factor on the logits at t/T = progress."""
        risen = max(progress - self.sharpen_from, 0.0) / (1.0 - self.sharpen_from)
        return 1.0 + (self.final_sharpness - 1.0) * risen


PolicyConfig = RelaxedPolicy | BernoulliPolicy

Entropy = Annotated[float, Bounds(f"a finite number <= ln 2 = {LN_2:.3f}", lambda value: value <= LN_2)]


@dataclass(frozen=True)
class TemperatureConfig:
    """Entropy temperature β of eqs. (9) and (10), one per actor, tuned towards a target entropy."""

    initial: Positive = 0.001
    """β before the first update. Small: with hundreds of action dimensions the entropy term drowns the values."""
    learning_rate: Positive = 3e-3
    """Adam step size of log β."""
    target_entropy_per_dim: Entropy = -1.5
    """Target entropy [nats per action dimension]: `relaxed` on the (0, 1) support, where the maximum is 0; `bernoulli`
    per bit, where it is ln 2."""
    final_target_entropy_per_dim: Entropy | None = None
    """Target entropy at the end of the run, reached linearly in t/T; None: constant."""

    def __post_init__(self) -> None:
        check_fields(self)

    def target_at(self, progress: float) -> float:
        """Target entropy [nats per dimension] at t/T = progress."""
        first, last = self.target_entropy_per_dim, self.final_target_entropy_per_dim
        return first if last is None else first + (last - first) * progress
