"""The policy that the actors are held near, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tasam_agents.config.checks import Positive, PositiveOrZero, check, check_fields, within


@dataclass(frozen=True)
class AnchorConfig:
    """A KL term that holds the actors near a policy that was good before (section V-C) or that teaches them.

    Actor i's loss gets w_i·E_s[KL], s from the mini-batch; docs/forgetting.md says what the paper leaves open.
    """

    source: Literal["none", "best_snapshot", "teacher"] = "none"
    """`none`: no such term. `best_snapshot`: the actors that did best on validation so far. `teacher`: distillation
    from a running average of the actors, or from the actors of `teacher_run`."""
    direction: Literal["anchor_to_policy", "policy_to_anchor"] = "anchor_to_policy"
    """KL(π_anchor ‖ π_i), the direction of distillation and of continual learning: π_i must cover what the anchor did.
    Or KL(π_i ‖ π_anchor): π_i may concentrate on a part of it."""
    weighting: Literal["dynamic", "fixed"] = "dynamic"
    """`dynamic`: w_i rises while the measured KL is above its target and falls below it; `fixed`: w_i = weight."""
    weight: PositiveOrZero = 0.01
    """w, per nat; of `dynamic` the initial value."""
    target_kl_per_dim: Positive = 0.3
    """KL that `dynamic` aims at [nats per action dimension]."""
    adaptation: Annotated[float, within("(0, 5)")] = 0.1
    """K of w ← w·(1 + K·clip(KL/target − 1, −0.2, 0.2)), per update, of `dynamic`; w stays positive below 5."""
    weight_range: tuple[float, float] = (1e-4, 1.0)
    """Least and greatest w of `dynamic`; without a floor it would need as long to come back as it was not needed."""
    teacher_step: Annotated[float, within("(0, 1]")] = 0.005
    """Step of the teacher's weights towards the actors' per update, where there is no `teacher_run`."""
    teacher_run: str = ""
    """Run directory whose best actors teach and stay as they are; empty: a running average of the actors."""

    def __post_init__(self) -> None:
        check_fields(self)
        least, greatest = self.weight_range
        check(self, "weight_range", "(least, greatest) with 0 < least <= greatest", 0.0 < least <= greatest)
        allowed = f"within weight_range when dynamic: {least} to {greatest}"
        check(self, "weight", allowed, self.weighting != "dynamic" or least <= self.weight <= greatest)
        allowed = "empty unless source is 'teacher'"
        check(self, "teacher_run", allowed, not self.teacher_run or self.source == "teacher")
