"""The entropy temperature and what it is tuned towards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tasam_agents.config.checks import Bounds, Positive, PositiveOrZero, check_fields

Entropy = Annotated[float, Bounds("a finite number <= 0", lambda value: value <= 0.0)]


@dataclass(frozen=True)
class TemperatureConfig:
    """Entropy temperature β of eqs. (9) and (10), one per actor, tuned towards a target entropy."""

    initial: Positive = 0.001
    """β before the first update. Small: with hundreds of action dimensions the entropy term drowns the values."""
    learning_rate: PositiveOrZero = 3e-3
    """Adam step size of log β; 0: β stays what it is initially, whatever the entropy."""
    target_entropy_per_dim: Entropy = -1.5
    """Target entropy [nats per action dimension] on the (0, 1) support, where the maximum is 0, that of the uniform
    density."""
    final_target_entropy_per_dim: Entropy | None = None
    """Target entropy at the end of the run, reached linearly in t/T; None: constant."""

    def __post_init__(self) -> None:
        check_fields(self)

    def target_at(self, progress: float) -> float:
        """Target entropy [nats per dimension] at t/T = progress."""
        first, last = self.target_entropy_per_dim, self.final_target_entropy_per_dim
        return first if last is None else first + (last - first) * progress
