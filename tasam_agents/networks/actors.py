"""The actors π_i: networks from rows of inputs to distributions of actions in (0, 1).

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.networks.gaussian import LOG_STD_MAX, LOG_STD_MIN
from tasam_agents.networks.layers import HiddenLayers

DIRECTIONS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "anchor_to_policy": lambda policy, anchor: (anchor, policy),
    "policy_to_anchor": lambda policy, anchor: (policy, anchor),
}
"""The two distributions of KL(first ‖ second) by `AnchorConfig.direction`."""


class Actor(nn.Module):
    """π_i: a = sigmoid(z), z = mean + σ·u per action dimension, mean and log σ from one network."""

    def __init__(self, num_inputs: int, hidden: HiddenLayers, action_size: int) -> None:
        super().__init__()
        self.action_size = action_size
        self.network = hidden.make(num_inputs, 2 * action_size)

    def distribution(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of z, each (n, A_i)."""
        return self.distribution_of(self.network(inputs))

    @staticmethod
    def distribution_of(outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same from the network's outputs (n, 2 A_i); log σ is bounded softly, so its gradient never stops."""
        mean, raw = outputs.chunk(2, dim=-1)
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (torch.tanh(raw) + 1.0)
        return mean, log_std

    def forward(self, inputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparameterised sample: actions (n, A_i) and log π(a|s) (n,); noise: standard normal (n, A_i)."""
        return self.sample_of(self.network(inputs), noise)

    def sample_of(self, outputs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The same from the network's outputs (n, 2 A_i)."""
        mean, log_std = self.distribution_of(outputs)
        z = mean + log_std.exp() * noise
        # log π(a) = log N(z) − log da/dz, and −log da/dz = −log(a(1 − a)) = 2·softplus(z) − z holds without overflow.
        log_prob = (2.0 * F.softplus(z) - z - log_std - 0.5 * noise.square()).sum(dim=-1)
        return torch.sigmoid(z), log_prob - 0.5 * math.log(2.0 * math.pi) * self.action_size

    @staticmethod
    def divergence_of(outputs: Tensor, anchors: Tensor, direction: str) -> Tensor:
        """KL between a policy and its anchor at each input, (n,) [nats], summed over action dimensions.

        In closed form: the sigmoid is one to one, so the KL of the actions is that of the normal z.

        Args:
            outputs, anchors: (n, 2 A_i), of both networks for the same inputs.
            direction: `anchor_to_policy`, KL(anchor ‖ policy), or `policy_to_anchor`, KL(policy ‖ anchor).
        """
        own, other = Actor.distribution_of(outputs), Actor.distribution_of(anchors)
        (mean_p, log_std_p), (mean_q, log_std_q) = DIRECTIONS[direction](own, other)
        # KL(p ‖ q) = log σ_q/σ_p + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − 1/2 in every dimension.
        ratio = (log_std_p - log_std_q).exp()
        shift = (mean_p - mean_q) * (-log_std_q).exp()
        divergence: Tensor = (log_std_q - log_std_p + 0.5 * (ratio.square() + shift.square() - 1.0)).sum(dim=-1)
        return divergence

    def most_likely(self, inputs: Tensor) -> Tensor:
        """Deterministic action sigmoid(mean), (n, A_i)."""
        mean, _ = self.distribution(inputs)
        return torch.sigmoid(mean)
