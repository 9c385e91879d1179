"""Adam with a gradient handed over, for one network, and moments that can be saved and restored exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_STATE = ("step", "exp_avg", "exp_avg_sq")


class NetworkAdam:
    """The optimiser of one network. SAM needs the gradient as a value, so `step` takes it instead of `.grad`.

    Args:
        parameters: the network's weights by name.
        learning_rate: η.
    """

    def __init__(self, parameters: Mapping[str, Tensor], learning_rate: float) -> None:
        self._names = list(parameters)
        self._learning_rate = learning_rate
        self.parameters = list(parameters.values())
        self._adam = torch.optim.Adam(self.parameters, lr=learning_rate, fused=True)
        for parameter in self.parameters:  # now and not at the first step, so that a fresh learner can be saved too
            self._adam.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def gradient(self, outputs: Sequence[Tensor], grad_outputs: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Gradient of `outputs` (scalars, or weighted by `grad_outputs`) in these weights alone."""
        return list(torch.autograd.grad(list(outputs), self.parameters, grad_outputs))

    def step(self, gradient: Sequence[Tensor], factor: float = 1.0) -> None:
        """One Adam step of size η·factor against `gradient`, given in the order of `parameters`."""
        self._adam.param_groups[0]["lr"] = self._learning_rate * factor
        for parameter, its_gradient in zip(self.parameters, gradient, strict=True):
            parameter.grad = its_gradient
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """The live moments, `<weight>.<exp_avg | exp_avg_sq | step>`."""
        return {
            f"{name}.{key}": self._adam.state[parameter][key]
            for name, parameter in zip(self._names, self.parameters, strict=True)
            for key in _STATE
        }
