"""The actors' gradients where the value of each DU depends on its own row alone, compiled.

Then no actor meets another's action, and the rows of the DUs whose gates are open pass apart from those of the others,
so that SAM's second pass goes over them alone. The same numbers as those of the general way, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from tasam_agents.networks.compiled import columns_of, compiled
from tasam_agents.networks.critics import GlobalCritic, PerAgentCritic
from tasam_agents.networks.joint_policy import JointPolicy
from tasam_agents.networks.kernels import Singles
from tasam_agents.networks.loss_kernels import actor_gradient


@dataclass(frozen=True)
class OwnPass:
    """Of G DUs."""

    log_probs: Singles
    """(n, G)."""
    values: Singles
    """V_i = Q_i, (n, G)."""
    gradient: Singles
    """∇ of what these DUs add to the loss of their network, one vector."""


class OwnRows:
    """The networks of such passes.

    Args:
        policy: the actors.
        critics: the twins.
    """

    def __init__(self, policy: JointPolicy, critics: Sequence[GlobalCritic]) -> None:
        self._critic, self._num_served = critics[0], len(policy.served[0])
        self._networks = [*policy.networks, *(critic.network for critic in critics)]
        self._is_one_size = len(set(policy.action_sizes)) == 1

    def passes(
        self, inputs: Tensor, noise: Tensor, temperatures: Tensor
    ) -> Callable[[int, Sequence[int]], OwnPass] | None:
        """Of a mini-batch: the pass, with the weights of that moment, of the rows of some DUs for which a network acts.
        None where a critic reads more than such a row, or a network is none of those that are compiled.

        Args:
            inputs: s, (n, M, d).
            noise: of the reparameterised actions, (n, M, A).
            temperatures: β, (M,).
        """
        critic = self._critic
        if not isinstance(critic, PerAgentCritic) or critic.has_context or not self._is_one_size:
            return None
        networks = [found for network in self._networks if (found := compiled(network)) is not None]
        if len(networks) < len(self._networks):
            return None
        *actors, first, second = networks
        twins, betas = (first.theta, second.theta), temperatures.numpy()
        n, m, _ = noise.shape
        # (F, n, M) and (A, n, M); what stands among the features for the actions comes from the actors.
        features = columns_of(critic.rows(inputs, noise, noise)).reshape(-1, n, m)
        draws = columns_of(noise).reshape(-1, n, m)
        share = 1.0 / (n * self._num_served)

        def passed(network: int, dus: Sequence[int]) -> OwnPass:
            g, theta, widths = len(dus), actors[network].theta, actors[network].widths
            rows, own = (each if g == m else each.take(dus, axis=2) for each in (features, draws))
            log_probs, values, gradient = (
                np.empty((n, g), np.float32),
                np.empty((n, g), np.float32),
                np.zeros_like(theta),
            )
            actor_gradient(
                theta, widths, twins, first.widths, rows.reshape(-1, n * g), own.reshape(-1, n * g), betas[dus],
                critic.action_scale, share, log_probs.reshape(-1), values.reshape(-1), gradient,
            )  # fmt: skip
            return OwnPass(log_probs, values, gradient)

        return passed
