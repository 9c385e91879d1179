"""The step of the global critic: both twins, with SAM on each, and the target critics that follow them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasam_agents.config import LearnerConfig
from tasam_agents.learner.adam import NetworkStep, network_adam
from tasam_agents.learner.diverged import check_finite
from tasam_agents.learner.losses import critic_loss
from tasam_agents.learner.sam import SAM_IS_WHOLE, perturbed
from tasam_agents.networks.compiled import columns_of, compiled, flattened
from tasam_agents.networks.critics import GlobalCritic
from tasam_agents.networks.loss_kernels import critic_gradient
from tasam_agents.networks.traces import Trace, trace


class CriticUpdate:
    """What steps the twins and holds their optimisers.

    Args:
        twins: changed in place.
        config: hyper-parameters.

    Attributes:
        targets: the target critics, which begin as copies of the twins.
        adams: the optimisers of the twins.
    """

    def __init__(self, twins: Sequence[GlobalCritic], config: LearnerConfig) -> None:
        self._twins, self._sam, self._polyak = twins, config.sam, config.polyak
        self.targets = [copy.deepcopy(twin).requires_grad_(False) for twin in twins]
        rate, regularisation = config.critic_learning_rate, config.regularisation.critic
        self.adams = [network_adam(twin, rate, regularisation) for twin in twins]
        self._target_thetas = [flattened(list(target.parameters())) for target in self.targets]
        # How many weights of a network, from the first on, SAM perturbs; None: all.
        self._num_sharp = None if SAM_IS_WHOLE[config.sam.part] else twins[0].num_encoder_weights

    def __call__(
        self,
        rows: Tensor,
        y: Tensor,
        traces: Sequence[Trace],
        rho: float,
        update: int,
        rate_factor: float,
    ) -> list[NetworkStep]:
        """Adam steps of both twins; with SAM on the gradient at θ_v + ρ g/‖g‖.

        Args:
            rows: what the twins read of s and a.
            y: the targets of eq. (10), (n, M).
            traces: of the twins at θ_v, for these rows.
            rho: ρ.
            update: number of the update, for messages.
            rate_factor: on the learning rate.

        Raises:
            DivergedError: a perturbed loss is NaN or infinite.
        """
        steps = []
        for critic, adam, passed in zip(self._twins, self.adams, traces, strict=True):
            gradient = adam.penalised(passed.weights(_loss_slopes(critic, passed, y)))
            if not self._sam.critic or rho == 0.0:
                steps.append(NetworkStep(gradient))
                continue
            weights, first = adam.theta[: self._num_sharp], gradient[: self._num_sharp]
            sam = self._sam
            with perturbed(weights, first, rho, sam.scale_invariant, relative=sam.relative_radius) as ratio:
                loss, slopes = _loss_gradient(critic, rows, y)
                check_finite(update, "perturbed critic loss", loss)
                sharp = adam.penalised(slopes)
                steps.append(NetworkStep(gradient, sharp[: self._num_sharp], ratio))
        for adam, step in zip(self.adams, steps, strict=True):
            adam.step(step.final, rate_factor)
        return steps

    def move_targets(self) -> None:
        """Move the target critics towards the twins, by the share `polyak`."""
        for theta, adam in zip(self._target_thetas, self.adams, strict=True):
            theta.lerp_(adam.theta, self._polyak)


def _loss_slopes(critic: GlobalCritic, passed: Trace, y: Tensor) -> Tensor:
    """∂(mean of (y − Q)²)/∂outputs, in the shape of the outputs."""
    errors = critic.values(passed.outputs).numpy() - y.numpy()
    return torch.from_numpy((errors * (2.0 / errors.size)).reshape(passed.outputs.shape))


def _loss_gradient(critic: GlobalCritic, rows: Tensor, y: Tensor) -> tuple[NDArray[Any], Tensor]:
    """The loss, and its gradient at the weights of the moment as one vector."""
    network = compiled(critic.network)
    if network is None or rows.dtype is not torch.float32:
        passed = trace(critic.network, rows)
        loss = critic_loss(critic.values(passed.outputs).numpy(), y.numpy())
        return loss, passed.weights(_loss_slopes(critic, passed, y))
    found, targets = np.zeros_like(network.theta), columns_of(y.view(*rows.shape[:-1], network.num_outputs))
    loss = critic_gradient(network.theta, network.widths, columns_of(rows), targets, found)
    return np.asarray(loss), torch.from_numpy(found)
