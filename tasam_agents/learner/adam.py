"""Adam with a gradient handed over, for one network: the step with SAM or without, and what is logged of it.

The moments can be saved and restored exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.sam import global_norm
from tasam_agents.networks.compiled import flattened
from tasam_agents.networks.kernels import Integers, Singles, contracted

BETAS, EPS = (0.9, 0.999), 1e-8
"""Torch's defaults."""


@contracted
def move(theta: Singles, first: Singles, second: Singles, gradient: Singles, rate: float, scale: float) -> None:
    """Adam's step of one weight, its corrections given: θ ← θ − rate·m/(scale·√v + ε). A loop of its own runs in
    vectors."""
    kind = theta.dtype.type
    kept, kept_square, eps = kind(BETAS[0]), kind(BETAS[1]), kind(EPS)
    step, correction = kind(rate), kind(scale)
    for i in range(len(theta)):
        g = gradient[i]
        mean = kept * first[i] + (kind(1.0) - kept) * g
        square = kept_square * second[i] + (kind(1.0) - kept_square) * g * g
        theta[i] -= step * mean / (np.sqrt(square) * correction + eps)
        first[i], second[i] = mean, square


@contracted
def adam(
    theta: Singles,
    first: Singles,
    second: Singles,
    steps: Singles,
    gradient: Singles,
    sizes: Integers,
    learning_rate: float,
) -> None:
    """One step of Adam (Kingma & Ba 2015, algorithm 1), in place: the moments are running means of g and g², corrected
    for their start at zero by the number of `steps` of each weight; `sizes` are their numbers of entries."""
    begin = 0
    for weight in range(len(sizes)):
        steps[weight] += 1
        rate = learning_rate / (1.0 - BETAS[0] ** float(steps[weight]))
        scale = 1.0 / np.sqrt(1.0 - BETAS[1] ** float(steps[weight]))
        part = slice(begin, begin + sizes[weight])
        move(theta[part], first[part], second[part], gradient[part], rate, scale)
        begin += sizes[weight]


L2_IS_IN_LOSS = {"decoupled": False, "in_loss": True}
"""By `NetworkRegularisation.l2_kind`."""


class NetworkAdam:
    """The optimiser of one network. SAM needs the gradient as a value, so `step` takes it instead of `.grad`.

    Gradients are vectors: one weight after the other, in the order of `parameters`.

    Args:
        parameters: the network's weights by name, which become views of one vector.
        learning_rate: η.
        l2: λ, on the matrices among the weights.
        l2_kind: `decoupled`: a step begins with W ← W − η·λ·W; `in_loss`: `penalised` adds λ·W, at the weights of
            the moment, perturbed ones too.

    Attributes:
        parameters: the weights.
        theta: the vector of all of them.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], learning_rate: float, l2: float = 0.0, l2_kind: str = "decoupled"
    ) -> None:
        self._names = list(parameters)
        self._l2, self._l2_is_in_loss = l2, L2_IS_IN_LOSS[l2_kind]
        self._learning_rate = learning_rate
        self.parameters = list(parameters.values())
        self.theta = flattened(self.parameters)
        self._sizes = np.array([parameter.numel() for parameter in self.parameters])
        self._is_matrix = torch.cat([torch.full_like(p.detach().flatten(), float(p.ndim > 1)) for p in self.parameters])
        # Now and not at the first step, so that a fresh learner can be saved too.
        self._steps = np.zeros(len(self.parameters), dtype=np.float32)
        self._mean, self._square = (np.zeros_like(self.theta.numpy()) for _ in range(2))

    def penalised(self, gradient: Tensor, share: float = 1.0) -> Tensor:
        """The gradient of a part `share` of a loss, with as much of that of an L2 penalty where it is in the loss."""
        if self._l2 > 0.0 and self._l2_is_in_loss:
            return gradient.addcmul(self.theta, self._is_matrix, value=share * self._l2)
        return gradient

    def step(self, gradient: Tensor, factor: float = 1.0) -> None:
        """One Adam step of size η·factor against `gradient`.

        Raises:
            DivergedError: a gradient is NaN or infinite; then nothing has changed.
        """
        # A sum of squares is finite only if every term is, or if they are too large for any step.
        if not math.isfinite(torch.dot(gradient, gradient)):
            parts = zip(self._names, self._parts(gradient), strict=True)
            wrong = [name for name, each in parts if not each.isfinite().all()]
            raise DivergedError(f"the gradient of {', '.join(wrong) or 'some weights'} is not finite")
        learning_rate = self._learning_rate * factor
        if self._l2 > 0.0 and not self._l2_is_in_loss:
            self.theta.mul_(1.0 - self._is_matrix * (learning_rate * self._l2))
        theta, slopes = self.theta.numpy(), gradient.numpy()
        adam(theta, self._mean, self._square, self._steps, slopes, self._sizes, learning_rate)

    def _parts(self, vector: Tensor) -> Sequence[Tensor]:
        return torch.split(vector, self._sizes.tolist())

    def forget(self, parameters: Sequence[Tensor]) -> None:
        """Moments and step counts of these weights as before the first step."""
        for parameter in parameters:
            place = next(k for k, own in enumerate(self.parameters) if own is parameter)
            self._steps[place] = 0.0
            for mean in self._moments().values():
                self._parts(mean)[place].zero_()

    def state(self) -> dict[str, Tensor]:
        """The live moments, `<weight>.<exp_avg | exp_avg_sq | step>`."""
        steps = torch.from_numpy(self._steps)
        found = {f"{name}.step": step for name, step in zip(self._names, steps, strict=True)}
        for key, mean in self._moments().items():
            for name, part, weight in zip(self._names, self._parts(mean), self.parameters, strict=True):
                found[f"{name}.{key}"] = part.view_as(weight)
        return found

    def _moments(self) -> dict[str, Tensor]:
        return {"exp_avg": torch.from_numpy(self._mean), "exp_avg_sq": torch.from_numpy(self._square)}


def network_adam(network: nn.Module, learning_rate: float, regularisation: NetworkRegularisation) -> NetworkAdam:
    """The optimiser of all weights of a network, with its L2 penalty."""
    return NetworkAdam(dict(network.named_parameters()), learning_rate, regularisation.l2, regularisation.l2_kind)


@dataclass(frozen=True)
class NetworkStep:
    """The gradients that one Adam step is made of, as vectors."""

    gradient: Tensor
    """At θ."""
    sharp_gradient: Tensor | None = None
    """At θ + ε, when SAM was applied: of the perturbed weights, which are the first ones."""
    perturbation_ratio: float | None = None
    """‖ε‖/‖θ‖ of the perturbed weights."""

    @property
    def final(self) -> Tensor:
        """The gradient that Adam gets, eq. (11); weights that are never perturbed keep the one at θ."""
        if self.sharp_gradient is None:
            return self.gradient
        return torch.cat([self.sharp_gradient, self.gradient[len(self.sharp_gradient) :]])


def gradient_metrics(
    critic_steps: Sequence[NetworkStep], actor_steps: Sequence[NetworkStep]
) -> dict[str, float | list[float] | list[float | None] | None]:
    """Gradient norms at θ and at θ + ρ g/‖g‖ and ‖ε‖/‖θ‖: critics as the mean of the twins, actors one by one.

    `gradient_evaluations` counts the gradients taken with respect to a network's weights: one per network, two with
    SAM.
    """
    sharp_norms = [
        None if step.sharp_gradient is None else global_norm([step.sharp_gradient])
        for step in (*critic_steps, *actor_steps)
    ]
    num_critics = len(critic_steps)
    return {
        "critic_grad_norm": _mean([global_norm([step.gradient]) for step in critic_steps]),
        "critic_grad_norm_sam": _mean(sharp_norms[:num_critics]),
        "critic_perturbation_ratio": _mean([step.perturbation_ratio for step in critic_steps]),
        "actor_grad_norm": [global_norm([step.gradient]) for step in actor_steps],
        "actor_grad_norm_sam": sharp_norms[num_critics:],
        "perturbation_ratio": [step.perturbation_ratio for step in actor_steps],
        "gradient_evaluations": float(2 * len(sharp_norms) - sharp_norms.count(None)),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None
