"""Adam with a gradient handed over, for one network: the step with SAM or without, and what is logged of it.

The moments can be saved and restored exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from tasam_agents.config import NetworkRegularisation
from tasam_agents.learner.diverged import DivergedError, are_finite
from tasam_agents.learner.sam import global_norm

BETAS, EPS = (0.9, 0.999), 1e-8
"""Torch's defaults."""


L2_IS_IN_LOSS = {"decoupled": False, "in_loss": True}
"""By `NetworkRegularisation.l2_kind`."""


class NetworkAdam:
    """The optimiser of one network. SAM needs the gradient as a value, so `step` takes it instead of `.grad`.

    Args:
        parameters: the network's weights by name.
        learning_rate: η.
        l2: λ, on the matrices among the weights.
        l2_kind: `decoupled`: a step begins with W ← W − η·λ·W; `in_loss`: `penalised` adds λ·W, at the weights of
            the moment, perturbed ones too.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], learning_rate: float, l2: float = 0.0, l2_kind: str = "decoupled"
    ) -> None:
        self._names = list(parameters)
        self._l2, self._l2_is_in_loss = l2, L2_IS_IN_LOSS[l2_kind]
        self._learning_rate = learning_rate
        self.parameters = list(parameters.values())
        # Now and not at the first step, so that a fresh learner can be saved too.
        self._moments = {
            "step": [torch.zeros((), dtype=torch.float32) for _ in self.parameters],
            "exp_avg": [torch.zeros_like(parameter) for parameter in self.parameters],
            "exp_avg_sq": [torch.zeros_like(parameter) for parameter in self.parameters],
        }

    def penalised(self, gradient: Sequence[Tensor], share: float = 1.0) -> list[Tensor]:
        """The gradient of a part `share` of a loss in the first of these weights, with as much of that of an L2 penalty
        where it is in the loss."""
        if self._l2 > 0.0 and self._l2_is_in_loss:
            with torch.no_grad():
                return [
                    g.add(weight, alpha=share * self._l2) if weight.ndim > 1 else g
                    for g, weight in zip(gradient, self.parameters, strict=False)
                ]
        return list(gradient)

    def step(self, gradient: Sequence[Tensor], factor: float = 1.0) -> None:
        """One Adam step of size η·factor against `gradient`, given in the order of `parameters`.

        Raises:
            DivergedError: a gradient is NaN or infinite; then nothing has changed.
        """
        # A sum of squares is finite only if every term is, or if they are too large for any step.
        if not are_finite(torch.stack(torch._foreach_norm(list(gradient)))):
            wrong = [name for name, each in zip(self._names, gradient, strict=True) if not each.isfinite().all()]
            raise DivergedError(f"the gradient of {', '.join(wrong) or 'some weights'} is not finite")
        learning_rate = self._learning_rate * factor
        with torch.no_grad():
            if self._l2 > 0.0 and not self._l2_is_in_loss:
                matrices = [weight for weight in self.parameters if weight.ndim > 1]
                torch._foreach_mul_(matrices, 1.0 - learning_rate * self._l2)
            # The functional form: torch.optim.Adam gathers its lists anew at every step, longer than the step takes.
            moments = self._moments
            adam(
                self.parameters, list(gradient), moments["exp_avg"], moments["exp_avg_sq"], [], moments["step"],
                fused=True, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1], lr=learning_rate, weight_decay=0.0, eps=EPS,
                maximize=False,
            )  # fmt: skip

    @torch.no_grad()
    def forget(self, parameters: Sequence[Tensor]) -> None:
        """Moments and step counts of these weights as before the first step."""
        for parameter in parameters:
            place = next(k for k, own in enumerate(self.parameters) if own is parameter)
            for moments in self._moments.values():
                moments[place].zero_()

    def state(self) -> dict[str, Tensor]:
        """The live moments, `<weight>.<exp_avg | exp_avg_sq | step>`."""
        return {
            f"{name}.{key}": moment
            for key, moments in self._moments.items()
            for name, moment in zip(self._names, moments, strict=True)
        }


def network_adam(network: nn.Module, learning_rate: float, regularisation: NetworkRegularisation) -> NetworkAdam:
    """The optimiser of all weights of a network, with its L2 penalty."""
    return NetworkAdam(dict(network.named_parameters()), learning_rate, regularisation.l2, regularisation.l2_kind)


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
