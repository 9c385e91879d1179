"""Adam with a gradient handed over, for one network, and moments that can be saved and restored exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_STATE = ("step", "exp_avg", "exp_avg_sq")


L2_IS_IN_LOSS = {"decoupled": False, "in_loss": True}
"""By `NetworkRegularisation.l2_kind`."""


class NetworkAdam:
    """The optimiser of one network. SAM needs the gradient as a value, so `step` takes it instead of `.grad`.

    Args:
        parameters: the network's weights by name.
        learning_rate: η.
        l2: λ, on the matrices among the weights.
        l2_kind: `decoupled`: a step begins with W ← W − η·λ·W; `in_loss`: `gradient` includes λ·W, at the weights of
            the moment, perturbed ones too.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], learning_rate: float, l2: float = 0.0, l2_kind: str = "decoupled"
    ) -> None:
        self._names = list(parameters)
        self._l2, self._l2_is_in_loss = l2, L2_IS_IN_LOSS[l2_kind]
        self._learning_rate = learning_rate
        self.parameters = list(parameters.values())
        self._adam = torch.optim.Adam(self.parameters, lr=learning_rate, fused=True)
        for parameter in self.parameters:  # now and not at the first step, so that a fresh learner can be saved too
            self._adam.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def gradient(
        self, outputs: Sequence[Tensor], grad_outputs: Sequence[Tensor] | None = None, count: int | None = None
    ) -> list[Tensor]:
        """Gradient of `outputs` (scalars, or weighted by `grad_outputs`) in these weights alone, or in the first
        `count` of them."""
        parameters = self.parameters[:count]
        gradient = list(torch.autograd.grad(list(outputs), parameters, grad_outputs))
        if self._l2 > 0.0 and self._l2_is_in_loss:
            with torch.no_grad():
                return [
                    g.add(weight, alpha=self._l2) if weight.ndim > 1 else g
                    for g, weight in zip(gradient, parameters, strict=True)
                ]
        return gradient

    def step(self, gradient: Sequence[Tensor], factor: float = 1.0) -> None:
        """One Adam step of size η·factor against `gradient`, given in the order of `parameters`."""
        learning_rate = self._learning_rate * factor
        if self._l2 > 0.0 and not self._l2_is_in_loss:
            with torch.no_grad():
                matrices = [weight for weight in self.parameters if weight.ndim > 1]
                torch._foreach_mul_(matrices, 1.0 - learning_rate * self._l2)
        self._adam.param_groups[0]["lr"] = learning_rate
        for parameter, its_gradient in zip(self.parameters, gradient, strict=True):
            parameter.grad = its_gradient
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    @torch.no_grad()
    def forget(self, parameters: Sequence[Tensor]) -> None:
        """Moments and step counts of these weights as before the first step."""
        for parameter in parameters:
            for moment in self._adam.state[parameter].values():
                moment.zero_()

    def state(self) -> dict[str, Tensor]:
        """The live moments, `<weight>.<exp_avg | exp_avg_sq | step>`."""
        return {
            f"{name}.{key}": self._adam.state[parameter][key]
            for name, parameter in zip(self._names, self.parameters, strict=True)
            for key in _STATE
        }
