"""One optimiser step of one network, with SAM or without, and what is logged of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from tasam_agents.learner.sam import global_norm


@dataclass(frozen=True)
class NetworkStep:
    """The gradients that one Adam step is made of."""

    gradient: Sequence[Tensor]
    """At θ."""
    sharp_gradient: Sequence[Tensor] | None = None
    """At θ + ε, when SAM was applied: of the perturbed weights, which are the first ones."""
    perturbation_ratio: float | None = None
    """‖ε‖/‖θ‖ of the perturbed weights."""

    @property
    def final(self) -> Sequence[Tensor]:
        """The gradient that Adam gets, eq. (11); weights that are never perturbed keep the one at θ."""
        if self.sharp_gradient is None:
            return self.gradient
        return [*self.sharp_gradient, *self.gradient[len(self.sharp_gradient) :]]


def gradient_metrics(
    critic_steps: Sequence[NetworkStep], actor_steps: Sequence[NetworkStep]
) -> dict[str, float | list[float] | list[float | None] | None]:
    """Gradient norms at θ and at θ + ρ g/‖g‖ and ‖ε‖/‖θ‖: critics as the mean of the twins, actors one by one.

    `gradient_evaluations` counts the gradients taken with respect to a network's weights: one per network, two with
    SAM.
    """
    sharp_norms = [
        None if step.sharp_gradient is None else global_norm(step.sharp_gradient)
        for step in (*critic_steps, *actor_steps)
    ]
    num_critics = len(critic_steps)
    return {
        "critic_grad_norm": _mean([global_norm(step.gradient) for step in critic_steps]),
        "critic_grad_norm_sam": _mean(sharp_norms[:num_critics]),
        "critic_perturbation_ratio": _mean([step.perturbation_ratio for step in critic_steps]),
        "actor_grad_norm": [global_norm(step.gradient) for step in actor_steps],
        "actor_grad_norm_sam": sharp_norms[num_critics:],
        "perturbation_ratio": [step.perturbation_ratio for step in actor_steps],
        "gradient_evaluations": float(2 * len(sharp_norms) - sharp_norms.count(None)),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None
